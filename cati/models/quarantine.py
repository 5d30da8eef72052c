"""Answers and notes that came too late: typed by somebody who no longer held the case."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class LateAnswer(models.Model):
    """One answer as a stale holder sent it, kept until the supervisor accepts or discards it.

    `uuid` is the client's; once accepted, it is the answer's line in the journal. `value` is
    emptied by a decision where it belongs to the contact, and by an erasure. A note is of kind
    NOTE, its text in `value`; it may have neither item nor interview.
    """

    NOTE = "note"

    class State(models.TextChoices):
        WAITING = "waiting", _("à décider")
        ACCEPTED = "accepted", _("enregistrée")
        DISCARDED = "discarded", _("écartée")

    uuid = models.UUIDField(primary_key=True)
    case = models.ForeignKey("cati.Case", on_delete=models.PROTECT, related_name="late_answers")
    interview = models.ForeignKey(
        "questionnaire.Interview", on_delete=models.PROTECT, null=True, related_name="+"
    )
    kind = models.CharField(max_length=12)
    item = models.CharField(max_length=60, blank=True, default="")
    instance = models.CharField(max_length=40, blank=True, default="")
    value = models.JSONField(default=dict)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    epoch = models.PositiveIntegerField()
    at = models.DateTimeField()
    client_at = models.DateTimeField(null=True, blank=True)
    ms_on_screen = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at", "uuid"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", decided_by__isnull=True, decided_at__isnull=True)
                | Q(
                    state__in=["accepted", "discarded"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
                name="late_answer_decided_whole",
            )
        ]
        indexes = [
            models.Index(fields=["case"], condition=Q(state="waiting"), name="late_answer_waiting")
        ]

    @property
    def key(self) -> str:
        """The key of the answer in the interview: CODE, or CODE@instance in a roster."""
        return f"{self.item}@{self.instance}" if self.instance else self.item

"""What happened: attempts with their outcome, appointments, notes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Attempt(models.Model):
    """One human act of dialling, from the click to the outcome. `visit` groups redials.

    `before`: what the case was when the outcome was given, for whoever takes the outcome back.
    """

    case = models.ForeignKey("cati.Case", on_delete=models.PROTECT, related_name="calls")
    phone = models.ForeignKey(
        "cati.Phone", on_delete=models.SET_NULL, null=True, related_name="calls"
    )
    interviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="calls"
    )
    interview = models.ForeignKey(
        "questionnaire.Interview", on_delete=models.PROTECT, null=True, related_name="+"
    )
    epoch = models.PositiveIntegerField()
    visit = models.PositiveSmallIntegerField(default=1)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    disposition = models.CharField(max_length=8, blank=True, default="")
    aapor = models.CharField(max_length=8, blank=True, default="")
    # The lease ran out before an outcome was given: the sweep closed the attempt.
    abandoned = models.BooleanField(default=False)
    before = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(closed_at__isnull=True), name="attempt_one_open"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, disposition="")
                | Q(closed_at__isnull=False, abandoned=True)
                | (Q(closed_at__isnull=False) & ~Q(disposition="")),
                name="attempt_closes_with_outcome",
            ),
        ]
        indexes = [models.Index(fields=["interviewer", "opened_at"], name="attempt_of_a_day")]


class Appointment(models.Model):
    """A promise to call back. `ask_for` is contact data and goes with the purge."""

    class State(models.TextChoices):
        PENDING = "pending", _("à venir")
        KEPT = "kept", _("tenu")
        MISSED = "missed", _("manqué")
        CANCELLED = "cancelled", _("annulé")

    case = models.ForeignKey("cati.Case", on_delete=models.PROTECT, related_name="appointments")
    # Two, where the outcome that had promised the first was taken back.
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="appointments")
    at = models.DateTimeField()
    firm = models.BooleanField(default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="appointments"
    )
    ask_for = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(state="pending"), name="appointment_one_pending"
            )
        ]
        indexes = [
            models.Index(fields=["at"], condition=Q(state="pending"), name="appointment_to_come")
        ]


class Note(models.Model):
    """What an interviewer wants the next one to know; on the case, or on one item."""

    case = models.ForeignKey("cati.Case", on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    item = models.CharField(max_length=40, blank=True, default="")
    text = models.TextField(max_length=2000)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]

"""What was asked and what was answered: versions, interviews, and the journal that is their truth.

The journal is append-only. `Interview.answers` and the columns beside it are projections that
replaying the journal rebuilds.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class InstrumentVersion(models.Model):
    """An instrument as it was published: canonical JSON, whole, never changed afterwards."""

    name = models.SlugField(max_length=60)
    number = models.PositiveIntegerField()
    content = models.JSONField()
    hash = models.CharField(max_length=64)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["name", "hash"], name="version_content_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class Interview(models.Model):
    """One interview, on the version with which it began. Every column but `version` is derived."""

    version = models.ForeignKey(
        InstrumentVersion, on_delete=models.PROTECT, related_name="interviews"
    )
    answers = models.JSONField(default=dict)
    seq = models.PositiveIntegerField(default=0)
    sector = models.CharField(max_length=8, blank=True, default="")
    outcome = models.CharField(max_length=20, blank=True, default="")
    next_item = models.CharField(max_length=60, blank=True, default="")
    started_at = models.DateTimeField()
    last_event_at = models.DateTimeField()
    consent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)


class AnswerEvent(models.Model):
    """One line of the journal. `id` is made by the client, `seq` under the interview's lock."""

    class Kind(models.TextChoices):
        ANSWER = "answer"
        SPECIAL = "special"
        CLEAR = "clear"
        CONFIRM = "confirm"
        SEEN = "seen"
        DRAW = "draw"
        SEED = "seed"
        PRELOAD = "preload"
        QUOTA_RESULT = "quota_result"
        END = "end"
        # What an erasure leaves of a line: that there was one, when, and by whom.
        ERASED = "erased"

    id = models.UUIDField(primary_key=True)
    # Read by interview and seq, whose constraint has the index; no other would earn its keep.
    interview = models.ForeignKey(
        Interview, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    item = models.CharField(max_length=60, blank=True, default="")
    instance = models.CharField(max_length=40, blank=True, default="")
    value = models.JSONField(default=dict)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
    )
    version = models.ForeignKey(
        InstrumentVersion, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    epoch = models.PositiveIntegerField(default=0)
    cause = models.CharField(max_length=40, blank=True, default="")
    at = models.DateTimeField()
    client_at = models.DateTimeField(null=True, blank=True)
    ms_on_screen = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["interview_id", "seq"]
        indexes = [
            # The rank of the next draw is the number of those before it.
            models.Index(fields=["interview"], condition=Q(kind="draw"), name="event_draws"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["interview", "seq"], name="event_seq_once"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "answer",
                        "special",
                        "clear",
                        "confirm",
                        "seen",
                        "draw",
                        "seed",
                        "preload",
                        "quota_result",
                        "end",
                        "erased",
                    ]
                ),
                name="event_kind_known",
            ),
        ]

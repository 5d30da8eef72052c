"""What passes in the telephone room besides calls: breaks, and what the supervisor has to say."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Break(models.Model):
    """A pause of an interviewer; whoever takes a case is back."""

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="breaks")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="breaks"
    )
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(ended_at__isnull=True), name="break_one_open"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("began_at")),
                name="break_ends_after_it_began",
            ),
        ]


class Message(models.Model):
    """A word to the interviewers of a wave, or to the one in `to`."""

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    text = models.CharField(max_length=400)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]


class Reading(models.Model):
    """That somebody has read a message, and when."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="readings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "user"], name="message_read_once")
        ]

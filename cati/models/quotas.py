"""Cells with their counts, and the place that each interview holds in them.

The counts are moved by conditional UPDATEs only, and the database is the last guard.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class QuotaCell(models.Model):
    """A target in a sector, for a family of cells (`sector` has one cell, category '')."""

    class State(models.TextChoices):
        OPEN = "open", _("ouverte")
        CLOSED = "closed", _("fermée")

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="cells")
    family = models.CharField(max_length=20, default="sector")
    sector = models.ForeignKey("cati.Sector", on_delete=models.CASCADE, related_name="cells")
    category = models.CharField(max_length=8, blank=True, default="")
    target = models.PositiveIntegerField()
    allowance = models.PositiveIntegerField(default=0)
    counted = models.PositiveIntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wave", "family", "sector", "category"], name="quota_cell_once"
            ),
            models.CheckConstraint(
                condition=Q(counted__lte=F("target") + F("allowance")),
                name="quota_counted_within_target",
            ),
        ]

    @property
    def missing(self) -> int:
        return max(self.target - self.counted, 0)


class Place(models.Model):
    """The place of one interview in one family of cells."""

    class State(models.TextChoices):
        RESERVED = "reserved", _("réservée")
        CONFIRMED = "confirmed", _("comptée")
        RELEASED = "released", _("rendue")
        FULL = "full", _("refusée, complet")
        OUTSIDE = "outside", _("complet, hors quota")

    interview = models.ForeignKey(
        "questionnaire.Interview", on_delete=models.PROTECT, related_name="places"
    )
    family = models.CharField(max_length=20, default="sector")
    cell = models.ForeignKey(QuotaCell, on_delete=models.PROTECT, related_name="places")
    state = models.CharField(max_length=10, choices=State.choices)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["interview", "family"], name="place_one_per_family"),
            models.CheckConstraint(
                condition=Q(state__in=["reserved", "confirmed", "released", "full", "outside"]),
                name="place_state_known",
            ),
        ]

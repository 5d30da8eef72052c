"""Cells with their counts, and the place that each interview holds in them.

The counts are moved by conditional UPDATEs only, and the database is the last guard.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import BooleanField, F, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from cati.core.quotas import SECTOR, TOLERANT

# Of a cell, as `cati.core.quotas.admits` says it: it takes one more interview. %s: the share of the
# interviews in progress that will be completed, in (0, 1].
ADMITS = f"""(allowance IS NULL OR state = 'open' AND counted + reserved * %s < target
  + CASE WHEN family IN ({", ".join(f"'{family}'" for family in TOLERANT)}) THEN allowance ELSE 0
    END)"""
# It may count one more complete interview.
COUNTABLE = "(allowance IS NULL OR counted < target + allowance)"


class QuotaCellQuerySet(models.QuerySet["QuotaCell"]):
    def admitting(self, rate: float) -> QuotaCellQuerySet:
        """Those that take one more interview: limited by nothing, or open and not promised away."""
        return self.filter(RawSQL(ADMITS, [rate], output_field=BooleanField()))  # noqa: S611

    def locked(self) -> QuotaCellQuerySet:
        """Locked until the transaction ends, in the one order in which cells are ever locked.

        They come with their sectors, which are not locked.
        """
        return (
            self.select_related("sector")
            .order_by("pk")
            .select_for_update(no_key=True, of=("self",))
        )


class QuotaCell(models.Model):
    """A target in a sector, for a family of cells (`sector` has one cell, category '').

    `allowance` is None in the families that limit nothing: no CHECK holds their count back.
    """

    class State(models.TextChoices):
        OPEN = "open", _("ouverte")
        CLOSED = "closed", _("fermée")

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="cells")
    family = models.CharField(max_length=20, default=SECTOR)
    sector = models.ForeignKey("cati.Sector", on_delete=models.CASCADE, related_name="cells")
    category = models.CharField(max_length=8, blank=True, default="")
    label = models.CharField(max_length=60, blank=True, default="")
    target = models.PositiveIntegerField()
    allowance = models.PositiveIntegerField(default=0, null=True)
    counted = models.PositiveIntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)

    objects = QuotaCellQuerySet.as_manager()

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
    def name(self) -> str:
        """« Les Vergnes, 18-24 ans »; the sector alone for its own cell."""
        category = self.label or self.category
        return f"{self.sector.label}, {category}" if category else self.sector.label

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
    family = models.CharField(max_length=20, default=SECTOR)
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


class QuotaAct(models.Model):
    """What was done to the quotas, by whom and why.

    `changes`: [sector, family, category, before, after] each. `cell` is None where the act is about
    several. `by` is None where a command did it.
    """

    class Kind(models.TextChoices):
        TARGETS = "targets", _("cibles changées")
        FILE = "file", _("cibles chargées d’un fichier")
        CLOSE = "close", _("case fermée")
        REOPEN = "reopen", _("case rouverte")
        ALLOWANCE = "allowance", _("dépassement admis changé")

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="quota_acts")
    cell = models.ForeignKey(QuotaCell, on_delete=models.CASCADE, null=True, related_name="acts")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    changes = models.JSONField(default=list)
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]

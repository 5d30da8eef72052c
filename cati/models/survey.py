"""A wave and its sectors."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


def every_hour() -> dict[str, list[str]]:
    """Calling hours by ISO weekday, "HH:MM" bounds; by default, at every hour."""
    return {str(day): ["00:00", "24:00"] for day in range(1, 8)}


class Wave(models.Model):
    """One edition of the survey; every business row belongs to exactly one."""

    class State(models.TextChoices):
        PREPARATION = "preparation", _("en préparation")
        OPEN = "open", _("ouverte")
        CLOSED = "closed", _("close")

    name = models.CharField(max_length=60)
    slug = models.SlugField(unique=True)
    year = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.PREPARATION)
    is_demo = models.BooleanField(default=False)
    # Set on a wave in which the interviewers of another one practise: it counts nowhere.
    practice_for = models.OneToOneField(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="practice"
    )
    version = models.ForeignKey(
        "questionnaire.InstrumentVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    # ANNEE, SELECTION, MODULES, … : frozen into each interview when it starts.
    parameters = models.JSONField(default=dict, blank=True)
    calling_hours = models.JSONField(default=every_hour)
    # What differs from the usual rules of calling, as `cati.core.rules` reads it.
    call_rules = models.JSONField(default=dict, blank=True)
    lease_seconds = models.PositiveSmallIntegerField(default=120)
    # Share of interviews begun in a sector that end complete; admits a few more than are missing.
    completion_rate = models.FloatField(default=1.0)
    ends_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(completion_rate__gt=0, completion_rate__lte=1),
                name="wave_completion_rate_is_a_share",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["preparation", "open", "closed"]),
                name="wave_state_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RulesAct(models.Model):
    """A change of the rules or hours of calling, as they then were; never changed afterwards."""

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="rules_acts")
    rules = models.JSONField()
    hours = models.JSONField()
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]


class Sector(models.Model):
    """A territory of a wave: one that is surveyed, or a reporting group made of several.

    `population` and `adults` are inhabitants and inhabitants of 18 and over. A group has members
    (`aggregate_of`); `reference` is the control sector with which its results are compared.
    """

    class Kind(models.TextChoices):
        QPV = "qpv", _("QPV")
        QVA = "qva", _("QVA")
        CONTROL = "temoin", _("secteur témoin")
        GROUP = "agregat", _("regroupement")
        OTHER = "autre", _("autre")

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="sectors")
    code = models.CharField(max_length=8)
    label = models.CharField(max_length=80)
    label_full = models.CharField(max_length=160, blank=True)
    label_flash = models.CharField(max_length=80, blank=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    municipality = models.CharField(max_length=80, blank=True)
    parent = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children"
    )
    reference = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    members: Any = models.ManyToManyField("self", symmetrical=False, related_name="groups")
    population = models.PositiveIntegerField(null=True, blank=True)
    adults = models.PositiveIntegerField(null=True, blank=True)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order", "code"]
        constraints = [
            models.UniqueConstraint(fields=["wave", "code"], name="sector_code_once_per_wave"),
            models.CheckConstraint(
                condition=models.Q(adults__isnull=True)
                | models.Q(adults__lte=models.F("population")),
                name="sector_adults_within_population",
            ),
        ]

    def __str__(self) -> str:
        return self.label

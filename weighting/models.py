"""What the weights must add up to, and the runs that computed them: frozen, never overwritten."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from cati.models import Wave


class MarginSet(models.Model):
    """One upload of margins, kept whole: what the file said, from whom, and whether it rules.

    `lines` are the cells as they came, in the order of `operations.margin_table.COLUMNS`; `digest`
    is the SHA-256 of the set's CSV file. `by` and `at` are None where the demo brought them.
    """

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="margin_sets")
    number = models.PositiveIntegerField()
    file = models.CharField(max_length=120, blank=True, default="")
    digest = models.CharField(max_length=64)
    lines = models.JSONField(default=list)
    current = models.BooleanField(default=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["wave", "number"], name="margin_set_number_once"),
            models.UniqueConstraint(
                fields=["wave"], condition=Q(current=True), name="margin_set_one_current"
            ),
        ]


class MarginDraft(models.Model):
    """A file that somebody had checked and has not loaded yet; her next one replaces it."""

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    file = models.CharField(max_length=120)
    lines = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wave", "by"], name="margin_draft_once"),
        ]


class MarginQuerySet(models.QuerySet["Margin"]):
    def ruling(self, wave: Wave) -> MarginQuerySet:
        """Those that the wave is weighted on: of its current set."""
        return self.filter(set__wave=wave, set__current=True)


class Margin(models.Model):
    """The total of one category of one criterion in one sector, in `unit`s of `universe`."""

    class Unit(models.TextChoices):
        PERSON = "person"
        HOUSEHOLD = "household"

    set = models.ForeignKey(MarginSet, on_delete=models.CASCADE, related_name="margins")
    sector = models.ForeignKey("cati.Sector", on_delete=models.CASCADE, related_name="margins")
    criterion = models.CharField(max_length=40)
    category = models.CharField(max_length=20)
    label = models.CharField(max_length=80, blank=True, default="")
    order = models.PositiveSmallIntegerField(default=0)
    total = models.FloatField()
    unit = models.CharField(max_length=10, choices=Unit.choices, default=Unit.PERSON)
    universe = models.CharField(max_length=120, blank=True, default="")
    source = models.CharField(max_length=200, blank=True, default="")

    objects = MarginQuerySet.as_manager()

    class Meta:
        ordering = ["sector__order", "criterion", "order"]
        constraints = [
            models.UniqueConstraint(
                fields=["set", "sector", "criterion", "category"], name="margin_once"
            ),
            models.CheckConstraint(condition=Q(total__gte=0), name="margin_not_negative"),
        ]


class DeclaredCollapse(models.Model):
    """A category merged into another, with the reason that is printed.

    `by` and `at` are None where it was declared with the wave, before fieldwork.
    """

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="collapses")
    sector = models.ForeignKey("cati.Sector", on_delete=models.CASCADE, related_name="+")
    criterion = models.CharField(max_length=40)
    category = models.CharField(max_length=20)
    into = models.CharField(max_length=20)
    reason = models.CharField(max_length=250)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wave", "sector", "criterion", "category"], name="collapse_once"
            )
        ]


class WeightingRun(models.Model):
    """One calibration, whole: its interviews are its weights' rows; margins and rules as they were.

    `report` holds the diagnostics per sector; `digest` is the SHA-256 of all that the weights
    follow from, so that the same inputs give the same digest.
    """

    wave = models.ForeignKey("cati.Wave", on_delete=models.PROTECT, related_name="weighting_runs")
    job = models.OneToOneField("cati.Job", on_delete=models.PROTECT, related_name="weighting_run")
    number = models.PositiveIntegerField()
    method = models.CharField(max_length=20)
    parameters = models.JSONField(default=dict)
    margins = models.JSONField(default=dict)
    report = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    interviews = models.PositiveIntegerField()
    official = models.BooleanField(default=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["wave", "number"], name="run_number_once"),
            models.UniqueConstraint(
                fields=["wave"], condition=Q(official=True), name="run_one_official"
            ),
        ]


class OfficialChoice(models.Model):
    """Who made a run the official one, when and why: a line per choice, none ever changed."""

    run = models.ForeignKey(WeightingRun, on_delete=models.CASCADE, related_name="choices")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(max_length=250, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]


class Weight(models.Model):
    """The weight of one interview in one run.

    `weight` sums to the adults of the sector, `diffusion` (weight × inhabitants / adults) to its
    inhabitants.
    """

    run = models.ForeignKey(WeightingRun, on_delete=models.CASCADE, related_name="weights")
    interview = models.ForeignKey(
        "questionnaire.Interview", on_delete=models.PROTECT, related_name="+"
    )
    sector = models.CharField(max_length=8)
    weight = models.FloatField()
    g_weight = models.FloatField()
    diffusion = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "interview"], name="weight_once"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="weight_positive"),
        ]


class ModuleWeight(models.Model):
    """The weight of one interview for the questions of a module that it was asked.

    Calibrated on sets of sectors (`core.modules`); `weight` sums to their adults. Half a sample is
    never weighed by the weights of the whole.
    """

    run = models.ForeignKey(WeightingRun, on_delete=models.CASCADE, related_name="module_weights")
    module = models.CharField(max_length=40)
    interview = models.ForeignKey(
        "questionnaire.Interview", on_delete=models.PROTECT, related_name="+"
    )
    weight = models.FloatField()
    g_weight = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "module", "interview"], name="module_weight_once"
            ),
            models.CheckConstraint(condition=Q(weight__gt=0), name="module_weight_positive"),
        ]

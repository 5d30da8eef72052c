"""What was erased, without a word of what it said."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Erasure(models.Model):
    """One erasure in one case: who, when, why, and how much. The application cannot change it.

    `item` is the consent that was withdrawn, '' where the whole person was erased.
    """

    class Kind(models.TextChoices):
        PERSON = "person", _("effacement de la personne")
        CONSENT = "consent", _("retrait d’un accord")

    case = models.ForeignKey("cati.Case", on_delete=models.PROTECT, related_name="erasures")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    item = models.CharField(max_length=60, blank=True, default="")
    reason = models.CharField(max_length=200)
    events = models.PositiveIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="person", item="") | (Q(kind="consent") & ~Q(item="")),
                name="erasure_kind_known",
            )
        ]

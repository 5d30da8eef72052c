"""Declared collapses: a category of a sector counted with its neighbour, and why."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cati.models import User, Wave
from cati.operations.errors import Refused
from weighting import queries
from weighting.models import DeclaredCollapse

LONGEST_REASON = 250


def declare(
    wave: Wave,
    where: tuple[str, str, str],
    into: str,
    reason: str,
    by: User,
    now: datetime,
) -> DeclaredCollapse:
    """Count the category `where` (sector, criterion, code) with the category `into` of the same.

    Refused, by field: `category`, `into` or `reason`.
    """
    if faults := faults_of(wave, where, into, reason):
        raise Refused(faults)
    sector, criterion, category = where
    sectors = queries.surveyed(wave)
    try:
        with transaction.atomic():
            return DeclaredCollapse.objects.create(
                wave=wave,
                sector=sectors[sector],
                criterion=criterion,
                category=category,
                into=into,
                reason=reason.strip()[:LONGEST_REASON],
                by=by,
                at=now,
            )
    except IntegrityError as error:
        raise Refused({"category": _("Cette modalité est déjà regroupée.")}) from error


def withdraw(collapse: DeclaredCollapse) -> None:
    """The category is calibrated by itself again; runs that were made keep the collapse."""
    collapse.delete()


def faults_of(wave: Wave, where: tuple[str, str, str], into: str, reason: str) -> dict[str, str]:
    """What is wrong with such a collapse, by field: `category`, `into` or `reason`."""
    sector, criterion, category = where
    codes = queries.categories_there(wave, sector, criterion)
    faults = {}
    if sector not in queries.surveyed(wave) or category not in codes:
        faults["category"] = _("Choisissez une modalité de ce secteur.")
    elif into not in codes or into == category:
        faults["into"] = _("Choisissez une autre modalité du même critère.")
    if not reason.strip():
        faults["reason"] = _("Dites pourquoi : le motif est imprimé avec les résultats.")
    return faults

"""What a supervisor does to the quotas: targets, what may go beyond them, closing and reopening.

Every act locks the wave's cells by id, is kept with its reason, and acts on the next claim at once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from cati.core import quotas
from cati.core.quotas import FAMILIES, SECTOR
from cati.models import Case, Place, QuotaAct, QuotaCell, User, Wave
from cati.operations.errors import Refused
from cati.operations.oppose import checked_reason

Kind = QuotaAct.Kind
Key = tuple[str, str, str]  # (sector, family, category)
Change = list[Any]  # [sector, family, category, before, after]
COMPLETE = "complete"


@dataclass(frozen=True)
class Order:
    """By whom, why and when; `by` is None where a command does it."""

    reason: str
    by: User | None
    now: datetime


@dataclass(frozen=True)
class Target:
    """The interviews wanted in a cell, and what its category is called."""

    wanted: int
    label: str = ""


def set_state(cell_id: int, *, is_open: bool, order: Order) -> None:
    """Close a cell, or reopen it. Those who hold a place in it keep it. Refused without a change.

    Raises QuotaCell.DoesNotExist.
    """
    wanted = QuotaCell.State.OPEN if is_open else QuotaCell.State.CLOSED
    kind = Kind.REOPEN if is_open else Kind.CLOSE
    with transaction.atomic():
        reason = checked_reason(order.reason)
        cell = _one(cell_id)
        if cell.state == wanted:
            already = _("déjà ouverte") if is_open else _("déjà fermée")
            raise Refused({"": _("Cette case est %(state)s.") % {"state": already}})
        QuotaCell.objects.filter(pk=cell.pk).update(state=wanted)
        _keep(cell.wave, kind, [_change(cell, cell.state, wanted)], reason, order, cell)


def set_allowance(cell_id: int, allowance: int, order: Order) -> None:
    """How many interviews the cell counts beyond its target. Refused below what it has counted.

    Raises QuotaCell.DoesNotExist.
    """
    with transaction.atomic():
        reason = checked_reason(order.reason)
        cell = _one(cell_id)
        if cell.allowance is None:
            raise Refused({"allowance": _("Cette famille ne limite rien : elle n’a pas de marge.")})
        if cell.counted > cell.target + allowance:
            least = cell.counted - cell.target
            said = _("%(n)s entretiens sont comptés : %(least)s au moins.")
            raise Refused({"allowance": said % {"n": cell.counted, "least": least}})
        QuotaCell.objects.filter(pk=cell.pk).update(allowance=allowance)
        change = _change(cell, cell.allowance, allowance)
        _keep(cell.wave, Kind.ALLOWANCE, [change], reason, order, cell)


def set_targets(
    wave: Wave, sector: str, family: str, wanted: Mapping[str, int], order: Order
) -> int:
    """The targets of one family in one sector, by category; they sum to the sector's.

    A new target of the sector itself is shared out anew in each of its families, in proportion.
    The number of cells that it changes. Refused says why for the whole, and beside a category
    ("category-<code>") where that one has counted more already.
    """
    with transaction.atomic():
        reason = checked_reason(order.reason)
        cells = list(QuotaCell.objects.filter(wave=wave, sector__code=sector).locked())
        by_key = {_key(cell): cell for cell in cells}
        targets = {(sector, family, category): target for category, target in wanted.items()}
        if targets.keys() != {key for key in by_key if key[1] == family}:
            raise Refused({"": _("Les cases ont changé. Rechargez la page.")})
        whole = by_key.get((sector, SECTOR, ""))
        if family == SECTOR:
            targets |= _in_proportion(cells, wanted[""])
        elif whole is not None and sum(wanted.values()) != whole.target:
            raise Refused({"": off_sum(sum(wanted.values()), whole.target)})
        changes = _write(cells, targets)
        if not changes:
            raise Refused({"": _("Aucune cible n’est changée.")})
        _keep(wave, Kind.TARGETS, changes, reason, order)
    return len(changes)


def load_targets(wave: Wave, targets: Mapping[Key, Target], order: Order) -> int:
    """The targets of a file that `quota_file.check` found sound; how many cells it changes.

    Cells that its families do not name want nobody any more. What has been counted so far is
    counted in the new cells too. Refused where a firm cell has counted more than it would allow.
    """
    with transaction.atomic():
        reason = checked_reason(order.reason)
        cells = list(QuotaCell.objects.filter(wave=wave).locked())
        named = {key[:2] for key in targets}
        gone = {key: 0 for cell in cells if (key := _key(cell))[:2] in named}
        wanted = {key: target.wanted for key, target in targets.items()}
        changes = _write(cells, gone | wanted)
        _rename(cells, targets)
        new = _create(wave, targets, {_key(cell) for cell in cells})
        changes += [_change(cell, "", cell.target) for cell in new]
        if new:
            recount(wave)
        if not changes:
            raise Refused({"": _("Le fichier ne change aucune cible.")})
        _keep(wave, Kind.FILE, changes, reason, order)
    return len(changes)


def off_sum(total: int, whole: int) -> str:
    """What is said of a family that does not sum to its sector's target."""
    said = _("La famille fait %(total)s entretiens, le secteur en veut %(whole)s : %(gap)s.")
    gap = (
        _("il en manque %(n)s") % {"n": whole - total}
        if total < whole
        else _("il y en a %(n)s de trop") % {"n": total - whole}
    )
    return said % {"total": total, "whole": whole, "gap": gap}


# What is known of an interview by its roles, for the places that it never asked for.
JOIN_FAMILY = """
INSERT INTO cati_place (interview_id, family, cell_id, state, since)
SELECT p.interview_id, q.family, q.id, p.state, p.since
FROM cati_place p
JOIN cati_quotacell s ON s.id = p.cell_id
JOIN questionnaire_interview i ON i.id = p.interview_id
JOIN cati_quotacell q ON q.wave_id = s.wave_id AND q.sector_id = s.sector_id
WHERE s.wave_id = %(wave)s AND p.family = 'sector' AND q.family = %(family)s
  AND q.category = i.answers->'roles'->>%(role)s
ON CONFLICT (interview_id, family) DO NOTHING
"""


def recount(wave: Wave) -> None:
    """Put every interview into the cells that it belongs to and has no place in, and count them.

    For families that are loaded when interviews exist. Refused where a firm cell would hold more
    than it allows. Called in a transaction.
    """
    cells = QuotaCell.objects.filter(wave=wave).exclude(family=SECTOR)
    list(QuotaCell.objects.filter(wave=wave).locked())
    with connection.cursor() as cursor:
        for family in set(cells.order_by().values_list("family", flat=True)):
            role = FAMILIES[family].role
            cursor.execute(JOIN_FAMILY, {"wave": wave.pk, "family": family, "role": role})
    places = Place.objects.filter(cell__in=cells).values_list("cell_id", "state").order_by()
    held = {(cell, state): n for cell, state, n in places.annotate(Count("pk"))}
    counted = list(cells.select_related("sector"))
    for cell in counted:
        cell.counted = held.get((cell.pk, Place.State.CONFIRMED), 0)
        cell.reserved = held.get((cell.pk, Place.State.RESERVED), 0)
    _check_room(counted)
    QuotaCell.objects.bulk_update(counted, ["counted", "reserved"])


def observe(wave: Wave) -> float:
    """Measure the share of begun interviews that are completed, for admission to reckon with.

    Those that are suspended have not ended. The rate is the wave's: a sector has too few.
    """
    ended = Place.objects.filter(
        Q(interview__outcome=COMPLETE)
        | Q(state=Place.State.RELEASED, interview__case_link__case__state=Case.State.CLOSED),
        cell__wave=wave,
        family=SECTOR,
    )
    figures = ended.aggregate(
        ended=Count("pk"), complete=Count("pk", filter=Q(interview__outcome=COMPLETE))
    )
    rate = round(quotas.completion_rate(**figures), 3)
    Wave.objects.filter(pk=wave.pk).exclude(completion_rate=rate).update(completion_rate=rate)
    return rate


def _one(cell_id: int) -> QuotaCell:
    return QuotaCell.objects.filter(pk=cell_id).select_related("sector", "wave").locked().get()


def _key(cell: QuotaCell) -> Key:
    return cell.sector.code, cell.family, cell.category


def _in_proportion(cells: Iterable[QuotaCell], whole: int) -> dict[Key, int]:
    """The targets of the sector's families for its new one."""
    families: dict[str, list[QuotaCell]] = {}
    for cell in cells:
        if cell.family != SECTOR:
            families.setdefault(cell.family, []).append(cell)
    return {
        _key(cell): target
        for its in families.values()
        if any(cell.target for cell in its)
        for cell, target in zip(
            its, quotas.shared_out(whole, [cell.target for cell in its]), strict=True
        )
    }


def _write(cells: Iterable[QuotaCell], wanted: Mapping[Key, int]) -> list[Change]:
    """Set the targets that differ; an allowance that was the rule's stays the rule's."""
    changes, changed = [], []
    for cell in cells:
        target = wanted.get(_key(cell), cell.target)
        if target == cell.target:
            continue
        changes.append(_change(cell, cell.target, target))
        if cell.allowance == quotas.allowance(cell.family, cell.target):
            cell.allowance = quotas.allowance(cell.family, target)
        cell.target = target
        changed.append(cell)
    _check_room(changed)
    QuotaCell.objects.bulk_update(changed, ["target", "allowance"])
    return changes


def _rename(cells: Iterable[QuotaCell], targets: Mapping[Key, Target]) -> None:
    renamed = []
    for cell in cells:
        target = targets.get(_key(cell))
        if target and target.label and target.label != cell.label:
            cell.label = target.label
            renamed.append(cell)
    QuotaCell.objects.bulk_update(renamed, ["label"])


def _create(wave: Wave, targets: Mapping[Key, Target], known: Container[Key]) -> list[QuotaCell]:
    sectors = {sector.code: sector for sector in wave.sectors.all()}
    return QuotaCell.objects.bulk_create(
        QuotaCell(
            wave=wave,
            family=family,
            sector=sectors[sector],
            category=category,
            label=target.label,
            target=target.wanted,
            allowance=quotas.allowance(family, target.wanted),
        )
        for (sector, family, category), target in targets.items()
        if (sector, family, category) not in known
    )


def _check_room(cells: Iterable[QuotaCell]) -> None:
    """Refused where a cell has counted more than target and allowance; the database would too."""
    faults = {}
    for cell in cells:
        if cell.allowance is not None and cell.counted > cell.target + cell.allowance:
            least = cell.counted - cell.allowance
            said = _("%(cell)s : %(n)s entretiens sont comptés. Pas moins de %(least)s.")
            told = {"cell": cell.name, "n": cell.counted, "least": least}
            faults[f"category-{cell.category}"] = said % told
    if faults:
        raise Refused(faults)


def _change(cell: QuotaCell, before: str | int | None, after: str | int | None) -> Change:
    return [cell.sector.code, cell.family, cell.category, before, after]


def _keep(
    wave: Wave,
    kind: QuotaAct.Kind,
    changes: list[Change],
    reason: str,
    order: Order,
    cell: QuotaCell | None = None,
) -> None:
    QuotaAct.objects.create(
        wave=wave,
        cell=cell,
        kind=kind,
        changes=changes,
        reason=reason,
        by=order.by,
        at=order.now,
    )

"""Reads of the outcome rates: what became of the cases of a wave, by sector, replicate, person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from cati.core.dispositions import BY_CODE, DISPOSITIONS, OPPOSED
from cati.core.final_disposition import (
    NOT_ATTEMPTED,
    QUOTA_FULL,
    Call,
    Final,
    final_disposition,
    was_screened,
)
from cati.core.rates import Counts, Rates, Share, rates
from cati.models import Attempt, Case, Phone, QuotaCell, Replicate, Sector, User, Wave
from cati.queries.board import SECTOR_FAMILY

# The key of the cases that no interviewer's call decided; no user name holds a star.
NOBODY = "*"
PLACES = {row.code: place for place, row in enumerate(DISPOSITIONS)}


@dataclass(frozen=True)
class Outcome:
    """One line of the table behind the rates: a final outcome, and how many cases have it.

    code: the two digits that are typed. aapor, category: code and class of the standard.
    """

    code: str
    aapor: str
    category: str
    cases: int

    @property
    def label(self) -> str:
        return _(BY_CODE[self.code].label)


@dataclass(frozen=True)
class Line:
    """The cases of one group, by what became of them.

    key: how the group is named in files and addresses. outcomes: in the order of the screen; cases
    that met a full quota are there, and in no count nor rate. reached: cases in which somebody was
    spoken to, and that are neither out of the target nor refused by a quota.
    """

    key: str
    label: str
    outcomes: Sequence[Outcome]
    counts: Counts
    rates: Rates
    reached: int

    @property
    def quota(self) -> int:
        """Cases that met a full quota: the survey closed the door, not the household."""
        return sum(outcome.cases for outcome in self.outcomes if outcome.code == QUOTA_FULL)

    @property
    def cases(self) -> int:
        return sum(outcome.cases for outcome in self.outcomes)

    @property
    def transformation(self) -> float | None:
        """« Taux de transformation »: completes ÷ reached; None where nobody was reached."""
        return self.counts.I / self.reached if self.reached else None


@dataclass(frozen=True)
class Indicators:
    """The rates of a wave: `total` for all of it, `lines` for its groups, in their own order."""

    total: Line
    lines: Sequence[Line]

    @property
    def e_with_quota(self) -> float | None:
        """e as it would be if cases that met a full quota were not eligible (4.80 of class NE)."""
        eligible = self.total.counts.eligible
        known = eligible + self.total.counts.NE + self.total.quota
        return eligible / known if known else None


class _Group(NamedTuple):
    """Where a case counts; `interviewer` made the call that decided, None where no call did."""

    sector: int
    replicate: int
    interviewer: int | None


BREAKDOWNS = _Group._fields
# How many cases of a group ended so; `call` of the ending, which is each case's own, is left out.
_Tally = Counter[tuple[_Group, Final]]


def indicators(wave: Wave, by: str = "", e: Share | None = None) -> Indicators:
    """The rates of the wave now, and by one of BREAKDOWNS; a single share `e` serves every line.

    Cases never attempted count as unknown (3.11) where they could have been called. Those of a
    replicate that is not released do not: a sample is a set of replicates, and this one was not
    drawn yet. Nor do those whose sector was full before anybody dialled: the quota took them out,
    not the fieldwork. An interviewer's line holds the cases in which her call decided.
    """
    tally = _worked(wave) + _untouched(wave)
    total = _line("", _("Ensemble"), tally, e)
    if not by:
        return Indicators(total, [])
    # Small groups have no e of their own worth the name; that of the wave is the steadier.
    shares = total.rates.e
    names = _NAMES[by](wave)
    parts: dict[tuple[str, str], _Tally] = {name: Counter() for name in names.values()}
    for (group, final), n in tally.items():
        parts[names[getattr(group, by)]][group, final] += n
    lines = [_line(key, label, part, shares) for (key, label), part in parts.items() if part]
    return Indicators(total, lines)


def _line(key: str, label: str, tally: _Tally, e: Share | None) -> Line:
    endings: Counter[tuple[str, str, str]] = Counter()
    categories: Counter[str] = Counter()
    reached = 0
    for (_group, final), n in tally.items():
        endings[final.code, final.aapor, final.category] += n
        if final.code != QUOTA_FULL:
            categories[final.category] += n
            reached += n if final.reached and final.category != "NE" else 0
    counts = Counts(**categories)
    ordered = sorted(endings, key=lambda ending: (PLACES[ending[0]], ending[1]))
    outcomes = [Outcome(*ending, endings[ending]) for ending in ordered]
    return Line(key, label, outcomes, counts, rates(counts, e), reached)


# --- what became of the cases


def _worked(wave: Wave) -> _Tally:
    """The cases that were called, with or without an outcome so far."""
    tally: _Tally = Counter()
    for group, final in _finals(wave):
        tally[group, replace(final, call=None)] += 1
    return tally


def _finals(wave: Wave) -> Iterator[tuple[_Group, Final]]:
    left = Phone.objects.filter(case=OuterRef("case"), state=Phone.State.VALID)
    calls = (
        Attempt.objects.filter(case__wave=wave)
        .order_by("case_id", "opened_at", "pk")
        .values_list(
            "case_id", "case__frame_sector_id", "case__replicate", "case__disposition",
            Exists(left), "interviewer_id", "phone_id", "disposition", "aapor",
            F("interview__sector"),
        )
    )  # fmt: skip
    for _case, rows in groupby(calls.iterator(chunk_size=5000), key=lambda row: row[0]):
        history = list(rows)
        _pk, sector, replicate, disposition, number_left = history[0][:5]
        told = _told([_call(*row[6:]) for row in history], disposition)
        final = final_disposition(told, number_left=number_left)
        rank = final.call
        person = None if rank is None or rank == len(history) else history[rank][5]
        yield _Group(sector, replicate, person), final


def _call(phone: int | None, code: str, recorded: str, sector: str | None) -> Call:
    return Call(code or NOT_ATTEMPTED, was_screened(code, recorded, sector or ""), phone)


def _told(calls: list[Call], disposition: str) -> list[Call]:
    """The calls, and the opposition that somebody wrote or said to the office instead."""
    opposed = disposition == OPPOSED and all(call.code != OPPOSED for call in calls)
    return [*calls, Call(OPPOSED)] if opposed else calls


def _untouched(wave: Wave) -> _Tally:
    """The cases that could have been called, and that nobody has called yet."""
    held_back = Replicate.objects.filter(wave=wave, released_at__isnull=True).values("number")
    waiting = (
        Case.objects.filter(wave=wave)
        .exclude(Exists(Attempt.objects.filter(case=OuterRef("pk"))))
        .exclude(replicate__in=held_back)
        .exclude(frame_sector__in=_full_sectors(wave))
        .exclude(disposition=QUOTA_FULL)
        .values_list("frame_sector_id", "replicate", "disposition")
        .annotate(n=Count("pk"))
        .order_by()
    )
    tally: _Tally = Counter()
    for sector, replicate, disposition, n in waiting:
        final = final_disposition(_told([], disposition))
        tally[_Group(sector, replicate, None), replace(final, call=None)] += n
    return tally


def _full_sectors(wave: Wave) -> QuerySet[QuotaCell, int]:
    """Sectors of which nobody new is called: the cell has its target, or was closed by hand."""
    cells = QuotaCell.objects.filter(wave=wave, family=SECTOR_FAMILY)
    full = cells.filter(Q(state=QuotaCell.State.CLOSED) | Q(counted__gte=F("target")))
    return full.values_list("sector_id", flat=True)


# --- the groups: {what a case carries: (key, label)}, in their own order

_Names = Mapping[int | None, tuple[str, str]]


def _sectors(wave: Wave) -> _Names:
    rows = Sector.objects.filter(wave=wave)
    return {row.pk: (row.code, row.label) for row in rows}


def _replicates(wave: Wave) -> _Names:
    numbers = Case.objects.filter(wave=wave).values_list("replicate", flat=True)
    return {
        number: (str(number), _("Réplique %(number)s") % {"number": number})
        for number in numbers.distinct().order_by("replicate")
    }


def _people(wave: Wave) -> _Names:
    callers = User.objects.filter(calls__case__wave=wave).distinct()
    rows = callers.order_by("last_name", "first_name", "username")
    named = {row.pk: (row.username, row.get_full_name() or row.username) for row in rows}
    return named | {None: (NOBODY, _("Aucun appel terminé"))}


_NAMES: dict[str, Callable[[Wave], _Names]] = {
    "sector": _sectors,
    "replicate": _replicates,
    "interviewer": _people,
}

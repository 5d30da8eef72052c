"""Where each sector and firm cell will land, from the calls so far and the sample that is left."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Min, Q
from django.db.models.functions import TruncDate, TruncHour

from cati.core.forecast import Chances, Landing, cell_end, chances, day_after, landing
from cati.core.quotas import FIRM, SECTOR
from cati.core.rules import Rules, read_rules
from cati.core.scheduling import PARIS
from cati.models import Attempt, Case, QuotaCell, Sector, Wave

COMPLETE = "10"
RECENT = timedelta(days=7)


@dataclass(frozen=True)
class CellLanding:
    """A firm cell of a sector; `end` is where it lands."""

    cell: QuotaCell
    end: float

    @property
    def short(self) -> bool:
        return round(self.end) < self.cell.target


@dataclass(frozen=True)
class SectorLanding:
    """One line of the forecast. `per_hour`: completes per hour of an interviewer, last 7 days."""

    sector: Sector
    target: int
    counted: int
    fresh: int
    tried: int
    per_hour: float
    landing: Landing
    ends_on: date | None
    cells: Sequence[CellLanding]


@dataclass(frozen=True)
class Forecast:
    """All sectors in their order, and the replicate that would be released next."""

    sectors: Sequence[SectorLanding]
    next_replicate: int | None

    @property
    def alarms(self) -> list[SectorLanding]:
        return [one for one in self.sectors if one.landing.dry or one.landing.narrow]


@dataclass
class _Left:
    """What is left of a sector's sample; `visits`: {visits that a case may still have: cases}."""

    visits: Counter[int]
    fresh: int = 0
    tried: int = 0
    next_fresh: int = 0


def forecast(wave: Wave, now: datetime) -> Forecast:
    """Half a dozen reads, each grouped by the database."""
    rules = read_rules(wave.call_rules)
    waiting = wave.replicates.filter(released_at__isnull=True)
    following = waiting.aggregate(number=Min("number"))["number"]
    left = _left(wave, rules, following)
    made, whole = _visits(wave)
    recent, hours, days = _recent(wave, now)
    cells = defaultdict(list)
    for cell in QuotaCell.objects.filter(wave=wave, family__in=FIRM).select_related("sector"):
        cells[cell.sector_id].append(cell)
    lines = []
    for sector in wave.sectors.filter(pk__in=cells):
        own = next((cell for cell in cells[sector.pk] if cell.family == SECTOR), None)
        if own is None:
            continue
        rest = left[sector.pk]
        found = landing(
            target=own.target,
            counted=own.counted,
            left=rest.visits,
            next_fresh=rest.next_fresh,
            most=rules.most,
            chance=chances(*made[sector.pk], whole),
            per_day=recent[sector.pk] / days if days else 0.0,
        )
        firm = sorted(
            (cell for cell in cells[sector.pk] if cell.family != SECTOR),
            key=lambda cell: (cell.family, cell.category),
        )
        lines.append(
            SectorLanding(
                sector, own.target, own.counted, rest.fresh, rest.tried,
                recent[sector.pk] / hours if hours else 0.0, found,
                day_after(wave.calling_hours, now.astimezone(PARIS).date(), found.days),
                [
                    CellLanding(cell, cell_end(cell.counted, cell.target, own.counted, own.target,
                                               found.at_exhaustion))
                    for cell in firm
                ],
            )
        )  # fmt: skip
    return Forecast(lines, following)


def _left(wave: Wave, rules: Rules, following: int | None) -> dict[int, _Left]:
    waiting = wave.replicates.filter(released_at__isnull=True).values("number")
    open_ = Case.objects.filter(wave=wave, state=Case.State.OPEN)
    rows = open_.filter(phones__state="valid").values("frame_sector", "attempts", "part", "tier")
    released = rows.exclude(replicate__in=waiting).annotate(cases=Count("pk", distinct=True))
    left: dict[int, _Left] = defaultdict(lambda: _Left(Counter()))
    for row in released.order_by():
        rest = left[row["frame_sector"]]
        if row["tier"] == Case.Tier.RETRY and row["part"] is None:
            continue
        # A promise is kept beyond the maxima: at least once more.
        rest.visits[max(rules.most - row["attempts"], 1)] += row["cases"]
        if row["attempts"]:
            rest.tried += row["cases"]
        else:
            rest.fresh += row["cases"]
    if following is not None:
        more = open_.filter(replicate=following).values("frame_sector")
        for waits in more.annotate(cases=Count("pk")).order_by():
            left[waits["frame_sector"]].next_fresh = waits["cases"]
    return left


def _visits(wave: Wave) -> tuple[dict[int, tuple[int, int, int]], Chances]:
    """{sector: (visits, completes, closings)} so far, and the chances of the whole wave."""
    cases = Case.objects.filter(wave=wave, attempts__gt=0).order_by()
    visited = Attempt.objects.filter(case__wave=wave, closed_at__isnull=False).order_by()
    counted = {
        row["sector"]: row["visits"]
        for row in visited.values(sector=F("case__frame_sector")).annotate(
            visits=Count("pk", filter=~Q(disposition=""))
        )
    }
    ended = cases.values("frame_sector").annotate(
        completes=Count("pk", filter=Q(disposition=COMPLETE)),
        closings=Count("pk", filter=Q(state=Case.State.CLOSED)),
    )
    made: dict[int, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for row in ended:
        sector = row["frame_sector"]
        made[sector] = (counted.get(sector, 0), row["completes"], row["closings"])
    visits = sum(one[0] for one in made.values()) or 1
    completes, closings = sum(one[1] for one in made.values()), sum(one[2] for one in made.values())
    return made, Chances(completes / visits, closings / visits)


def _recent(wave: Wave, now: datetime) -> tuple[Counter[int], int, int]:
    """Completes by sector in the last days, the hours that interviewers called, and the days."""
    calls = Attempt.objects.filter(case__wave=wave, closed_at__gte=now - RECENT).order_by()
    done = calls.filter(disposition=COMPLETE).values(sector=F("case__frame_sector"))
    completes = Counter(
        {row["sector"]: row["completes"] for row in done.annotate(completes=Count("pk"))}
    )
    worked = calls.annotate(hour=TruncHour("opened_at")).values("interviewer", "hour").distinct()
    days = calls.annotate(day=TruncDate("opened_at")).values("day").distinct()
    return completes, worked.count(), days.count()

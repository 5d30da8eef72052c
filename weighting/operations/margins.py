"""The margins of a wave: sets that are checked, loaded whole or not at all, kept, and chosen."""

from __future__ import annotations

import csv
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from cati.models import User, Wave
from cati.operations.errors import Refused
from weighting import queries
from weighting.core.demo import DEMO
from weighting.models import DeclaredCollapse, Margin, MarginDraft, MarginSet
from weighting.operations.margin_checks import Checked, Known, check
from weighting.operations.margin_table import COLUMNS, Line, digest_of, read_table
from weighting.queries import surveyed


@dataclass(frozen=True)
class MarginRow:
    """One category of one criterion in one sector: `share` in percent, or `total` in `unit`s."""

    sector: str
    criterion: str
    category: str
    label: str = ""
    share: Decimal | None = None
    total: Decimal | None = None
    unit: str = Margin.Unit.PERSON
    universe: str = ""
    source: str = ""

    def line(self, number: int) -> Line:
        """The row as a file would say it."""
        share, total = ("" if one is None else f"{one}" for one in (self.share, self.total))
        names = (self.sector, self.criterion, self.category, self.label)
        return Line(number, *names, share, total, self.unit, self.universe, self.source)


@dataclass(frozen=True)
class CollapseRow:
    """A category of a sector's criterion that is counted with `into`."""

    sector: str
    criterion: str
    category: str
    into: str
    reason: str


# ------------------------------------------------------------------------------- files


def margins_in(path: Path) -> list[Line]:
    """The lines of a file. Raises OSError; Refused for one that is no table of margins."""
    return read_table(path.read_bytes())


def collapses_in(path: Path) -> list[CollapseRow]:
    """Columns sector, criterion, category_code, into_code, reason. Raises as `margins_in` does."""
    names = ("sector", "criterion", "category_code", "into_code", "reason")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for name in names:
        if rows and name not in rows[0]:
            raise Refused({"": _("Il manque la colonne %(name)s.") % {"name": f"« {name} »"}})
    return [CollapseRow(*(row[name] or "" for name in names)) for row in rows]


# ------------------------------------------------------------------------------- loading


def load_margins(
    wave: Wave, rows: Iterable[MarginRow], collapses: Iterable[CollapseRow] = ()
) -> int:
    """Replace the wave's margins and collapses; the number of totals. Refused names each fault.

    Rows that a program gives: shares become persons of the sector's adults, totals must add up to
    them; a criterion may have any categories.
    """
    lines = [row.line(number) for number, row in enumerate(rows, start=1)]
    return _load(wave, check(lines, Known(surveyed(wave))), collapses)


def load_file(
    wave: Wave, path: Path, collapses: Iterable[CollapseRow], by: User | None, now: datetime
) -> int:
    """The same from a file, every cell held against the wave's questionnaire as well."""
    known = Known.of(wave)
    collapses = list(collapses)
    merged = {(row.sector, row.criterion, row.category) for row in collapses}
    checked = check(margins_in(path), replace(known, merged=frozenset(merged)))
    return _load(wave, checked, collapses, path.name, by, now)


def load_lines(
    wave: Wave, lines: Iterable[Line], file: str, by: User | None, now: datetime
) -> MarginSet:
    """Lines that a program sends become the wave's margins; declared collapses stay.

    Refused names each fault, by « line:column ».
    """
    checked = check(lines, Known.of(wave))
    if checked.faults:
        raise Refused(checked.messages)
    with transaction.atomic():
        return _keep(wave, checked, file, by, now)


def prepare_demo_margins(wave: Wave) -> None:
    """The demo's margins where the wave has none; those that were loaded stay."""
    if not MarginSet.objects.filter(wave=wave).exists():
        load_demo_margins(wave)


def load_demo_margins(wave: Wave) -> int:
    """The margins and collapses of the demo, of the sectors that the wave has."""
    known = surveyed(wave)
    lines = [line for line in margins_in(DEMO / "margins_demo.csv") if line.sector in known]
    rows = [row for row in collapses_in(DEMO / "collapses_demo.csv") if row.sector in known]
    return _load(wave, check(lines, Known(known)), rows, "margins_demo.csv")


def _load(
    wave: Wave,
    checked: Checked,
    collapses: Iterable[CollapseRow],
    file: str = "",
    by: User | None = None,
    now: datetime | None = None,
) -> int:
    collapses = list(collapses)
    faults = checked.messages | _unmatched(checked.lines, collapses)
    if faults:
        raise Refused(faults)
    sectors = surveyed(wave)
    with transaction.atomic():
        _keep(wave, checked, file, by, now)
        DeclaredCollapse.objects.filter(wave=wave).delete()
        DeclaredCollapse.objects.bulk_create(
            DeclaredCollapse(
                wave=wave,
                sector=sectors[row.sector],
                criterion=row.criterion,
                category=row.category,
                into=row.into,
                reason=row.reason,
            )
            for row in collapses
        )
    return len(checked.margins)


def _unmatched(lines: Sequence[Line], collapses: Sequence[CollapseRow]) -> dict[str, str]:
    known = {(line.sector, line.criterion, line.category) for line in lines}
    return {
        f"collapse:{row.sector}:{row.criterion}:{category}": _(
            "Regroupement sans modalité : %(key)s."
        )
        % {"key": ", ".join((row.sector, row.criterion, category))}
        for row in collapses
        for category in (row.category, row.into)
        if (row.sector, row.criterion, category) not in known
    }


def _keep(
    wave: Wave, checked: Checked, file: str, by: User | None, now: datetime | None
) -> MarginSet:
    """The next set of the wave, which rules from now on; called in a transaction."""
    Wave.objects.select_for_update(no_key=True).get(pk=wave.pk)
    earlier = MarginSet.objects.filter(wave=wave)
    earlier.filter(current=True).update(current=False)
    kept = MarginSet.objects.create(
        wave=wave,
        number=(earlier.aggregate(last=Max("number"))["last"] or 0) + 1,
        file=file[:120],
        digest=digest_of(checked.lines),
        lines=[line.cells for line in checked.lines],
        current=True,
        by=by,
        at=now,
    )
    for margin in checked.margins:
        margin.set = kept
    Margin.objects.bulk_create(checked.margins)
    return kept


# ------------------------------------------------------------------------------- by upload


def draft(wave: Wave, file: str, content: bytes, by: User, now: datetime) -> None:
    """Keep a file to be looked at; nothing is loaded. Refused where it is no table of margins."""
    lines = read_table(content)
    MarginDraft.objects.update_or_create(
        wave=wave,
        by=by,
        defaults={"file": file[:120], "lines": _stored(lines), "at": now},
    )


def drafted(wave: Wave, by: User) -> tuple[MarginDraft, Checked] | None:
    """Her file with its faults as they are now; None where she has none."""
    found = MarginDraft.objects.filter(wave=wave, by=by).first()
    return None if found is None else (found, check(_lines_of(found), Known.of(wave)))


def mend(
    wave: Wave,
    by: User,
    cells: Mapping[tuple[int, str], str],
    removed: Container[int],
    now: datetime,
) -> None:
    """Change cells of her file by (line, column), and take lines out of it.

    A line that the file lacked comes with its figure. Refused where there is no such file.
    """
    found = drafted(wave, by)
    if found is None:
        raise Refused({"": _("Ce fichier n’est plus là. Déposez-le de nouveau.")})
    row, checked = found
    kept = []
    for line in [*checked.lines, *checked.missing]:
        typed = {name: cells[line.number, name] for name in COLUMNS if (line.number, name) in cells}
        if line.number in removed or (line in checked.missing and not any(typed.values())):
            continue
        old = zip(COLUMNS, line.cells, strict=True)
        kept.append(Line(line.number, *(typed.get(name, cell).strip() for name, cell in old)))
    MarginDraft.objects.filter(pk=row.pk).update(lines=_stored(kept), at=now)


def load_draft(wave: Wave, by: User, now: datetime) -> MarginSet:
    """Her file becomes the wave's margins. Refused where it is gone or has a fault."""
    found = drafted(wave, by)
    if found is None:
        raise Refused({"": _("Ce fichier n’est plus là. Déposez-le de nouveau.")})
    row, checked = found
    with transaction.atomic():
        kept = load_lines(wave, checked.lines, row.file, by, now)
        row.delete()
    return kept


def forget_draft(wave: Wave, by: User) -> None:
    MarginDraft.objects.filter(wave=wave, by=by).delete()


def choose_set(chosen: MarginSet) -> None:
    """An earlier set rules again; runs keep the totals that they were made with."""
    with transaction.atomic():
        Wave.objects.select_for_update(no_key=True).get(pk=chosen.wave_id)
        MarginSet.objects.filter(wave=chosen.wave_id, current=True).update(current=False)
        MarginSet.objects.filter(pk=chosen.pk).update(current=True)


def changes(wave: Wave, margins: Sequence[Margin]) -> list[tuple[Margin, float | None]]:
    """Those whose total the ruling set does not have, each with the former total in persons."""
    former = {
        (margin.sector_id, margin.criterion, margin.category): margin.total
        for margin in Margin.objects.ruling(wave)
    }
    pairs = [
        (margin, former.get((margin.sector_id, margin.criterion, margin.category)))
        for margin in margins
    ]
    return [(one, total) for one, total in pairs if total is None or abs(one.total - total) > 0.05]


def blank_lines(wave: Wave) -> list[Line]:
    """A line for each category that the wave's questionnaire asks for, its figures to be given."""
    categories = queries.categories_of(wave)
    keys = [
        (sector, criterion, code)
        for sector in surveyed(wave)
        for criterion, codes in categories.items()
        for code in codes
    ]
    return [Line(at, *key, unit="personne") for at, key in enumerate(keys, start=2)]


def lines_of(chosen: MarginSet) -> list[Line]:
    """The lines that were loaded, numbered as in the file that `csv_of` writes."""
    return [Line(number, *cells) for number, cells in enumerate(chosen.lines, start=2)]


def _stored(lines: Iterable[Line]) -> list[list[str]]:
    return [[str(line.number), *line.cells] for line in lines]


def _lines_of(found: MarginDraft) -> list[Line]:
    return [Line(int(number), *cells) for number, *cells in found.lines]

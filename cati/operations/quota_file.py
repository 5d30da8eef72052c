"""Targets as a table: read from a CSV file, checked line by line, written back.

The file says what a wave wants; nothing is changed here (`quotas.load_targets` does).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from cati.core.quotas import ALIASES, FAMILIES, SECTOR, allowance
from cati.models import QuotaCell, Wave
from cati.operations.errors import Refused
from cati.operations.quotas import Key, Target, off_sum
from questionnaire.queries import program_of

# The columns with the other headings by which each is known.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sector": ("secteur", "sector"),
    "family": ("famille", "family", "critère", "criterion"),
    "category": ("code", "category", "category_code"),
    "label": ("modalité", "label", "libellé"),
    "target": ("cible", "target"),
}
NEEDED = ("sector", "family", "target")
MOST_BYTES, MOST_LINES, MOST_WANTED, LONGEST_LABEL = 500_000, 2_000, 100_000, 60


@dataclass(frozen=True)
class Line:
    """One line as it was typed; `number` is the one that a spreadsheet shows."""

    number: int
    sector: str
    family: str
    category: str
    label: str
    target: str


@dataclass
class Checked:
    """The file held against its wave: sound targets, or what is wrong, line by line.

    `faults`: {line number: sentences}. `changes`: (key, label, target before, after), before None
    for a new cell.
    """

    lines: list[Line]
    faults: dict[int, list[str]] = field(default_factory=dict)
    targets: dict[Key, Target] = field(default_factory=dict)
    changes: list[tuple[Key, str, int | None, int]] = field(default_factory=list)

    def fault(self, line: Line, said: str) -> None:
        self.faults.setdefault(line.number, []).append(said)


def read(content: bytes) -> list[Line]:
    """The lines of a CSV file. Refused, for the whole file, where it cannot be read."""
    if len(content) > MOST_BYTES:
        raise Refused({"": _("Le fichier pèse plus de %(n)s ko.") % {"n": MOST_BYTES // 1000}})
    text = text_of(content)
    heading = text.partition("\n")[0]
    mark = max(";,\t", key=heading.count)
    rows = [
        (at, [cell.strip() for cell in row])
        for at, row in enumerate(csv.reader(io.StringIO(text), delimiter=mark), start=1)
    ]
    rows = [(at, cells) for at, cells in rows if any(cells)]
    if len(rows) < 2:
        raise Refused({"": _("Le fichier est vide : il faut ses titres, et une ligne par case.")})
    if len(rows) > MOST_LINES:
        raise Refused({"": _("Le fichier a plus de %(n)s lignes.") % {"n": MOST_LINES}})
    places = _places(rows[0][1])
    return [
        Line(at, **{name: _cell(cells, places.get(name)) for name in COLUMNS})
        for at, cells in rows[1:]
    ]


def text_of(content: bytes) -> str:
    """The file's text, as UTF-8 or as an older French spreadsheet wrote it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def check(wave: Wave, lines: Iterable[Line]) -> Checked:
    """Each line held against the wave's sectors, its questionnaire, and the other lines."""
    checked = Checked(list(lines))
    sectors = set(wave.sectors.exclude(kind="agregat").values_list("code", flat=True))
    codes = categories_of(wave)
    sums: dict[tuple[str, str], tuple[Line, int]] = {}
    for line in checked.lines:
        family = ALIASES.get(line.family, line.family)
        for said in _faults_of(line, family, sectors, codes):
            checked.fault(line, said)
        key = (line.sector, family, line.category)
        if key in checked.targets:
            checked.fault(line, _("Cette case est donnée deux fois."))
        if line.number not in checked.faults:
            checked.targets[key] = Target(int(line.target), line.label)
            first, total = sums.get(key[:2], (line, 0))
            sums[key[:2]] = (first, total + int(line.target))
    cells = QuotaCell.objects.filter(wave=wave).select_related("sector")
    known = {(cell.sector.code, cell.family, cell.category): cell for cell in cells}
    if not checked.faults:
        _check_sums(checked, sums, known)
        _compare(checked, known)
    return checked


def table(cells: Iterable[QuotaCell]) -> bytes:
    """The targets as a French spreadsheet opens them and `read` reads them, with their counts."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    headings = [names[0] for names in COLUMNS.values()]
    writer.writerow([*headings, "comptés", "en cours", "écartés", "dépassement admis", "état"])
    for cell in cells:
        writer.writerow(
            [
                cell.sector.code,
                cell.family,
                cell.category,
                cell.label,
                cell.target,
                cell.counted,
                cell.reserved,
                getattr(cell, "screened", ""),
                "" if cell.allowance is None else cell.allowance,
                cell.get_state_display(),
            ]
        )
    return text.getvalue().encode("utf-8-sig")


def categories_of(wave: Wave) -> dict[str, list[str]]:
    """{family: the codes that its variable can have}, where the questionnaire lists them."""
    if wave.version is None:
        return {}
    program = program_of(wave.version)
    roles = program.instrument.roles
    symbols = {
        code: program.names.get(roles.get(family.role, "")) for code, family in FAMILIES.items()
    }
    return {
        code: [str(value) for value in sorted(symbol.type.domain)]
        for code, symbol in symbols.items()
        if code != SECTOR and symbol is not None and symbol.type.domain
    }


def _places(heading: list[str]) -> dict[str, int]:
    titles = [title.lower() for title in heading]
    places = {
        name: next(at for at, title in enumerate(titles) if title in known)
        for name, known in COLUMNS.items()
        if any(title in known for title in titles)
    }
    if missing := [COLUMNS[name][0] for name in NEEDED if name not in places]:
        said = _("Il manque la colonne %(names)s.")
        raise Refused({"": said % {"names": ", ".join(f"« {name} »" for name in missing)}})
    return places


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _faults_of(
    line: Line, family: str, sectors: set[str], codes: Mapping[str, list[str]]
) -> Iterable[str]:
    if line.sector not in sectors:
        yield _("« %(code)s » n’est pas un secteur de la vague.") % {"code": line.sector}
    if family not in FAMILIES:
        known = ", ".join(FAMILIES)
        yield _("Famille inconnue : %(code)s. Familles : %(known)s.") % {
            "code": line.family,
            "known": known,
        }
    elif family == SECTOR and line.category:
        yield _("La famille du secteur n’a qu’une case : laissez le code vide.")
    elif family in codes and line.category not in codes[family]:
        said = _("Le questionnaire n’a pas le code « %(code)s ». Codes : %(known)s.")
        yield said % {"code": line.category, "known": ", ".join(codes[family])}
    if not (line.target.isascii() and line.target.isdecimal()):
        yield _("La cible est un nombre entier d’entretiens, pas « %(typed)s ».") % {
            "typed": line.target
        }
    elif int(line.target) > MOST_WANTED:
        yield _("La cible dépasse %(n)s.") % {"n": MOST_WANTED}
    if len(line.label) > LONGEST_LABEL:
        yield _("La modalité dépasse %(n)s caractères.") % {"n": LONGEST_LABEL}


def _check_sums(
    checked: Checked,
    sums: Mapping[tuple[str, str], tuple[Line, int]],
    known: Mapping[Key, QuotaCell],
) -> None:
    """Each family of the file, and each that the file leaves alone, sums to its sector's target."""
    kept: dict[tuple[str, str], int] = {}
    for (sector, family, _category), cell in known.items():
        kept[sector, family] = kept.get((sector, family), 0) + cell.target
    totals = kept | {key: total for key, (_line, total) in sums.items()}
    for (sector, family), total in totals.items():
        whole = totals.get((sector, SECTOR))
        told = sums.get((sector, family)) or sums.get((sector, SECTOR))
        if family == SECTOR or told is None:
            continue
        if whole is None:
            checked.fault(told[0], _("Le secteur n’a pas de cible : donnez-la dans le fichier."))
        elif total != whole:
            checked.fault(told[0], f"{family} : {off_sum(total, whole)}")


def _compare(checked: Checked, known: Mapping[Key, QuotaCell]) -> None:
    """What the file changes, and what it may not: less than a firm cell has counted already."""
    lines = {
        (line.sector, ALIASES.get(line.family, line.family), line.category): line
        for line in checked.lines
    }
    for key, target in checked.targets.items():
        cell = known.get(key)
        before = cell.target if cell else None
        if before != target.wanted:
            label = target.label or (cell.label if cell else "")
            checked.changes.append((key, label, before, target.wanted))
        beyond = allowance(key[1], target.wanted)
        if cell and beyond is not None and cell.counted > target.wanted + beyond:
            said = _("%(n)s entretiens sont comptés : la cible ne peut pas descendre si bas.")
            checked.fault(lines[key], said % {"n": cell.counted})

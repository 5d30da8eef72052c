"""What is wrong with a table of margins: every cell at fault, all at once, each with its mend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from cati.models import Sector, Wave
from weighting import queries
from weighting.models import Margin
from weighting.operations.margin_table import FIGURES, Line, figure, plain

# Published shares are rounded; totals are whole persons. Beyond this, the criterion is wrong.
SHARES_WITHIN, PERSONS_WITHIN = 0.1, 1.0
LONGEST = {"label": 80, "universe": 120, "source": 200}
UNITS = {
    "": Margin.Unit.PERSON,
    "person": Margin.Unit.PERSON,
    "personne": Margin.Unit.PERSON,
    "personnes": Margin.Unit.PERSON,
    "household": Margin.Unit.HOUSEHOLD,
    "menage": Margin.Unit.HOUSEHOLD,
    "menages": Margin.Unit.HOUSEHOLD,
}
Key = tuple[str, str]  # sector, criterion


@dataclass(frozen=True)
class Known:
    """What a table is held against. A criterion without `categories` takes any category.

    `merged` are the (sector, criterion, category) that a declared collapse counts with others.
    """

    sectors: Mapping[str, Sector]
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    merged: frozenset[tuple[str, str, str]] = frozenset()

    @classmethod
    def of(cls, wave: Wave) -> Known:
        """The wave's sectors, its questionnaire's criteria, and its declared collapses."""
        merged = {
            (str(collapse.stratum), collapse.variable, category)
            for collapse in queries.collapses_of(wave)
            for category in collapse.categories
        }
        return cls(queries.surveyed(wave), queries.categories_of(wave), frozenset(merged))


@dataclass(frozen=True)
class Checked:
    """The table with its faults by (line, column); none, and `margins` may be loaded.

    `lines` are the file's, criteria and units in their codes; `missing` are lines that it lacks,
    numbered after its last. `notes` stand in the way of nothing yet.
    """

    lines: Sequence[Line]
    missing: Sequence[Line]
    faults: Mapping[tuple[int, str], Sequence[str]]
    margins: Sequence[Margin]
    notes: Sequence[str]

    @property
    def messages(self) -> dict[str, str]:
        """« Ligne 12, total : … », as a terminal lists them."""
        return {
            f"{line}:{column}": _("Ligne %(line)s : %(said)s")
            % {"line": line, "said": " ".join(said)}
            for (line, column), said in self.faults.items()
        }


def check(lines: Iterable[Line], known: Known) -> Checked:
    """Judge each cell, then each criterion of a sector, then what the sectors lack."""
    faults = _Faults()
    read = [_in_codes(line) for line in lines]
    first: dict[tuple[str, str, str], int] = {}
    for line in read:
        _look_at_line(line, known, faults)
        key = (line.sector, line.criterion, line.category)
        if (earlier := first.setdefault(key, line.number)) != line.number:
            said = _("Déjà donné à la ligne %(n)s. Retirez une des deux lignes.")
            faults.add(line, "category", said % {"n": earlier})
    criteria = _by_criterion(read, known)
    missing = _missing(read, criteria, known, faults)
    margins: list[Margin] = []
    for (code, _criterion), its in criteria.items():
        margins += _margins_of(known.sectors[code], its, faults)
    _one_universe(criteria, faults)
    found = {key: tuple(said) for key, said in sorted(faults.said.items())}
    return Checked(read, missing, found, [] if found else margins, _notes(criteria, known))


class _Faults:
    """The messages gathered so far, by (number of the line, column)."""

    def __init__(self) -> None:
        self.said: dict[tuple[int, str], list[str]] = {}

    def add(self, line: Line, column: str, message: str) -> None:
        self.said.setdefault((line.number, column), []).append(message)

    def among(self, lines: Sequence[Line], columns: Iterable[str]) -> bool:
        wanted = set(columns)
        numbers = {line.number for line in lines}
        return any(line in numbers and column in wanted for line, column in self.said)


def _in_codes(line: Line) -> Line:
    """The same, « Âge » and « Personnes » as the codes that are meant."""
    criterion = _criteria().get(plain(line.criterion), line.criterion)
    unit = UNITS.get(plain(line.unit), line.unit)
    values = [line.sector, criterion, *line.cells[2:6], unit, *line.cells[7:]]
    return Line(line.number, *values)


def _criteria() -> dict[str, str]:
    """Every spelling by which a criterion is known, without accents and case."""
    labels = {plain(str(label)): code for code, label in queries.CRITERIA.items()}
    return labels | {plain(code): code for code in queries.CRITERIA}


def _look_at_line(line: Line, known: Known, faults: _Faults) -> None:
    if line.sector not in known.sectors:
        said = _("Secteur inconnu de la vague : %(code)s. Écrivez %(codes)s.")
        codes = _or(known.sectors or ["—"])
        faults.add(line, "sector", said % {"code": line.sector or "—", "codes": codes})
    if line.criterion not in queries.CRITERIA:
        said = _("Critère inconnu. Écrivez %(codes)s.")
        faults.add(line, "criterion", said % {"codes": _or(queries.CRITERIA)})
    codes_of = known.categories.get(line.criterion)
    if codes_of and line.category not in codes_of:
        said = _("Modalité inconnue : le questionnaire a %(codes)s.")
        faults.add(line, "category", said % {"codes": ", ".join(codes_of)})
    elif not line.category:
        faults.add(line, "category", _("Il manque le code de la modalité."))
    _look_at_figure(line, known, faults)
    if line.unit == Margin.Unit.HOUSEHOLD:
        said = _(
            "La marge compte des ménages, les personnes interrogées sont des individus."
            " Convertissez-la en adultes qui vivent dans ces ménages, puis écrivez « personne »."
        )
        faults.add(line, "unit", said)
    elif line.unit not in Margin.Unit.values:
        faults.add(line, "unit", _("Unité inconnue. Écrivez « personne »."))
    for column, most in LONGEST.items():
        if len(getattr(line, column)) > most:
            faults.add(line, column, _("Plus de %(n)s caractères. Abrégez.") % {"n": most})


def _look_at_figure(line: Line, known: Known, faults: _Faults) -> None:
    given = [column for column in FIGURES if getattr(line, column)]
    column = given[0] if given else "total"
    if len(given) != 1:
        faults.add(line, column, _("donnez une part ou un total, l’un des deux."))
        return
    value = figure(getattr(line, column))
    if value is None:
        faults.add(line, column, _("Ce n’est pas un nombre. Écrivez-le comme 1 234,5."))
    elif value < 0:
        faults.add(line, column, _("Le nombre est négatif. Corrigez-le."))
    elif value == 0 and (line.sector, line.criterion, line.category) not in known.merged:
        said = _(
            "Le nombre est 0 : personne ne peut y être interrogé."
            " Corrigez-le, ou déclarez un regroupement avec la modalité voisine."
        )
        faults.add(line, column, said)


def _by_criterion(lines: Sequence[Line], known: Known) -> dict[Key, list[Line]]:
    """The lines of each criterion of a sector; sectors and categories in their own order."""
    sectors = list(known.sectors)

    def place(line: Line) -> tuple[int, str, int]:
        codes = known.categories.get(line.criterion, ())
        at = codes.index(line.category) if line.category in codes else len(codes)
        return sectors.index(line.sector), line.criterion, at

    placed = [x for x in lines if x.sector in known.sectors and x.criterion in queries.CRITERIA]
    placed.sort(key=place)
    return {key: list(its) for key, its in groupby(placed, lambda x: (x.sector, x.criterion))}


def _missing(
    lines: Sequence[Line], criteria: Mapping[Key, list[Line]], known: Known, faults: _Faults
) -> list[Line]:
    """A line for each category that a criterion leaves out, its figure to be given."""
    made: list[Line] = []
    last = max((line.number for line in lines), default=1)
    labels = {(line.criterion, line.category): line.label for line in lines}
    for (sector, criterion), its in criteria.items():
        there = {line.category for line in its}
        for category in known.categories.get(criterion, ()):
            if category in there:
                continue
            label, model = labels.get((criterion, category), ""), its[0]
            line = Line(
                last + 1 + len(made),
                *(sector, criterion, category, label, "", ""),
                *(model.unit, model.universe, model.source),
            )
            column = "share" if model.share else "total"
            said = _(
                "Cette modalité manque. Donnez son chiffre,"
                " ou corrigez la ligne qui devait la porter."
            )
            faults.add(line, column, said)
            its.append(line)
            made.append(line)
    return made


def _margins_of(sector: Sector, lines: Sequence[Line], faults: _Faults) -> list[Margin]:
    """The margins of one criterion in one sector, in persons; [] where a figure is at fault."""
    if faults.among(lines, ("category", *FIGURES)):
        return []
    columns = {column for line in lines for column in FIGURES if getattr(line, column)}
    column = "share" if "share" in columns else "total"
    last = lines[-1]
    if len(columns) > 1:
        faults.add(last, column, _("Le critère mêle des parts et des totaux. Choisissez."))
        return []
    if not sector.adults:
        faults.add(last, "sector", _("Le nombre d’adultes de ce secteur manque à la vague."))
        return []
    figures = [figure(getattr(line, column)) or 0.0 for line in lines]
    whole = sum(figures)
    in_shares = column == "share"
    expected = 100.0 if in_shares else float(sector.adults)
    if abs(whole - expected) > (SHARES_WITHIN if in_shares else PERSONS_WITHIN) + 1e-9:
        faults.add(last, column, _sum_fault(sector, last.criterion, whole, expected, in_shares))
        return []
    return [
        Margin(
            sector=sector,
            criterion=line.criterion,
            category=line.category,
            label=line.label,
            order=order,
            total=number * sector.adults / whole,
            unit=line.unit,
            universe=line.universe,
            source=line.source,
        )
        for order, (line, number) in enumerate(zip(lines, figures, strict=True), start=1)
    ]


def _sum_fault(sector: Sector, criterion: str, whole: float, wanted: float, shares: bool) -> str:
    gap = wanted - whole
    words = {
        "criterion": queries.CRITERIA.get(criterion, criterion),
        "sector": sector.label,
        "sum": _figure(whole),
        "expected": _figure(wanted),
        "gap": _figure(abs(gap)),
    }
    what = _("%(sector)s, %(criterion)s : la somme est %(sum)s, il faut %(expected)s") % words
    if not shares:
        what += " " + _("(les adultes du secteur, comme ses autres critères)")
    rest = _("Il manque %(gap)s.") if gap > 0 else _("Il y a %(gap)s de trop.")
    return f"{what}. {rest % words} " + _("Corrigez une modalité.")


def _one_universe(criteria: Mapping[Key, list[Line]], faults: _Faults) -> None:
    """Criteria of one sector must be about the same people."""
    stated: dict[str, str] = {}
    for (sector, _criterion), its in criteria.items():
        for line in its:
            if line.universe and line.universe != stated.setdefault(sector, line.universe):
                said = _(
                    "Autre univers que les lignes d’avant (« %(other)s »). Il en faut un seul."
                )
                faults.add(line, "universe", said % {"other": stated[sector]})


def _notes(criteria: Mapping[Key, list[Line]], known: Known) -> list[str]:
    return [*_lacking(criteria, known), *_orphans(criteria, known)]


def _lacking(criteria: Mapping[Key, list[Line]], known: Known) -> Iterator[str]:
    """Sectors and criteria that have no margin at all: allowed, and seldom meant."""
    used = [code for code in queries.CRITERIA if any(key[1] == code for key in criteria)]
    for code, sector in known.sectors.items():
        without = [criterion for criterion in used if (code, criterion) not in criteria]
        if len(without) == len(used):
            said = _("%(sector)s n’a aucune marge : ses entretiens ne pourront pas être calés.")
            yield said % {"sector": sector.label}
        else:
            for criterion in without:
                said = _("%(sector)s n’a pas de marge de ce critère : %(criterion)s.")
                yield said % {"sector": sector.label, "criterion": queries.CRITERIA[criterion]}


def _orphans(criteria: Mapping[Key, list[Line]], known: Known) -> Iterator[str]:
    there = {(*key, line.category) for key, its in criteria.items() for line in its}
    for key in sorted(known.merged - there):
        said = _("Un regroupement déclaré nomme une modalité sans marge : %(key)s. Retirez-le.")
        yield said % {"key": ", ".join(key)}


def _figure(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    places = len(text.partition(".")[2])
    return str(number_format(text, places, use_l10n=True, force_grouping=True))


def _or(words: Iterable[str]) -> str:
    *others, last = words
    if not others:
        return last
    return _("%(several)s ou %(last)s") % {"several": ", ".join(others), "last": last}

"""A file of margins, judged cell by cell.

1. CSV and XLSX give the same lines, in French or as the programs name the columns.
2. A file that cannot be read is refused whole, before it fills the memory.
3. Each fault stands at its cell, all of them at once, with how to mend it.
4. A clean file gives totals in persons of the sector's adults.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
import xlsxwriter

from cati.operations.errors import Refused
from tests.world import World
from weighting.core.demo import DEMO
from weighting.operations.margin_checks import Known, check
from weighting.operations.margin_table import Line, csv_of, digest_of, figure, read_table, xlsx_of

pytestmark = pytest.mark.django_db
DEMO_FILE = DEMO / "margins_demo.csv"


@pytest.fixture
def lines() -> list[Line]:
    return read_table(DEMO_FILE.read_bytes())


@pytest.fixture
def known(world: World) -> Known:
    return Known.of(world.wave)


def changed(lines: list[Line], number: int, **cells: str) -> list[Line]:
    return [replace(line, **cells) if line.number == number else line for line in lines]  # type: ignore[arg-type]


def faults(lines: list[Line], known: Known) -> dict[tuple[int, str], str]:
    return {place: " ".join(said) for place, said in check(lines, known).faults.items()}


# ------------------------------------------------------------------------------- 1. formats


def test_csv_and_xlsx_read_back_to_the_same_lines(lines: list[Line]) -> None:
    assert len(lines) == 210
    numbered = [replace(line, number=at) for at, line in enumerate(lines, start=2)]
    assert read_table(csv_of(lines)) == numbered
    assert read_table(xlsx_of(lines)) == numbered
    assert digest_of(read_table(xlsx_of(lines))) == digest_of(lines)


def test_the_column_of_faults_is_not_read_again(lines: list[Line]) -> None:
    marked = csv_of(lines, {2: "total : corrigez"})
    assert "total : corrigez" in marked.decode()
    assert read_table(marked) == read_table(csv_of(lines))


def test_headings_are_known_without_case_accents_or_order() -> None:
    text = "PART;Critere;CODE;secteur\n47,5;sexe;1;CN\n"
    assert read_table(text.encode("cp1252")) == [Line(2, "CN", "sexe", "1", share="47,5")]


def test_a_formula_in_a_cell_stays_a_text(lines: list[Line]) -> None:
    written = csv_of([replace(lines[0], label="=1+1", total="-3")]).decode()
    assert "'=1+1" in written
    assert ";-3;" in written


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 234,5", 1234.5),
        ("1\u202f234", 1234.0),
        ("47 %", 47.0),
        ("-3", -3.0),
        ("quarante", None),
        ("nan", None),
        ("1e3", None),
        ("1,2,3", None),
        ("", None),
    ],
)
def test_figures_are_read_as_they_are_typed_in_france(text: str, number: float | None) -> None:
    assert figure(text) == number


# ------------------------------------------------------------------------------- 2. whole files


def workbook(write: Callable[[xlsxwriter.Workbook], None]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        write(book)
    return file.getvalue()


def far_cell(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["secteur", "critère", "code", "total"])
    sheet.write(1_000_000, 16_000, "x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "vide"),
        (b"secteur;crit\xe8re;code;total\n", "que ses titres"),
        (b"secteur;code;total\nCN;1;2\n", "la colonne « critère »"),
        ("secteur;critère;code\nCN;sexe;1\n".encode(), "« part (ou total) »"),
        (b"\0\1\2", "ni un CSV ni un classeur"),
        (b"\xd0\xcf\x11\xe0 ancien", "ancien fichier Excel"),
        (b"PK\x03\x04 abim\xe9", "ne se lit pas"),
        (b"x" * 1_000_001, "plus de 1000 ko"),
        ("secteur;critère;code;total\n".encode() + b"CN;sexe;1;2\n" * 2001, "plus de 2000 lignes"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(content: bytes, said: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_table(content)
    assert said in refusal.value.messages[""]


def test_a_workbook_with_a_cell_far_away_is_refused_before_it_fills_the_memory() -> None:
    content = workbook(far_cell)
    assert len(content) < 10_000
    with pytest.raises(Refused, match="100 colonnes"):
        read_table(content)


# ------------------------------------------------------------------------------- 3. cells


def test_the_demo_has_no_fault_and_nothing_to_note(lines: list[Line], known: Known) -> None:
    checked = check(lines, known)
    assert (checked.faults, checked.notes, checked.missing) == ({}, [], [])
    assert len(checked.margins) == 210


@pytest.mark.parametrize(
    ("cells", "column", "said"),
    [
        ({"sector": "XX"}, "sector", "Secteur inconnu de la vague : XX. Écrivez T1, T2, CN, "),
        ({"criterion": "diplome"}, "criterion", "Critère inconnu. Écrivez sexe, age, "),
        ({"category": "9"}, "category", "le questionnaire a 1, 2."),
        ({"category": ""}, "category", "Modalité inconnue"),
        ({"share": "quarante"}, "share", "pas un nombre"),
        ({"share": "-47"}, "share", "négatif"),
        ({"share": "0"}, "share", "Le nombre est 0"),
        ({"share": ""}, "total", "une part ou un total"),
        ({"total": "987"}, "share", "une part ou un total"),
        ({"unit": "ménage"}, "unit", "Convertissez-la en adultes"),
        ({"unit": "foyer"}, "unit", "Écrivez « personne »"),
        ({"label": "x" * 81}, "label", "Plus de 80 caractères"),
    ],
)
def test_a_fault_stands_at_its_cell_and_says_how_to_mend_it(
    lines: list[Line], known: Known, cells: dict[str, str], column: str, said: str
) -> None:
    assert said in faults(changed(lines, 2, **cells), known)[2, column]


def test_all_faults_are_told_at_once(lines: list[Line], known: Known) -> None:
    wrong = changed(changed(changed(lines, 2, share="x"), 30, sector="ZZ"), 80, unit="ménage")
    assert {(2, "share"), (30, "sector"), (80, "unit")} <= faults(wrong, known).keys()


def test_a_sum_that_is_wrong_says_by_how_much(lines: list[Line], known: Known) -> None:
    found = faults(changed(lines, 2, share="40"), known)
    assert found == {
        (3, "share"): "Croix-de-Neyrat, Sexe : la somme est 93, il faut 100."
        " Il manque 7. Corrigez une modalité."
    }


def test_totals_that_disagree_with_the_other_criteria_are_named(known: Known) -> None:
    lines = [
        Line(2, "CN", "sexe", "1", total="1000"),
        Line(3, "CN", "sexe", "2", total="1 200"),
    ]
    assert "il faut 2\xa0100 (les adultes du secteur" in faults(lines, known)[3, "total"]


def test_a_category_that_lacks_is_a_line_to_fill_in(lines: list[Line], known: Known) -> None:
    checked = check([line for line in lines if line.number != 3], known)
    [added] = checked.missing
    assert (added.sector, added.criterion, added.category) == ("CN", "sexe", "2")
    assert (added.number, added.label) == (212, "Femme")
    assert list(checked.faults) == [(212, "share")]


def test_a_line_given_twice_names_the_first(lines: list[Line], known: Known) -> None:
    twice = [*lines, replace(lines[0], number=212)]
    assert faults(twice, known) == {
        (212, "category"): "Déjà donné à la ligne 2. Retirez une des deux lignes."
    }


def test_two_universes_in_one_sector_are_refused(lines: list[Line], known: Known) -> None:
    found = faults(changed(lines, 5, universe="15 ans et plus"), known)
    assert list(found) == [(5, "universe")]
    assert "« 18+, ordinary households »" in found[5, "universe"]


def test_a_category_of_zero_may_be_merged_with_its_neighbour(
    lines: list[Line], known: Known
) -> None:
    cn = [one for one in lines if one.sector == "CN" and one.criterion == "statut_occupation"]
    shares = dict(zip(cn, ("9", "82", "9", "0"), strict=True))
    wrong = [replace(one, share=shares[one]) if one in shares else one for one in lines]
    assert list(faults(wrong, known)) == [(cn[3].number, "share")]
    merged = frozenset({("CN", "statut_occupation", "4"), ("CN", "statut_occupation", "3")})
    assert not faults(wrong, replace(known, merged=merged))


def test_a_sector_without_margins_is_noted(lines: list[Line], known: Known) -> None:
    checked = check([one for one in lines if one.sector != "T2"], known)
    assert not checked.faults
    assert checked.notes == [
        "Secteur témoin 2 n’a aucune marge : ses entretiens ne pourront pas être calés."
    ]


# ------------------------------------------------------------------------------- 4. totals


def test_shares_and_totals_give_the_same_persons(known: Known) -> None:
    in_shares = [
        Line(2, "CN", "Sexe", "1", share="47"),
        Line(3, "CN", "Sexe", "2", share="53 %", unit="personnes"),
    ]
    in_persons = [
        Line(2, "CN", "sexe", "1", total="987"),
        Line(3, "CN", "sexe", "2", total="1 113,0"),
    ]
    for lines in (in_shares, in_persons):
        checked = check(lines, known)
        assert not checked.faults
        assert [margin.total for margin in checked.margins] == pytest.approx([987, 1113])
        assert {(line.criterion, line.unit) for line in checked.lines} == {("sexe", "person")}

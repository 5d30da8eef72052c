"""The dataset, in every format, against the answers of the database.

1. Every format, read by another program, has every value; not asked, module not drawn, don't know
   and refusal told apart; two versions of the questionnaire, names and labels that do not fit.
2. Labels and missing values come with the data; what was cut is listed in full.
3. A wave without an interview makes a file with its columns and no row.
4. A text or a label that is a formula or a script does nothing, in any format or page.
5. Rosters are a table of their own.
6. The digest is that of the raw CSV; a page of rows is a part of the same dataset.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pyreadstat
import pytest
from django.db import transaction
from django.db.models import F, QuerySet
from lxml import etree
from openpyxl import load_workbook

from cati.operations.jobs import Refusal
from questionnaire.core.instrument import Instrument, Item, Theme, content_hash, to_json
from questionnaire.core.program import compile_instrument
from questionnaire.core.routing import State, Walker
from questionnaire.models import InstrumentVersion, Interview
from questionnaire.queries import program_of
from tests.weighting import awkward, respondents
from tests.weighting.awkward import YES_NO
from tests.weighting.readers import (
    FIRST_PIECE,
    PACKAGE,
    READERS,
    Read,
    from_r,
    from_sav_by_r,
    r_has,
)
from tests.world import NOW, World
from weighting import queries
from weighting.exports import raw
from weighting.exports.columns import SPECIAL_CODES, UNDRAWN
from weighting.exports.dataset import Dataset, dataset_of
from weighting.exports.files import Target
from weighting.exports.formats import FORMATS
from weighting.models import WeightingRun

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
READS = [
    pytest.param(form, suffix, read, id=read.__name__)
    for form, (suffix, reads) in READERS.items() for read in reads
]  # fmt: skip
DOCUMENTS = ["xlsx", "csv", "sav", "dta", "parquet", "r", "codebook", "ddi"]


@pytest.fixture
def run(world: World) -> WeightingRun:
    """The first interview stands behind the others in the database, as whatever was changed."""
    run = awkward.fieldwork(world.wave)
    first = Interview.objects.order_by("pk")[:1]
    Interview.objects.filter(pk__in=first.values("pk")).update(seq=F("seq"))
    return run


@pytest.fixture
def dataset(run: WeightingRun) -> Dataset:
    return dataset_of(run)


def write(dataset: Dataset, form: str, folder: Path, *, raw: bool = False) -> list[Path]:
    return FORMATS[form].write(dataset, Target(folder, "essai", raw))


def ending(paths: list[Path], suffix: str) -> Path:
    return next(path for path in paths if path.name == f"essai{suffix}")


def can(read: Read) -> bool:
    """Whether what the reader needs is here: R, and a package of it, may not be."""
    return read not in PACKAGE or r_has(PACKAGE[read])


# ------------------------------------------------------------------------------- 1. values


def cells_of(interview: Interview) -> dict[str, Any]:
    """Every cell of an interview under its full name, from its route, answer by answer."""
    program = program_of(interview.version)
    walker = Walker(program, State.from_json(interview.answers))
    route = walker.route()
    asked = set(route.asked)
    cells: dict[str, Any] = dict(walker.state.draws)
    for node in program.nodes:
        if node.kind == "compute" and not node.instance:
            value = route.computed.get(node.name)
            cells[node.name] = int(value) if isinstance(value, bool) else value
        elif node.kind == "item" and not node.instance and node.entry.store != "contact":
            answer = walker.state.answers.get(node.name, {}) if node.name in asked else {}
            drawn = walker.state.draws.get("MODULE")
            undrawn = bool(node.entry.module) and node.entry.module != drawn
            cells |= dict(of_item(node.entry, answer, undrawn))
    return cells


def of_item(item: Any, answer: dict[str, Any], undrawn: bool) -> Iterator[tuple[str, Any]]:
    special = UNDRAWN if undrawn else SPECIAL_CODES.get(answer.get("special", ""))
    value = answer.get("v")
    if item.type == "multiple":
        listed = " ".join(map(str, value)) if value else None
        yield item.code, listed or (str(special) if special else None)
        for choice in item.choices:
            chosen = None if value is None else int(choice.code in value)
            yield f"{item.code}_{choice.code}", special if value is None else chosen
    elif item.choices:
        yield item.code, special if value is None else value
    elif item.type != "info":
        yield item.code, value
        if item.specials:
            yield f"{item.code}_special", special
    for choice in item.choices:
        if choice.other:
            yield f"{item.code}_{choice.code}_texte", answer.get("other", {}).get(str(choice.code))


def expected(dataset: Dataset) -> list[dict[str, Any]]:
    """The cells of the questions of every interview, under the names of the files."""
    name_of = {column.full: column.name for column in dataset.columns}
    return [
        {name_of[full]: cell for full, cell in cells_of(interview).items()}
        for interview in Interview.objects.filter(outcome="complete").order_by("pk")
    ]


@pytest.mark.parametrize(("form", "suffix", "read"), READS)
def test_every_format_read_back_is_the_database(
    dataset: Dataset, tmp_path: Path, form: str, suffix: str, read: Read
) -> None:
    if not can(read):
        pytest.skip(f"R without {PACKAGE[read]}")
    path = ending(write(dataset, form, tmp_path, raw=True), suffix)
    found = read(path, dataset.columns)
    assert [row["version"] for row in found] == [1, 1, 1, 2]
    assert [row["weight"] for row in found] == [0.3, 0.333333333333333, 14285.7142857143, None]
    assert [row["weight_a"] for row in found] == [0.6, None, 28571.4285714286, None]
    for row, cells in zip(found, expected(dataset), strict=True):
        assert list(row) == [column.name for column in dataset.columns]
        told = {name: row[name] for name in cells}
        assert told == {name: _as_read(read, cell) for name, cell in cells.items()}


def test_what_one_version_asks_as_a_choice_and_another_in_words_is_read_as_each_has_it(
    world: World,
) -> None:
    first = Instrument("un", "Un", (Theme("T", "T", (Item("Q", "single", "Q ?", "T", YES_NO),)),))
    second = Instrument("deux", "Deux", (Theme("T", "T", (Item("Q", "text", "Q ?", "T"),)),))
    for rank, (version, said) in enumerate(((first, 2), (second, "98 ans")), start=1):
        content = to_json(version)
        row = InstrumentVersion.objects.create(
            name=version.name, number=rank, content=content, hash=content_hash(content),
            published_at=NOW,
        )  # fmt: skip
        awkward.interviewed(world.wave, row, {"Q": awkward.v(said)}, "A")
    complete = queries.complete(world.wave)
    programs = [compile_instrument(one) for one in (first, second)]
    [frame] = raw.interviews([complete], ["pk"], programs)
    assert frame.select(raw.code("Q"), raw.answer("Q")).rows() == [(2, "2"), (None, "98 ans")]


def _as_read(read: Read, cell: Any) -> Any:
    """R ends every line alike, and reads long texts of SPSS in pieces."""
    if read is from_sav_by_r and isinstance(cell, str):
        return cell.encode()[:FIRST_PIECE].decode(errors="ignore")
    return cell.replace("\r\n", "\n") if read is from_r and isinstance(cell, str) else cell


def test_the_whole_questionnaire_is_what_its_routes_say(world: World) -> None:
    people = respondents.units(100)
    respondents.interviewed(world.wave, people)
    assert world.wave.version is not None
    dataset = dataset_of(awkward.run_without_interviews(world.wave, world.wave.version))
    wanted = expected(dataset)
    assert len(wanted) == len(people)
    for row, cells in zip(dataset.frame.to_dicts(), wanted, strict=True):
        assert {name: row[name] for name in cells} == cells
        assert row.keys() - cells.keys() == {column.name for column in dataset.head}


@pytest.mark.django_db(transaction=True)
def test_two_halves_read_at_the_same_time_are_the_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = awkward.fieldwork(world.wave)
    with transaction.atomic():
        whole = dataset_of(run, paradata=True).tables
    read, rows = raw.interviews, []

    def each_share(shares: Sequence[QuerySet[Any]], *asked: Any) -> Any:
        rows.extend(len(share) for share in shares)
        return read(shares, *asked)

    monkeypatch.setattr(raw, "interviews", each_share)
    halves = dataset_of(run, paradata=True).tables
    assert rows == [2, 2]
    for one, two in zip(halves, whole, strict=True):
        assert one.frame.equals(two.frame)


# ------------------------------------------------------------------------------- 2. labels


def test_names_are_valid_and_unlike_in_any_case(dataset: Dataset) -> None:
    names = [column.name for column in dataset.columns]
    assert all(name.isascii() and name.isidentifier() and len(name) <= 32 for name in names)
    assert len({name.lower() for name in names}) == len(names)
    changed = {cut.full: cut.kept for cut in dataset.cuts}
    assert changed["WITH"] == "WITH_"
    assert changed["Weight"] == "Weight_2"
    assert changed[awkward.LONG_NAME].startswith("NOM_TRES_TRES_")


def test_spss_has_labels_missing_values_and_measures(dataset: Dataset, tmp_path: Path) -> None:
    paths = write(dataset, "sav", tmp_path)
    _frame, meta = pyreadstat.read_sav(ending(paths, ".sav"), user_missing=True)
    for column in dataset.columns:
        label = meta.column_names_to_labels[column.name]
        assert label == column.label or (label[-1] == "…" and column.label.startswith(label[:-1]))
        assert (column.name in meta.missing_ranges) == bool(column.coded and column.missing)
        assert meta.variable_measure[column.name] == column.measure
        found = meta.variable_value_labels.get(column.name, {})
        assert set(found) == (set(column.labels) if column.coded else set())
    assert meta.missing_ranges["Q1"] == [{"lo": 97, "hi": 100}]
    assert meta.variable_value_labels["WITH_"] == {
        1: "Oui", 2: "Non", 3: "Peut-être", 98: "Ne se prononce pas", 99: "Refuse de répondre",
    }  # fmt: skip
    syntax = ending(paths, ".sps").read_text("utf-8-sig")
    assert "MDGROUP NAME=$Q3" in syntax
    assert "Q3_1\n      Q3_2\n      Q3_9\n" in syntax
    assert max(len(line.encode()) for line in syntax.splitlines()) < 251


def test_stata_tells_four_kinds_of_missing_values_with_labels(
    dataset: Dataset, tmp_path: Path
) -> None:
    path = ending(write(dataset, "dta", tmp_path), ".dta")
    _frame, meta = pyreadstat.read_dta(path, user_missing=True)
    [name] = [cut.kept for cut in dataset.cuts if cut.full == awkward.LONG_NAME]
    assert meta.variable_value_labels[name] == {
        1: "Oui", 2: "Non", "n": "Non concerné(e)", "d": "Ne se prononce pas",
        "r": "Refuse de répondre",
    }  # fmt: skip
    assert meta.variable_value_labels["Q2"][2] == awkward.LONG_LABEL
    assert meta.variable_value_labels["M1"]["m"] == "Module non tiré pour cet entretien"


@pytest.mark.parametrize("form", ["sav", "dta"])
def test_what_was_cut_is_listed_in_full(dataset: Dataset, tmp_path: Path, form: str) -> None:
    path = ending(write(dataset, form, tmp_path, raw=True), "-coupures.csv")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        cuts = list(csv.DictReader(lines))
    full = {(cut["variable"], cut["code"]): cut for cut in cuts}
    assert full["Q1", ""]["complet"] == awkward.LONG_LABEL
    assert (
        full["Q1", ""]["retenu"].rstrip("…")
        == awkward.LONG_LABEL[: len(full["Q1", ""]["retenu"]) - 1]
    )
    assert full["WITH_", ""]["complet"] == "WITH"
    assert (("Q2", "2") in full) == (form == "sav")


def test_parquet_carries_its_dictionary(dataset: Dataset, tmp_path: Path) -> None:
    [path, *_rosters] = write(dataset, "parquet", tmp_path)
    told = json.loads(pyarrow.parquet.read_metadata(path).metadata[b"allo_quartiers"])
    found = {one["name"]: one for one in told["variables"]}
    assert list(found) == [column.name for column in dataset.columns]
    assert found["Q1"]["label"] == awkward.LONG_LABEL
    assert found["M1"]["missing"] == [98, 99, 100]
    assert found["Q2"]["codes"]["1"] == awkward.POLYGLOT


def test_the_dictionary_and_the_frequencies_are_in_the_workbook(
    dataset: Dataset, tmp_path: Path
) -> None:
    [path] = write(dataset, "xlsx", tmp_path, raw=True)
    book = load_workbook(path, read_only=True)
    lines = list(book["dictionnaire"].iter_rows(min_row=2, values_only=True))
    codes = {(line[0], line[3]): line for line in lines if line[3] is not None}
    assert codes["Q1", 98][4:6] == ("Ne se prononce pas", 1)
    assert codes["Q1", 1][4:6] == ("Oui", 0)
    counts = {
        (line[0], line[2]): line[5:]
        for line in book["fréquences"].iter_rows(min_row=2, values_only=True)
    }
    # Two are weighted among the three that answered Q1, of which one said yes.
    assert counts["Q1", 1] == (1, 0.3, pytest.approx(100 * 0.3 / (0.3 + 1 / 3)))
    assert counts["Q1", 2] == (2, 0.333333333333333, pytest.approx(100 / 3 / (0.3 + 1 / 3)))
    assert counts["Q1", 98] == (1, 14285.7142857143, None)


@pytest.mark.parametrize("form", ["sav", "xlsx"])
def test_a_text_too_long_for_the_format_is_refused_and_not_cut(
    world: World, tmp_path: Path, form: str
) -> None:
    said = awkward.PEOPLE[0] | {"Q5": awkward.v("à" * 20_000)}
    version = awkward.published(1)
    awkward.interviewed(world.wave, version, said, "A")
    dataset = dataset_of(awkward.run_without_interviews(world.wave, version))
    with pytest.raises(Refusal, match="Q5 est trop long"):
        write(dataset, form, tmp_path)
    assert write(dataset, "dta", tmp_path)


# ------------------------------------------------------------------------------- 3. nobody


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_wave_without_interviews_has_its_columns(world: World, tmp_path: Path, form: str) -> None:
    dataset = dataset_of(awkward.run_without_interviews(world.wave, awkward.published(1)))
    paths = write(dataset, form, tmp_path)
    assert all(path.stat().st_size for path in paths)
    if form in READERS:
        suffix, reads = READERS[form]
        for read in filter(can, reads):
            assert read(ending(paths, suffix), dataset.columns) == []
    assert "Q1" in [column.name for column in dataset.columns]


# ------------------------------------------------------------------------------- 4. harm


@pytest.mark.parametrize("form", ["csv-codes", "csv-labels", "xlsx"])
def test_no_cell_of_a_spreadsheet_begins_a_formula(
    dataset: Dataset, tmp_path: Path, form: str
) -> None:
    [path, *_more] = write(dataset, form, tmp_path)
    if form == "xlsx":
        book = load_workbook(path)
        cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line]
        assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
        texts = [cell.value for cell in cells if isinstance(cell.value, str)]
    else:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            texts = [
                cell for line in csv.reader(lines) for cell in line
                if not cell.lstrip("-").replace(".", "").isdigit()
            ]  # fmt: skip
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert f"'{awkward.POLYGLOT}" in texts


def test_no_page_or_document_runs_a_script(dataset: Dataset, tmp_path: Path) -> None:
    [page] = write(dataset, "codebook", tmp_path)
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "49" not in text.partition("=cmd")[2][:120]
    [document] = write(dataset, "ddi", tmp_path)
    tree = etree.parse(document)
    assert not tree.xpath("//*[local-name() = 'script']")
    assert awkward.POLYGLOT in tree.xpath("//*[local-name() = 'labl']/text()")


# ------------------------------------------------------------------------------- 5. rosters


def test_a_roster_is_a_table_with_a_row_for_each_instance(dataset: Dataset, tmp_path: Path) -> None:
    [roster] = dataset.rosters
    assert [column.name for column in roster.columns] == [
        "entretien", "rang", "AGE_P", "AGE_P_special", "LIEN", "MAJEUR",
    ]  # fmt: skip
    first = Interview.objects.order_by("pk")[0].pk
    rows = [(first, 1, 40, None, 1, 1), (first, 2, None, 98, 2, None)]
    assert roster.frame.rows() == rows
    for form, (suffix, reads) in READERS.items():
        if form in ("xlsx", "r"):
            continue
        words, _dot, kind = suffix.rpartition(".")
        path = ending(write(dataset, form, tmp_path), f"{words}-menage.{kind}")
        for read in filter(can, reads):
            found = read(path, roster.columns)
            assert [tuple(row.values()) for row in found] == rows, read


# ------------------------------------------------------------------------------- 6. one dataset


def test_the_digest_is_that_of_the_raw_csv(dataset: Dataset, tmp_path: Path) -> None:
    [path, *_rosters] = write(dataset, "csv-codes", tmp_path, raw=True)
    lines = path.read_bytes().removeprefix("\ufeff".encode())
    assert dataset.digest == hashlib.sha256(lines).hexdigest()


def test_a_page_is_a_part_of_the_same_dataset(run: WeightingRun, dataset: Dataset) -> None:
    second = dataset_of(run, first=2, most=2)
    assert second.columns == dataset.columns
    assert second.frame.equals(dataset.frame[2:4])
    assert second.size == 4


def test_paradata_come_when_they_are_asked_for(run: WeightingRun, dataset: Dataset) -> None:
    more = dataset_of(run, paradata=True)
    names = ["debut", "fin", "duree", "appels", "enqueteur"]
    assert [column.name for column in more.columns if column not in dataset.columns] == names
    assert more.frame.select(names).row(0) == (
        "2026-03-17T14:00:00Z", "2026-03-17T14:00:00Z", 0.0, 0, None,
    )  # fmt: skip
    assert more.frame.drop(names).equals(dataset.frame)


def test_labels_are_the_words_of_the_codes(dataset: Dataset, tmp_path: Path) -> None:
    [path, *_rosters] = write(dataset, "csv-labels", tmp_path, raw=True)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["Q3"] for row in rows[:3]] == ["Un | Autre", "Ne se prononce pas", "Deux"]
    assert [row["WITH_"] for row in rows] == ["Oui", "Refuse de répondre", "Non", "Peut-être"]
    assert rows[1]["M1"] == "Module non tiré pour cet entretien"

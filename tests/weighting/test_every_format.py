"""What formats stumble over, in every one that the product writes: nothing is lost, nothing runs.

1. A label of 300 accented characters stands in full, or in the list of what was cut.
2. A name of 70 characters is valid everywhere, and stands in full beside the data.
3. A value with line breaks, quotes and separators comes back as it was said.
4. Two versions of the questionnaire stand side by side: the columns and the words of both.
5. A wave without interviews has its columns.
6. A formula that is a script does nothing: no cell is a formula, no document has markup of it.

Each format is read by another program than the one that wrote it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet
import pyreadstat
import pytest
from lxml import etree
from lxml import html as lxml_html
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from cati.models import Wave
from questionnaire.models import AnswerEvent, Interview
from tests.weighting import awkward
from tests.world import NOW, World
from weighting.exports.dataset import dataset_of
from weighting.exports.files import Target
from weighting.exports.formats import FORMATS
from weighting.models import WeightingRun

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# What each format holds besides the names of the variables: answers in words of the respondents,
# labels, names in full. Codes need their dictionary, which says the rest.
ANSWERS = {"xlsx", "csv-codes", "csv-labels", "csv", "sav", "dta", "parquet", "r", "journal"}
LABELS = {"xlsx", "csv-dictionary", "csv", "sav", "dta", "parquet", "r", "codebook", "ddi"}
SHEETS = {"xlsx", "csv-codes", "csv-labels", "csv-dictionary", "csv", "journal", "calls"}
COLUMNS = {name for name, form in FORMATS.items() if form.of_run}

Texts = list[str]


def of_csv(path: Path) -> Iterator[str]:
    for line in csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")):
        yield from line


def of_xlsx(path: Path) -> Iterator[str]:
    for sheet in load_workbook(path):
        for line in sheet.iter_rows(values_only=True):
            yield from (unescape(cell) for cell in line if isinstance(cell, str))


def of_statistics(read: Callable[..., Any]) -> Callable[[Path], Iterator[str]]:
    def texts(path: Path) -> Iterator[str]:
        frame, meta = read(path, user_missing=True, output_format="dict")
        yield from frame
        yield from meta.column_labels
        yield from (label for its in meta.variable_value_labels.values() for label in its.values())
        yield from (cell for values in frame.values() for cell in values if isinstance(cell, str))

    return texts


def of_parquet(path: Path) -> Iterator[str]:
    table = pyarrow.parquet.read_table(path)
    yield from table.column_names
    yield from of_json(json.loads(pyarrow.parquet.read_metadata(path).metadata[b"allo_quartiers"]))
    yield from (cell for row in table.to_pylist() for cell in row.values() if isinstance(cell, str))


def of_json(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from of_json(value)
    elif isinstance(found, list):
        for value in found:
            yield from of_json(value)


def of_r(path: Path) -> Iterator[str]:
    """The literals of the script; test_dataset.py has R itself read it."""
    for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', path.read_text("ascii")):
        letters = re.sub(r"\\U\{([0-9a-f]+)\}", lambda code: chr(int(code[1], 16)), literal)
        yield re.sub(r"\\(.)", r"\1", letters)


def of_document(parse: Callable[[str], Any]) -> Callable[[Path], Iterator[str]]:
    def texts(path: Path) -> Iterator[str]:
        for element in parse(str(path)).getroot().iter():
            yield from filter(None, (element.text, element.tail, *element.attrib.values()))

    return texts


READ: Mapping[str, Callable[[Path], Iterator[str]]] = {
    ".csv": of_csv,
    ".xlsx": of_xlsx,
    ".sav": of_statistics(pyreadstat.read_sav),
    ".dta": of_statistics(pyreadstat.read_dta),
    ".parquet": of_parquet,
    ".R": of_r,
    ".html": of_document(lxml_html.parse),
    ".xml": of_document(etree.parse),
    ".sps": lambda path: iter(path.read_text("utf-8-sig").splitlines()),
}


def journalled(wave: Wave) -> None:
    """The answers of the first interview as events, for the journal's export."""
    one = Interview.objects.filter(case_link__case__wave=wave).order_by("pk")[0]
    AnswerEvent.objects.bulk_create(
        AnswerEvent(
            id=uuid4(), interview=one, seq=rank, kind="answer", item=item, value=value,
            version=one.version, at=NOW, client_at=NOW, ms_on_screen=1200,
        )
        for rank, (item, value) in enumerate(awkward.PEOPLE[0].items(), start=1)
        if item != awkward.LONG_NAME
    )  # fmt: skip


def written(wave: Wave, folder: Path, *, raw: bool) -> dict[str, list[Path]]:
    """{format: its files}, all of them."""
    dataset, paths = dataset_of(WeightingRun.objects.get(wave=wave)), {}
    for name, form in FORMATS.items():
        own = folder / name
        own.mkdir()
        source = form.of_wave(wave) if form.of_wave else dataset
        paths[name] = form.write(source, Target(own, "essai", raw))
    return paths


def texts_of(wave: Wave, folder: Path, *, raw: bool = True) -> dict[str, Texts]:
    """{format: every text of its files; those of the journal's values too, where they are raw}."""
    found = {
        form: [text for path in paths for text in READ[path.suffix](path)]
        for form, paths in written(wave, folder, raw=raw).items()
    }
    values = [json.loads(text) for text in found["journal"] if raw and text.startswith("{")]
    found["journal"] += [text for value in values for text in of_json(value)]
    return found


def missing(texts: Mapping[str, Texts], wanted: str, among: set[str]) -> set[str]:
    """The formats that do not have the text."""
    return {form for form in among if wanted not in texts[form]}


@pytest.fixture
def wave(world: World) -> Wave:
    awkward.fieldwork(world.wave)
    journalled(world.wave)
    return world.wave


def test_awkward_names_labels_answers_and_versions_stand_in_every_format(
    wave: Wave, tmp_path: Path
) -> None:
    assert set(FORMATS) == ANSWERS | LABELS | {"calls"}
    texts = texts_of(wave, tmp_path)
    # 1. In full, or cut with the full one in the list of cuts.
    assert not missing(texts, awkward.LONG_LABEL, LABELS)
    # 2. The valid name where there are columns, and the full one beside them.
    [name] = [one for one in texts["csv-codes"] if one.startswith("NOM_TRES_")]
    assert len(name) == 32
    assert not missing(texts, name, COLUMNS)
    assert not {form for form in LABELS if awkward.LONG_NAME not in " ".join(texts[form])}
    # 3. R's CSV is read by R in test_dataset.py.
    assert not missing(texts, awkward.BROKEN, ANSWERS)
    # 4. Of the first version « Non », of the second « Peut-être », which asks one question more.
    for word in ("Non", "Peut-être"):
        assert not missing(texts, word, LABELS)
    assert not missing(texts, "Q9", COLUMNS)


def test_a_wave_without_interviews_has_its_columns_in_every_format(
    world: World, tmp_path: Path
) -> None:
    awkward.run_without_interviews(world.wave, awkward.published(1))
    texts = texts_of(world.wave, tmp_path)
    assert not missing(texts, "Q1", COLUMNS)
    assert not missing(texts, "entretien", set(FORMATS))


def test_a_formula_that_is_a_script_does_nothing_in_any_format(wave: Wave, tmp_path: Path) -> None:
    texts = texts_of(wave, tmp_path, raw=False)
    for form in SHEETS:
        cells = [text for text in texts[form] if not re.fullmatch(r"-?[0-9.]+", text)]
        assert not [text for text in cells if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    for form in SHEETS - {"journal", "calls"}:
        assert f"'{awkward.POLYGLOT}" in texts[form]
    # Elsewhere it is a text among others: whole, and of no element or statement.
    for form in LABELS - SHEETS:
        assert awkward.POLYGLOT in " ".join(texts[form]), form
    for form, parse in (("codebook", lxml_html.parse), ("ddi", etree.parse)):
        tree = parse(str(next((tmp_path / form).iterdir())))
        assert not tree.xpath("//*[local-name() = 'script' or local-name() = 'img']")
        assert not tree.xpath("//@onerror")
    syntax = next((tmp_path / "sav").glob("*.sps")).read_text("utf-8-sig")
    assert all(line.count("'") % 2 == 0 for line in syntax.splitlines())

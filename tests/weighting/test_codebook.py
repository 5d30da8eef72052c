"""The codebook: each question as it was worded, who is asked, its codes and how often each came.

1. Conditions are said in words, with the labels of the codes.
2. Its counts are those of the answers, unweighted and weighted.
3. DDI-Codebook 2.5: its structure, every variable, its question, codes, counts and missing values.
4. The page is for the wave's admins.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from lxml import etree

from questionnaire.core.instrument import from_json
from tests.weighting import awkward
from tests.world import World
from weighting.exports import ddi
from weighting.exports.codebook import Entry, chapters_of
from weighting.exports.dataset import Dataset, dataset_of
from weighting.exports.files import Target
from weighting.exports.wording import filter_of, in_words

pytestmark = pytest.mark.django_db
DDI = {"d": "ddi:codebook:2_5"}
# The children of `var` in the schema's order, as far as we write them.
ORDER = ["labl", "qstn", "invalrng", "universe", "sumStat", "catgry", "varFormat", "notes"]


@pytest.fixture
def dataset(world: World) -> Dataset:
    return dataset_of(awkward.fieldwork(world.wave))


def entry(dataset: Dataset, name: str) -> Entry:
    entries = [one for chapter in chapters_of(dataset) for one in chapter.entries]
    return next(one for one in entries if one.column.name == name)


# ------------------------------------------------------------------------------- 1. words


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("NUM01 == 1", "NUM01 = « Oui »"),
        (
            "NUM03 in [3, 4] or dk(NUM03)",
            "NUM03 = « Plutôt non » ou « Non pas du tout » ou NUM03 : ne se prononce pas",
        ),
        (
            "answered(INS01) and not (8 in INS01)",
            "INS01 : a répondu et non (INS01 comprend « Je n’utilise aucun service d’insertion »)",
        ),
        ("EDU01 >= 1", "EDU01 au moins 1"),
        ("SANS_EMPLOI", "SANS_EMPLOI"),
        ("MODULE == 'A' or MODULES == False", "MODULE = « A » ou MODULES = « non »"),
        (
            "(EQU01A == 1 or EQU01B == 1) and AGE + 1 > 60",
            "(EQU01A = « Oui, dans mon quartier » ou EQU01B = « Oui, dans mon quartier »)"
            " et AGE + 1 plus de 60",
        ),
    ],
)
def test_conditions_are_said_in_words(world: World, expression: str, said: str) -> None:
    assert world.wave.version is not None
    instrument = from_json(world.wave.version.content)
    assert in_words(instrument, expression) == said


def test_the_filter_of_a_question_has_its_module_and_what_is_around(world: World) -> None:
    assert world.wave.version is not None
    instrument = from_json(world.wave.version.content)
    asked = filter_of(instrument, instrument.item("BIE04A"))
    assert asked.startswith("SAN00 = « ")
    assert filter_of(instrument, instrument.item("NUM01")) == ""


# ------------------------------------------------------------------------------- 2. counts


def test_counts_are_those_of_the_answers(dataset: Dataset) -> None:
    one = entry(dataset, "Q1")
    assert [(count.code, count.n) for _name, count in one.rows] == [
        (1, 1), (2, 2), (98, 1), (99, 0),
    ]  # fmt: skip
    assert [count.share for _name, count in one.rows] == [
        pytest.approx(30 / (0.3 + 1 / 3)), pytest.approx(100 / 3 / (0.3 + 1 / 3)), None, None,
    ]  # fmt: skip


def test_a_multiple_is_one_question_with_a_line_for_each_choice(dataset: Dataset) -> None:
    one = entry(dataset, "Q3")
    assert [(name, count.label, count.n) for name, count in one.rows] == [
        ("Q3_1", "Un", 1), ("Q3_2", "Deux", 1), ("Q3_9", "Autre", 1),
        ("Q3", "Ne se prononce pas", 2), ("Q3", "Refuse de répondre", 0),
    ]  # fmt: skip
    assert [part.column.name for part in one.others] == ["Q3_9_texte"]


def test_a_number_has_its_range_and_means(dataset: Dataset) -> None:
    main = entry(dataset, "Q4").main
    assert (main.n, main.low, main.high, main.mean) == (2, -5, 98, 46.5)
    weights = (0.3, 1e5 / 7)
    mean = (98 * weights[0] - 5 * weights[1]) / sum(weights)
    assert main.weighted_mean == pytest.approx(mean)


# ------------------------------------------------------------------------------- 3. DDI


@pytest.fixture
def book(dataset: Dataset, tmp_path: Path) -> Any:
    [path] = ddi.ddi(dataset, Target(tmp_path, "essai"))
    return etree.parse(path).getroot()


def test_ddi_has_the_study_the_file_and_every_variable(book: Any, dataset: Dataset) -> None:
    assert book.tag == "{ddi:codebook:2_5}codeBook"
    assert book.get("version") == "2.5"
    assert [etree.QName(child).localname for child in book] == ["stdyDscr", "fileDscr", "dataDscr"]
    names = book.xpath("//d:var/@name", namespaces=DDI)
    assert sorted(names) == sorted(column.name for column in dataset.columns)
    ids = book.xpath("//@ID")
    assert len(set(ids)) == len(ids)
    assert book.findtext(".//d:caseQnty", namespaces=DDI) == "4"
    assert dataset.digest in book.findtext("d:fileDscr/d:notes", namespaces=DDI)


def test_ddi_refers_only_to_what_is_there(book: Any) -> None:
    ids = set(book.xpath("//@ID"))
    referred = " ".join(
        book.xpath("//d:var/@files | //d:var/@wgt-var | //d:varGrp/@var", namespaces=DDI)
    ).split()
    assert referred
    assert set(referred) <= ids


def test_the_parts_of_a_variable_stand_in_the_order_of_the_schema(book: Any) -> None:
    for variable in book.xpath("//d:var", namespaces=DDI):
        ranks = [ORDER.index(etree.QName(child).localname) for child in variable]
        assert ranks == sorted(ranks)


def test_ddi_tells_question_codes_counts_and_missing_values(book: Any) -> None:
    [variable] = book.xpath("//d:var[@name = 'M1']", namespaces=DDI)
    assert variable.findtext("d:qstn/d:qstnLit", namespaces=DDI) == "Du module A"
    assert variable.findtext("d:universe", namespaces=DDI) == "MODULE = « A »"
    # Half the sample was asked it: it is weighed by the weights of that half.
    assert variable.get("wgt-var") == "V_weight_a"
    assert variable.xpath("d:invalrng/d:item/@VALUE", namespaces=DDI) == ["98", "99", "100"]
    told = [
        (
            category.findtext("d:catValu", namespaces=DDI),
            category.findtext("d:labl", namespaces=DDI),
            category.get("missing"),
            category.findtext("d:catStat[1]", namespaces=DDI),
            category.findtext("d:catStat[@wgtd]", namespaces=DDI),
        )
        for category in variable.findall("d:catgry", namespaces=DDI)
    ]
    assert told == [
        ("1", "Oui", "N", "0", "0"),
        ("2", "Non", "N", "1", "0.6"),
        ("98", "Ne se prononce pas", "Y", "0", "0"),
        ("99", "Refuse de répondre", "Y", "1", "28571.4285714286"),
        ("100", "Module non tiré pour cet entretien", "Y", "2", "0"),
    ]


# ------------------------------------------------------------------------------- 4. the page


def test_the_page_shows_it_and_runs_nothing(world: World, dataset: Dataset, client: Client) -> None:
    client.force_login(world.alain)
    text = client.get("/v/2026/redressement/1/variables/").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "Posée si : Q1 = « Oui »" in text
    assert 'id="Q3"' in text


def test_a_run_that_does_not_exist_has_no_page(world: World, client: Client) -> None:
    client.force_login(world.alain)
    assert client.get("/v/2026/redressement/9/variables/").status_code == 404

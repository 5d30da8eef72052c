"""What people read of a refusal: every code of the core is a sentence with its place and its mend.

1. Each code has its own French and its own English, what is wrong and how to mend it.
2. A sentence names sector, criterion and category by their labels, a merged category by both.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils import translation

import weighting.core
from weighting.core.criteria import MISSING_LABEL
from weighting.core.problems import MENDS, Problem
from weighting.operations.refusals import said, texts

CORE = Path(weighting.core.__file__).parent
SECTORS = {"VE": "Les Vergnes"}
CATEGORIES = {("age", "4"): "60-74 ans", ("age", "5"): "75 ans ou plus"}


def test_the_catalogue_has_every_code_that_the_core_gives() -> None:
    source = "".join(path.read_text() for path in CORE.glob("*.py"))
    given = set(re.findall(r'Problem\(\s*"(\w+)"', source))
    assert len(given) > 20
    assert given <= MENDS.keys() == texts().keys()


@pytest.mark.parametrize("code", MENDS)
def test_every_code_is_a_sentence_with_its_place_and_its_mend(code: str) -> None:
    problem = Problem(code, "", "VE", "age", "4+5", (0.5, 2.0))
    sentences = {}
    for language in ("fr", "en"):
        with translation.override(language):
            what, mend = texts()[code]
            [sentences[language]] = said([problem], SECTORS, CATEGORIES)
            assert what and mend and what != mend
            assert what in sentences[language] and sentences[language].endswith(mend)
    assert sentences["fr"].startswith("Les Vergnes, Âge, 60-74 ans + 75 ans ou plus : ")
    assert sentences["en"].startswith("Les Vergnes, Age, ")
    assert sentences["fr"] != sentences["en"]


def test_what_can_be_reached_is_told_in_the_units_of_the_fault() -> None:
    bounds = Problem("infeasible_bounds", "", "VE", attainable=(0.51234, 2.0))
    totals = Problem("infeasible_margins", "", "VE", "age", "5", (120.4, 130.5))
    [of_g], [of_persons] = said([bounds], SECTORS, {}), said([totals], SECTORS, CATEGORIES)
    assert "Des bornes de 0,512 à 2,000 suffiraient." in of_g
    assert "un total de 120 à 131 personnes" in of_persons
    [apart] = said([Problem("missing_as_category", "", "VE", "age", MISSING_LABEL)], SECTORS, {})
    assert apart.startswith("Les Vergnes, Âge, sans réponse : ")

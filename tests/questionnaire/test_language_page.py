"""The language page is true: each example loads, and leads where it says; each error is listed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from questionnaire.core.errors import CATALOGUE
from questionnaire.core.instrument import from_json, to_json
from questionnaire.core.load import load_texts
from questionnaire.core.walk import walk

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"```yaml\n(.*?)```(?:\n```walks\n(.*?)```)?", re.DOTALL)
EXAMPLES = [match.groups(default="") for match in EXAMPLE.finditer(PAGE)]
MANIFEST = next(text for text, _ in EXAMPLES if text.startswith("instrument:"))
THEMES = [(text, walks) for text, walks in EXAMPLES if text != MANIFEST]


def files(example: str) -> dict[str, str]:
    theme = example if example.startswith("theme:") else f"theme: T\ntitle: T\nitems:\n{example}"
    # Only an example that draws MODULE may have modules that read it.
    manifest = MANIFEST if "draw: MODULE" in example else re.sub(
        r"modules:\n(  .*\n)+", "", MANIFEST
    )  # fmt: skip
    return {"instrument.yaml": manifest, "t.yaml": theme}


@pytest.mark.parametrize(("example", "walks"), THEMES, ids=range(len(THEMES)))
def test_an_example_leads_where_the_page_says(example: str, walks: str) -> None:
    instrument = load_texts(files(example))
    assert from_json(json.loads(json.dumps(to_json(instrument)))) == instrument

    for line in walks.splitlines():
        answers, told = json.JSONDecoder().raw_decode(line)
        codes, _, outcome = line[told:].partition(":")
        walked = walk(instrument, answers)
        assert walked["asked"] == codes.split(), line
        assert walked["outcome"] == (outcome.strip() or None), line


def test_every_example_of_a_theme_is_walked() -> None:
    assert len(THEMES) >= 8
    assert all(walks for _, walks in THEMES)


def test_every_error_is_on_the_page() -> None:
    assert re.findall(r"^\| (Q\d+) \|", PAGE, re.MULTILINE) == list(CATALOGUE)

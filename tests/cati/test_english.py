"""The interface in English: every text of the sources is in the catalogue, and no text escapes it.

1. Each text that a source hands to gettext has an English translation, plural forms included.
2. No translation repeats the French.
3. No template says anything that does not pass through gettext.
4. No answer is refused in words that only French people are told.
"""

from __future__ import annotations

import ast
import gettext
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = settings.BASE_DIR
CATALOGUE = ROOT / "locale" / "en" / "LC_MESSAGES" / "django.mo"
SOURCES = sorted(
    path for app in ("cati", "questionnaire", "weighting") for path in (ROOT / app).rglob("*.py")
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "N_"}
TEMPLATE_CALL = re.compile(
    r"""\b(?:_|n?gettext)\(\s*u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""", re.DOTALL
)
TAGS = re.compile(
    r"\{% block body_class %\}.*?\{% endblock %\}"
    r"|\{% (comment|blocktranslate)\b.*?\{% end(?:comment|blocktranslate) %\}"
    r"|\{%.*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)
ELEMENTS = re.compile(r"<style\b.*?</style>|<[^>]*>|&\w+;", re.DOTALL)
# Names of keys, units, formulas and variables are the same in both; a day is typed in French.
SAME = re.compile(
    r"\b(?:jeu|weight_diffusion|weight|Alt\+[A-Z]|[A-Z]|F\d{1,2}|min|API|CSV|XLSX|RR\d|AAPOR|deff|lambda|g|n|e|m)\b"
)
WORD = re.compile(r"[^\W\d_]{2,}")


def texts_of_source(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[0]
        if name in CALLS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def texts_of_template(path: Path) -> Iterator[str]:
    for literal in TEMPLATE_CALL.findall(templatize(path.read_text())):
        with warnings.catch_warnings(action="ignore"):
            text: str = ast.literal_eval(literal)  # « G \\h i » is a date's format, and no escape
        yield text


@pytest.fixture(scope="module")
def catalogue() -> gettext.GNUTranslations:
    with CATALOGUE.open("rb") as file:
        return gettext.GNUTranslations(file)


def known(catalogue: gettext.GNUTranslations) -> set[str]:
    """The texts with a translation; of a plural, the first form."""
    return {one if isinstance(one, str) else one[0] for one in catalogue._catalog}  # type: ignore[attr-defined]


def test_every_text_of_the_sources_is_in_the_catalogue(catalogue: gettext.GNUTranslations) -> None:
    given = {text for path in SOURCES for text in texts_of_source(path)}
    given |= {text for path in TEMPLATES for text in texts_of_template(path)}
    assert len(given) > 1000
    assert sorted(given - known(catalogue) - {""}) == []


def test_no_translation_is_left_in_french(catalogue: gettext.GNUTranslations) -> None:
    left = {
        text for text, said in catalogue._catalog.items()  # type: ignore[attr-defined]
        if isinstance(text, str) and text == said and re.search(r"[àâçéèêëîïôùûœ]", text)
    }  # fmt: skip
    assert left == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_says_nothing_beside_gettext(path: Path) -> None:
    said = SAME.sub(" ", ELEMENTS.sub(" ", TAGS.sub(" ", path.read_text())))
    assert WORD.findall(said) == []


def test_no_answer_is_refused_in_french_alone() -> None:
    """What is refused is made of marked texts, never a plain string where it is raised."""
    refused = [
        (path.name, one.lineno)
        for path in SOURCES
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") in {"AnswerRefused", "_refused"}
        for given in call.args
        for one in getattr(given, "elts", [given])
        if isinstance(one, ast.JoinedStr | ast.Constant)
    ]
    assert refused == []

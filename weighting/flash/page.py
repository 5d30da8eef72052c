"""A Flash: one page per theme, described by a small YAML and filled with a run's figures.

The YAML names figures once; sentences, cards and charts refer to them as {name:TERRITORY}, and to
how often one territory's figure goes into another's as {name:QPV/T1}. docs/flash.md has the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import translation
from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cati.operations.errors import Refused
from weighting.core.indicators import Direction, Indicator
from weighting.core.rounding import percent
from weighting.flash import words
from weighting.flash.answers import Answers
from weighting.flash.build import Ask, Made, made

PAGES = Path(__file__).parent.parent / "flash_pages"
NAMED = re.compile(r"\{(\w+)(?::(\w+)(?:/(\w+))?)?\}")
PRIORITY, REFERENCE = "QPV", "T1"
# A Flash is published in French, whatever the language of who makes it.
LANGUAGE = "fr"
# What each part of a description may say.
OF_PAGE = ("title", "preset", "published", "text", "figures", "cards", "sheets", "notes", "source")
OF_FIGURE = ("item", "answers", "among", "sum", "better")
OF_TABLE = ("item", "by", "among", "who", "sums", "gaps", "title")
OF_CARD, OF_CHART, OF_SUM = ("figure", "words"), ("figure", "title"), ("words", "answers")
BLOCKS = ("table", "chart", "text")


@dataclass(frozen=True, eq=False)
class Figure:
    """An indicator by territory: exact shares and the whole percentages that are printed."""

    indicator: Indicator
    made: Made
    exact: Mapping[str, float]
    printed: Mapping[str, float]

    def text(self, territory: str) -> str:
        """« 18 % » with a space that does not break, « s » where it is kept back."""
        value = self.printed.get(territory, np.nan)
        return words.SECRET if np.isnan(value) else f"{value:.0f}\u00a0%"


@dataclass(frozen=True)
class Card:
    """A figure in large, of the priority neighbourhoods, and in small, of the control sector."""

    large: str
    words: str
    small: str


@dataclass(frozen=True, eq=False)
class TableBlock:
    title: str
    made: Made
    kind: str = "table"


@dataclass(frozen=True, eq=False)
class ChartBlock:
    """Bars: (label, share or None, what is printed, strong)."""

    title: str
    figure: Figure
    bars: Sequence[tuple[str, float | None, str, bool]]
    kind: str = "chart"


@dataclass(frozen=True)
class TextBlock:
    text: str
    kind: str = "text"


Block = TableBlock | ChartBlock | TextBlock


@dataclass(frozen=True, eq=False)
class Page:
    """A Flash with its figures. `sheets` are printed pages; notes stand at the end of each."""

    name: str
    title: str
    wave: Any
    text: str
    cards: Sequence[Card]
    sheets: Sequence[Sequence[Block]]
    notes: Sequence[Sequence[str]]
    source: str
    figures: Mapping[str, Figure]

    @property
    def subtitle(self) -> str:
        """« Allô Quartiers · 2017 », and whether the wave is invented."""
        told = f"Allô Quartiers · {self.wave.year}"
        return f"{told} · {_('données synthétiques')}" if self.wave.is_demo else told

    @property
    def tables(self) -> Iterator[TableBlock]:
        for sheet in self.sheets:
            yield from (block for block in sheet if isinstance(block, TableBlock))


def names() -> list[str]:
    """The pages that come with the product."""
    return sorted(path.stem for path in PAGES.glob("*.yaml"))


@cache
def titles() -> Mapping[str, str]:
    """{name: title} of the pages that come with the product."""
    return {name: str(description(name)["title"]) for name in names()}


def description(name: str) -> Mapping[str, Any]:
    """A page that comes with the product, or the YAML file at a path. Refused where unreadable."""
    path = PAGES / f"{name}.yaml" if name in names() else Path(name)
    try:
        return read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(names())
        told = _("Aucune page « %(name)s ». Pages fournies : %(known)s.")
        raise Refused({"page": told % {"name": name, "known": known}}) from error


def read(text: str) -> Mapping[str, Any]:
    """A description, its shape checked. Refused, under `page`, with what is wrong and where."""
    try:
        found = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise Refused({"page": _("Ce n’est pas du YAML : %(why)s") % {"why": error}}) from error
    page = _mapping(found, OF_PAGE, _("la page"))
    if not isinstance(page.get("title"), str):
        raise Refused({"page": _("Il manque le titre : « title: … ».")})
    for name, figure in _mapping(page.get("figures") or {}, None, "figures").items():
        _mapping(figure, OF_FIGURE, f"figures : {name}")
    for card in page.get("cards") or ():
        _mapping(card, OF_CARD, "cards")
    for sheet in page.get("sheets") or ():
        for block in sheet:
            _check_block(block)
    return page


def page_of(answers: Answers, page: Mapping[str, Any], name: str) -> Page:
    """The page, filled, in French. Refused, under `page`, for what the wave does not have."""
    with translation.override(LANGUAGE):
        return _page_of(answers, page, name)


def _page_of(answers: Answers, page: Mapping[str, Any], name: str) -> Page:
    preset = {
        "preset": page.get("preset", "standard"), "published": bool(page.get("published", False))
    }  # fmt: skip
    try:
        figures = {
            key: _figure(answers, one, preset) for key, one in (page.get("figures") or {}).items()
        }
        sheets = [
            [_block(answers, block, preset, figures) for block in sheet]
            for sheet in page.get("sheets") or ()
        ]
    except Refused as refused:
        raise Refused({"page": " ".join(refused.messages.values())}) from refused
    wave = answers.run.wave
    own = [_filled(str(note), figures, wave.year) for note in page.get("notes") or ()]
    notes = [_notes(sheet) for sheet in sheets]
    if notes:
        notes[-1] = [*notes[-1], *own]
    return Page(
        name,
        page["title"],
        wave,
        _filled(str(page.get("text", "")), figures, wave.year),
        [_card(card, figures) for card in page.get("cards") or ()],
        sheets,
        notes,
        _filled(str(page.get("source", "")), figures, wave.year),
        figures,
    )


def _check_block(block: Any) -> None:
    kind = next(iter(block), "") if isinstance(block, Mapping) else ""
    if kind not in BLOCKS or len(block) != 1:
        told = _("« %(block)s » : un bloc est « table: … », « chart: … » ou « text: … ».")
        raise Refused({"page": told % {"block": block}})
    if kind == "chart":
        _mapping(block[kind], OF_CHART, kind)
    elif kind == "table":
        table = _mapping(block[kind], OF_TABLE, kind)
        for one in table.get("sums") or ():
            _mapping(one, OF_SUM, "sums")


def _mapping(found: Any, known: Sequence[str] | None, where: str) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        told = _("%(where)s : on attend des lignes « nom: valeur ».") % {"where": where}
        raise Refused({"page": told})
    if known is not None and (strange := [key for key in found if key not in known]):
        told = _("%(where)s : « %(key)s » n’est pas connu. Connus : %(known)s.")
        place = {"where": where, "key": strange[0], "known": ", ".join(known)}
        raise Refused({"page": told % place})
    return found


def _codes(given: Any) -> tuple[str, ...]:
    return tuple(str(code) for code in given or ())


def _figure(answers: Answers, one: Mapping[str, Any], preset: Mapping[str, Any]) -> Figure:
    better: Direction = one.get("better", "")
    indicator = Indicator(
        str(one.get("item", "")), _codes(one.get("answers")), "", str(one.get("among", "")), better
    )
    sums = (("", indicator.answers),)
    # All sectors and groups: a sentence may name any of them, printed in tables or not.
    ask = Ask(indicator.item, among=indicator.among, sums=sums, preset=preset["preset"])
    table = made(answers, ask)
    column = len(table.table.heads) - 1
    exact = table.table.values[:, column]
    rounded = table.rounded_sum(column) if one.get("sum") == "rounded" else percent(exact)
    codes = [row.code for row in table.rows]
    return Figure(
        indicator,
        table,
        dict(zip(codes, exact.tolist(), strict=True)),
        dict(zip(codes, rounded.tolist(), strict=True)),
    )


def _block(
    answers: Answers,
    block: Mapping[str, Any],
    preset: Mapping[str, Any],
    figures: Mapping[str, Figure],
) -> Block:
    if "text" in block:
        return TextBlock(_filled(str(block["text"]), figures, answers.run.wave.year))
    if "chart" in block:
        return _chart(block["chart"], figures)
    table = block["table"]
    ask = Ask(
        str(table.get("item", "")),
        by=str(table.get("by", "")),
        among=str(table.get("among", "")),
        who=str(table.get("who", "")),
        sums=tuple((str(one["words"]), _codes(one["answers"])) for one in table.get("sums") or ()),
        gaps=bool(table.get("gaps", False)),
        **preset,
    )
    found = made(answers, ask)
    title = str(table.get("title") or found.question.text)
    return TableBlock(f"{title} (parmi {found.among})" if found.among else title, found)


def _chart(chart: Mapping[str, Any], figures: Mapping[str, Figure]) -> ChartBlock:
    figure = _named(figures, str(chart.get("figure", "")))
    bars = []
    for row in figure.made.rows:
        # Bars are of the reference and of what is compared with one.
        if not row.reference and row.code != REFERENCE:
            continue
        exact = figure.exact[row.code]
        bars.append(
            (row.label, None if np.isnan(exact) else exact, figure.text(row.code), row.strong)
        )
    return ChartBlock(str(chart.get("title", "")), figure, bars)


def _card(card: Mapping[str, Any], figures: Mapping[str, Figure]) -> Card:
    figure = _named(figures, str(card.get("figure", "")))
    small = _("témoin 1 : %(figure)s") % {"figure": figure.text(REFERENCE)}
    return Card(figure.text(PRIORITY), str(card.get("words", "")), small)


def _notes(sheet: Sequence[Block]) -> list[str]:
    """The notes of all tables of a sheet, each once."""
    return words.under([block.made for block in sheet if isinstance(block, TableBlock)])


def _filled(text: str, figures: Mapping[str, Figure], year: int) -> str:
    def said(match: re.Match[str]) -> str:
        name, territory, other = match.groups()
        if name == "wave" and territory is None:
            return str(year)
        figure = _named(figures, name)
        if territory is None or other is None:
            return figure.text(territory or PRIORITY)
        nothing = float("nan")
        below = figure.exact.get(other, nothing)
        ratio = figure.exact.get(territory, nothing) / below if below else nothing
        return words.as_times(ratio) or words.points(figure.exact.get(territory, nothing) - below)

    return NAMED.sub(said, " ".join(text.split()))


def _named(figures: Mapping[str, Figure], name: str) -> Figure:
    if name not in figures:
        told = _("« %(name)s » n’est pas sous « figures: ».") % {"name": name}
        raise Refused({"page": told})
    return figures[name]

"""The codebook: each question as it was worded, who is asked, its codes and how often each came.

One reading of the dataset for the page of the product, the file that goes with the data, and DDI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from django.template.loader import render_to_string

from questionnaire.core.instrument import Instrument, Item
from weighting.exports.columns import Heading
from weighting.exports.dataset import Dataset
from weighting.exports.files import Target
from weighting.exports.frequencies import Count, Summary, summary
from weighting.exports.wording import filter_of

HEAD = "Entretien, secteur et poids"
COMPUTED = "Variables calculées et tirages"
CHOSEN = 1


@dataclass(frozen=True)
class Entry:
    """One question, or one variable that is none: its columns, and who it is asked of in words.

    `parts` are its columns, the main one first; `rows` its counts, a multiple's by choice, each
    with the name of its column.
    """

    parts: Sequence[Summary]
    asked: str = ""
    instruction: str = ""
    module: str = ""

    @property
    def column(self) -> Heading:
        return self.parts[0].column

    @property
    def main(self) -> Summary:
        return self.parts[0]

    @property
    def rows(self) -> Sequence[tuple[str, Count]]:
        if self.column.kind == "list":
            return list(self._choices())
        return [(part.column.name, count) for part in self.parts for count in part.counts]

    @property
    def others(self) -> Sequence[Summary]:
        """Its columns of words, beside the codes."""
        return [part for part in self.parts[1:] if part.column.kind == "text"]

    def _choices(self) -> Iterator[tuple[str, Count]]:
        choices = [part for part in self.parts if part.column.kind == "choice"]
        labels = [label for code, label in self.column.labels.items() if code < 97]
        for part, label in zip(choices, labels, strict=True):
            count = next(one for one in part.counts if one.code == CHOSEN)
            code = int(part.column.full.rpartition("_")[2])
            yield part.column.name, Count(code, label, False, count.n, count.weighted, count.share)
        for count in choices[0].counts if choices else ():
            if count.missing:
                yield self.column.name, count


@dataclass(frozen=True)
class Chapter:
    title: str
    entries: Sequence[Entry]


def chapters_of(dataset: Dataset) -> list[Chapter]:
    """The questions by theme, as the latest version that has each words it; computed ones last."""
    items = _items(dataset)
    heads = {column.name for column in dataset.head}
    found: dict[str, list[Entry]] = {}
    for _key, its in groupby(dataset.columns, key=lambda one: one.item or one.full):
        parts = [summary(column, dataset.frame) for column in its]
        code = parts[0].column.item
        if not code:
            title = HEAD if parts[0].column.full in heads else COMPUTED
            found.setdefault(title, []).append(Entry(parts))
            continue
        instrument, item = items[code]
        theme = next(one.title for one in instrument.themes if one.code == item.theme)
        asked = filter_of(instrument, item)
        found.setdefault(theme, []).append(Entry(parts, asked, item.instruction, item.module))
    if COMPUTED in found:
        found[COMPUTED] = found.pop(COMPUTED)
    return [Chapter(title, entries) for title, entries in found.items()]


def html(dataset: Dataset, to: Target) -> list[Path]:
    """The codebook as one page that needs nothing beside it."""
    path = to.path("-livre.html")
    context = {"dataset": dataset, "chapters": chapters_of(dataset)}
    path.write_text(render_to_string("weighting/codebook_file.html", context), encoding="utf-8")
    return [path]


def _items(dataset: Dataset) -> Mapping[str, tuple[Instrument, Item]]:
    """Each item with its instrument, the latest that has it."""
    found: dict[str, tuple[Instrument, Item]] = {}
    for program in dataset.programs.values():
        for item in program.instrument.items:
            found.setdefault(item.code, (program.instrument, item))
    return found

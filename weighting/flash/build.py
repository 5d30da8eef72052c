"""One table as it is asked for: which question, among whom, by what, under which preset.

The screen, the API, the workbook and the printed page all take it from here, and here only what
may be shown leaves: rows that are kept back have lost their figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import gettext as _

from cati.operations.errors import Refused
from weighting.core.rounding import percent, sum_of_rounded
from weighting.core.suppression import states_of
from weighting.core.tables import PRESETS, Preset, State, Table, tabulate, with_gaps
from weighting.flash.answers import Answers
from weighting.flash.filters import kept, said
from weighting.flash.questions import Question, question
from weighting.flash.rows import RowHead, Rows, by_answer, by_sector


@dataclass(frozen=True)
class Ask:
    """What is asked for.

    by: another question's code, '' for sectors and groups; among: an expression, '' for everybody
    asked, and who: these people in words; sums: (words, codes of answers), each one more column;
    only: codes of answers, summed into the one column of an indicator; preset: a name of
    `tables.PRESETS`, its limits changed by `hide_below` and `frail_below` where these are given;
    gaps: beside each row's reference; published: the rows that the agency prints.
    """

    item: str
    by: str = ""
    among: str = ""
    who: str = ""
    sums: tuple[tuple[str, tuple[str, ...]], ...] = ()
    only: tuple[str, tuple[str, ...]] | None = None
    preset: str = "standard"
    hide_below: int | None = None
    frail_below: int | None = None
    gaps: bool = False
    published: bool = False


@dataclass(frozen=True, eq=False)
class Made:
    """A table that may be shown: heads of its rows, its figures, and what its notes must say.

    by: the wording of the question whose answers are the rows, '' for sectors and groups.
    """

    ask: Ask
    question: Question
    rows: Sequence[RowHead]
    table: Table
    by: str
    among: str
    weights: str

    @property
    def rounded(self) -> np.ndarray:
        """Whole percentages (R, C), each rounded by itself; means are as they are."""
        values = self.table.values
        return values if self.table.mean else percent(values)

    def rounded_sum(self, column: int) -> np.ndarray:
        """A derived sum (R,) as somebody gets it who adds up what is printed."""
        return sum_of_rounded(self.table.values, self.table.heads[column].parts)

    def adds_up(self, column: int) -> bool:
        """Whether nobody gave two of the answers of a derived sum."""
        parts = self.question.asked.given[:, list(self.table.heads[column].parts)]
        return bool((parts.sum(axis=1) <= 1).all())


def made(answers: Answers, ask: Ask) -> Made:
    """The table. Refused, by field, for what cannot be tabulated."""
    preset = _preset(ask)
    asked = question(answers, ask.item)
    if ask.among:
        asked = asked.among(kept(answers, ask.among))
    asked = _columns(asked, ask)
    crossed = question(answers, ask.by) if ask.by else None
    rows = by_answer(crossed) if crossed else by_sector(answers, published=ask.published)
    table = _table(answers, asked, rows, preset, ask.gaps)
    who, by = ask.who or said(answers, ask.among), crossed.text if crossed else ""
    return Made(ask, asked, rows.heads, table, by, who, answers.weights)


def _preset(ask: Ask) -> Preset:
    if ask.preset not in PRESETS:
        raise Refused({"preset": _("Choisissez une présentation de la liste.")})
    preset = PRESETS[ask.preset]
    for name in ("hide_below", "frail_below"):
        if (limit := getattr(ask, name)) is not None:
            preset = replace(preset, **{name: limit})
    return preset


def _columns(asked: Question, ask: Ask) -> Question:
    columns = asked.asked
    try:
        for label, codes in ask.sums:
            columns = columns.with_sum(label, codes)
        if ask.only is not None:
            columns = columns.with_sum(*ask.only)
            columns = columns.only(columns.heads[-1].code)
    except KeyError as unknown:
        told = _("« %(code)s » n’est pas une réponse de cette question.") % {
            "code": unknown.args[0]
        }
        raise Refused({"sums": told}) from None
    return replace(asked, asked=columns)


def _table(answers: Answers, asked: Question, rows: Rows, preset: Preset, gaps: bool) -> Table:
    columns, domains, sample = asked.asked, rows.domains, answers.sample
    everybody = np.arange(len(answers))
    if asked.module:
        everybody, sample = answers.of_module(asked.module, asked.drawn)
        columns = replace(columns, given=columns.given[everybody], base=columns.base[everybody])
        domains = domains[everybody]
    estimated = tabulate(sample, columns, domains, preset)
    weighed = sample.weights != 0
    states = _states(rows, everybody, columns.base & weighed, preset, asked.module)
    # A figure of those alone whose sets of sectors could be weighed would pass for the row's.
    lost = (domains & (columns.base & ~weighed)[:, None]).any(axis=0)
    table = estimated.table.without(
        ["module" if gone else state for gone, state in zip(lost, states, strict=True)]
    )
    if not gaps:
        return table
    places = {head.code: place for place, head in enumerate(rows.heads)}
    references = [places.get(head.reference) for head in rows.heads]
    return with_gaps(estimated, table, references)


def _states(
    rows: Rows, everybody: np.ndarray, base: np.ndarray, preset: Preset, module: str
) -> tuple[State, ...]:
    members, parts = rows.parts()
    own = parts[everybody]
    sizes = np.bincount(own[base & (own >= 0)], minlength=members.shape[1])
    forbidden = np.ones(members.shape[1], np.bool_) if module and rows.sectors else None
    levels = [head.level for head in rows.heads]
    return states_of(members, sizes, preset, forbidden=forbidden, level=levels)

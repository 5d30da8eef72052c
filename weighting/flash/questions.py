"""What can be tabulated: the items and computed variables of a run's dataset, as columns of tables.

Bases are the survey's: everybody asked, don't know included; refusals out and counted; an item's
own `base` narrows it. Answers stand in the order in which they are published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from django.utils.translation import gettext as _

from cati.operations.errors import Refused
from questionnaire.core.instrument import NUMBERS, Item
from questionnaire.core.validation import SPECIAL_LABELS
from weighting import queries
from weighting.core.tables import Asked, Head
from weighting.exports.columns import MISSING, SPECIAL_CODES, UNDRAWN, Heading
from weighting.flash.answers import Answers, Flags, codes_in
from weighting.flash.filters import kept

DK = SPECIAL_CODES["dk"]
MOST_CODES = 20
TABULATED = ("single", "scale", "multiple", "consent", *NUMBERS)


@dataclass(frozen=True, eq=False)
class Question:
    """A variable as columns; `text` is its wording, `refused` how many of those asked are outside
    the base, `module` the split ballot it belongs to, `asked` (n,) who may have been asked it."""

    code: str
    short: str
    text: str
    theme: str
    asked: Asked
    refused: int
    module: str
    drawn: Flags

    def among(self, chosen: Flags) -> Question:
        return replace(self, asked=self.asked.among(chosen))


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue."""

    code: str
    label: str
    theme: str
    answers: Sequence[tuple[str, str]]


def catalogue(answers: Answers) -> Iterator[Entry]:
    """Everything that can be tabulated, in the order of the questionnaire, computed ones last."""
    instrument = answers.program.instrument
    for item in instrument.items:
        if item.code in answers.columns and item.type in TABULATED and not item.roster:
            choices = [(str(one.code), one.label) for one in item.choices]
            choices += [("dk", SPECIAL_LABELS["dk"])] if "dk" in item.specials else []
            yield Entry(item.code, item.short or item.text, _theme(answers, item), choices)
    for name, column in answers.columns.items():
        if not column.item and column.kind in ("boolean", "integer") and _computed(answers, name):
            labels = _labels(answers, name, column)
            words = [(str(code), labels[code]) for code in sorted(labels)]
            yield Entry(name, _title(answers, name), _("Variables calculées"), words)


def question(answers: Answers, code: str) -> Question:
    """The variable as columns. Refused, under `item`, for one that cannot be tabulated."""
    if code not in answers.columns:
        raise Refused(
            {"item": _("« %(code)s » n’est pas une question de cette vague.") % {"code": code}}
        )
    item = answers.items.get(code)
    if item is None:
        return _of_computed(answers, code)
    if item.type not in TABULATED:
        raise Refused(
            {
                "item": _("« %(code)s » est un texte libre : il ne se met pas en tableau.")
                % {"code": code}
            }
        )
    if item.type == "multiple":
        asked, refused, drawn = _multiple(answers, item)
    elif item.choices:
        asked, refused, drawn = _single(answers, item)
    else:
        asked, refused, drawn = _number(answers, item)
    if item.base:
        asked = asked.among(kept(answers, item.base))
    text = f"{item.stem} {item.text}".strip()
    split = item.module if drawn.any() and not drawn.all() else ""
    return Question(
        code, item.short or text, text, _theme(answers, item), asked, refused, split, drawn
    )


def _theme(answers: Answers, item: Item) -> str:
    """Its own theme's title; that of the file in which it stands where the wave leaves that out."""
    instrument = answers.program.instrument
    titles = {theme.code: theme.title for theme in instrument.themes}
    return titles.get(item.theme) or instrument.theme_of[item.code].title


def _single(answers: Answers, item: Item) -> tuple[Asked, int, Flags]:
    values = answers.column(item.code).fill_null(-1).to_numpy()
    labels = {choice.code: choice.label for choice in item.choices}
    # A code that only an earlier version had was answered too.
    earlier = answers.columns[item.code].labels
    labels |= {code: earlier[code] for code in codes_in(answers.column(item.code))
               if code not in labels and code not in MISSING and code in earlier}  # fmt: skip
    order = [DK if code == "dk" else int(code) for code in item.table_order]
    order += [code for code in labels if code not in order]
    if DK not in order and (values == DK).any():
        order.append(DK)
    given = (values[:, None] == np.array(order)).astype(float)
    base = (values >= 0) & ~np.isin(values, [c for c in MISSING if c != DK])
    heads = tuple(_head(code, labels) for code in order)
    return (
        Asked(heads, given, base),
        int((values == SPECIAL_CODES["refused"]).sum()),
        values != UNDRAWN,
    )


def _head(code: int, labels: dict[int, str]) -> Head:
    return Head("dk", SPECIAL_LABELS["dk"]) if code == DK else Head(str(code), labels[code])


def _multiple(answers: Answers, item: Item) -> tuple[Asked, int, Flags]:
    columns = [f"{item.code}_{choice.code}" for choice in item.choices]
    values = np.column_stack([answers.column(one).fill_null(-1).to_numpy() for one in columns])
    first = values[:, 0]
    heads = [Head(str(choice.code), choice.label) for choice in item.choices]
    given = (values == 1).astype(float)
    base = np.isin(first, (0, 1, DK))
    if (first == DK).any():
        heads.append(Head("dk", SPECIAL_LABELS["dk"]))
        given = np.column_stack([given, (first == DK).astype(float)])
    refused = int((first == SPECIAL_CODES["refused"]).sum())
    return Asked(tuple(heads), given, base), refused, first != UNDRAWN


def _number(answers: Answers, item: Item) -> tuple[Asked, int, Flags]:
    """The mean of who gave a number: somebody who does not know it has none."""
    values = answers.column(item.code).cast(pl.Float64)
    special = answers.columns.get(f"{item.code}_special")
    codes = (
        answers.frame[special.name].fill_null(-1).to_numpy()
        if special else np.full(len(answers), -1)
    )  # fmt: skip
    refused = int(np.isin(codes, [SPECIAL_CODES["refused"], DK]).sum())
    return _mean(values), refused, codes != UNDRAWN


def _mean(values: pl.Series) -> Asked:
    numbers = values.fill_null(np.nan).to_numpy()
    there = np.isfinite(numbers)
    given = np.where(there, numbers, 0.0)[:, None]
    return Asked((Head("mean", _("Moyenne")),), given, there, mean=True)


def _of_computed(answers: Answers, name: str) -> Question:
    column = answers.columns[name]
    if not _computed(answers, name) or column.kind not in ("boolean", *NUMBERS):
        raise Refused({"item": _("« %(code)s » ne se met pas en tableau.") % {"code": name}})
    values, labels = answers.column(name), _labels(answers, name, column)
    title, everybody = _title(answers, name), np.ones(len(answers), np.bool_)
    if labels:
        codes = values.cast(pl.Int64).fill_null(-1).to_numpy()
        order = sorted(labels, reverse=column.kind == "boolean")
        given = (codes[:, None] == np.array(order)).astype(float)
        heads = tuple(Head(str(code), labels[code]) for code in order)
        asked = Asked(heads, given, np.isin(codes, order))
    else:
        asked = _mean(values.cast(pl.Float64))
    return Question(name, title, title, _("Variables calculées"), asked, 0, "", everybody)


def _computed(answers: Answers, name: str) -> bool:
    symbol = answers.program.names.get(name)
    return symbol is not None and answers.program.nodes[symbol.slot].kind == "compute"


def _labels(answers: Answers, name: str, column: Heading) -> dict[int, str]:
    """Words of its codes: its own, those of the margins, or the codes; {} for an amount."""
    if column.labels:
        return dict(column.labels)
    codes = codes_in(answers.column(name)) if column.kind == "integer" else []
    if not codes or len(codes) > MOST_CODES:
        return {}
    told = queries.labels_of(answers.run.wave)
    criterion = _criterion(answers, name)
    return {code: told.get((criterion, str(code)), str(code)) for code in codes}


def _criterion(answers: Answers, name: str) -> str:
    roles = answers.program.instrument.roles
    return next((key for key, role in queries.ROLES.items() if roles.get(role) == name), "")


def _title(answers: Answers, name: str) -> str:
    criterion = _criterion(answers, name)
    return str(queries.CRITERIA[criterion]) if criterion else name

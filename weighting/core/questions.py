"""Decides what a column of answers is to an estimate: categories with shares, or a number's mean.
Never leaves out an answer that was given: what an expression should keep is `where`'s to say.
Bases: an empty cell was not asked; dk, refused and na are categories, and outside a mean.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from weighting.core.design import Sample
from weighting.core.linearised import Domains, Linearised, means, proportions
from weighting.core.sheet import Sheet, Unreadable
from weighting.core.units import MISSING, Floats, Ints
from weighting.core.where import NUMERIC, SPECIALS

Kind = Literal["auto", "categories", "number"]
# Codes of choices are whole and few; a column that has more values, or fractions, is an amount.
MOST_CODES = 20


@dataclass(frozen=True, eq=False)
class Question:
    """Answers of n respondents: codes (n,) into categories, −1 without an answer; or, where
    categories are (""), a number each, NaN without one."""

    categories: tuple[str, ...]
    codes: Ints
    numbers: Floats | None = None

    @property
    def answered(self) -> Domains:
        """Who is in the base (n,)."""
        return np.asarray(self.codes >= 0)

    def estimated(self, sample: Sample, domains: Domains) -> Linearised:
        """Domain by domain: the mean, or the share of each category."""
        if self.numbers is not None:
            return means(sample, self.numbers, domains)
        return proportions(sample, self.codes, len(self.categories), domains)


def question_of(sheet: Sheet, name: str, kind: Kind = "auto") -> Question:
    """The question of a column. Raises Unreadable where a number is wanted and another stands."""
    cells = sheet.texts(name)
    given = {cell for cell in cells if cell is not None}
    texts = [cell for cell in given - SPECIALS if not NUMERIC.fullmatch(cell)]
    if kind == "number" and texts:
        row = next(row for row, cell in enumerate(cells) if cell in texts)
        raise Unreadable(sheet.at(row, f"{name} = {cells[row]!r} is not a number"))
    amounts = (
        {cell: float(cell.replace(",", ".")) for cell in given - SPECIALS} if not texts else {}
    )
    many = len(amounts) > MOST_CODES or any(value % 1 for value in amounts.values())
    if kind == "number" or (kind == "auto" and many):
        numbers = np.array([amounts.get(cell or "", np.nan) for cell in cells])
        return Question(("",), np.where(np.isnan(numbers), MISSING, 0), numbers)
    # Numbers first and in their order, then words.
    categories = sorted(given, key=lambda cell: (cell not in amounts, amounts.get(cell, 0), cell))
    place = {cell: code for code, cell in enumerate(categories)}
    codes = np.array([MISSING if cell is None else place[cell] for cell in cells], np.intp)
    return Question(tuple(categories), codes)

"""The rows of a table: sectors and groups in their published order, or the answers of a question.

Each control sector heads the block of those that are compared with it; what is compared with
nothing (the metropolitan average, the whole) stands last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from cati.models import Sector
from weighting import queries
from weighting.core.linearised import Domains
from weighting.flash.answers import Answers, Flags
from weighting.flash.questions import Question

# Printed by the agency in no table of 2017: their sectors stand there, as the heads of blocks.
UNPUBLISHED = "T2"


@dataclass(frozen=True)
class RowHead:
    """A row: `strong` is printed bold; `block` titles the block that it opens; `reference` is the
    code of the row that it is compared with; `level` as in `suppression.states_of`."""

    code: str
    label: str
    strong: bool = False
    block: str = ""
    reference: str = ""
    level: int = 0


@dataclass(frozen=True, eq=False)
class Rows:
    """Heads, who is in each (n, R), and whether parts of one sector each may be shown alone."""

    heads: Sequence[RowHead]
    domains: Domains
    sectors: bool

    def parts(self) -> tuple[Flags, np.ndarray]:
        """The disjoint parts that rows are made of: members (R, A), and everybody's part (n,).

        −1 is a respondent who is in no row.
        """
        patterns, part = np.unique(self.domains, axis=0, return_inverse=True)
        inside = patterns.any(axis=1)
        number = np.where(inside, np.cumsum(inside) - 1, -1)
        return patterns[inside].T, number[part.ravel()]


def by_sector(answers: Answers, *, published: bool = False) -> Rows:
    """Sectors and groups. published: only what the agency prints, its second control sector being
    the title of a block without figures."""
    wave = answers.run.wave
    members = queries.groups_of(wave)
    heads = list(_ordered(list(wave.sectors.all()), published))
    domains = [np.isin(answers.sectors, members.get(head.code, [head.code])) for head in heads]
    return Rows(heads, np.column_stack(domains), sectors=True)


def by_answer(question: Question) -> Rows:
    """Each answer of a question, and all of them."""
    asked = question.asked
    heads = [RowHead(head.code, head.label) for head in asked.heads if not head.parts]
    inside = (asked.given[:, : len(heads)] != 0) & asked.base[:, None]
    every = RowHead("all", _("Ensemble"), strong=True, level=1)
    referred = [RowHead(one.code, one.label, reference="all") for one in heads]
    return Rows([every, *referred], np.column_stack([asked.base, inside]), sectors=False)


def _ordered(sectors: Sequence[Sector], published: bool) -> Iterator[RowHead]:
    controls = [one for one in sectors if one.kind == Sector.Kind.CONTROL]
    for control in controls:
        silent = published and control.code == UNPUBLISHED
        if not silent:
            yield RowHead(control.code, _label(control), strong=True)
        # The block's name stands once, above the first of those who are compared with it.
        title = _("%(sector)s (valeurs non publiées)") % {"sector": _label(control)}
        block = title if silent else ""
        for one in sectors:
            if one.reference_id == control.pk:
                group = one.kind == Sector.Kind.GROUP
                reference = "" if silent else control.code
                yield RowHead(one.code, _label(one), group, block, reference, 2 if group else 0)
                block = ""
    if published:
        return
    for one in sectors:
        if one.reference_id is None and one.kind != Sector.Kind.CONTROL:
            yield RowHead(one.code, _label(one), strong=True, level=1)


def _label(sector: Sector) -> str:
    return sector.label_flash or sector.label

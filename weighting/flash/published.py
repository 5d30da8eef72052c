"""Beside each cell of the 2017 wave, what the agency published of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from weighting.core.wave_2017 import TABLES, printed
from weighting.flash import words
from weighting.flash.build import Made
from weighting.flash.page import Page

WAVE = "2017"


@dataclass(frozen=True)
class Difference:
    """A cell that is not what was published; `ours` is None where it is not printed."""

    item: str
    territory: str
    place: int
    published: str
    ours: str | None


def differences(made: Made) -> list[Difference]:
    """Every published cell of the question, its mark included, that the table does not print."""
    rows = {row.code: place for place, row in enumerate(made.rows)}
    found = []
    for territory, cells in printed(made.question.code).items():
        for place, cell in enumerate(cells):
            ours = words.cell(made, rows[territory], place) if territory in rows else None
            if ours != cell:
                found.append(Difference(made.question.code, territory, place, cell, ours))
    return found


def compared(page: Page) -> Iterator[str]:
    """What to say of the published tables that a page of the 2017 wave holds."""
    if page.wave.slug != WAVE or not page.wave.is_demo:
        return
    for block in page.tables:
        item = block.made.question.code
        if item not in TABLES or block.made.ask.among or block.made.ask.by:
            continue
        cells = sum(map(len, printed(item).values()))
        wrong = differences(block.made)
        said = _("%(item)s : %(cells)s cases publiées, aucune différence")
        if wrong:
            said = ngettext(
                "%(item)s : %(cells)s cases publiées, %(n)s différence",
                "%(item)s : %(cells)s cases publiées, %(n)s différences",
                len(wrong),
            )
        yield said % {"item": item, "cells": cells, "n": len(wrong)}
        for one in wrong:
            said = _("%(item)s, %(territory)s : publié %(published)s, ici %(ours)s")
            yield said % vars(one)

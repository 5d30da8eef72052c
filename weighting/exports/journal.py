"""The answer journal of a wave: every answer that was given, changed or cleared, and when.

All interviews, complete or not. What is stored with the contact data is only « given » in the
journal; preloads, among which the interviewer's name, are told without their value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from django.db.models import Case, F, Q, QuerySet, When

from cati.models import Wave
from questionnaire.models import AnswerEvent
from weighting.exports import raw
from weighting.exports.files import MARK, Target, harmless_column

COLUMNS = {
    "entretien": "interview_id", "rang": "seq", "acte": "kind", "question": "item",
    "instance": "instance", "valeur": "told", "cause": "cause", "auteur": "actor_id",
    "version": "version__number", "heure": "at", "heure_du_poste": "client_at",
    "ms_a_l_ecran": "ms_on_screen", "evenement": "id",
}  # fmt: skip


@dataclass(frozen=True)
class Journal:
    """The events of a wave, by interview and rank."""

    wave: Wave
    run: ClassVar[None] = None

    @cached_property
    def size(self) -> int:
        return self._events().count()

    def told(self) -> dict[str, Any]:
        return {"rows": self.size, "columns": len(COLUMNS)}

    def parts(self) -> Iterator[pl.DataFrame]:
        """The events in frames of text."""
        return raw.rows(self._events().values_list(*COLUMNS.values()), [*COLUMNS])

    def _events(self) -> QuerySet[AnswerEvent]:
        of_wave = AnswerEvent.objects.filter(interview__case_link__case__wave=self.wave)
        told = Case(When(~Q(kind=AnswerEvent.Kind.PRELOAD), then=F("value")))
        return of_wave.annotate(told=told).order_by("interview_id", "seq")


def journal(source: Journal, to: Target) -> list[Path]:
    """One line per event; times in universal time, values as the journal keeps them, in JSON."""
    path = to.path("-journal.csv")
    written = 0
    with path.open("wb") as file:
        file.write(MARK)
        pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String)).write_csv(file)
        for part in source.parts():
            shown = part if to.raw else part.with_columns(harmless_column(pl.col(pl.String)))
            shown.write_csv(file, include_header=False)
            written += len(part)
            to.progress(written, source.size)
    return [path]

"""What a wave holds beside its dataset, row by row: the answer journal, and the calls.

Of all interviews and cases, complete or not; no run weighs them. No contact data: what is stored
with them is only « given » in the journal, preloads, among which the interviewer's name, are told
without their value, and a number that was called is told by its rank in the case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from django.db.models import Case, F, Q, QuerySet, Value, When

from cati.core.dispositions import DISPOSITIONS
from cati.models import Attempt, Wave
from questionnaire.models import AnswerEvent
from weighting.exports import raw
from weighting.exports.files import MARK, Target, harmless_frame


@dataclass(frozen=True)
class Records:
    """Rows of a wave, in order, at most `rate` bytes a second. `fields`: {column: its source}."""

    wave: Wave
    rate: int | None = None
    run: ClassVar[None] = None
    suffix: ClassVar[str]
    fields: ClassVar[Mapping[str, str]]

    @cached_property
    def size(self) -> int:
        return self.rows().count()

    def told(self) -> dict[str, Any]:
        return {"rows": self.size, "columns": len(self.fields)}

    def parts(self) -> Iterator[pl.DataFrame]:
        """The rows in frames of text."""
        return raw.rows(self.rows().values_list(*self.fields.values()), [*self.fields], self.rate)

    def rows(self) -> QuerySet[Any]:
        raise NotImplementedError


class Journal(Records):
    """Every answer that was given, changed or cleared, and when: by interview and rank."""

    suffix = "-journal.csv"
    fields = {
        "entretien": "interview_id", "rang": "seq", "acte": "kind", "question": "item",
        "instance": "instance", "valeur": "told", "cause": "cause", "auteur": "actor_id",
        "version": "version__number", "heure": "at", "heure_du_poste": "client_at",
        "ms_a_l_ecran": "ms_on_screen", "evenement": "id",
    }  # fmt: skip

    def rows(self) -> QuerySet[Any]:
        of_wave = AnswerEvent.objects.filter(interview__case_link__case__wave=self.wave)
        told = Case(When(~Q(kind=AnswerEvent.Kind.PRELOAD), then=F("value")))
        return of_wave.annotate(told=told).order_by("interview_id", "seq")


class Calls(Records):
    """Every call and how it ended: by case and hour. `visite` groups the redials of a contact."""

    suffix = "-appels.csv"
    fields = {
        "fiche": "case__number", "secteur_fichier": "case__frame_sector__code", "visite": "visit",
        "enqueteur": "interviewer_id", "numero": "phone__rank", "debut": "opened_at",
        "fin": "closed_at", "code": "disposition", "issue": "said", "aapor": "aapor",
        "abandonne": "abandoned", "entretien": "interview_id",
    }  # fmt: skip

    def rows(self) -> QuerySet[Any]:
        labels = (When(disposition=one.code, then=Value(one.label)) for one in DISPOSITIONS)
        of_wave = Attempt.objects.filter(case__wave=self.wave).annotate(said=Case(*labels))
        return of_wave.order_by("case__number", "opened_at", "pk")


def records(source: Records, to: Target) -> list[Path]:
    """One line per row; times in universal time, values as the journal keeps them, in JSON."""
    path = to.path(source.suffix)
    written = 0
    with path.open("wb") as file:
        file.write(MARK)
        pl.DataFrame(schema=dict.fromkeys(source.fields, pl.String)).write_csv(file)
        for part in source.parts():
            shown = part if to.raw else harmless_frame(part)
            shown.write_csv(file, include_header=False)
            written += len(part)
            to.progress(written, source.size)
    return [path]

"""Publish a questionnaire for a wave: the interviews that begin from now on are on it.

Interviews already begun finish on their own version, and all versions are exported side by side:
so no code of any version in use may mean another thing in the new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cati.models import Case, User, Wave
from cati.operations.errors import Refused
from cati.operations.sample_reading import OWN
from questionnaire import operations as journal
from questionnaire.core.compare import Change, Comparison, Gravity, Kind, compare
from questionnaire.core.instrument import Instrument, content_hash, from_json, to_json
from questionnaire.models import InstrumentVersion
from questionnaire.queries import program_of

# The questionnaires that lie on the disk, a folder each.
FOLDER = settings.BASE_DIR / "questionnaire" / "instruments"


@dataclass(frozen=True)
class Proposal:
    """What publishing an instrument would change for a wave.

    `comparison` is with the version of the wave. `contradicted` and `to_declare` are, over every
    version on which interviews of the wave have begun, what forbids it, and what its author must
    declare to be a correction of words.
    """

    instrument: Instrument
    hash: str
    current: InstrumentVersion | None
    comparison: Comparison
    contradicted: tuple[Change, ...]
    to_declare: tuple[Change, ...]

    @property
    def same(self) -> bool:
        return self.current is not None and self.current.hash == self.hash


def propose(wave: Wave, instrument: Instrument) -> Proposal:
    """Compare an instrument with what the wave uses; writes nothing."""
    current = wave.version
    now = from_json(current.content) if current else None
    in_use = InstrumentVersion.objects.filter(interviews__case_link__case__wave=wave).distinct()
    contradicted: list[Change] = []
    to_declare: list[Change] = []
    for version in in_use:
        old = from_json(version.content)
        compared = compare(old, instrument)
        # What the version of the wave changed already was declared when it was published.
        declared = set(compare(old, now).graver(Gravity.MEANING)) if now else set()
        contradicted += compared.graver(Gravity.CONTRADICTION)
        to_declare += (one for one in compared.graver(Gravity.MEANING) if one not in declared)
    return Proposal(
        instrument,
        hash_of(instrument),
        current,
        compare(now, instrument) if now else Comparison(()),
        # Each change once, though several versions may know it.
        contradicted=tuple(dict.fromkeys(contradicted)),
        to_declare=tuple(dict.fromkeys(to_declare)),
    )


def publish_for_wave(
    wave: Wave, instrument: Instrument, *, actor: User, now: datetime, accept_wording: bool
) -> InstrumentVersion:
    """Freeze the instrument as the next version and give it to the interviews that begin from now.

    `accept_wording` declares that labels and questions that read differently still mean the same.
    Refused, naming item and code, where a code would change its meaning; where the wave is closed
    or has this very content; and where no interview could begin on it.
    """
    with transaction.atomic():
        waves = Wave.objects.select_for_update(of=("self",)).select_related("version")
        wave = waves.get(pk=wave.pk)
        proposal = propose(wave, instrument)
        refused = _refusals(wave, proposal, accept_wording)
        if refused:
            raise Refused(refused)
        name = proposal.current.name if proposal.current else instrument.name
        version = journal.publish(instrument, name=name, actor=actor, now=now)
        _rehearse(wave, version, actor, now)
        wave.version = version
        wave.save(update_fields=["version"])
    return version


def hash_of(instrument: Instrument) -> str:
    """The hash under which the instrument is or would be published."""
    return content_hash(to_json(instrument))


def complaint(change: Change) -> str:
    """Why a change of meaning is refused, and what to do instead."""
    given = {
        "item": change.name, "code": change.code, "before": change.before, "after": change.after,
        "rival": change.rival,
    }  # fmt: skip
    return _complaint(change) % given


def _complaint(change: Change) -> str:
    if change.kind == Kind.TYPE:
        return _(
            "%(item)s : le type passerait de « %(before)s » à « %(after)s », et les réponses"
            " données ne se liraient plus. Donnez un autre code à la nouvelle question."
        )
    if change.gravity == Gravity.CONTRADICTION:
        return _(
            "%(item)s, code %(code)s : « %(before)s » deviendrait « %(after)s », et le code"
            " %(rival)s porte l’un de ces deux libellés. Laissez à chaque réponse son code ; une"
            " réponse nouvelle prend un code nouveau."
        )
    if change.kind == Kind.LABEL:
        return _(
            "%(item)s, code %(code)s : « %(before)s » deviendrait « %(after)s ». Donnez un code"
            " nouveau à une réponse nouvelle, ou déclarez une correction de formulation."
        )
    return _(
        "%(item)s : la question serait une autre, « %(before)s » deviendrait « %(after)s ». Donnez"
        " un code nouveau à une question nouvelle, ou déclarez une correction de formulation."
    )


def _refusals(wave: Wave, proposal: Proposal, accept_wording: bool) -> dict[str, str]:
    if wave.state == Wave.State.CLOSED:
        return {"": _("La vague est close : son questionnaire ne change plus.")}
    if proposal.same:
        return {"": _("La vague a déjà ce questionnaire : rien n’est à publier.")}
    grave = proposal.contradicted + (() if accept_wording else proposal.to_declare)
    refused: dict[str, str] = {}
    for change in grave:
        field = change.name if change.code is None else f"{change.name} {change.code}"
        refused[field] = " ".join(filter(None, (refused.get(field), complaint(change))))
    return refused


def _rehearse(wave: Wave, version: InstrumentVersion, actor: User, now: datetime) -> None:
    """Begin an interview in each surveyed sector, and with each value that the sample gave to a
    variable, and forget them. Refused where one cannot begin.
    """
    for code in wave.sectors.filter(members__isnull=True).values_list("code", flat=True):
        given = {"SECTEUR_FICHIER": code, "ENQUETEUR": actor.first_name}
        if why := _cannot_begin(wave, version, given, actor, now):
            message = _("Aucun entretien ne commencerait dans le secteur %(sector)s. %(why)s")
            raise Refused({"parameters": message % {"sector": code, "why": why}})
    for given in _from_the_sample(wave, version):
        if why := _cannot_begin(wave, version, given, actor, now):
            message = _("Des fiches de l’échantillon ne s’ouvriraient pas. %(why)s")
            raise Refused({"parameters": message % {"why": why}})


def _cannot_begin(
    wave: Wave, version: InstrumentVersion, given: dict[str, Any], actor: User, now: datetime
) -> str:
    try:
        with transaction.atomic():
            journal.start_interview(
                version, params=wave.parameters, preloads=given, seed=0, actor=actor, now=now
            )
            transaction.set_rollback(True)
    except journal.AnswerRefused as refusal:
        return " ".join(refusal.messages)
    return ""


def _from_the_sample(wave: Wave, version: InstrumentVersion) -> Iterator[dict[str, Any]]:
    """Each value that an open case has of a variable of the version; any text fits a free one."""
    for one in program_of(version).instrument.preloads:
        if one.name in OWN or (one.type == "text" and not one.values):
            continue
        cases = wave.cases.filter(state=Case.State.OPEN, preloads__has_key=one.name)
        values = cases.order_by().values_list(f"preloads__{one.name}", flat=True).distinct()
        for value in values:
            yield {one.name: value}

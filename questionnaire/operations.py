"""Writes: publish an instrument, start an interview, append to its journal, rebuild what it gives.

The journal is the truth. Everything else of an interview is folded from it, event by event, by
`Fold`: recording and rebuilding run the same fold, so that they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Max

from questionnaire.core import routing
from questionnaire.core.instrument import Input, Instrument, content_hash, to_json
from questionnaire.core.routing import Effects, Walker, validate_on
from questionnaire.core.said import Said
from questionnaire.core.said import mark as _
from questionnaire.core.state import Event, State
from questionnaire.core.validation import MISSING, NO_SUCH
from questionnaire.models import AnswerEvent, InstrumentVersion, Interview
from questionnaire.queries import journal_of, keep_warm, program_by_id, program_of, walker_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

DERIVED = ("answers", "seq", "sector", "outcome", "next_item", "last_event_at", "ended_at",
           "consent_at")  # fmt: skip
LINE = ("id", "interview_id", "seq", "kind", "item", "instance", "value", "actor_id", "version_id",
        "epoch", "cause", "at", "client_at", "ms_on_screen")  # fmt: skip
# What is left of a line once it is empty, and how the interview ended, which is no answer.
_SAYS_NOTHING = (AnswerEvent.Kind.ERASED, AnswerEvent.Kind.END)
_CHECKED: dict[str, type | tuple[type, ...]] = {
    "boolean": bool, "integer": int, "decimal": (int, float), "text": str
}  # fmt: skip


class AnswerRefused(Exception):
    """Nothing was written; `messages` (see `Said`) say what is wrong and how to mend it."""

    def __init__(self, messages: Sequence[str]) -> None:
        self.messages = list(messages)
        super().__init__(" ".join(self.messages))


def _refused(text: str, **values: object) -> AnswerRefused:
    """For one sentence, a marked text with its values."""
    return AnswerRefused([Said(text, **values)])


@dataclass(frozen=True)
class EventInput:
    """One event as it comes in; `id` is the client's, and the primary key of the journal's line."""

    id: UUID
    kind: str
    item: str = ""
    instance: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)
    client_at: datetime | None = None
    ms_on_screen: int | None = None
    cause: str = ""


def publish(
    instrument: Instrument, *, name: str, actor: AbstractBaseUser | None, now: datetime
) -> InstrumentVersion:
    """Freeze an instrument under the next number; the same content gives the same version back."""
    content = to_json(instrument)
    with transaction.atomic():
        versions = InstrumentVersion.objects.filter(name=name)
        last = versions.aggregate(last=Max("number"))["last"] or 0
        version, _created = versions.get_or_create(
            name=name,
            hash=content_hash(content),
            defaults={
                "number": last + 1,
                "content": content,
                "published_at": now,
                "published_by_id": actor.pk if actor else None,
            },
        )
    return version


def start_interview(
    version: InstrumentVersion,
    *,
    params: Mapping[str, Any],
    preloads: Mapping[str, Any],
    seed: int,
    actor: AbstractBaseUser | None,
    now: datetime,
) -> Interview:
    """A new interview whose journal begins with everything that was given to it.

    Raises AnswerRefused for a value of the wrong kind.
    """
    events = opening(version, params=params, preloads=preloads, seed=seed)
    with transaction.atomic():
        interview = Interview.objects.create(version=version, started_at=now, last_event_at=now)
        record(interview, events, actor=actor, epoch=0, now=now)
    return interview


def opening(
    version: InstrumentVersion, *, params: Mapping[str, Any], preloads: Mapping[str, Any], seed: int
) -> list[EventInput]:
    """What the journal of an interview begins with: its seed, then what was given to it.

    What the version does not declare is left out: no expression could read it.
    """
    instrument = program_of(version).instrument
    declared = {one.name for one in (*instrument.parameters, *instrument.preloads)}
    given = {name: value for name, value in {**params, **preloads}.items() if name in declared}
    events = [EventInput(uuid4(), "seed", value={"v": seed}, cause="start")]
    return events + [
        EventInput(uuid4(), "preload", value={"name": name, "v": value}, cause="start")
        for name, value in sorted(given.items())
    ]


def lock_interview(pk: int) -> Interview:
    """The interview, locked until the caller's transaction ends. Raises Interview.DoesNotExist."""
    # The answers weigh 10 kB, and a warm walker has them already.
    return Interview.objects.defer("answers").select_for_update(of=("self",)).get(pk=pk)


@dataclass(frozen=True)
class Entry:
    """Events that are folded in and not written: the walker where the interview then stands, the
    values of the statement that writes so many lines, and the interview's columns."""

    walker: Walker
    lines: int
    values: Sequence[Any]
    derived: Mapping[str, Any]

    def show(self, interview: Interview) -> None:
        """Give the instance what is written by now."""
        for name, projected in self.derived.items():
            setattr(interview, name, projected)


def record(
    interview: Interview,
    events: Sequence[EventInput],
    *,
    actor: AbstractBaseUser | None,
    epoch: int,
    now: datetime,
    walker: Walker | None = None,
) -> Walker:
    """Append events to the journal of an interview that the caller has locked, and fold them in.

    Gives the walker where the interview then stands; `walker` is the one that an earlier call gave.
    Raises AnswerRefused where an event does not fit, and then writes none of them.
    """
    return write(
        interview, entry(interview, events, actor=actor, epoch=epoch, now=now, walker=walker)
    )


def write(interview: Interview, folded: Entry) -> Walker:
    """Append what is folded in, to an interview that the caller has locked and that stands where
    it stood then."""
    with connection.cursor() as cursor:
        cursor.execute(_append(folded.lines), folded.values)
    folded.show(interview)
    return folded.walker


def entry(
    interview: Interview,
    events: Sequence[EventInput],
    *,
    actor: AbstractBaseUser | None,
    epoch: int,
    now: datetime,
    walker: Walker | None = None,
) -> Entry:
    """What `record` would write. Raises AnswerRefused where an event does not fit."""
    fold = Fold(interview, walker or walker_of(interview))
    who = actor.pk if actor else None
    values: list[Any] = []
    for given in events:
        value = _fitting(fold.walker, given)
        fold.add(Event(given.kind, given.item, given.instance, value), now)
        values += (
            given.id, interview.pk, fold.seq, given.kind, given.item, given.instance,
            json.dumps(value), who, interview.version_id, epoch, given.cause, now, given.client_at,
            given.ms_on_screen,
        )  # fmt: skip
    derived = fold.derived()
    values += (
        json.dumps(derived[name]) if name == "answers" else derived[name] for name in DERIVED
    )
    return Entry(fold.walker, len(events), [*values, interview.pk], derived)


@cache
def _append(count: int) -> str:
    """The statement that writes so many lines and their interview's columns, both or neither.

    The ORM takes five times as long for the same two.
    """
    line = f"({', '.join(['%s'] * len(LINE))})"
    return _APPEND.format(tables="", rows=f"VALUES {', '.join([line] * count)}", source="")


@cache
def append_after(tables: str) -> str:
    """The statement that takes the values of an `entry` of one event, where `given` has a row.

    `given` is the last of the caller's common table expressions, whose values come first; without
    its row nothing is written.
    """
    rows = f"SELECT {', '.join(['%s'] * len(LINE))} FROM given"  # noqa: S608
    return _APPEND.format(tables=f"{tables}, ", rows=rows, source="FROM given ")


_APPEND = f"""
WITH {{tables}}lines AS (
  INSERT INTO questionnaire_answerevent ({", ".join(LINE)}) {{rows}}
)
UPDATE questionnaire_interview SET {", ".join(f"{name} = %s" for name in DERIVED)}
{{source}}WHERE id = %s
"""  # noqa: S608


def amend(
    interview: Interview,
    events: Sequence[EventInput],
    *,
    actor: AbstractBaseUser | None,
    epoch: int,
    now: datetime,
) -> Walker:
    """`record` for an interview that nobody conducts: the end that was said of it stays.

    An end of its route alone, whose call was lost, goes with its answers; but AnswerRefused also
    for what would reopen a complete interview; the caller's transaction then takes back what was
    written.
    """
    left = interview.outcome
    walker = record(interview, events, actor=actor, epoch=epoch, now=now)
    if interview.outcome == left:
        return walker
    if left == routing.COMPLETE:
        raise _refused(_("Cette réponse rouvrirait un entretien terminé."))
    end = interview.events.filter(kind="end").last()
    if end is not None and end.value["outcome"] == left:
        again = EventInput(uuid4(), "end", value=end.value, cause="amend")
        record(interview, [again], actor=actor, epoch=epoch, now=now, walker=walker)
    return walker


def preview(interview: Interview, event: EventInput) -> Effects:
    """What an event would change, writing nothing. Raises AnswerRefused like `record`."""
    walker = walker_of(interview)
    value = _fitting(walker, event)
    moved = Event(event.kind, event.item, event.instance, value)
    effects = routing.preview(walker.program, walker.state, moved)
    keep_warm(interview, walker)
    return effects


def rebuild(interview: Interview) -> list[str]:
    """Fold the journal anew into the interview, unsaved; the names of the columns that differ."""
    fresh = _refold(interview).derived()
    different = [name for name, value in fresh.items() if getattr(interview, name) != value]
    for name in different:
        setattr(interview, name, fresh[name])
    return different


def erase(
    interview: Interview, keys: Collection[str] | None, *, actor: AbstractBaseUser, now: datetime
) -> list[UUID]:
    """Empty the journal of the answers to some items; of everything but how it ended, for None.

    The interview is locked by the caller, whose database role owns the journal: the application's
    may not. Gives the lines that were emptied. A line is added that says so, with which no warm
    copy of what the interview was can be taken for what it is.
    """
    said = [
        line.pk
        for line in journal_of(interview)
        if line.kind not in _SAYS_NOTHING
        and (keys is None or Event(line.kind, line.item, line.instance).key in keys)
    ]
    AnswerEvent.objects.filter(pk__in=said).update(kind=AnswerEvent.Kind.ERASED, value={})
    # Not `walker_of`: a warm one would bring back what is being erased.
    fold = _refold(interview)
    for name, derived in fold.derived().items():
        setattr(interview, name, derived)
    mark = EventInput(uuid4(), AnswerEvent.Kind.ERASED, cause="erasure")
    record(interview, [mark], actor=actor, epoch=0, now=now, walker=fold.walker)
    return said


def withdraw_consent(
    interview: Interview, key: str, *, actor: AbstractBaseUser, now: datetime
) -> list[UUID]:
    """Turn a consent into a refusal, and erase what it had opened; the lines that were emptied.

    The consent's own lines stay, as the proof of when it was given and withdrawn. Raises
    AnswerRefused where it is no consent, or was not given.
    """
    walker = walker_of(interview)
    program = walker.program
    if key not in program.slot_of or program.node(key).entry.type != "consent":
        raise _refused(_("%(key)s n’est pas une question d’accord."), key=key)
    if walker.state.answers.get(key, {}).get("v") != 1:
        raise _refused(_("L’accord %(key)s n’a pas été donné dans cet entretien."), key=key)
    if walker.on_route(key):
        # The choices of a consent go from yes to no.
        no = program.node(key).entry.choices[-1].code
        refusal = EventInput(uuid4(), "answer", key, value={"v": no}, cause="withdrawal")
        amend(interview, [refusal], actor=actor, epoch=0, now=now)
    return erase(interview, program.opened_by(key), actor=actor, now=now)


def _refold(interview: Interview) -> Fold:
    program = program_by_id(interview.version_id)
    fold = Fold(Interview(last_event_at=interview.started_at), Walker(program, State()))
    for line in journal_of(interview):
        fold.add(Event(line.kind, line.item, line.instance, line.value), line.at)
    return fold


class Fold:
    """The columns of an interview as its events make them, one event at a time."""

    def __init__(self, interview: Interview, walker: Walker) -> None:
        self.walker = walker
        self.seq = interview.seq
        self.last_event_at = interview.last_event_at
        self.ended_at = interview.ended_at
        self.consent_at = interview.consent_at

    def add(self, event: Event, at: datetime) -> None:
        self.walker.step(event)
        self.seq += 1
        self.last_event_at = at
        ended, consents = bool(self.outcome()), self.walker.state.roles.get("consent") == 1
        self.ended_at = (self.ended_at or at) if ended else None
        self.consent_at = (self.consent_at or at) if consents else None

    def outcome(self) -> str:
        return self.walker.state.ended or self.walker.outcome() or ""

    def derived(self) -> dict[str, Any]:
        state, route = self.walker.state, self.walker.route()
        return {
            "answers": {**state.to_json(), "computed": route.computed},
            "seq": self.seq,
            "sector": str(state.roles.get("sector") or ""),
            "outcome": self.outcome(),
            "next_item": route.next or "",
            "last_event_at": self.last_event_at,
            "ended_at": self.ended_at,
            "consent_at": self.consent_at,
        }


# --- what fits


def _fitting(walker: Walker, given: EventInput) -> dict[str, Any]:
    """The value to journal for an event. Raises AnswerRefused where it does not fit."""
    check = _CHECKS.get(given.kind)
    if check is None:
        raise _refused(_("Aucun événement ne s’appelle « %(kind)s »."), kind=given.kind)
    return check(walker, given)


def _key(walker: Walker, given: EventInput) -> str:
    """The key of an item that is asked now. Raises AnswerRefused."""
    key = Event(given.kind, given.item, given.instance).key
    if key not in walker.program.slot_of:
        raise _refused(NO_SUCH, key=key)
    if not walker.on_route(key):
        raise _refused(_("La question %(key)s n’est pas posée dans cette situation."), key=key)
    return key


def _answer(walker: Walker, given: EventInput) -> dict[str, Any]:
    _key(walker, given)
    wanted = ("special",) if given.kind == "special" else ("v", "other", "given")
    value = {name: given.value[name] for name in wanted if name in given.value}
    messages = validate_on(walker, given.item, given.instance, value)
    if messages:
        raise AnswerRefused(messages)
    return value


def _seen(walker: Walker, given: EventInput) -> dict[str, Any]:
    key = _key(walker, given)
    if walker.program.node(key).entry.type != "info":
        raise _refused(_("La question %(key)s demande une réponse."), key=key)
    return {}


def _clear(walker: Walker, given: EventInput) -> dict[str, Any]:
    if given.item in walker.program.instances:
        rooms = len(walker.program.instances[given.item])
        if not given.instance.isdecimal() or not 1 <= int(given.instance) <= rooms:
            raise _refused(
                _("Il n’y a pas de « %(instance)s » dans cette liste."), instance=given.instance
            )
        return {}
    _key(walker, given)
    return {}


def _confirm(walker: Walker, given: EventInput) -> dict[str, Any]:
    """A kept answer stays; a proposed one is written into the journal as it was proposed."""
    key = _key(walker, given)
    if "v" in given.value:
        return _answer(walker, given)
    if key in walker.state.answers:
        return {}
    proposed = walker.prefill(key)
    if not isinstance(proposed, int | float | str):
        raise AnswerRefused([MISSING])
    messages = validate_on(walker, given.item, given.instance, {"v": proposed})
    if messages:
        raise AnswerRefused(messages)
    return {"v": proposed}


def _draw(walker: Walker, given: EventInput) -> dict[str, Any]:
    name, drawn = given.value.get("name"), given.value.get("value")
    nodes = walker.program.nodes_of("draw", str(name))
    if not nodes or drawn not in nodes[0].entry.values:
        raise _refused(
            _("Le tirage « %(name)s » n’a pas de valeur « %(value)s »."), name=name, value=drawn
        )
    if name in walker.state.draws:
        raise _refused(_("Le tirage « %(name)s » est fait : il ne se refait pas."), name=name)
    return {"name": name, "value": drawn}


def _quota_result(walker: Walker, given: EventInput) -> dict[str, Any]:
    value = {name: given.value.get(name) for name in ("quota", "cell", "result")}
    known = walker.program.nodes_of("quota", str(value["quota"]))
    if not known or value["result"] not in ("held", "full", "outside", "released"):
        raise _refused(_("Ce résultat de quota ne se lit pas : %(value)s."), value=value)
    return {name: str(one) for name, one in value.items()}


def _preload(walker: Walker, given: EventInput) -> dict[str, Any]:
    name, value = given.value.get("name"), given.value.get("v")
    instrument = walker.program.instrument
    declared = {one.name: one for one in (*instrument.parameters, *instrument.preloads)}
    if name not in declared or not _is_a(declared[name], value):
        raise _refused(
            _("Le paramètre « %(name)s » n’accepte pas %(value)r."), name=name, value=value
        )
    return {"name": name, "v": value}


def _is_a(declared: Input, value: Any) -> bool:
    if declared.values:
        return value in declared.values
    kind = _CHECKED[declared.type]
    return isinstance(value, kind) and isinstance(value, bool) == (declared.type == "boolean")


def _seed(walker: Walker, given: EventInput) -> dict[str, Any]:
    if type(given.value.get("v")) is not int:
        raise _refused(_("La graine du tirage est un nombre entier."))
    return {"v": given.value["v"]}


def _end(walker: Walker, given: EventInput) -> dict[str, Any]:
    outcome = given.value.get("outcome")
    if not isinstance(outcome, str) or not 1 <= len(outcome) <= 20:
        raise _refused(_("La fin d’un entretien a une issue."))
    return {"outcome": outcome, "temporary": bool(given.value.get("temporary"))}


def _erased(walker: Walker, given: EventInput) -> dict[str, Any]:
    return {}


_CHECKS = {
    "answer": _answer, "special": _answer, "clear": _clear, "confirm": _confirm, "seen": _seen,
    "draw": _draw, "seed": _seed, "preload": _preload, "quota_result": _quota_result, "end": _end,
    "erased": _erased,
}  # fmt: skip


def rebuild_all(interviews: Iterable[Interview], *, save: bool) -> list[tuple[int, list[str]]]:
    """Rebuild each interview; (pk, columns) of those that differed from their journal."""
    found = []
    for interview in interviews:
        different = rebuild(interview)
        if different:
            found.append((interview.pk, different))
            if save:
                interview.save(update_fields=different)
    return found

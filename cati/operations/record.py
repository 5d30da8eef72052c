"""Answers during a call: one locked transaction saves the answer, its effects and its reply.

The instrument decides what an answer needs (a place, a draw); this module provides it and journals
the result, so that the journal alone replays the route.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils.translation import gettext as _

from cati.core.quotas import FAMILIES, cells_of
from cati.models import Attempt, Case, CaseInterview, Contact, Sector, User
from cati.operations import places
from cati.operations.calls import open_attempt
from cati.operations.errors import Refused, StaleLease
from cati.operations.idempotency import Reply, digest_of, once
from cati.operations.late import keep_late
from cati.operations.leases import check_lease, hold
from cati.operations.retry import retried
from cati.queries import CALL, CONDUCTED, PLACES_BESIDE, Beside, Conducted
from questionnaire import operations as journal
from questionnaire.core.routing import Effects, NeedsDraw, NeedsPlace, Walker
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import EventInput
from questionnaire.queries import keep_warm, program_by_id, walker_of

# After these minutes since consent, the person has given too much to be sent away by a quota.
NO_QUOTA_AFTER = timedelta(minutes=5)

IN_CALL = f"FROM cati_case c {CALL.format(how='')}"
READ = f"SELECT {CONDUCTED} {IN_CALL}{PLACES_BESIDE} WHERE c.id = %s"
# One statement takes the locks of a case and its interview, in their order. The rows between them
# are locked for the same reason: what is read of a row that is not is as old as the statement.
LOCKS = " FOR UPDATE OF c, a, l, i"
# Where she holds the case, and the interview stands where it stood: its request is answered, once.
UNCHANGED = f"""
held AS (
  SELECT 1 {IN_CALL} WHERE c.id = %s AND c.holder_id = %s AND c.epoch = %s AND i.seq = %s {LOCKS}
), given AS (
  INSERT INTO cati_idempotentrequest (uuid, actor_id, body_hash, status, reply, at)
  SELECT %s, %s, %s, 200, %s, %s FROM held ON CONFLICT (uuid) DO NOTHING RETURNING uuid
)"""  # noqa: S608


@dataclass(frozen=True)
class AnswerInput:
    """One answer as the screen sends it. `uuid` is the client's, and the event's primary key."""

    uuid: UUID
    kind: str
    item: str
    instance: str = ""
    value: dict[str, Any] = field(default_factory=dict)
    client_at: datetime | None = None
    ms_on_screen: int | None = None


@dataclass(frozen=True)
class Saved:
    """What an answer leaves for the page that follows; `beside` where no place has moved."""

    interview: Interview
    beside: Beside | None


def begin_interview(case_id: int, user: User, epoch: int, now: datetime) -> Interview:
    """Start the interview of a case, or resume the one that was suspended.

    Refused while nobody has been called. A resumed interview asks for its place again, and goes on
    outside the quota where the sector has filled up meanwhile.
    """
    with transaction.atomic():
        case = hold(case_id, user, epoch, now)
        attempt = open_attempt(case)
        if attempt is None:
            raise Refused({"": _("Appelez d’abord : l’entretien s’ouvre une fois la ligne prise.")})
        link = case.interviews.filter(current=True).first()
        if link is None:
            interview = _start(case, user, now)
        else:
            interview = journal.lock_interview(pk=link.interview_id)
            if attempt.interview_id is None:
                _resume(case, interview, user, now)
        Attempt.objects.filter(pk=attempt.pk, interview__isnull=True).update(interview=interview)
    return interview


def save_answer(
    case_id: int,
    user: User,
    epoch: int,
    answer: AnswerInput,
    now: datetime,
    *,
    read: Conducted | None = None,
) -> Reply:
    """Save one answer, with everything that follows from it, exactly once.

    `read`: the case in its call, where the caller has read it already, without a lock.
    Reply 200 {"seq", "next", "outcome", "parked"}; 409 {"stale", "holder", "kept"} when the case
    that was hers is somebody else's by now, and the answer in quarantine. Raises StaleLease when
    the case was not hers, Refused while no call conducts the interview, journal.AnswerRefused when
    the value does not fit the item; nothing is written then.
    """
    body = {
        "case": case_id,
        "kind": answer.kind,
        "item": answer.item,
        "instance": answer.instance,
        "value": answer.value,
    }
    ahead = _Ahead.work_out(read or _read(case_id, READ), user, epoch, answer, now)
    plain = retried(lambda: ahead.save(case_id, body, now)) if ahead else None
    return plain or once(
        answer.uuid, user, body, now, lambda: _save(case_id, user, epoch, answer, now, ahead)
    )


def save_late(
    case: Case,
    interview: Interview,
    answer: AnswerInput,
    *,
    actor: User,
    epoch: int,
    now: datetime,
) -> None:
    """Record an answer out of quarantine, in the caller's transaction: case and interview locked.

    Where nobody conducts the interview, the end that was said of it stays, and it takes no place
    until it is resumed. Raises journal.AnswerRefused where the answer does not fit any more.
    """
    event = replace(_event(answer, _for_journal(case, interview, answer)), cause="quarantine")
    attempt = open_attempt(case)
    conducted = attempt is not None and attempt.interview_id == interview.pk
    before = cells_of(interview.answers["roles"])
    write = journal.record if conducted else journal.amend
    walker = write(interview, [event], actor=actor, epoch=epoch, now=now)
    moved = cells_of(walker.state.roles) != before
    settle(case, interview, walker, actor, now, moved=moved, conducted=conducted)


def preview_answer(interview: Interview, answer: AnswerInput) -> Effects:
    """What the answer would park or bring back, without writing anything."""
    return journal.preview(interview, _event(answer, answer.value))


class _Ahead:
    """An answer folded into an interview as it was read, without a lock: good for as long as the
    interview stands where it stood, and for one writing."""

    def __init__(
        self, read: Conducted, user: User, epoch: int, answer: AnswerInput, now: datetime
    ) -> None:
        """Raises journal.AnswerRefused."""
        self.read, self.user, self.epoch, self.answer = read, user, epoch, answer
        self.seq = read.interview.seq
        event = _event(answer, answer.value)
        self.entry: journal.Entry | None
        self.entry, self.moved = _folded(read.interview, event, user, epoch, now)

    @classmethod
    def work_out(
        cls, read: Conducted | None, user: User, epoch: int, answer: AnswerInput, now: datetime
    ) -> _Ahead | None:
        """None where a call conducts no interview, and where the answer is judged under the lock:
        it does not fit, or does not go into the journal as it is."""
        if read is None or stored_with_contact(read.interview, answer.kind, answer.item):
            return None
        try:
            return cls(read, user, epoch, answer, now)
        except journal.AnswerRefused:
            return None

    def save(self, case_id: int, body: dict[str, Any], now: datetime) -> Reply | None:
        """`_save` in one statement, where the answer asks for nothing but its line in the journal.

        The statement takes the locks, and writes nothing where the case, its call or the interview
        are not what was read, or the request came before. None then, and wherever there is more to
        do: nothing is written, and `_save` judges.
        """
        entry, interview = self.entry, self.read.interview
        assert entry is not None
        # Living in a sector is remembered with the case, once.
        known = entry.derived["sector"] == "" or self.read.case.screened
        if not known or self.moved or entry.walker.needs():
            return None
        reply = _told(entry.derived["seq"], entry.walker)
        held = (case_id, self.user.pk, self.epoch, self.seq)
        request = (self.answer.uuid, self.user.pk, digest_of(body), json.dumps(reply), now)
        with connection.cursor() as cursor:
            cursor.execute(journal.append_after(UNCHANGED), (*held, *request, *entry.values))
            if not cursor.rowcount:
                return None
        entry.show(interview)
        transaction.on_commit(lambda: keep_warm(interview, entry.walker))
        return Reply(200, reply, acted=Saved(interview, self.read.beside))

    def write(self, interview: Interview) -> tuple[Walker, bool] | None:
        """`_record`, where the interview, locked by now, stands where it stood; None elsewhere, and
        the second time."""
        same = (interview.pk, interview.seq) == (self.read.interview.pk, self.seq)
        entry, self.entry = self.entry, None
        return (journal.write(interview, entry), self.moved) if entry and same else None


def _save(
    case_id: int,
    user: User,
    epoch: int,
    answer: AnswerInput,
    now: datetime,
    ahead: _Ahead | None,
) -> Reply:
    try:
        conducted = _conducted(case_id, user, epoch, now)
    except StaleLease as lost:
        return keep_late(case_id, user, epoch, answer, lost, now)
    case, interview = conducted.case, conducted.interview
    written = ahead.write(interview) if ahead else None
    walker, moved = written or _record(case, interview, answer, user, epoch, now)
    settle(case, interview, walker, user, now, moved=moved)
    transaction.on_commit(lambda: keep_warm(interview, walker))
    if interview.sector and not case.screened:
        # Living in one of the sectors is what makes a household eligible.
        Case.objects.filter(pk=case.pk).update(screened=True)
    acted = Saved(interview, None if moved else conducted.beside)
    return Reply(200, _told(interview.seq, walker), acted=acted)


def _record(
    case: Case, interview: Interview, answer: AnswerInput, user: User, epoch: int, now: datetime
) -> tuple[Walker, bool]:
    """The answer in the journal; the walker, and whether the interview is in other cells by now."""
    event = _event(answer, _for_journal(case, interview, answer))
    entry, moved = _folded(interview, event, user, epoch, now)
    return journal.write(interview, entry), moved


def _folded(
    interview: Interview, event: EventInput, user: User, epoch: int, now: datetime
) -> tuple[journal.Entry, bool]:
    """What the event would write, and whether the interview is in other cells by then.

    Raises journal.AnswerRefused.
    """
    walker = walker_of(interview)
    before = cells_of(walker.state.roles)
    entry = journal.entry(interview, [event], actor=user, epoch=epoch, now=now, walker=walker)
    return entry, cells_of(walker.state.roles) != before


def _told(seq: int, walker: Walker) -> dict[str, Any]:
    """What the reply to an answer says of the interview."""
    route = walker.route()
    return {
        "seq": seq,
        "next": route.next,
        "outcome": route.outcome,
        "parked": list(route.parked),
    }


def settle(
    case: Case,
    interview: Interview,
    walker: Walker,
    user: User,
    now: datetime,
    *,
    moved: bool = True,
    conducted: bool = True,
) -> None:
    """Provide what the route needs (places, draws) until it needs nothing more.

    `moved`: whether the interview may belong to other cells than before; its places then follow,
    and what that changes for quotas that the route has passed is journalled too. `conducted`:
    whether somebody is on the line; else it is ended by no quota, and takes no place.
    """
    asked = _Places(case, interview, walker, now, conducted)
    events = asked.changed() if moved else []
    while True:
        if events:
            journal.record(interview, events, actor=user, epoch=case.epoch, now=now, walker=walker)
        needs = walker.needs()
        if not needs:
            return
        need = needs[0]
        events = [asked.place(need) if isinstance(need, NeedsPlace) else _draw(case, need)]


def _start(case: Case, user: User, now: datetime) -> Interview:
    wave = case.wave
    if wave.version is None:
        raise Refused({"": _("La vague n’a pas de questionnaire publié.")})
    interview = journal.start_interview(
        wave.version,
        params=wave.parameters,
        preloads={
            **case.preloads,
            "SECTEUR_FICHIER": case.frame_sector.code,
            "ENQUETEUR": user.first_name or user.username,
        },
        seed=random.SystemRandom().getrandbits(31),
        actor=user,
        now=now,
    )
    CaseInterview.objects.create(case=case, interview=interview)
    return interview


def _resume(case: Case, interview: Interview, user: User, now: datetime) -> None:
    """Ask again for the places that were given back when the interview was suspended."""
    if places.is_reserved(interview):
        return
    events = [
        EventInput(
            id=uuid4(),
            kind=AnswerEvent.Kind.QUOTA_RESULT,
            value={"quota": quota, "cell": place["cell"], "result": "released"},
            cause="resume",
        )
        for quota, place in interview.answers["places"].items()
    ]
    if events:
        walker = journal.record(interview, events, actor=user, epoch=case.epoch, now=now)
        settle(case, interview, walker, user, now, moved=False)


def _conducted(case_id: int, user: User, epoch: int, now: datetime) -> Conducted:
    """The case that she holds and the interview of the call that is open, both locked.

    No interview goes on in a second window after its outcome. Raises StaleLease, Refused.
    """
    locked = _read(case_id, READ + LOCKS)
    if locked is None:
        # The case is not hers; or what she began while the statement waited was too new for it.
        hold(case_id, user, epoch, now)
        locked = _read(case_id, READ + LOCKS)
    if locked is None:
        raise Refused({"": _("L’entretien n’est pas commencé.")})
    check_lease(locked.case, user, epoch)
    return locked


def _read(case_id: int, statement: str) -> Conducted | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [case_id])
        row = cursor.fetchone()
    return Conducted.take(row) if row else None


def _event(answer: AnswerInput, value: dict[str, Any]) -> EventInput:
    return EventInput(
        id=answer.uuid,
        kind=answer.kind,
        item=answer.item,
        instance=answer.instance,
        value=value,
        client_at=answer.client_at,
        ms_on_screen=answer.ms_on_screen,
    )


def stored_with_contact(interview: Interview, kind: str, item: str) -> bool:
    """Whether the instrument keeps this answer with the contact, and out of the journal."""
    if kind != AnswerEvent.Kind.ANSWER:
        return False
    try:
        return program_by_id(interview.version_id).instrument.item(item).store == "contact"
    except KeyError:
        return False  # no such question: the journal refuses it, and says so


def _for_journal(case: Case, interview: Interview, answer: AnswerInput) -> dict[str, Any]:
    """The value to journal; what belongs to the contact is kept there instead."""
    if not stored_with_contact(interview, answer.kind, answer.item):
        return answer.value
    _keep_with_contact(case, answer)
    return {"given": True}


def _keep_with_contact(case: Case, answer: AnswerInput) -> None:
    contact, _created = Contact.objects.get_or_create(case=case)
    contact.kept[answer.item] = answer.value.get("v", "")
    contact.save(update_fields=["kept"])


class _Places:
    """What the cells say to an interview, asked once for all that one answer changes."""

    def __init__(
        self, case: Case, interview: Interview, walker: Walker, now: datetime, conducted: bool
    ) -> None:
        self.case, self.interview, self.walker, self.now = case, interview, walker, now
        self.conducted = conducted
        roles = walker.program.instrument.roles
        # A quota is named after the variable of its family.
        self.family = {roles.get(family.role): code for code, family in FAMILIES.items()}

    @cached_property
    def _said(self) -> dict[str, places.Result]:
        consent = self.interview.consent_at
        fresh = consent is None or self.now - consent < NO_QUOTA_AFTER
        roles = self.walker.state.roles
        if not self.conducted:
            return places.follow_left(self.case.wave, self.interview, roles, self.now)
        return places.follow(self.case.wave, self.interview, roles, self.now, may_end=fresh)

    def changed(self) -> list[EventInput]:
        """What the journal says no more of quotas that the route has passed, in the same cells."""
        return [
            _quota_result(quota, place["cell"], self._result(quota))
            for quota, place in self.walker.state.places.items()
            if quota in self.family
            and place["cell"] == str(self.walker.value(quota))
            and place["result"] not in ("released", self._result(quota))
        ]

    def place(self, need: NeedsPlace) -> EventInput:
        return _quota_result(need.quota, need.cell, self._result(need.quota))

    def _result(self, quota: str) -> places.Result:
        """A variable without a cell goes with the others: unclassified is no reason to refuse."""
        family = self.family.get(quota, "")
        inside = bool(self._said) and all(said == "held" for said in self._said.values())
        return self._said.get(family, "held" if inside else "outside")


def _quota_result(quota: str, cell: str, result: places.Result) -> EventInput:
    value = {"quota": quota, "cell": cell, "result": result}
    return EventInput(id=uuid4(), kind=AnswerEvent.Kind.QUOTA_RESULT, value=value)


def _draw(case: Case, need: NeedsDraw) -> EventInput:
    return EventInput(
        id=uuid4(),
        kind=AnswerEvent.Kind.DRAW,
        value={"name": need.name, "value": _permuted_block(case, need)},
    )


def _permuted_block(case: Case, need: NeedsDraw) -> str:
    """The next value of the stratum's current block: each block holds every value once, shuffled.

    The stratum's row is locked, so that two interviews never read the same rank; the order inside a
    block follows from the wave, the stratum and the block's number alone.
    """
    sector = (
        Sector.objects.select_for_update(no_key=True)
        .filter(wave=case.wave, code=need.stratum)
        .first()
    )
    rank = AnswerEvent.objects.filter(
        kind=AnswerEvent.Kind.DRAW,
        value__name=need.name,
        interview__case_link__case__wave=case.wave,
        interview__sector=sector.code if sector else "",
    ).count()
    return block_value(case.wave_id, need, rank)


def block_value(wave_id: int, need: NeedsDraw, rank: int) -> str:
    """The value of a rank in its stratum: each block holds every value once, in its own order."""
    values: Sequence[str] = need.values
    block, position = divmod(rank, len(values))
    order = list(values)
    random.Random(f"{wave_id}:{need.name}:{need.stratum}:{block}").shuffle(order)  # noqa: S311
    return order[position]

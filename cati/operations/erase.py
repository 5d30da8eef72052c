"""What a person may ask to have erased, and the one line that is kept of it.

Her number, her name and her answers go from every table and from the files that were made of them;
the keys of her numbers stay, as oppositions, so that no later import brings her back. That there
was a case, how often it was called and with what outcome stays, so that counts and rates hold.
The journal belongs to the role that migrates: the application's role cannot do any of this.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from cati.core.phones import BadPhone, normalise, phone_key
from cati.core.sample_faults import Fault
from cati.models import (
    Appointment,
    Case,
    CaseAct,
    Contact,
    Erasure,
    LateAnswer,
    Note,
    Opposition,
    Phone,
    Place,
    QuotaCell,
    User,
)
from cati.operations import traces
from cati.operations.errors import Refused
from cati.operations.oppose import checked_reason, oppose_case, oppose_number
from cati.operations.sample_faults import in_words
from questionnaire import operations as journal
from questionnaire.models import AnswerEvent, Interview
from questionnaire.queries import program_by_id


@dataclass(frozen=True)
class Erased:
    """What was erased: cases, lines of the journal, files that held answers or numbers."""

    cases: int
    events: int
    files: int


@dataclass(frozen=True)
class Order:
    """Who erases, why, and when. The reason is kept, and may not repeat what is erased."""

    reason: str
    by: User
    now: datetime


def erase_number(written: str, order: Order) -> Erased:
    """Erase whoever has this number, in every wave, and put the number on the opposition list.

    Raises Refused for what is no number, for a bad reason, and for a role that may not.
    """
    try:
        number = normalise(written)
    except BadPhone as bad:
        told = in_words(Fault(bad.reason))
        raise Refused({"number": f"{told.reason} {told.mend}"}) from bad
    key = phone_key(number, settings.PHONE_KEY_SECRET)
    _check(order, traces.named([], [number]))
    with transaction.atomic():
        oppose_number(number, reason=order.reason, by=order.by, now=order.now)
        having = Phone.objects.filter(phone_key=key).values("case")
        return _erase_people(Q(pk__in=having), [number], order)


def erase_case(case_id: int, order: Order) -> Erased:
    """Erase the person of one case, and put her numbers on the opposition list. Raises Refused."""
    _check(order, [])
    with transaction.atomic():
        return _erase_people(Q(pk=case_id), [], order)


def withdraw_consent(case_id: int, item: str, order: Order) -> Erased:
    """Erase what a consent had opened in the case's interview, and nothing else.

    Raises Refused where `item` is no consent, or was not given.
    """
    _check(order, [])
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        link = case.interviews.filter(current=True).first()
        if link is None:
            raise Refused({"": _("Cette fiche n’a pas d’entretien.")})
        interview = journal.lock_interview(pk=link.interview_id)
        try:
            lines = journal.withdraw_consent(interview, item, actor=order.by, now=order.now)
        except journal.AnswerRefused as refusal:
            raise Refused({"item": " ".join(refusal.messages)}) from refusal
        opened = program_by_id(interview.version_id).opened_by(item)
        late = LateAnswer.objects.filter(interview=interview)
        _empty_late([one for one in late if one.key in opened], order)
        traces.forget_requests(Q(pk__in=lines))
        _forget_kept(case, opened)
        _keep_word(case, Erasure.Kind.CONSENT, item, lines, order)
        return Erased(1, len(lines), traces.drop_files([case.wave_id]))


def _erase_people(which: Q, numbers: Sequence[str], order: Order) -> Erased:
    # In one order: an erasure and an opposition wait for each other, and never both ways.
    cases = list(
        Case.objects.select_for_update(of=("self",))
        .select_related("wave", "holder")
        .filter(which)
        .order_by("pk")
    )
    named = traces.named(cases, numbers)
    _check(order, named)
    events = sum(_erase_person(case, order) for case in cases)
    waves = {case.wave_id for case in cases}
    traces.scrub_words(named)
    traces.forget_requests(traces.saying(named))
    return Erased(len(cases), events, traces.drop_files(waves) + traces.drop_samples())


def _erase_person(case: Case, order: Order) -> int:
    """Everything of one locked case; the number of lines of the journal that were emptied."""
    traces.forget_requests(traces.around(case))
    # Words of other people's reasons may name her; the reason of this act follows.
    CaseAct.objects.filter(case=case).update(reason="")
    keys = list(case.phones.values_list("phone_key", flat=True))
    Opposition.objects.filter(phone_key__in=keys).exclude(at=order.now).update(reason="")
    oppose_case(case, reason=order.reason, by=order.by, now=order.now)
    case.phones.update(e164="")
    Contact.objects.filter(case=case).update(name="", address="", kept={})
    Case.objects.filter(pk=case.pk).update(preloads={})
    Note.objects.filter(case=case).delete()
    Appointment.objects.filter(case=case).update(ask_for="")
    _empty_late(LateAnswer.objects.filter(case=case), order)
    lines = _erase_interviews(case, order)
    _keep_word(case, Erasure.Kind.PERSON, "", lines, order)
    return len(lines)


def _erase_interviews(case: Case, order: Order) -> list[UUID]:
    lines: list[UUID] = []
    for link in case.interviews.order_by("interview"):
        interview = journal.lock_interview(pk=link.interview_id)
        lines += journal.erase(interview, None, actor=order.by, now=order.now)
        _give_places_back(interview)
    traces.forget_requests(Q(pk__in=lines))
    return lines


def _give_places_back(interview: Interview) -> None:
    """An interview without answers is counted nowhere, and its cells tell nothing of her."""
    columns = {Place.State.RESERVED: "reserved", Place.State.CONFIRMED: "counted"}
    held = Place.objects.filter(interview=interview)
    list(QuotaCell.objects.filter(places__in=held).locked())
    for state, column in columns.items():
        cells = held.filter(state=state).values("cell")
        QuotaCell.objects.filter(pk__in=cells).update(**{column: F(column) - 1})
    held.delete()


def _empty_late(late: Iterable[LateAnswer], order: Order) -> None:
    ids = [one.pk for one in late]
    traces.forget_requests(Q(pk__in=ids))
    rows = LateAnswer.objects.filter(pk__in=ids)
    rows.update(value={})
    rows.filter(state=LateAnswer.State.WAITING).update(
        state=LateAnswer.State.DISCARDED, decided_by=order.by, decided_at=order.now
    )


def _forget_kept(case: Case, keys: Collection[str]) -> None:
    """What the contact holds of these items."""
    for contact in Contact.objects.select_for_update().filter(case=case):
        contact.kept = {key: text for key, text in contact.kept.items() if key not in keys}
        contact.save(update_fields=["kept"])


def _keep_word(
    case: Case, kind: Erasure.Kind, item: str, lines: Sequence[UUID], order: Order
) -> None:
    Erasure.objects.create(
        case=case,
        kind=kind,
        item=item,
        reason=checked_reason(order.reason),
        events=len(lines),
        by=order.by,
        at=order.now,
    )


def _check(order: Order, named: Sequence[str]) -> None:
    """Raises Refused for a role that does not own the journal, and for a reason that names her."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, 'UPDATE')", [AnswerEvent._meta.db_table])
        if not cursor.fetchone()[0]:
            raise Refused({"": _("Seul le rôle propriétaire de la base peut effacer.")})
    reason = checked_reason(order.reason)
    if any(re.search(pattern, reason, re.IGNORECASE) for pattern in named):
        raise Refused({"reason": _("Le motif est gardé : n’y nommez pas la personne.")})

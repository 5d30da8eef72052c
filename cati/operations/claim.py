"""The next case for an interviewer: one claim, one lease, and a hold on every number of the case.

Candidates are locked with SKIP LOCKED, each in a transaction of its own: were two candidates tried
in one transaction, two claimants could wait for each other's numbers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from cati.models import Case, User, Wave
from cati.operations.calls import check_hours
from cati.operations.errors import Refused
from cati.operations.leases import expire_leases
from cati.operations.presence import end_break
from cati.queries.callable import candidates, situation

TRIES = 20

# An expired hold is taken over; a live one is somebody else's and yields no row, and so does one
# whose case is still held: its lease outlived the sweep because a write is running on it.
HOLD = """
INSERT INTO cati_phonehold (phone_key, case_id, epoch, until)
SELECT p.phone_key, p.case_id, %(epoch)s, %(until)s FROM cati_phone p
WHERE p.case_id = %(case)s ORDER BY p.phone_key
ON CONFLICT (phone_key) DO UPDATE
SET case_id = EXCLUDED.case_id, epoch = EXCLUDED.epoch, until = EXCLUDED.until
WHERE cati_phonehold.until < %(now)s AND NOT EXISTS (
  SELECT 1 FROM cati_case c
  WHERE c.id = cati_phonehold.case_id AND c.epoch = cati_phonehold.epoch
    AND c.holder_id IS NOT NULL AND c.id <> EXCLUDED.case_id
)
"""


class NumbersTaken(Exception):
    """A number of the candidate is being rung from another case."""


def next_case(wave: Wave, user: User, now: datetime) -> Case | None:
    """The case that `user` works on now: the one she holds, or a newly claimed one.

    None when nothing is due. Refused when the wave is not open, outside the calling hours, or
    while she still holds a case of another wave.
    """
    expire_leases(now)
    if held := Case.objects.filter(holder=user).select_related("wave").first():
        return _held(held, wave)
    _check_open(wave, now)
    at = situation(wave, user, now)
    tried: list[int] = []
    for _attempt in range(TRIES):
        try:
            with transaction.atomic():
                found = candidates(at, tried, lock=True)
                if not found:
                    return None
                tried.append(found[0][0])
                case = Case.objects.get(pk=tried[-1])
                case.wave = wave
                lease(case, user, now)
                return case
        except NumbersTaken:
            continue
        except IntegrityError:
            # Her other window claimed at the same moment: one case per holder.
            held = Case.objects.filter(holder=user).select_related("wave").first()
            if held is None:
                raise
            return _held(held, wave)
    return None


def _held(case: Case, wave: Wave) -> Case:
    if case.wave_id != wave.pk:
        raise Refused(
            {
                "": _("Vous tenez la fiche %(number)s de la vague %(wave)s : terminez-la d’abord.")
                % {"number": case.number, "wave": case.wave.name}
            }
        )
    return case


def _check_open(wave: Wave, now: datetime) -> None:
    if wave.state != Wave.State.OPEN:
        raise Refused({"": _("La vague n’est pas ouverte aux appels.")})
    check_hours(wave, now)


def lease_this(case: Case, user: User, now: datetime) -> None:
    """`lease` for who asks for this very case. Raises Refused where a number of it is rung."""
    try:
        lease(case, user, now)
    except NumbersTaken as taken:
        ringing = _("Un collègue appelle ce numéro depuis une autre fiche. Réessayez ensuite.")
        raise Refused({"": ringing}) from taken


def lease(case: Case, user: User, now: datetime) -> None:
    """Give a locked case to `user`, with a hold on every number; her break is over.

    Raises NumbersTaken, which must end the caller's transaction: some holds may be taken by then.
    """
    epoch, until = case.epoch + 1, now + timedelta(seconds=case.wave.lease_seconds)
    with connection.cursor() as cursor:
        cursor.execute(HOLD, {"case": case.pk, "epoch": epoch, "until": until, "now": now})
        held = cursor.rowcount
    if held != case.phones.count():
        raise NumbersTaken
    case.holder, case.lease_until, case.epoch = user, until, epoch
    case.save(update_fields=["holder", "lease_until", "epoch"])
    end_break(user, now)

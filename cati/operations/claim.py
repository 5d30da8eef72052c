"""The next case for an interviewer: one claim, one lease, and a hold on every number of the case.

Candidates are locked with SKIP LOCKED, each in a transaction of its own: were two candidates tried
in one transaction, two claimants could wait for each other's numbers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cati.models import Case, User, Wave
from cati.operations.calls import check_hours
from cati.operations.errors import Refused
from cati.operations.leases import expire_leases
from cati.operations.presence import end_break
from cati.queries.callable import candidates, situation

TRIES = 20

HELD = "SELECT * FROM cati_case WHERE holder_id = %s"
# The numbers and the case in one statement, the case only where every number of it is held then.
# An expired hold is taken over; a live one is somebody else's and yields no row, and so does one
# whose case is still held: its lease outlived the sweep because a write is running on it.
LEASE = """
WITH held AS (
  INSERT INTO cati_phonehold (phone_key, case_id, epoch, until)
  SELECT p.phone_key, c.id, c.epoch + 1, %(until)s
  FROM cati_phone p JOIN cati_case c ON c.id = p.case_id
  WHERE c.id = %(case)s ORDER BY p.phone_key
  ON CONFLICT (phone_key) DO UPDATE
  SET case_id = EXCLUDED.case_id, epoch = EXCLUDED.epoch, until = EXCLUDED.until
  WHERE cati_phonehold.until < %(now)s AND NOT EXISTS (
    SELECT 1 FROM cati_case c
    WHERE c.id = cati_phonehold.case_id AND c.epoch = cati_phonehold.epoch
      AND c.holder_id IS NOT NULL AND c.id <> EXCLUDED.case_id
  )
  RETURNING phone_key
)
UPDATE cati_case SET holder_id = %(user)s, lease_until = %(until)s, epoch = epoch + 1
WHERE id = %(case)s
  AND (SELECT count(*) FROM held) = (SELECT count(*) FROM cati_phone WHERE case_id = %(case)s)
RETURNING *
"""


class NumbersTaken(Exception):
    """A number of the candidate is being rung from another case."""


def next_case(wave: Wave, user: User, now: datetime) -> Case | None:
    """The case that `user` works on now: the one she holds, or a newly claimed one.

    None when nothing is due. Refused when the wave is not open, outside the calling hours, or
    while she still holds a case of another wave.
    """
    expire_leases(now)
    if held := _in_hand(user, wave):
        return held
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
                return lease(wave, tried[-1], user, now)
        except NumbersTaken:
            continue
        except IntegrityError:
            # Her other window claimed at the same moment: one case per holder.
            if held := _in_hand(user, wave):
                return held
            raise
    return None


def _in_hand(user: User, wave: Wave) -> Case | None:
    """The case that she holds. Refused where it is of another wave."""
    for case in Case.objects.raw(HELD, [user.pk]):
        if case.wave_id == wave.pk:
            case.wave = wave
            return case
        other = _("Vous tenez la fiche %(number)s de la vague %(wave)s : terminez-la d’abord.")
        raise Refused({"": other % {"number": case.number, "wave": case.wave.name}})
    return None


def _check_open(wave: Wave, now: datetime) -> None:
    if wave.state != Wave.State.OPEN:
        raise Refused({"": _("La vague n’est pas ouverte aux appels.")})
    check_hours(wave, now)


def lease_this(case: Case, user: User, now: datetime) -> None:
    """`lease` for who asks for this very case. Raises Refused where a number of it is rung."""
    try:
        leased = lease(case.wave, case.pk, user, now)
    except NumbersTaken as taken:
        ringing = _("Un collègue appelle ce numéro depuis une autre fiche. Réessayez ensuite.")
        raise Refused({"": ringing}) from taken
    case.holder, case.lease_until, case.epoch = user, leased.lease_until, leased.epoch


def lease(wave: Wave, case_id: int, user: User, now: datetime) -> Case:
    """A locked case of the wave, given to `user` with a hold on every number; her break is over.

    Raises NumbersTaken, which must end the caller's transaction: some holds may be taken by then.
    """
    until = now + timedelta(seconds=wave.lease_seconds)
    given = {"case": case_id, "user": user.pk, "until": until, "now": now}
    for case in Case.objects.raw(LEASE, given):
        case.wave, case.holder = wave, user
        end_break(user, now)
        return case
    raise NumbersTaken

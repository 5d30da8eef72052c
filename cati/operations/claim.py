"""The next case for an interviewer: one claim, one lease, and a hold on every number of the case.

Candidates are locked with SKIP LOCKED, each in a transaction of its own: were two candidates tried
in one transaction, two claimants could wait for each other's numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from cati.core.quotas import FIRM, SECTOR
from cati.models import Case, QuotaCell, User, Wave
from cati.operations.calls import check_hours
from cati.operations.errors import Refused
from cati.operations.leases import expire_leases

# How long an appointment or a cut line waits for the one who knows the person.
OWNER_FIRST = timedelta(minutes=15)
TRIES = 20
# A break-off and a cut line go on whatever has filled up: half an interview is done.
BROKEN_OFF = ["12", "13"]

CANDIDATE = """
SELECT c.id FROM cati_case c
LEFT JOIN cati_caseinterview i ON i.case_id = c.id AND i.current
WHERE c.wave_id = %(wave)s AND c.state = 'open' AND c.holder_id IS NULL
  AND c.due_at <= %(now)s
  AND (c.tier <= 2 OR c.disposition = ANY(%(cut)s)
       OR CASE WHEN EXISTS (SELECT 1 FROM cati_place k WHERE k.interview_id = i.interview_id)
          THEN NOT EXISTS (SELECT 1 FROM cati_place k
                           WHERE k.interview_id = i.interview_id AND k.cell_id = ANY(%(full)s))
          ELSE c.frame_sector_id = ANY(%(sectors)s) END)
  AND (c.owner_id IS NULL OR c.owner_id = %(user)s OR c.due_at <= %(owner_until)s)
  AND c.id <> ALL(%(tried)s)
  AND NOT EXISTS (
    SELECT 1 FROM cati_phone p JOIN cati_phonehold h ON h.phone_key = p.phone_key
    WHERE p.case_id = c.id AND h.until >= %(now)s)
  AND EXISTS (SELECT 1 FROM cati_phone p WHERE p.case_id = c.id AND p.state = 'valid')
ORDER BY c.tier, c.due_at, c.attempts, c.jitter
LIMIT 1
FOR UPDATE OF c SKIP LOCKED
"""

# An expired hold is taken over; a live one is somebody else's and yields no row.
HOLD = """
INSERT INTO cati_phonehold (phone_key, case_id, epoch, until)
SELECT p.phone_key, p.case_id, %(epoch)s, %(until)s FROM cati_phone p
WHERE p.case_id = %(case)s ORDER BY p.phone_key
ON CONFLICT (phone_key) DO UPDATE
SET case_id = EXCLUDED.case_id, epoch = EXCLUDED.epoch, until = EXCLUDED.until
WHERE cati_phonehold.until < %(now)s
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
    tried: list[int] = []
    for _attempt in range(TRIES):
        try:
            with transaction.atomic():
                case_id = _candidate(wave, user, now, tried)
                if case_id is None:
                    return None
                tried.append(case_id)
                case = Case.objects.select_related("wave").get(pk=case_id)
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


def _candidate(wave: Wave, user: User, now: datetime, tried: Sequence[int]) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            CANDIDATE,
            {
                "wave": wave.pk,
                "user": user.pk,
                "now": now,
                "owner_until": now - OWNER_FIRST,
                "cut": BROKEN_OFF,
                **_quotas(wave),
                "tried": list(tried),
            },
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _quotas(wave: Wave) -> dict[str, list[int]]:
    """`sectors` that admit an interview, and the ids of `full` firm cells, as they are now.

    Nobody is called whom a full cell would send away: known are the cells in which her interview
    has asked for places, and before that the sector of the sample.
    """
    firm = QuotaCell.objects.filter(wave=wave, family__in=FIRM)
    admitting = firm.admitting(wave.completion_rate)
    full = firm.exclude(pk__in=admitting.values("pk"))
    return {
        "sectors": list(admitting.filter(family=SECTOR).values_list("sector_id", flat=True)),
        "full": list(full.values_list("pk", flat=True)),
    }


def lease(case: Case, user: User, now: datetime) -> None:
    """Give a locked case to `user`, with a hold on every number.

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

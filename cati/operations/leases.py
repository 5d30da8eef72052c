"""Who holds a case: the lock that every write on a case takes first, and how a lease ends.

Lock order, everywhere: case, then interview, then quota cells by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext as _

from cati.core.retries import ANY
from cati.models import Attempt, Case, CaseInterview, PhoneHold, User, Wave
from cati.operations import places
from cati.operations.errors import Refused, StaleLease
from cati.operations.retry import retried

EXPIRED = "SELECT 1 FROM cati_case WHERE holder_id IS NOT NULL AND lease_until < %s LIMIT 1"


def hold(case_id: int, user: User, epoch: int, now: datetime) -> Case:
    """Lock the case for a write by the one who holds it; StaleLease for anybody else.

    A lease that ran out but that nobody has taken or swept is still hers: the answers of a
    respondent on the line matter more than a late heartbeat.
    """
    [case] = Case.objects.raw("SELECT * FROM cati_case WHERE id = %s FOR UPDATE", [case_id])
    check_lease(case, user, epoch)
    return case


def lock_case(wave: Wave, number: int) -> Case:
    """The case of that number, locked, with its wave and holder. Raises Refused."""
    numbered = Case.objects.filter(wave=wave, number=number).select_related("wave", "holder")
    case = numbered.select_for_update(of=("self",)).first()
    if case is None:
        raise Refused({"": _("Aucune fiche de la vague n’a ce numéro.")})
    return case


def check_lease(case: Case, user: User, epoch: int) -> None:
    """Raises StaleLease where the case is not, or no longer, hers under that epoch."""
    if case.holder_id != user.pk or case.epoch != epoch:
        raise StaleLease(case.holder.short_name if case.holder else "")


def heartbeat(case_id: int, user: User, epoch: int, now: datetime) -> None:
    """Prolong the lease and its phone holds; StaleLease when somebody else has the case."""
    with transaction.atomic():
        case = hold(case_id, user, epoch, now)
        until = now + timedelta(seconds=case.wave.lease_seconds)
        Case.objects.filter(pk=case.pk).update(lease_until=until)
        PhoneHold.objects.filter(case=case, epoch=epoch).update(until=until)


def let_go(case: Case) -> None:
    """End the lease of a locked case and free its numbers."""
    PhoneHold.objects.filter(case=case).delete()
    case.holder, case.lease_until = None, None
    case.save(update_fields=["holder", "lease_until"])


def release(case_id: int, user: User, epoch: int, now: datetime) -> None:
    """Hand the case back without an outcome; it stays callable, and an open call is abandoned."""
    with transaction.atomic():
        case = hold(case_id, user, epoch, now)
        _end_calls([case], now)
        let_go(case)


def expire_leases(now: datetime) -> int:
    """Free every case whose lease ran out: its numbers, its open attempt, its reserved places.

    Rows that a running write has locked are left for the next sweep. Nearly always there is none,
    and every claim asks: one probe of the index of leases tells.
    """
    with connection.cursor() as cursor:
        cursor.execute(EXPIRED, [now])
        found = cursor.fetchone()
    return retried(lambda: _expire(now)) if found else 0


def _expire(now: datetime) -> int:
    with transaction.atomic():
        expired = list(
            Case.objects.select_for_update(skip_locked=True)
            .filter(holder__isnull=False, lease_until__lt=now)
            .order_by("pk")
        )
        _end_calls(expired, now)
        for case in expired:
            let_go(case)
    return len(expired)


def _end_calls(cases: Sequence[Case], now: datetime) -> None:
    """Close the attempts left open, as abandoned, and give the places of their interviews back.

    A number that was rung is fresh no more: its interview may have begun, in a sector other than
    the sample's, and is resumed by whoever is free.
    """
    talking = Attempt.objects.filter(case__in=cases, closed_at__isnull=True)
    rung = list(talking.values_list("case", flat=True))
    talking.update(closed_at=now, abandoned=True)
    fresh = Case.objects.filter(pk__in=rung, tier=Case.Tier.FRESH)
    fresh.update(tier=Case.Tier.RETRY, part=ANY)
    links = CaseInterview.objects.filter(case__in=cases, current=True).select_related("interview")
    places.release_all([link.interview for link in links], now)

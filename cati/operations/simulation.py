"""What a simulation needs of a wave: people who log in, and cases in their order of service."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db.models import Exists, OuterRef, Sum
from django.utils.translation import gettext as _

from cati.core.encounters import Prospect
from cati.core.scheduling import may_call
from cati.models import Case, CaseInterview, Membership, QuotaCell, Role, User, Wave
from cati.operations.errors import Refused

PASSWORD = "simulation"  # noqa: S105 (public, and only where DEMO is on)


def simulated_interviewers(wave: Wave, count: int, now: datetime) -> list[User]:
    """`count` interviewers of the wave, sim.001 and following, who log in with PASSWORD.

    They are not the accounts of the demo, so that whoever tries the demo meanwhile is not disturbed
    in a call. Refused where DEMO is off, the wave is no demo, or nobody may call now.
    """
    if not (settings.DEMO and wave.is_demo):
        raise Refused({"": _("Une simulation ne se joue que dans une vague de démonstration.")})
    if wave.state != Wave.State.OPEN or not may_call(wave.calling_hours, now):
        raise Refused({"": _("La vague n’est pas ouverte aux appels.")})
    names = [f"sim.{number:03d}" for number in range(1, count + 1)]
    hashed = make_password(PASSWORD)
    User.objects.bulk_create(
        (
            User(
                username=name,
                first_name="Sim",
                last_name=f"Enquête {name[-3:]}",
                password=hashed,
                converts_refusals=True,
                is_demo=True,
            )
            for name in names
        ),
        ignore_conflicts=True,
    )
    people = User.objects.filter(username__in=names, is_demo=True)
    people.update(password=hashed, is_active=True)
    Membership.objects.bulk_create(
        (Membership(user=user, wave=wave, role=Role.INTERVIEWER) for user in people),
        ignore_conflicts=True,
    )
    return list(people.order_by("username"))


def prospects(wave: Wave) -> dict[str, list[Prospect]]:
    """The open cases by sector of the sample, each in the order in which it will be handed out."""
    begun = CaseInterview.objects.filter(case=OuterRef("pk"), current=True)
    cases = Case.objects.filter(wave=wave, state=Case.State.OPEN)
    rows = cases.annotate(begun=Exists(begun)).order_by("tier", "due_at", "attempts", "jitter")
    found: dict[str, list[Prospect]] = {}
    for number, sector, attempts, suspended in rows.values_list(
        "number", "frame_sector__code", "attempts", "begun"
    ):
        found.setdefault(sector, []).append(Prospect(number, attempts > 0, suspended))
    return found


def counted(wave: Wave) -> int:
    """The interviews that the sectors count."""
    cells = QuotaCell.objects.filter(wave=wave, family="sector")
    total: int = cells.aggregate(total=Sum("counted", default=0))["total"]
    return total


def targets(wave: Wave) -> dict[str, int]:
    """{sector: interviews wanted}."""
    cells = QuotaCell.objects.filter(wave=wave, family="sector")
    return dict(cells.values_list("sector__code", "target"))

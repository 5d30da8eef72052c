"""The rules of calling of a wave: kept with who changed them, then applied to the whole pool."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from itertools import groupby

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from cati.core.dispositions import RETRY
from cati.core.retries import Next, next_call
from cati.core.rules import Misruled, Rules, check_rules, read_rules, stored_rules
from cati.core.scheduling import CLOSED, Hours
from cati.models import Appointment, Attempt, Case, Job, RulesAct, User, Wave
from cati.operations import jobs
from cati.operations.errors import Refused
from cati.queries.visits import visits

KIND = "calling_rules"
BATCH = 2_000


def change_rules(
    wave: Wave, rules: Rules, hours: Hours, reason: str, by: User, now: datetime
) -> Job:
    """Keep the new rules, and ask for the job that reckons every waiting case anew.

    New outcomes follow them at once. Raises Refused, by field.
    """
    try:
        check_rules(rules)
    except Misruled as misruled:
        raise Refused({name: _(fault) for name, fault in misruled.faults.items()}) from None
    _check_hours(hours)
    stored = stored_rules(rules)
    Wave.objects.filter(pk=wave.pk).update(call_rules=stored, calling_hours=dict(hours))
    RulesAct.objects.create(
        wave=wave, rules=stored, hours=dict(hours), reason=reason.strip()[:200], by=by, at=now
    )
    return jobs.enqueue(wave, KIND, {}, by, now)


def _check_hours(hours: Hours) -> None:
    for day, bounds in hours.items():
        if day == CLOSED:
            continue
        try:
            opens, closes = (_clock(text) for text in bounds)
        except ValueError:
            raise Refused(
                {f"day_{day}": _("Écrivez deux heures : « 10:00 », « 20:30 ».")}
            ) from None
        if opens >= closes:
            raise Refused({f"day_{day}": _("L’ouverture vient avant la fermeture.")})


def _clock(text: str) -> time:
    return time.max if text == "24:00" else time.fromisoformat(text)


def recompute(job: Job, report: jobs.Report) -> jobs.Work:
    """When and in which part of the week every case that waits for another try is rung again.

    Fresh numbers need nothing: their part follows from their draw. Promises stay as promised.
    Cases that were rung meanwhile have followed the new rules already and are left alone.
    """
    wave = Wave.objects.get(pk=job.wave_id)
    rules = read_rules(wave.call_rules)
    waiting = wave.cases.filter(state=Case.State.OPEN, tier=RETRY, attempts__gt=0)
    pending = Appointment.objects.filter(case=OuterRef("pk"), state=Appointment.State.PENDING)
    numbers = list(waiting.exclude(Exists(pending)).order_by("pk").values_list("pk", flat=True))
    changed = 0
    for first in range(0, len(numbers), BATCH):
        report(first / len(numbers), _("%(n)s fiches revues") % {"n": first})
        batch = numbers[first : first + BATCH]
        changed += _rewrite(batch, dict(_reckoned(batch, rules, wave.calling_hours)))
    return jobs.Work(write=lambda: {"cases": len(numbers), "changed": changed})


def _reckoned(cases: list[int], rules: Rules, hours: Hours) -> Iterator[tuple[int, Next]]:
    calls = Attempt.objects.filter(case__in=cases, closed_at__isnull=False).exclude(disposition="")
    rows = calls.order_by("case", "closed_at").values_list(
        "case", "visit", "closed_at", "disposition"
    )
    for case, group in groupby(rows, key=lambda row: row[0]):
        yield case, next_call(visits(row[1:] for row in group), rules, hours)


def _rewrite(cases: list[int], found: dict[int, Next]) -> int:
    """Each row only where it is still as it was read: a call in between has settled it itself."""
    rows = list(
        Case.objects.filter(pk__in=cases, holder__isnull=True).only("pk", "due_at", "part", "epoch")
    )
    changed = 0
    for case in rows:
        new = found.get(case.pk)
        if new is not None and (new.due_at, new.part) != (case.due_at, case.part):
            same = Case.objects.filter(pk=case.pk, epoch=case.epoch, holder__isnull=True)
            changed += same.update(due_at=new.due_at, part=new.part)
    return changed

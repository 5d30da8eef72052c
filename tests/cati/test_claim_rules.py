"""The claim under the rules of calling, and the screens that say what it will do.

1. Each filter keeps a case back in SQL exactly where the pure rules say so.
2. The list of who comes next is the claim's own order; whoever asks gets a case while one is due.
3. An empty queue says why; a changed rule changes the order, and the job reckons the pool anew.
4. A missed promise goes back to the pool, counted; the database refuses impossible transitions.
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cati.core.reasons import Reason, why_not
from cati.core.retries import ANY
from cati.core.rules import USUAL, read_rules, stored_rules
from cati.models import (
    Appointment,
    Attempt,
    Case,
    Job,
    Opposition,
    PhoneHold,
    QuotaCell,
    Replicate,
    RulesAct,
    Wave,
)
from cati.operations import jobs
from cati.operations.appoint import miss_appointments
from cati.operations.calls import dial
from cati.operations.claim import NumbersTaken, lease, next_case
from cati.operations.leases import expire_leases
from cati.operations.outcome import OutcomeInput, record_outcome
from cati.queries.callable import candidates, situation
from cati.queries.schedule import asker, case_facts, pool, who_next
from tests.world import NOW, World

NEXT, RULES, FORECAST = (f"/v/2026/appels/{page}/" for page in ("ensuite", "regles", "prevision"))
# Tuesday 15:00 is in the afternoon, the second part of the usual week.
HERE, ELSEWHERE = 2, 3

HINDRANCES: dict[Reason, dict[str, Any]] = {
    Reason.DELAY: {"due_at": NOW + timedelta(minutes=1)},
    Reason.EXHAUSTED: {"tier": 5, "part": None},
    Reason.DAY_PART: {"tier": 5, "part": ELSEWHERE},
    Reason.LANGUAGE: {"language": "tr"},
    Reason.CONVERSION: {"tier": 5, "part": HERE, "disposition": "40"},
    Reason.REPLICATE: {"replicate": 7},
}


def alone(world: World, **fields: Any) -> Case:
    """The only open case of the wave."""
    world.wave.cases.update(state=Case.State.CLOSED)
    return world.add_case(**fields)


def by_sql(world: World, case: Case) -> bool:
    return case.pk in [pk for pk, _ in candidates(situation(world.wave, world.nadia, NOW))]


def by_core(world: World, case: Case) -> Reason | None:
    facts = case_facts(case, NOW)
    return why_not(facts, read_rules(world.wave.call_rules), NOW, asker(world.nadia))


def test_a_case_without_hindrance_is_claimed(world: World) -> None:
    case = alone(world)
    assert by_core(world, case) is None
    assert next_case(world.wave, world.nadia, NOW) == case


@pytest.mark.parametrize("reason", HINDRANCES)
def test_a_hindrance_keeps_the_case_from_the_claim(world: World, reason: Reason) -> None:
    Replicate.objects.create(wave=world.wave, number=7)
    case = alone(world, **HINDRANCES[reason])
    assert by_core(world, case) is reason
    assert next_case(world.wave, world.nadia, NOW) is None
    assert [one.reason for one in pool(world.wave, world.nadia, NOW).aside] == [reason]


def test_the_one_who_was_refused_never_converts_and_another_with_the_skill_does(
    world: World,
) -> None:
    for person in (world.nadia, world.yann):
        type(person).objects.filter(pk=person.pk).update(converts_refusals=True)
        person.refresh_from_db()
    case = alone(world, tier=5, part=HERE, disposition="40", attempts=1)
    Attempt.objects.create(
        case=case, interviewer=world.nadia, epoch=1, opened_at=NOW - timedelta(days=9),
        closed_at=NOW - timedelta(days=9), disposition="40",
    )  # fmt: skip
    assert next_case(world.wave, world.nadia, NOW) is None
    assert next_case(world.wave, world.yann, NOW) == case


def test_an_opposed_number_binds_the_whole_case(world: World) -> None:
    case = alone(world, phones=2)
    Opposition.objects.create(phone_key=case.phones.all()[1].phone_key, at=NOW)
    assert by_core(world, case) is Reason.OPPOSED
    assert not by_sql(world, case)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_sql_and_core_agree_on_every_mixture_of_facts(world: World, data: st.DataObject) -> None:
    draw = data.draw
    tier = draw(st.integers(0, 6))
    with transaction.atomic():
        case = alone(
            world,
            tier=tier,
            part=0 if tier == 6 else draw(st.sampled_from([None, 0, 1, HERE, ELSEWHERE])),
            jitter=draw(st.floats(0, 0.999)),
            due_at=NOW + timedelta(minutes=draw(st.sampled_from([-60, -5, 0, 5]))),
            disposition=""
            if tier == 6
            else draw(st.sampled_from(["", "12", "13", "20", "32", "40"])),
            language=draw(st.sampled_from(["", "", "tr"])),
            owner=draw(st.sampled_from([None, world.nadia, world.yann])),
            replicate=draw(st.sampled_from([1, 7])),
        )
        Replicate.objects.get_or_create(wave=world.wave, number=7)
        spread = draw(st.booleans())
        world.wave.call_rules = stored_rules(USUAL) | {"spread_fresh": spread}
        if draw(st.booleans()):
            cells = QuotaCell.objects.filter(wave=world.wave)
            cells.update(state=QuotaCell.State.CLOSED)
        phone = case.phones.get()
        if draw(st.booleans()):
            until = NOW + timedelta(minutes=draw(st.sampled_from([-1, 1])))
            PhoneHold.objects.create(phone_key=phone.phone_key, case=case, epoch=0, until=until)
        if draw(st.sampled_from([False, False, True])):
            case.phones.update(state="closed")
        agreed = (by_core(world, case) is None) == by_sql(world, case)
        reason = by_core(world, case)
        counted = [one.reason for one in pool(world.wave, world.nadia, NOW).aside]
        transaction.set_rollback(True)
    assert agreed, reason
    assert counted == ([reason] if reason else [])


def test_who_comes_next_is_the_order_of_the_claim(world: World) -> None:
    for tier, minutes in itertools.product((2, 3, 4, 5, 6), (10, 20)):
        part = HERE if tier == 5 else 0
        due = NOW - timedelta(minutes=minutes)
        world.add_case("VE", tier=tier, due_at=due, part=part, attempts=tier < 6)
    # No two have the same draw, as in a sample.
    world.wave.cases.update(jitter=F("number") / 100.0)
    foreseen = [one.case.pk for one in who_next(world.wave, world.nadia, NOW)]
    claimed = []
    while case := next_case(world.wave, world.nadia, NOW):
        claimed.append(case.pk)
        put_away(case)
    assert foreseen == claimed
    assert len(claimed) == len(world.cases)


def put_away(case: Case) -> None:
    """Close it as if nobody had ever held it."""
    Case.objects.filter(pk=case.pk).update(state="closed", holder=None, lease_until=None)
    PhoneHold.objects.all().delete()


def test_whoever_asks_gets_a_case_while_one_is_due(world: World) -> None:
    """Of every tier: free, in another language, later, in a full sector, waiting for its owner."""
    QuotaCell.objects.filter(pk=world.cells["T1"].pk).update(state=QuotaCell.State.CLOSED)
    later = NOW + timedelta(minutes=1)
    kinds = ({}, {"language": "tr"}, {"due_at": later}, {"sector": "T1"}, {"owner": world.yann})
    for tier, kind in itertools.product(Case.Tier.values, kinds):
        world.add_case(**{"sector": "VE", "tier": tier} | kind)
    due = pool(world.wave, world.nadia, NOW).callable
    # The four of the usual cast outside that sector; those who pass over quotas inside it.
    assert due == 4 + 7 + 3
    for left in reversed(range(due)):
        case = next_case(world.wave, world.nadia, NOW)
        assert case is not None
        put_away(case)
        assert pool(world.wave, world.nadia, NOW).callable == left
    assert next_case(world.wave, world.nadia, NOW) is None


def test_a_number_whose_call_was_abandoned_is_fresh_no_more(world: World) -> None:
    case = alone(world)
    claimed = next_case(world.wave, world.nadia, NOW)
    assert claimed == case
    dial(case.pk, world.nadia, claimed.epoch, case.phones.all()[0].pk, NOW)
    later = NOW + timedelta(minutes=10)
    assert expire_leases(later) == 1
    case.refresh_from_db()
    assert (case.tier, case.part, case.attempts) == (Case.Tier.RETRY, ANY, 0)
    assert next_case(world.wave, world.yann, later) == case


def test_the_page_of_the_supervisor_shows_tier_score_and_what_is_set_aside(world: World) -> None:
    world.add_case("VE", due_at=NOW + timedelta(days=900))
    content = world.client(world.claire).get(NEXT).content.decode()
    assert "jamais appelée" in content
    assert "Délai non écoulé" in content


def test_an_empty_queue_says_why_and_when(world: World) -> None:
    world.wave.cases.update(due_at=NOW + timedelta(days=4000))
    client = world.client(world.nadia)
    page = client.post("/v/2026/enquete/suivante/", follow=True).content.decode()
    assert "6 fiches attendent leur délai ; prochaine à" in page


def test_a_case_page_says_when_it_will_be_callable(world: World) -> None:
    case = world.add_case("VE", due_at=NOW + timedelta(days=4000))
    page = world.client(world.claire).get(f"/v/2026/fiches/{case.number}/").content.decode()
    assert "Délai non écoulé" in page
    assert "Appelable le" in page


def test_an_outcome_sets_the_part_of_the_week_by_the_waves_own_rules(world: World) -> None:
    rules = stored_rules(USUAL)
    rules["delays"] |= {"32": 60}
    Wave.objects.filter(pk=world.wave.pk).update(call_rules=rules)
    case = ring(world, "32")
    assert (case.due_at, case.part) == (NOW.replace(hour=16), ELSEWHERE)


def ring(world: World, code: str) -> Case:
    """Nadia rings the next case, with this outcome."""
    wave = Wave.objects.get(pk=world.wave.pk)
    case = next_case(wave, world.nadia, NOW)
    assert case is not None
    dial(case.pk, world.nadia, case.epoch, case.phones.all()[0].pk, NOW)
    outcome = OutcomeInput(uuid4(), code)
    record_outcome(case.pk, world.nadia, case.epoch, outcome, NOW)
    case.refresh_from_db()
    return case


def test_changed_rules_are_kept_and_the_job_reckons_the_pool_anew(world: World) -> None:
    case = ring(world, "32")
    client = world.client(world.claire)
    page = client.get(RULES)
    form = fields(page.content.decode()) | {"delay_32": "30", "reason": "Trop tôt"}
    answer = client.post(RULES, form)
    assert answer.status_code == 302
    act = RulesAct.objects.get()
    assert (act.by, act.reason, act.rules["delays"]["32"]) == (world.claire, "Trop tôt", 1800)
    job = Job.objects.get(kind="calling_rules")
    jobs.run(job.pk, lambda: NOW)
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"cases": 1, "changed": 1})
    before = case.due_at
    case.refresh_from_db()
    assert case.due_at >= NOW + timedelta(hours=30) > before


def test_a_rule_that_is_no_number_is_refused_and_changes_nothing(world: World) -> None:
    client = world.client(world.claire)
    form = fields(client.get(RULES).content.decode()) | {"most": "beaucoup"}
    page = client.post(RULES, form, follow=True).content.decode()
    assert "n’est pas un nombre" in page
    assert not RulesAct.objects.exists()


def fields(page: str) -> dict[str, str]:
    """The fields of the page's form, as a browser would send them."""
    from lxml import html

    forms = html.fromstring(page).forms
    return dict(next(form for form in forms if "uuid" in form.fields).form_values())


def test_the_forecast_names_the_sector_that_runs_dry(world: World) -> None:
    page = world.client(world.claire).get(FORECAST).content.decode()
    assert "l’échantillon s’épuise à" in page


def test_a_missed_promise_goes_back_to_the_pool_and_is_counted(world: World) -> None:
    case = alone(world, tier=2, owner=world.yann, due_at=NOW - timedelta(minutes=31))
    attempt = Attempt.objects.create(
        case=case, interviewer=world.yann, epoch=1, opened_at=NOW - timedelta(days=1),
        closed_at=NOW - timedelta(days=1), disposition="20",
    )  # fmt: skip
    promise = Appointment.objects.create(
        case=case, attempt=attempt, at=case.due_at, owner=world.yann
    )
    assert miss_appointments(NOW - timedelta(minutes=2)) == 0
    assert miss_appointments(NOW) == 1
    promise.refresh_from_db()
    case.refresh_from_db()
    assert (promise.state, case.tier, case.owner) == ("missed", Case.Tier.SOFT, None)
    assert next_case(world.wave, world.nadia, NOW) == case


def test_the_database_refuses_transitions_that_cannot_be(world: World) -> None:
    case = ring(world, "32")
    attempt = case.calls.get()
    fresh, complete = world.wave.cases.exclude(pk=case.pk)[:2]
    Case.objects.filter(pk=complete.pk).update(state="closed", disposition="10")
    impossible = [
        lambda: Case.objects.filter(pk=complete.pk).update(state="open"),
        lambda: Case.objects.filter(pk=case.pk).update(tier=Case.Tier.FRESH, part=0),
        lambda: Attempt.objects.filter(pk=attempt.pk).update(disposition="40"),
        lambda: Case.objects.filter(pk=case.pk).update(epoch=0),
        lambda: Attempt.objects.filter(pk=attempt.pk).update(closed_at=None, disposition=""),
        lambda: Case.objects.filter(pk=case.pk).update(holder=world.nadia),
        lambda: Case.objects.filter(pk=case.pk).update(tier=7),
        lambda: Case.objects.filter(pk=fresh.pk).update(part=3),
    ]
    for act in impossible:
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


def test_a_number_whose_case_is_still_held_is_not_rung_from_another(world: World) -> None:
    """Her lease ran out, and a write that runs on her case keeps the sweep away from it."""
    first = world.cases[0]
    second = world.add_case("CN", shares=first)
    Case.objects.exclude(pk__in=[first.pk, second.pk]).update(state="closed")
    assert next_case(world.wave, world.nadia, world.now) == first
    later = world.now + timedelta(minutes=10)
    with pytest.raises(NumbersTaken), transaction.atomic():
        lease(world.wave, second.pk, world.yann, later)
    expire_leases(later)
    assert next_case(world.wave, world.yann, later) is not None

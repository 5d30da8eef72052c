"""`manage.py demo`: a wave that is two thirds done.

1. What was played is sound: journals rebuild every projection, counts are those of the places.
2. The past is past: calls end before now, in hours of work, and nobody makes two at once.
3. There is something on every screen: appointments, calls back, refusals, suspended interviews.
4. The fieldwork goes on from there, and what was done is never touched again.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from cati.core.dispositions import BY_CODE
from cati.models import (
    Appointment,
    Attempt,
    Case,
    Contact,
    Phone,
    Place,
    QuotaCell,
    User,
    Wave,
)
from cati.operations import claim
from cati.operations.demo_fieldwork import SEED, begin_fieldwork
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import rebuild_all
from tests.weighting.short_wave import short_wave
from tests.world import NOW
from weighting.core.demo_population import demo_sampling

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TARGET = 90


@pytest.fixture
def wave() -> Wave:
    """A sector of 90, begun up to NOW."""
    wave = short_wave(NOW, sector="T1", target=TARGET, cases=4 * TARGET)
    begin_fieldwork(wave, demo_sampling({"T1": TARGET}, SEED), NOW)
    return wave


# 1. Sound.


def test_journals_rebuild_every_projection(wave: Wave) -> None:
    interviews = Interview.objects.select_related("version")
    assert rebuild_all(interviews, save=False) == []
    assert interviews.count() > TARGET // 2
    starts = AnswerEvent.objects.filter(seq=1)
    assert set(starts.values_list("kind", flat=True)) == {"seed"}


def test_about_two_thirds_are_counted_and_nothing_else_holds_a_place(wave: Wave) -> None:
    cell = QuotaCell.objects.get(wave=wave)
    complete = Interview.objects.filter(outcome="complete").count()
    confirmed = Place.objects.filter(state=Place.State.CONFIRMED).count()
    assert cell.counted == complete == confirmed
    assert TARGET * 0.55 <= cell.counted <= TARGET * 0.75
    assert cell.reserved == 0
    assert not Place.objects.filter(state=Place.State.RESERVED).exists()


def test_calls_and_cases_agree(wave: Wave) -> None:
    for case in Case.objects.prefetch_related("calls"):
        calls = list(case.calls.all())
        assert case.attempts == len(calls)
        assert case.holder_id is None
        if not calls:
            assert (case.state, case.tier, case.disposition) == ("open", Case.Tier.FRESH, "")
            continue
        assert case.disposition == calls[0].disposition
        assert all(BY_CODE[call.disposition] and call.aapor for call in calls)
    finished = Case.objects.filter(disposition="10")
    assert set(finished.values_list("state", "screened")) == {("closed", True)}
    assert Phone.objects.filter(state=Phone.State.CLOSED).exists()
    assert Contact.objects.exclude(kept={}).exists()


def test_modules_are_drawn_in_whole_blocks(wave: Wave) -> None:
    draws = AnswerEvent.objects.filter(kind="draw").order_by("at")
    values = [draw.value["value"] for draw in draws]
    for block in zip(values[::2], values[1::2], strict=False):
        assert sorted(block) == ["A", "B"]


# 2. Past.


def test_calls_end_before_now_and_nobody_makes_two_at_once(wave: Wave) -> None:
    calls = Attempt.objects.order_by("interviewer", "opened_at")
    assert all(call.closed_at and call.closed_at <= NOW for call in calls)
    for first, second in pairwise(calls):
        if first.interviewer_id == second.interviewer_id:
            assert first.closed_at is not None
            assert first.closed_at < second.opened_at
    assert Attempt.objects.filter(opened_at__gte=NOW - timedelta(hours=4)).exists()
    assert not Attempt.objects.filter(opened_at__week_day=1).exists()


def test_answers_lie_within_their_call(wave: Wave) -> None:
    for call in Attempt.objects.filter(disposition="10").select_related("interview")[:20]:
        assert call.interview is not None
        assert call.closed_at == call.interview.last_event_at
        last = AnswerEvent.objects.filter(interview=call.interview, kind="answer").last()
        assert last is not None
        assert call.opened_at < last.at <= call.closed_at


# 3. Something to show.


def test_every_screen_has_something_to_show(wave: Wave, client: Any) -> None:
    dispositions = set(Attempt.objects.values_list("disposition", flat=True))
    assert {"10", "20", "32", "33", "40"} <= dispositions
    pending = Appointment.objects.filter(state=Appointment.State.PENDING)
    assert pending.exists()
    assert all(one.at > NOW and one.case.state == "open" for one in pending)
    assert Interview.objects.exclude(outcome="complete").exists()
    client.force_login(User.objects.get(username="n.benali"))
    assert client.get(reverse("interviewer-home", args=[wave.slug])).status_code == 200


# 4. And on.


def test_the_next_case_is_one_to_call_again(wave: Wave) -> None:
    nadia = User.objects.get(username="n.benali")
    case = claim.next_case(wave, nadia, NOW + timedelta(days=8))
    assert case is not None
    assert case.attempts > 0


def test_what_was_done_is_never_touched_again(wave: Wave) -> None:
    before = Attempt.objects.count()
    assert not begin_fieldwork(wave, demo_sampling({"T1": TARGET}, SEED), NOW)
    assert Attempt.objects.count() == before


def test_a_wave_without_calls_is_begun_by_the_command_only(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("demo", fresh=True)
    assert not Attempt.objects.exists()

"""An answer that waits for its case sees what the one before it has left, and not what it found.

One statement locks the case, its call and its interview; what it read before it waited is old.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import F

from cati.models import Case
from cati.operations import calls
from cati.operations.errors import Refused
from questionnaire.models import AnswerEvent
from tests.cati.test_interview_life import Call
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def call(world: World) -> Call:
    call = Call(world, world.nadia)
    call.begin()
    call.answer("S01", 1)
    return call


def after(first: Callable[[], Any], act: Callable[[], Any]) -> Any:
    """What `act` gives that began on another connection before `first` was committed."""

    def there() -> Any:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            first()
            done = other.submit(there)
            until = time.monotonic() + 10
            while not waits():
                assert time.monotonic() < until, "it did not wait"
                time.sleep(0.01)
        return done.result()


def waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def test_an_answer_that_waited_for_the_end_of_its_call_is_refused(call: Call) -> None:
    # The line was cut: the case stays hers, and she dials again.
    with pytest.raises(Refused):
        after(lambda: call.end("13"), lambda: call.answer("S10", 1))
    assert not AnswerEvent.objects.filter(item="S10").exists()


def test_an_answer_that_waited_for_its_call_to_begin_is_saved(call: Call) -> None:
    phone = call.case.phones.get(rank=1)
    call.end("13")

    def call_again() -> None:
        calls.dial(call.case.pk, call.user, call.case.epoch, phone.pk, call.now)
        call.begin()

    # Whoever is called back is asked for again.
    assert after(call_again, lambda: call.answer("S01", 1))["next"] == "S10"
    assert AnswerEvent.objects.filter(item="S01").count() == 2


def test_an_answer_that_waited_for_a_take_over_is_kept_aside(call: Call) -> None:
    def take_over() -> None:
        mine = Case.objects.filter(pk=call.case.pk)
        mine.update(holder=call.world.yann, epoch=F("epoch") + 1)

    assert after(take_over, lambda: call.answer("S10", 1))["kept"]
    assert not AnswerEvent.objects.filter(item="S10").exists()

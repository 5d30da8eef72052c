"""State machines over the product's own operations, each run in a transaction that never was.

How often each rare thing was reached is counted over all runs of a search, and a search that missed
one fails: it would be blind where it matters most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from django.test import TestCase
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from cati.models import Wave
from questionnaire.core.load import load_texts
from questionnaire.operations import publish
from questionnaire.queries import _warm
from tests.world import World


class Undone(RuleBasedStateMachine):
    """A machine whose runs all begin with the same rows; `reached` counts over all of them."""

    reached: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.all = transaction.atomic()
        self.all.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.all.__exit__(None, None, None)
        # A run that never was must not warm the next.
        _warm.clear()


def committed(act: Callable[[], Any]) -> Any:
    """What the act gives, after what waits for its commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return act()


def ask(world: World, manifest: str, theme: str, now: datetime) -> None:
    """Let the wave ask this short questionnaire of one theme."""
    short = load_texts({"instrument.yaml": manifest, "t.yaml": theme})
    version = publish(short, name="court", actor=None, now=now)
    Wave.objects.filter(pk=world.wave.pk).update(version=version, parameters={})
    world.wave.refresh_from_db()


def search(
    machine: type[Undone], rare: Sequence[str], *, runs: int, steps: int, derandomize: bool
) -> None:
    """Run the machine; every rare thing must have been reached."""
    machine.reached = Counter()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            derandomize=derandomize,
            deadline=None,
            database=None,
            # So few acts can be read as they are.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"\n{runs} runs: {', '.join(f'{name} {machine.reached[name]}' for name in rare)}")
    assert [name for name in rare if not machine.reached[name]] == []

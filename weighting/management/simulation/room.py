"""The telephone room: interviewers at work at once, until enough interviews are complete."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from cati.core.encounters import NOBODY, Script
from weighting.management.simulation.browser import Unexpected
from weighting.management.simulation.interviewer import Interviewer

WAIT = 0.5


@dataclass
class Tally:
    """What was played. `seconds`: how long each answer took to be saved and drawn."""

    outcomes: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    repairs: int = 0
    errors: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: int) -> float:
        """In seconds; 0 where nothing was answered."""
        if len(self.seconds) < 2:
            return sum(self.seconds)
        return quantiles(self.seconds, n=100)[share - 1]


class Room:
    """Hands out calls while fewer than `wanted` are complete or may become so, and cases last."""

    def __init__(self, wanted: int, scripts: Mapping[int, Script], stranger: Script) -> None:
        self.wanted, self.scripts, self.stranger = wanted, dict(scripts), stranger
        self.complete = self.talking = 0
        self.dry = False
        self.tally = Tally()
        self._change = threading.Condition()

    def work(self, team: Sequence[Interviewer]) -> Tally:
        """Let everybody work; returns when all have gone home."""
        threads = [threading.Thread(target=self._shift, args=(one,)) for one in team]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.tally

    def _shift(self, interviewer: Interviewer) -> None:
        try:
            interviewer.log_in()
            while self._may_call():
                self._one_case(interviewer)
        except Unexpected as error:
            self._told(f"{interviewer.username}: {error.what}")
        finally:
            interviewer.browser.close()
            with self._change:
                self.tally.outcomes += interviewer.outcomes
                self.tally.answers += interviewer.answers
                self.tally.repairs += interviewer.repairs
                self.tally.seconds += interviewer.browser.seconds.get("answer", [])

    def _may_call(self) -> bool:
        """Wait until one more call may be needed; False when nobody needs to call any more."""
        with self._change:
            while not self.dry and self.complete + self.talking >= self.wanted > self.complete:
                self._change.wait()
            if self.dry or self.complete >= self.wanted:
                return False
            self.talking += 1
            return True

    def _one_case(self, interviewer: Interviewer) -> None:
        complete, number = False, None
        try:
            number = interviewer.claim()
            if number is not None:
                script = self.scripts.pop(number, self.stranger)
                complete = interviewer.call(number, script)
        except Unexpected as error:
            self._told(error.what)
            if number is None:
                raise
            interviewer.hand_back(number)
        finally:
            self._done(complete, found=number is not None)

    def _done(self, complete: bool, *, found: bool) -> None:
        with self._change:
            self.talking -= 1
            self.complete += complete
            if not found and self.talking == 0:
                # Nobody holds a case that could come back, and none is due.
                self.dry = True
            self._change.notify_all()
            if not found and not self.dry:
                self._change.wait(WAIT)

    def _told(self, error: str) -> None:
        with self._change:
            self.tally.errors.append(error)


def stranger(script: Script) -> Script:
    """For a case that comes a second time: nobody is at home."""
    return Script(NOBODY, script.respondent)

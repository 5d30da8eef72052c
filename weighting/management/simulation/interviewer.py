"""A virtual interviewer: she plays one screen after the other, as a script says the calls go."""

from __future__ import annotations

import html
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cati.core.encounters import COMPLETE, NOBODY, Script
from cati.core.respondents import hesitates
from questionnaire.core.instrument import Instrument, Item
from weighting.management.simulation.browser import Browser, Page, Unexpected

BEAT_EVERY = 15.0
# One answer in so many makes the respondent come back to an earlier one.
SECOND_THOUGHT = 1 / 50
# A question that comes back so often will never let the interview go on.
STUCK = 4
HOURS = ("10 h 15", "14 h 30", "18 h 10", "19 h")


@dataclass(frozen=True)
class Question:
    """The question on screen, as its section says."""

    item: str
    instance: str
    answered: bool
    to_confirm: bool

    @classmethod
    def on(cls, text: str) -> Question:
        section = re.search(r'<section id="question"([^>]*)>', text)
        if section is None:
            raise Unexpected("no question on the page")
        said = {
            name: html.unescape(value)
            for name, value in re.findall(r'data-([a-z]+)="([^"]*)"', section[1])
        }
        return cls(said["item"], said["instance"], bool(said["stored"]), bool(said["confirm"]))


@dataclass
class Interviewer:
    """One account at work. `outcomes` counts calls by their code, `repairs` changed answers."""

    username: str
    password: str
    wave: str
    browser: Browser
    instrument: Instrument
    think: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    repairs: int = 0
    answers: int = 0

    def log_in(self) -> None:
        self.browser.get("/connexion/")
        page = self.browser.post(
            "/connexion/", {"username": self.username, "password": self.password}
        )
        if page.status != 302:
            raise Unexpected(f"{self.username} could not log in")

    def claim(self) -> int | None:
        """« Prochaine fiche »: the number of the case, None where nothing is due."""
        page = self.browser.post(f"/v/{self.wave}/enquete/suivante/", {})
        found = re.search(r"/fiche/(\d+)/$", page.location)
        return int(found[1]) if found else None

    def call(self, number: int, script: Script) -> bool:
        """Work on the case until it is out of her hands; whether its interview is complete."""
        return Call(self, number, script).play()

    def hand_back(self, number: int) -> None:
        """After an error: give the case back where that is still possible."""
        case = f"/v/{self.wave}/fiche/{number}/"
        page = self.browser.get(case)
        self.browser.post(f"{case}rendre/", {"epoch": page.field("epoch")})


class Call:
    """One case in hand: its calls, and the interview if there is one."""

    def __init__(self, by: Interviewer, number: int, script: Script) -> None:
        self.by, self.browser = by, by.browser
        self.case = f"/v/{by.wave}/fiche/{number}/"
        self.fate, self.respondent = script.fate, script.respondent
        self.draw = random.Random(f"{script.respondent.seed}:call")  # noqa: S311
        self.turns: Counter[str] = Counter()
        self.said: list[Item] = []
        self.epoch = 0
        self.last_beat = time.monotonic()

    def play(self) -> bool:
        while True:
            self.dial()
            if self.fate.interview:
                self.talk(self.open())
            code, after = self.close()
            if not after.startswith(self.case):
                return code == COMPLETE.code
            # The line was cut, or the case has another number: she dials again at once.
            self.fate = COMPLETE if self.fate.again else NOBODY

    def dial(self) -> None:
        card = self.browser.get(self.case)
        self.epoch = int(card.field("epoch"))
        phone = {"epoch": self.epoch, "phone": card.field("phone")}
        self.browser.post(f"{self.case}appel/", phone, wants="application/json")

    def open(self) -> Question | None:
        """The interview's first question, None where it has ended before."""
        page = self.browser.post(f"{self.case}entretien/", {"epoch": self.epoch})
        page = self.browser.get(page.location)
        return None if page.status == 302 else Question.on(page.text)

    def talk(self, question: Question | None) -> None:
        """From this question to the last one, or until she breaks off."""
        seen: Counter[str] = Counter()
        given = 0
        while question is not None and given != self.fate.stops_after:
            seen[question.item] += 1
            if seen[question.item] > STUCK + self.by.repairs:
                raise Unexpected(f"stuck at {question.item}")
            question = self.answer(question)
            given += 1
            if question and self.said and self.draw.random() < SECOND_THOUGHT:
                question = self._think_again() or question

    def answer(self, question: Question) -> Question | None:
        """What the respondent says to it; the next question, None after the last."""
        item = self.by.instrument.item(question.item)
        if question.answered and question.to_confirm:
            return self._save(question, "confirm", {})
        value = self._value(item)
        if hesitates(item, self.respondent.facts) and item not in self.said:
            self.said.append(item)
        kind = "seen" if item.type == "info" else "special" if "special" in value else "answer"
        return self._save(question, kind, value)

    def _value(self, item: Item) -> dict[str, Any]:
        said = dict(self.fate.says)
        if item.code in said:
            return {"v": said[item.code]}
        return self.respondent.answer(item, numbers(item), self.turns[item.code])

    def _think_again(self) -> Question | None:
        """Go back to an earlier question, see what another answer would park, and give it."""
        item = self.draw.choice(self.said)
        before = self._value(item)
        self.turns[item.code] += 1
        value = self._value(item)
        if value == before:
            return None
        try:
            page = self.browser.get(f"{self.case}question/{item.code}/", wants="application/json")
        except Unexpected:
            # Off the route meanwhile: nobody goes back there.
            return None
        question = Question.on(page.json()["html"])
        kind = "special" if "special" in value else "answer"
        body = self._body(question, kind, value)
        self.browser.post_json(f"{self.case}apercu/", body, "preview")
        self.by.repairs += 1
        return self._send(body)

    def _save(self, question: Question, kind: str, value: dict[str, Any]) -> Question | None:
        return self._send(self._body(question, kind, value))

    def _body(self, question: Question, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        spent = self._pause()
        return {
            "uuid": str(UUID(int=self.draw.getrandbits(128), version=4)),
            "kind": kind,
            "item": question.item,
            "instance": question.instance,
            "value": value,
            "epoch": self.epoch,
            "client_at": datetime.now(UTC).isoformat(),
            "ms_on_screen": round(1000 * spent),
        }

    def _send(self, body: dict[str, Any]) -> Question | None:
        reply = self.browser.post_json(f"{self.case}reponse/", body, "answer")
        self.by.answers += 1
        if reply["outcome"]:
            return None
        return Question.on(reply["html"])

    def _pause(self) -> float:
        """Listen and think, and keep the lease alive meanwhile."""
        rest = self.by.think * self.draw.uniform(0.5, 1.5)
        until = time.monotonic() + rest
        while True:
            now = time.monotonic()
            if now - self.last_beat >= BEAT_EVERY:
                self.browser.post_json(f"{self.case}battement/", {"epoch": self.epoch}, "heartbeat")
                self.last_beat = now
            if now >= until:
                return rest
            time.sleep(min(BEAT_EVERY, until - now))

    def close(self) -> tuple[str, str]:
        """The outcome screen: the code that the interview gives, else that of the call; and where
        it leads."""
        fate = self.fate
        page = self.browser.get(f"{self.case}fin/")
        code = given_code(page) or fate.code
        fields = {"uuid": page.field("uuid"), "epoch": self.epoch, "code": code, "note": fate.note}
        if fate.books:
            fields |= {"day": f"+{self.draw.randint(1, 6)}", "hour": self.draw.choice(HOURS)}
            fields |= {"firm": self.draw.choice(("1", "")), "mine": "1"}
        page = self.browser.post(f"{self.case}fin/", fields)
        if page.status != 302:
            raise Unexpected(f"POST {self.case}fin/: outcome {code} was not taken")
        self.by.outcomes[code] += 1
        return code, page.location


def given_code(page: Page) -> str:
    found = re.search(r'data-given="([^"]*)"', page.text)
    return found[1] if found else ""


def numbers(item: Item) -> tuple[Any, Any]:
    """Its bounds as far as they are plain numbers."""
    low, high = item.bounds or (None, None)
    return low, high

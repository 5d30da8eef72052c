"""Small questionnaires for tests, and a scenario that answers them: `answer(...)`, `asked()`."""

from __future__ import annotations

from typing import Any

from questionnaire.core.load import load_texts
from questionnaire.core.routing import (
    Event,
    Program,
    Route,
    State,
    Walker,
    compile_instrument,
)

MANIFEST = """
instrument: small
title: Petit questionnaire
specials: [dk, refused]
parameters:
  ANNEE: {type: integer, default: 2026}
preloads:
  PRENOM: {type: text}
scales:
  yes_no: {1: Oui, 2: Non}
  oui4: {1: "Oui, tout à fait", 2: Plutôt oui, 3: Plutôt non, 4: "Non, pas du tout"}
texts:
  FIN_MERCI: Merci.
files: [t.yaml]
"""


def compiled(items: str, manifest: str = MANIFEST) -> Program:
    """The program of one theme whose `items` are given, on the manifest above."""
    theme = f"theme: T\ntitle: Thème\nitems:\n{items}"
    return compile_instrument(load_texts({"instrument.yaml": manifest, "t.yaml": theme}))


class Scenario:
    """An interview driven by short calls; values are codes, lists, numbers, texts or specials."""

    def __init__(self, items: str, manifest: str = MANIFEST, seed: int = 1) -> None:
        self.program = compiled(items, manifest)
        self.walker = Walker(self.program, State(seed=seed))
        self.events: list[Event] = []

    def do(self, kind: str, key: str = "", **value: Any) -> Scenario:
        code, _, instance = key.partition("@")
        event = Event(kind, code, instance, value)
        self.events.append(event)
        self.walker.step(event)
        return self

    def answer(self, **values: Any) -> Scenario:
        for key, value in values.items():
            key = key.replace("__", "@")
            if value in ("dk", "refused", "na"):
                self.do("special", key, special=value)
            else:
                self.do("answer", key, v=value)
        return self

    @property
    def route(self) -> Route:
        return self.walker.route()

    @property
    def asked(self) -> list[str]:
        return list(self.route.asked)

    def value(self, name: str) -> Any:
        return self.walker.value(name)

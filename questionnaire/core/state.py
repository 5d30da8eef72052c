"""What is known of one interview: its answers and every other input, as the journal gave them.

Decides how they are kept and compared; never what is asked next. `State.to_json` is the projection
that an interview keeps beside its journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Value = dict[str, Any]  # {"v": 3}, {"special": "dk"}, {"v": [1, 9], "other": {"9": "…"}}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal, without who and when."""

    kind: str
    item: str = ""
    instance: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of the answer that it is about: CODE, or CODE@instance in a roster."""
        return f"{self.item}@{self.instance}" if self.instance else self.item


@dataclass
class State:
    """`answers` by key; `to_confirm` and `parked` are keys whose answers are kept and not read.

    `places`: quota → {"cell", "result"}. `confirmed`: soft checks accepted, each with its values.
    `removed`: roster → ids that no instance has any more. `roles`: the last known value of each
    role (sector, sex …), kept while the answer behind it is asked again.
    """

    answers: dict[str, Value] = field(default_factory=dict)
    to_confirm: set[str] = field(default_factory=set)
    parked: set[str] = field(default_factory=set)
    inputs: dict[str, Any] = field(default_factory=dict)  # parameters and preloads
    draws: dict[str, str] = field(default_factory=dict)
    places: dict[str, dict[str, str]] = field(default_factory=dict)
    seed: int | None = None  # without one, everything stands in source order
    confirmed: set[str] = field(default_factory=set)
    removed: dict[str, list[int]] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)
    ended: str = ""

    @property
    def seen(self) -> frozenset[str]:
        """The info items that were read."""
        return frozenset(key for key, value in self.answers.items() if value.get("seen"))

    def copy(self) -> State:
        return State(
            answers=dict(self.answers),
            to_confirm=set(self.to_confirm),
            parked=set(self.parked),
            inputs=dict(self.inputs),
            draws=dict(self.draws),
            places={name: dict(place) for name, place in self.places.items()},
            seed=self.seed,
            confirmed=set(self.confirmed),
            removed={name: list(ids) for name, ids in self.removed.items()},
            roles=dict(self.roles),
            ended=self.ended,
        )

    def to_json(self) -> dict[str, Any]:
        """The same state for the same inputs, whatever the order in which sets were filled."""
        return {
            "answers": {key: dict(value) for key, value in sorted(self.answers.items())},
            "to_confirm": sorted(self.to_confirm),
            "parked": sorted(self.parked),
            "inputs": dict(sorted(self.inputs.items())),
            "draws": dict(sorted(self.draws.items())),
            "places": {name: dict(place) for name, place in sorted(self.places.items())},
            "seed": self.seed,
            "confirmed": sorted(self.confirmed),
            "removed": {name: list(ids) for name, ids in sorted(self.removed.items())},
            "roles": dict(sorted(self.roles.items())),
            "ended": self.ended,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> State:
        """The state of a projection; `{}` is an interview that has not begun."""
        return cls(
            answers={key: dict(value) for key, value in content.get("answers", {}).items()},
            to_confirm=set(content.get("to_confirm", ())),
            parked=set(content.get("parked", ())),
            inputs=dict(content.get("inputs", {})),
            draws=dict(content.get("draws", {})),
            places={name: dict(place) for name, place in content.get("places", {}).items()},
            seed=content.get("seed"),
            confirmed=set(content.get("confirmed", ())),
            removed={name: list(ids) for name, ids in content.get("removed", {}).items()},
            roles=dict(content.get("roles", {})),
            ended=str(content.get("ended", "")),
        )


def canonical(item_type: str, value: Mapping[str, Any]) -> Value:
    """The value as it is kept: a multiple is a set, its order of mention kept aside."""
    if "special" in value:
        return {"special": value["special"]}
    kept = {key: value[key] for key in ("v", "other", "given") if key in value}
    if not kept.get("other", True):
        del kept["other"]
    if item_type == "multiple" and isinstance(kept.get("v"), list | tuple):
        mentioned = list(dict.fromkeys(kept["v"]))
        kept["v"] = sorted(mentioned)
        if mentioned != kept["v"]:
            kept["mentions"] = mentioned
    return kept


def same(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> bool:
    """Whether two values say the same, whatever the order of mention."""
    plain = [
        {key: one for key, one in (value or {}).items() if key != "mentions"}
        for value in (left, right)
    ]
    return plain[0] == plain[1]

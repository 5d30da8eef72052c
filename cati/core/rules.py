"""Decides what the rules of calling may be: delays, maxima, parts of the day, weights of the score.

Never applies them, never reads a row or a clock. Rules are data of a wave, kept as JSON.
Theory: docs/scheduling.md; parts of the day after Weeks, Kulka & Pierson (1987).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

LONGEST_DELAY = 60 * 24 * 60  # minutes: sixty days


@dataclass(frozen=True)
class DayPart:
    """A part of the week: from `begins` ("HH:MM", local) on ISO weekdays `days` to the next one.

    weight: its share of the calls, on any scale. most: calls of one case in it.
    """

    code: str
    label: str
    days: tuple[int, ...]
    begins: str
    weight: float
    most: int


@dataclass(frozen=True)
class Weights:
    """What the score of a case is made of, each part in [0, 1] before it is weighted."""

    sector: float = 0.6
    part: float = 0.25
    attempts: float = 0.15


@dataclass(frozen=True)
class Rules:
    """The rules of a wave.

    delays: minutes by outcome code. maxima: calls of one case that may end with a code. most,
    most_per_day: visits of one case. busy_per_day: then it waits for another day. owner_first,
    grace: minutes a promise waits for its owner, and until it is missed. spread_fresh: a number
    that was never rung is first rung in a part of the week drawn for it, by weight.
    """

    parts: tuple[DayPart, ...] = ()
    delays: Mapping[str, int] = field(default_factory=dict)
    maxima: Mapping[str, int] = field(default_factory=dict)
    most: int = 12
    most_per_day: int = 3
    busy_per_day: int = 3
    owner_first: int = 15
    grace: int = 30
    spread_fresh: bool = False
    weights: Weights = Weights()

    def delay(self, code: str) -> int:
        """Minutes from the end of a call with this outcome to the next."""
        return self.delays.get(code, self.delays[""])


WEEK = (1, 2, 3, 4, 5)


def _(text: str) -> str:
    """Mark a text for the message catalogue; the edge that shows it translates it."""
    return text


USUAL = Rules(
    parts=(
        DayPart("M", _("matin"), WEEK, "09:00", 1, 4),
        DayPart("A", _("après-midi"), WEEK, "12:00", 1, 4),
        DayPart("S", _("soir"), WEEK, "17:00", 3, 6),
        DayPart("W", _("week-end"), (6, 7), "09:00", 2, 5),
    ),
    # "" is every other outcome. A refusal cools off for a week.
    delays={
        "": 240, "31": 20, "21": 7 * 1440, "23": 7 * 1440, "40": 7 * 1440, "41": 7 * 1440
    },
    maxima={"33": 8},
)  # fmt: skip


class Misruled(ValueError):
    """Rules that cannot stand; `faults` says why, by field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
        self.faults = faults


def read_rules(stored: Mapping[str, Any]) -> Rules:
    """The rules that a wave keeps; what is absent is as usual. Raises Misruled."""
    given = {one.name: stored[one.name] for one in fields(Rules) if one.name in stored}
    if "parts" in given:
        parts = given["parts"]
        given["parts"] = tuple(DayPart(**part | {"days": tuple(part["days"])}) for part in parts)
    if "weights" in given:
        given["weights"] = Weights(**given["weights"])
    usual = {one.name: getattr(USUAL, one.name) for one in fields(Rules)}
    rules = Rules(**usual | given)
    check_rules(rules)
    return rules


def stored_rules(rules: Rules) -> dict[str, Any]:
    """The rules as JSON, which `read_rules` reads back."""
    return {
        **{one.name: getattr(rules, one.name) for one in fields(Rules)},
        "parts": [vars(part) | {"days": list(part.days)} for part in rules.parts],
        "delays": dict(rules.delays),
        "maxima": dict(rules.maxima),
        "weights": vars(rules.weights),
    }


def check_rules(rules: Rules) -> None:
    """Raises Misruled where a rule would stop all calls, or could not be read."""
    faults = {}
    if not 1 <= len(rules.parts) <= 9:
        faults["parts"] = _("Il faut de une à neuf tranches.")
    if not any(part.weight > 0 and part.most > 0 for part in rules.parts):
        faults["parts"] = _("Une tranche au moins doit avoir un poids et un maximum.")
    if any(part.weight < 0 or part.most < 0 for part in rules.parts):
        faults["parts"] = _("Poids et maxima ne sont pas négatifs.")
    if {day for part in rules.parts for day in part.days} != set(range(1, 8)):
        faults["parts"] = _("Chaque jour de la semaine doit avoir une tranche.")
    if not all(0 <= minutes <= LONGEST_DELAY for minutes in rules.delays.values()):
        faults["delays"] = _("Un délai va de 0 minute à 60 jours.")
    if "" not in rules.delays:
        faults["delays"] = _("Il manque le délai des autres issues.")
    if not all(most >= 1 for most in rules.maxima.values()):
        faults["maxima"] = _("Un maximum est d’au moins 1.")
    if not (1 <= rules.most_per_day <= rules.most and rules.busy_per_day >= 1):
        faults["most"] = _("Les maxima vont de 1 par jour au maximum en tout.")
    if not 0 <= rules.owner_first <= rules.grace <= 24 * 60:
        faults["grace"] = _("Le rendez-vous attend d’abord son enquêteur, puis est manqué.")
    if min(vars(rules.weights).values()) < 0:
        faults["weights"] = _("Un poids n’est pas négatif.")
    if faults:
        raise Misruled(faults)

"""Decides what an invented respondent answers to any item, the same for the same seed and place.

Never routes and never reads a row: it is asked an item and answers it. Who the respondent is comes
from cati.core.population; everything else is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cati.core.population import Profile
from questionnaire.core.instrument import NUMBERS, Item

Value = dict[str, Any]

AGES = ((18, 24), (25, 39), (40, 59), (60, 74), (75, 94))
SECTORS = ("CN", "CH", "VE", "FB", "LG", "CO", "SJ", "QVA", "T1", "T2")
MUNICIPALITIES = {"CO": (2,), "QVA": (3,), "T2": (4, 5, 6)}
EASE: tuple[Value, ...] = ({"v": 1}, {"v": 2}, {"special": "dk"}, {"v": 3}, {"v": 4})
ALONE, COUPLE, COUPLE_AND_CHILDREN, LONE_PARENT, OTHER = range(1, 6)
YOUNGEST, OLD = 1, 4

SPECIAL_SHARE = 0.03
HIDES_BIRTH_YEAR = 0.02
SHARED_CUSTODY = 0.02
AGREES = 0.85
ALONE_SHARE = 0.2
# How often the four answers of a scale are chosen, before an item's own taste.
SCALE = (0.3, 0.4, 0.2, 0.1)
# The codes of « N’habitait pas le quartier », true of those who arrived within five years.
NEWCOMERS = {"REP05": 4, "CAD05": 4, "AVE01": 4}
STREETS = "rue des Lilas|allée des Acacias|rue Haute|rue du Moulin|place du Puits|rue des Genêts"
WORDS = (
    "calme|vivant|bruyant|familial|gris|mon quartier|de la verdure|la propreté des rues|"
    "plus de commerces|un médecin près d’ici|rien à ajouter|des bancs pour les anciens|"
    "la sécurité le soir|que les voitures roulent moins vite|des jeux pour les enfants"
)


@dataclass(frozen=True)
class Respondent:
    """Somebody who can be asked anything. `seed` makes her answers hers; `year` is the wave's."""

    profile: Profile
    sector: str
    year: int
    seed: str

    def answer(self, item: Item, bounds: tuple[Any, Any] = (None, None), turn: int = 0) -> Value:
        """Her answer as a tagged value, {} for a text that is only read.

        bounds: of a number, as they stand. The same item gets the same answer each time; `turn`
        counts her changes of mind. What the weights rest on is always answered.
        """
        if item.type == "info":
            return {}
        if item.code in self.facts:
            return self.facts[item.code]
        draw = self._draw(f"{item.code}:{turn}")
        if item.specials and draw.random() < SPECIAL_SHARE:
            return {"special": draw.choice(item.specials)}
        if item.type == "multiple":
            return _multiple(item, draw)
        if item.choices:
            return {"v": self._single(item, draw)}
        if item.type in NUMBERS:
            return {"v": _number(bounds, draw)}
        return {"v": _words(item, draw)}

    @cached_property
    def facts(self) -> dict[str, Value]:
        """What she is rather than thinks: these answers fit each other."""
        draw = self._draw("facts")
        profile, home = self.profile, self._home(draw)
        age = draw.randint(*AGES[profile.age - 1])
        born = self.year - age
        facts: dict[str, Value] = {
            code: {"v": value}
            for code, value in {
                "S01": 1,
                "S10": 1,
                "S02": 1,
                "S03": draw.choice(MUNICIPALITIES.get(self.sector, (1,))),
                "S05": SECTORS.index(self.sector) + 1,
                "S08": born,
                "S08B": profile.age,
                "S09": profile.sex,
                "EMP01": 5 + (draw.random() < 0.4) if profile.employment == 5
                else profile.employment,
                "LOG01": draw.choice(((1,), (2,), (3, 4), (5, 6))[profile.tenure - 1]),
                "TRA01": draw.randint(born if draw.random() < 0.3 else self.year - age // 2,
                                      self.year),
                "NUM01": 1 if profile.internet > 1 or draw.random() < 0.4 else 2,
                "NUM02": profile.internet,
                "SAN00": 1 if draw.random() < 0.96 else 2,
                "D08A": draw.randint(0, 1),
                "D08B": draw.randint(1, 3),
                **home,
            }.items()
        }  # fmt: skip
        facts["NUM03"] = EASE[profile.ease - 1]
        if draw.random() < HIDES_BIRTH_YEAR:
            facts["S08"] = {"special": "refused"}
        return facts

    def _home(self, draw: random.Random) -> dict[str, int]:
        """Adults, persons, children, and whether in a couple, as the household has them.

        The youngest live with their parents, and the old with grown-up children.
        """
        kind, age = self.profile.household, self.profile.age
        parents = 2 if kind == COUPLE_AND_CHILDREN else 1
        adults, children, in_couple = {ALONE: 1, COUPLE: 2}.get(kind, 1), 0, kind == COUPLE
        if kind in (COUPLE_AND_CHILDREN, LONE_PARENT):
            grown = age == YOUNGEST or age >= OLD
            adults = parents + grown
            children = draw.randint(0, 2) if age == YOUNGEST else 0 if grown else draw.randint(1, 4)
            in_couple = kind == COUPLE_AND_CHILDREN and age != YOUNGEST
        elif kind == OTHER:
            adults = draw.randint(2, 4)
        told = children + (draw.random() < SHARED_CUSTODY)
        return {
            "S06": adults,
            "D01": adults + children,
            "D02": 1 if in_couple else 2,
            "EDU01": told if children else 0,
            "D03": kind,
        }

    def _single(self, item: Item, draw: random.Random) -> int:
        codes = [choice.code for choice in item.choices]
        if item.type == "consent":
            return codes[0] if draw.random() < AGREES else codes[-1]
        if item.code in NEWCOMERS:
            new = self.year - self.facts["TRA01"]["v"] < 5
            return NEWCOMERS[item.code] if new else draw.choice(codes[:-1])
        return draw.choices(codes, _taste(item.code, len(codes)))[0]

    def _draw(self, what: str) -> random.Random:
        return random.Random(f"{self.seed}:{what}")  # noqa: S311 (inventions, not secrets)


def _taste(code: str, size: int) -> Sequence[float]:
    """How often each answer of an item is given: the same for everybody, unlike other items'."""
    own = random.Random(code)  # noqa: S311
    scale = SCALE if size == len(SCALE) else (1.0,) * size
    return [weight * own.uniform(0.5, 1.5) for weight in scale]


def _multiple(item: Item, draw: random.Random) -> Value:
    alone = [choice.code for choice in item.choices if choice.exclusive]
    if alone and draw.random() < ALONE_SHARE:
        return {"v": [draw.choice(alone)]}
    others = [choice for choice in item.choices if not choice.exclusive]
    most = min(item.max or 3, len(others))
    chosen = draw.sample(others, draw.randint(1, most))
    value: Value = {"v": [choice.code for choice in chosen]}
    told = {str(one.code): draw.choice(WORDS.split("|")) for one in chosen if one.other}
    return value | ({"other": told} if told else {})


def _number(bounds: tuple[Any, Any], draw: random.Random) -> int:
    low, high = (bound if isinstance(bound, int | float) else None for bound in bounds)
    first = int(low or 0)
    last = int(high if high is not None else first + 10)
    return round(draw.triangular(first, last))


def _words(item: Item, draw: random.Random) -> str:
    if item.type == "address":
        return f"{draw.randint(1, 90)} {draw.choice(STREETS.split('|'))}"
    return draw.choice(WORDS.split("|"))[: item.max_length]


def hesitates(item: Item, facts: Mapping[str, Value]) -> bool:
    """Whether she may change her mind about the item: opinions move, facts and consents do not."""
    return item.type in ("single", "scale") and item.code not in facts and len(item.choices) > 1

"""A whole questionnaire examined: what is wrong with it, and how long it is.

Decides the checks that need the compiled program, beyond those of the loader; never how an
interview goes. Durations rest on the seconds per type below, measured on telephone surveys in
French, and on the shares that the authors expect of each filter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from random import Random
from typing import Any

from questionnaire.core import load
from questionnaire.core.errors import Problem, problem
from questionnaire.core.instrument import NUMBERS, Group, Input, Instrument, Item, walk
from questionnaire.core.kleene import UNKNOWN
from questionnaire.core.program import Node, Program
from questionnaire.core.respondents import random_walk
from questionnaire.core.translations import untranslated
from questionnaire.core.walker import COMPLETE

SECONDS = {
    "single": 9, "scale": 8, "multiple": 15, "integer": 7, "decimal": 7, "text": 18,
    "consent": 12, "address": 25, "info": 10,
}  # fmt: skip
GRID_ROW = 6
WELCOME = 60
COMBINATIONS = 20_000
WALKS = 200


@dataclass(frozen=True)
class Figures:
    """How long the questionnaire is. Bounds are the least and the most met in random walks."""

    questions: int
    themes: int
    filtered: int
    least: int
    most: int
    expected: float
    minutes: float
    expected_without_modules: float
    minutes_without_modules: float

    def text(self) -> str:
        return (
            f"{self.questions} questions, {self.themes} themes, {self.filtered} filtered\n"
            f"asked of one respondent: {self.least} to {self.most} in {WALKS} random walks\n"
            f"expected: {self.expected:.0f} questions, {self.minutes:.0f} min; "
            f"without modules: {self.expected_without_modules:.0f} questions, "
            f"{self.minutes_without_modules:.0f} min"
        )


@dataclass(frozen=True)
class Report:
    problems: tuple[Problem, ...]
    figures: Figures | None


def check(path: Path) -> list[Problem]:
    """Every error and warning of the questionnaire in a folder."""
    return list(examine(path).problems)


def examine(path: Path) -> Report:
    """Errors, warnings and, where nothing stands in the way, the figures."""
    return report_on(load.examine(path))


def report_on(loaded: load.Loaded) -> Report:
    if loaded.program is None or loaded.instrument is None:
        return Report(loaded.problems, None)
    problems = [*loaded.problems, *_filters(loaded), *untranslated(loaded)]
    lengths = list(islice(_lengths(loaded.program), WALKS))
    if not lengths:
        owner = loaded.instrument.themes[0].code if loaded.instrument.themes else ""
        problems.append(problem("Q509", loaded.locate(owner, "ask_if", None)))
    ordered = sorted(problems, key=lambda one: (one.severity, one.file, one.line, one.column))
    return Report(tuple(ordered), figures(loaded.instrument, lengths))


# --- figures


def figures(instrument: Instrument, lengths: list[int]) -> Figures:
    asked = [item for item in instrument.items if item.type != "info"]
    halves = max(len(instrument.modules), 1)
    weights = [item.share / (halves if item.module else 1) for item in asked]
    seconds = [GRID_ROW if item.grid else SECONDS[item.type] for item in asked]
    alone = [item.share for item in asked]
    return Figures(
        questions=len(asked),
        themes=sum(theme.kind == "theme" for theme in instrument.themes),
        filtered=sum(bool(item.ask_if) for item in asked) + _in_filtered_groups(instrument),
        least=min(lengths, default=0),
        most=max(lengths, default=0),
        expected=sum(weights),
        minutes=_minutes(weights, seconds),
        expected_without_modules=sum(alone),
        minutes_without_modules=_minutes(alone, seconds),
    )


def _in_filtered_groups(instrument: Instrument) -> int:
    """Items without a filter of their own, inside a group that has one."""
    return sum(
        isinstance(entry, Item) and not entry.ask_if
        for theme in instrument.themes
        for group in walk(theme.entries)
        if isinstance(group, Group) and group.ask_if
        for entry in group.entries
    )


def _minutes(weights: list[float], seconds: list[int]) -> float:
    spent = sum(share * each for share, each in zip(weights, seconds, strict=True))
    return (WELCOME + spent) / 60


def _lengths(program: Program) -> Iterator[int]:
    """How many questions random respondents are asked who reach the end. Seeded, so repeatable."""
    for seed in range(WALKS * 5):
        walker = random_walk(program, Random(seed))  # noqa: S311
        if walker.outcome() == COMPLETE:
            asked = walker.route().asked
            yield sum(program.node(key).entry.type != "info" for key in asked)


# --- filters


def _filters(loaded: load.Loaded) -> Iterator[Problem]:
    """Filters that every combination of answers makes true, or that none does."""
    program = loaded.program
    assert program is not None
    seen: set[str] = set()
    for node in program.nodes:
        owner, where, run = _guard(node)
        if run is None or owner in seen or not (own := _own(program, node)):
            continue
        seen.add(owner)
        verdicts = _verdicts(program, node, run, own)
        if verdicts is None:
            continue
        if not any(verdict is True for _, verdict in verdicts):
            yield problem("Q505", loaded.locate(owner, where, None))
        elif all(verdict is True for plain, verdict in verdicts if plain):
            yield problem("Q504", loaded.locate(owner, where, None))


def _guard(node: Node) -> tuple[str, str, Any]:
    if node.kind == "end":
        return node.entry.name, "when", node.run
    if node.kind == "item" and node.entry.ask_if:
        return node.entry.code, "ask_if", node.when
    if node.kind == "gate":
        return node.name.partition(" ")[2], "ask_if", node.when
    return "", "", None


def _own(program: Program, node: Node) -> list[Node]:
    reads = [program.nodes[slot] for slot in program.reads[node.slot]]
    return [read for read in reads if read.kind not in ("gate", "living")]


def _verdicts(
    program: Program, node: Node, run: Any, own: list[Node]
) -> list[tuple[bool, Any]] | None:
    """(every item asked, what the filter gives) for every combination; None when too many."""
    values: list[Any] = [UNKNOWN] * len(program.nodes)
    tags = [""] * len(program.nodes)
    for slot in program.reads[node.slot]:
        values[slot] = True  # what is around the filter is given
    domains = [_domain(program, read) for read in own]
    if any(not domain for domain in domains):
        return None
    size = 1
    for domain in domains:
        size *= len(domain)
    if size > COMBINATIONS:
        return None
    verdicts = []
    for combination in product(*domains):
        for read, (value, tag) in zip(own, combination, strict=True):
            values[read.slot], tags[read.slot] = value, tag
        asked = all(
            read.kind != "item" or tag for read, (_, tag) in zip(own, combination, strict=True)
        )
        verdicts.append((asked, run(values, tags)))
    return verdicts


def _domain(program: Program, node: Node) -> list[tuple[Any, str]]:
    """The (value, tag) pairs that a slot may have; [] where they cannot be listed."""
    if node.kind == "item":
        return _answers(node.entry)
    if node.kind == "quota":
        return [(True, ""), (False, "")]
    if node.kind == "draw":
        return [(value, "") for value in (*node.entry.values, UNKNOWN)]
    symbol = program.names.get(node.name)
    if symbol is None:
        return []
    if symbol.type.domain is not None:
        known = [(value, "") for value in sorted(symbol.type.domain)]
        return known if isinstance(node.entry, Input) else [*known, (UNKNOWN, "")]
    return [(True, ""), (False, ""), (UNKNOWN, "")] if symbol.type.kind == "boolean" else []


def _answers(item: Item) -> list[tuple[Any, str]]:
    specials: list[tuple[Any, str]] = [(UNKNOWN, special) for special in item.specials]
    codes = [choice.code for choice in item.choices]
    if item.type == "multiple":
        answered: list[Any] = [frozenset({code}) for code in codes]
        answered += [frozenset(codes)] if not item.max else []
    elif codes:
        answered = list(codes)
    elif item.type in NUMBERS and all(isinstance(bound, int) for bound in item.bounds):
        low, high = item.bounds or (0, 20)
        answered = list(range(int(low), int(high) + 1))
        answered = answered if len(answered) <= 100 else []
    else:
        answered = []
    if not answered:
        return []
    return [(value, "answered") for value in answered] + specials + [(UNKNOWN, "")]


__all__ = ["Figures", "Report", "check", "examine", "report_on"]

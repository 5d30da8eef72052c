"""An instrument compiled: one slot per input, condition, item, compute, end, quota, draw and check.

Decides what depends on what; never what a respondent is asked. Slots stand in route order, so that
every dependency points backwards and one pass in order settles everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from questionnaire.core.errors import NOWHERE, InstrumentErrors, Mark, Problem, problem
from questionnaire.core.expressions import (
    BOOLEAN,
    NUMBER,
    TEXT,
    Compiled,
    Fault,
    Kind,
    Scope,
    Symbol,
    Type,
    compile_expression,
)
from questionnaire.core.instrument import (
    NUMBERS,
    Check,
    Compute,
    Draw,
    End,
    Entry,
    Group,
    Input,
    Instrument,
    Item,
    Milestone,
    QuotaPoint,
)
from questionnaire.core.kleene import Run, Tags, Values, both
from questionnaire.core.text import Piece, Piped, compile_text

NodeKind = Literal[
    "input", "gate", "item", "compute", "draw", "quota", "end", "check", "milestone", "living"
]
Locate = Callable[[str, str, Fault | None], Mark]  # (owner, field, the fault) → its place
_DECLARED = {
    "boolean": BOOLEAN, "integer": NUMBER, "decimal": NUMBER, "text": TEXT
}  # fmt: skip
# A roster never reuses the id of an instance that was removed, so it has room for as many more.
ROOM = 2


@dataclass(frozen=True, eq=False)
class Node:
    """One slot of the program. `when` is its whole condition, `run` what it computes."""

    slot: int
    kind: NodeKind
    name: str  # the key of an item (CODE or CODE@instance), else the entry's name
    entry: Any = None
    instance: str = ""
    when: Run | None = None
    run: Run | None = None
    low: Run | None = None
    high: Run | None = None
    owner: int = -1  # of a check: the item that it belongs to
    named: tuple[int, ...] = ()  # of a check: the slots whose values it is about
    prefill: tuple[tuple[Any, Run], ...] = ()  # (value, condition) pairs
    prefill_run: Run | None = None


@dataclass(frozen=True, eq=False)
class Shuffle:
    """A block in random order: its units as ranges of slots; `fixed` ones keep their place."""

    name: str
    start: int
    end: int
    units: tuple[tuple[int, int], ...]
    fixed: frozenset[int]


@dataclass(eq=False)
class Program:
    """An instrument ready to be walked. Compiled once per version, never changed afterwards."""

    instrument: Instrument
    nodes: list[Node] = field(default_factory=list)
    names: dict[str, Symbol] = field(default_factory=dict)
    instances: dict[str, list[tuple[int, dict[str, Symbol]]]] = field(default_factory=dict)
    reads: list[tuple[int, ...]] = field(default_factory=list)
    dependents: list[tuple[int, ...]] = field(default_factory=list)
    slot_of: dict[str, int] = field(default_factory=dict)  # key of an item → slot
    shuffles: list[Shuffle] = field(default_factory=list)
    checks_naming: dict[int, tuple[int, ...]] = field(default_factory=dict)
    checks_of: dict[int, tuple[int, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _texts: dict[str, Piped] = field(default_factory=dict)

    @property
    def counters(self) -> dict[str, int]:
        """The size of what was compiled."""
        return {
            "slots": len(self.nodes),
            "items": len(self.slot_of),
            "edges": sum(len(later) for later in self.dependents),
        }

    def answers_behind(self, slot: int) -> list[Node]:
        """The items that a slot is about, read by itself or through computes."""
        items: list[Node] = []
        for read in self.reads[slot]:
            node = self.nodes[read]
            if node.kind == "item":
                items.append(node)
            elif node.kind == "compute":
                items += self.answers_behind(read)
        return items

    def opened_by(self, key: str) -> set[str]:
        """The keys of the items asked because of an item's answer, and of what follows from those.

        Of a consent: everything that was said on the strength of it.
        """
        found: set[int] = set()
        waiting = [self.slot_of[key]]
        while waiting:
            later = set(self.dependents[waiting.pop()]) - found
            found |= later
            waiting += later
        return {self.nodes[slot].name for slot in found if self.nodes[slot].kind == "item"}

    def nodes_of(self, kind: str, name: str) -> list[Node]:
        """The slots of one kind that bear a name; none where nothing does."""
        return self._named.get((kind, name), [])

    @cached_property
    def _named(self) -> dict[tuple[str, str], list[Node]]:
        named: dict[tuple[str, str], list[Node]] = {}
        for node in self.nodes:
            named.setdefault((node.kind, node.name), []).append(node)
        return named

    def node(self, key: str) -> Node:
        """The node of an item's key. Raises KeyError."""
        return self.nodes[self.slot_of[key]]

    @cached_property
    def scope(self) -> Scope:
        """Every name, for texts that are rendered outside the route."""
        return Scope(self.names, instances=self.instances)

    def scope_of(self, instance: str, roster: str) -> Scope:
        """The names as they read inside one instance of a roster."""
        if not roster:
            return self.scope
        names = self.instances[roster][int(instance) - 1][1]
        return Scope({**self.names, **names}, instances=self.instances, roster=roster)

    def piped(self, text: str, instance: str = "", roster: str = "") -> Piped:
        """The compiled form of a text, kept for the next time."""
        key = f"{roster}@{instance}:{text}" if roster else text
        if key not in self._texts:
            self._texts[key] = compile_text(text, self.scope_of(instance, roster))
        return self._texts[key]

    def order(self, seed: int | None) -> list[int] | None:
        """Slots in the order shown under `seed`; None for the source order."""
        if not self.shuffles or seed is None:
            return None
        order = list(range(len(self.nodes)))
        for shuffle in self.shuffles:
            ranks = permutation(seed, shuffle.name, len(shuffle.units), shuffle.fixed)
            shown = [slot for unit in ranks for slot in range(*shuffle.units[unit])]
            order[shuffle.start : shuffle.end] = shown
        return order


def permutation(seed: int, name: str, size: int, fixed: Iterable[int] = ()) -> list[int]:
    """`range(size)` shuffled by the seed and the name, `fixed` ranks at their own place.

    A hash and not `random`, whose sequence may differ between versions of Python.
    """
    held = set(fixed)
    moving = [rank for rank in range(size) if rank not in held]
    drawn = iter(sorted(moving, key=lambda rank: _digest(seed, name, rank)))
    return [rank if rank in held else next(drawn) for rank in range(size)]


def _digest(seed: int, name: str, rank: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}:{rank}".encode()).digest()


def compile_instrument(instrument: Instrument, locate: Locate | None = None) -> Program:
    """The program of an instrument. Raises InstrumentErrors; warnings stay in `problems`."""
    compiler = _Compiler(instrument, locate or (lambda owner, field, fault: NOWHERE))
    program = compiler.compile()
    errors = [one for one in program.problems if one.severity == "error"]
    if errors:
        raise InstrumentErrors(errors)
    return program


@dataclass
class _Place:
    """Where the compiler stands: conditions, random block and roster around the next entry."""

    gate: int = -1
    shuffled: frozenset[str] = frozenset()
    roster: str = ""
    instance: str = ""
    names: Mapping[str, Symbol] = field(default_factory=dict)
    grid: Group | None = None


class _Compiler:
    def __init__(self, instrument: Instrument, locate: Locate) -> None:
        self.program = Program(instrument)
        self.locate = locate
        self.waiting = _all_names(instrument)
        self.reads: dict[int, set[int]] = {}
        self.reported: set[tuple[str, str]] = set()

    def compile(self) -> Program:
        instrument, program = self.program.instrument, self.program
        for entry in (*instrument.parameters, *instrument.preloads):
            self.input(entry)
        for theme in instrument.themes:
            place = _Place()
            if theme.ask_if:
                self.gate(f"theme {theme.code}", theme.code, theme.ask_if, place)
                place.gate = len(program.nodes) - 1
            self.entries(theme.entries, place)
        later: dict[int, list[int]] = {slot: [] for slot in range(len(program.nodes))}
        for slot, reads in self.reads.items():
            for read in reads:
                later[read].append(slot)
        program.reads = [tuple(sorted(self.reads[slot])) for slot in range(len(program.nodes))]
        program.dependents = [tuple(sorted(later[slot])) for slot in range(len(program.nodes))]
        return program

    # --- entries

    def entries(self, entries: Iterable[Entry], place: _Place) -> None:
        for entry in entries:
            self.entry(entry, place)

    def entry(self, entry: Entry, place: _Place) -> None:
        match entry:
            case Item():
                self.item(entry, place)
            case Compute():
                self.compute(entry, place)
            case End():
                self.end(entry, place)
            case Draw():
                self.draw(entry, place)
            case QuotaPoint():
                self.quota(entry, place)
            case Milestone():
                self.add("milestone", entry.name, entry, place)
            case Group():
                self.group(entry, place)

    def input(self, entry: Input) -> None:
        values = frozenset(entry.values) or None
        kind = Type(_DECLARED[entry.type].kind, values)
        slot = self.add("input", entry.name, entry, _Place())
        self.define(entry.name, Symbol(entry.name, slot, kind), _Place())

    def item(self, item: Item, place: _Place) -> None:
        owner = item.code
        when, reads = self.conditions(owner, item.ask_if, item.module, place)
        bounds = [self.bound(owner, bound, place) for bound in item.bounds] or [None, None]
        prefill, prefill_run = self.prefill(item, place)
        slot = self.add(
            "item", _key(item.code, place), item, place, reads, when=when,
            low=bounds[0], high=bounds[1], prefill=prefill, prefill_run=prefill_run,
        )  # fmt: skip
        self.program.slot_of[_key(item.code, place)] = slot
        self.texts(item, place, reads)
        self.define(item.code, _symbol(item, slot, place.roster), place)
        if item.base:
            self.expression(owner, "base", item.base, "boolean", place)
        for check in item.checks:
            self.check(check, item, slot, place)

    def compute(self, entry: Compute, place: _Place) -> None:
        wanted = _DECLARED[entry.type].kind
        compiled = self.expression(entry.name, "value", entry.value, wanted, place)
        when, reads = self.conditions(entry.name, "", "", place)
        if compiled is not None:
            reads |= compiled.reads
        run = compiled.run if compiled else None
        slot = self.add("compute", _key(entry.name, place), entry, place, reads, when=when, run=run)
        kind = compiled.type if compiled else _DECLARED[entry.type]
        self.define(entry.name, Symbol(entry.name, slot, kind, roster=place.roster), place)

    def end(self, entry: End, place: _Place) -> None:
        self.not_inside(entry.name, "when", "end", place)
        when, reads = self.conditions(entry.name, "", "", place)
        compiled = self.expression(entry.name, "when", entry.when, "boolean", place)
        if compiled is None:
            return
        inner, outer = compiled.run, when
        run = inner if outer is None else lambda v, t: both(outer(v, t), inner(v, t))
        self.add("end", entry.name, entry, place, reads | compiled.reads, run=run)
        self.text(entry.name, "text", entry.text, place)

    def draw(self, entry: Draw, place: _Place) -> None:
        self.not_inside(entry.name, "name", "draw", place)
        when, reads = self.conditions(entry.name, entry.ask_if, "", place)
        stratum = None
        if entry.stratum:
            stratum = self.expression(entry.name, "stratum", entry.stratum, None, place)
        reads |= stratum.reads if stratum else set()
        run = stratum.run if stratum else None
        slot = self.add("draw", entry.name, entry, place, reads, when=when, run=run)
        kind = Type("text", frozenset(entry.values))
        self.define(entry.name, Symbol(entry.name, slot, kind), place)

    def quota(self, entry: QuotaPoint, place: _Place) -> None:
        self.not_inside(entry.name, "name", "quota", place)
        when, reads = self.conditions(entry.name, entry.ask_if, "", place)
        cell = self.expression(entry.name, "cell", entry.cell, None, place)
        reads |= cell.reads if cell else set()
        run = cell.run if cell else None
        slot = self.add("quota", entry.name, entry, place, reads, when=when, run=run)
        key = f"quota {entry.name}"
        self.define(key, Symbol(key, slot, BOOLEAN, is_quota=True), place)

    def check(self, check: Check, item: Item, slot: int, place: _Place) -> None:
        compiled = self.expression(check.name, "must", check.must, "boolean", place)
        if compiled is None:
            return
        translated = [text for fields in check.translations.values() for text in fields.values()]
        for message in (check.message, *translated):
            self.text(check.name, "message", message, place, compiled.reads)
        index = self.add(
            "check", _key(check.name, place), check, place, compiled.reads | {slot},
            run=compiled.run, owner=slot, named=tuple(sorted(compiled.reads)),
        )  # fmt: skip
        naming, of = self.program.checks_naming, self.program.checks_of
        of[slot] = (*of.get(slot, ()), index)
        for one in compiled.reads - {slot}:
            if self.program.nodes[one].kind == "item":
                naming[one] = (*naming.get(one, ()), index)

    def group(self, group: Group, place: _Place) -> None:
        if group.kind == "roster":
            self.roster(group, place)
            return
        inner = place
        if group.ask_if:
            self.gate(f"group {group.name}", group.name, group.ask_if, place)
            inner = _Place(
                len(self.program.nodes) - 1,
                place.shuffled,
                place.roster,
                place.instance,
                place.names,
            )
        if group.order != "random":
            self.entries(group.entries, inner)
            return
        own = frozenset(entry.code for entry in group.entries if isinstance(entry, Item))
        start, units, fixed = len(self.program.nodes), [], set()
        for rank, entry in enumerate(group.entries):
            first = len(self.program.nodes)
            name = entry.code if isinstance(entry, Item) else ""
            inner.shuffled = own - {name}
            self.entry(entry, inner)
            units.append((first, len(self.program.nodes)))
            if name in group.fixed:
                fixed.add(rank)
        inner.shuffled = frozenset()
        end = len(self.program.nodes)
        label = group.name + (f"@{place.instance}" if place.instance else "")
        self.program.shuffles.append(Shuffle(label, start, end, tuple(units), frozenset(fixed)))

    def roster(self, group: Group, place: _Place) -> None:
        self.not_inside(group.name, "name", "roster", place)
        when, reads = self.conditions(group.name, group.ask_if, "", place)
        count = self.expression(group.name, "count", group.count, "number", place)
        if count is None:
            return
        mine = self.program.instances.setdefault(group.name, [])
        for number in range(1, ROOM * group.max + 1):
            alive = self.add(
                "living", group.name, group, place, reads | count.reads, when=when,
                run=count.run, instance=str(number),
            )  # fmt: skip
            names: dict[str, Symbol] = {}
            inside = _Place(alive, frozenset(), group.name, str(number), names)
            self.entries(group.entries, inside)
            mine.append((alive, names))

    def gate(self, name: str, owner: str, text: str, place: _Place) -> None:
        when, reads = self.conditions(owner, text, "", place)
        self.add("gate", name, None, place, reads, when=when)

    # --- parts

    def conditions(
        self, owner: str, ask_if: str, module: str, place: _Place
    ) -> tuple[Run | None, set[int]]:
        """The whole condition of an entry: what is around it, its module, its own filter."""
        runs: list[Run] = []
        reads: set[int] = set()
        if place.gate >= 0:
            gate = place.gate
            runs.append(lambda v, t: v[gate])
            reads.add(gate)
        own = {"module": self.program.instrument.modules.get(module, ""), "ask_if": ask_if}
        for where, text in own.items():
            if not text:
                continue
            compiled = self.expression(owner, where, text, "boolean", place)
            if compiled is not None:
                runs.append(compiled.run)
                reads |= compiled.reads
        return _conjunction(runs), reads

    def bound(self, owner: str, bound: int | float | str, place: _Place) -> Run | None:
        if not isinstance(bound, str):
            return lambda v, t: bound
        compiled = self.expression(owner, "bounds", bound, "number", place)
        return compiled.run if compiled else None

    def prefill(self, item: Item, place: _Place) -> tuple[tuple[tuple[Any, Run], ...], Run | None]:
        if not item.prefill:
            return (), None
        if isinstance(item.prefill, str):
            wanted: Kind = "number" if item.choices or item.type in NUMBERS else "text"
            compiled = self.expression(item.code, "prefill", item.prefill, wanted, place)
            return (), compiled.run if compiled else None
        pairs = []
        for code, text in item.prefill:
            compiled = self.expression(item.code, "prefill", text, "boolean", place)
            if compiled is not None:
                pairs.append((code, compiled.run))
        return tuple(pairs), None

    def texts(self, item: Item, place: _Place, reads: Iterable[int]) -> None:
        """Every text of an item is compiled once here, so that a slip in it is told at load."""
        for where, text in texts_of(item):
            self.text(item.code, where, text, place, reads)

    def text(
        self, owner: str, where: str, text: str, place: _Place, known: Iterable[int] = ()
    ) -> None:
        """Compile a text; `known` are the slots whose values its condition has already read."""
        if "{{" not in text and "}}" not in text:
            return
        try:
            piped = compile_text(text, self.scope(place))
        except Fault as fault:
            self.report(owner, where, fault)
            return
        for part in piped.parts:
            if isinstance(part, Piece) and part.name:
                symbol = self.scope(place).names.get(part.name)
                if symbol and symbol.is_item and symbol.specials and symbol.slot not in known:
                    unsure = Fault("Q502", part.start, part.end, name=part.name)
                    self.report(owner, where, unsure)

    def expression(
        self, owner: str, where: str, text: str, wanted: str | None, place: _Place
    ) -> Compiled | None:
        try:
            compiled = compile_expression(text, self.scope(place))
            if wanted is not None and compiled.type.kind != wanted:
                raise Fault(
                    "Q311", 0, len(text), found=f"a {compiled.type.kind}", expected=f"a {wanted}",
                    hint="Change the expression, or the type.",
                )  # fmt: skip
        except Fault as fault:
            self.report(owner, where, fault)
            return None
        for leak in compiled.leaks:
            self.report(owner, where, leak)
        return compiled

    def scope(self, place: _Place) -> Scope:
        program = self.program
        names = {**program.names, **place.names} if place.names else program.names
        return Scope(names, self.waiting, place.shuffled, program.instances, place.roster)

    def add(
        self, kind: NodeKind, name: str, entry: Any, place: _Place,
        reads: Iterable[int] = (), *, instance: str = "", **parts: Any,
    ) -> int:  # fmt: skip
        slot = len(self.program.nodes)
        instance = instance or place.instance
        self.program.nodes.append(Node(slot, kind, name, entry, instance, **parts))
        self.reads[slot] = set(reads)
        return slot

    def define(self, name: str, symbol: Symbol, place: _Place) -> None:
        self.waiting.discard(name)
        if place.roster:
            assert isinstance(place.names, dict)
            place.names[name] = symbol
            self.program.names.setdefault(name, symbol)
        else:
            self.program.names[name] = symbol

    def not_inside(self, owner: str, where: str, name: str, place: _Place) -> None:
        around = "a roster" if place.roster else "a block in random order" if place.shuffled else ""
        if around:
            self.report(owner, where, Fault("Q213", name=name, where=around))

    def report(self, owner: str, where: str, fault: Fault) -> None:
        key = (f"{owner}.{where}.{fault.start}", fault.code)
        if key not in self.reported:
            self.reported.add(key)
            mark = self.locate(owner, where, fault)
            self.program.problems.append(problem(fault.code, mark, **fault.details))


def texts_of(item: Item) -> Iterator[tuple[str, str]]:
    """Every text of an item that may hold piping, with the key it stands under."""
    yield "text", item.text
    yield "instruction", item.instruction
    for probe in item.probes:
        yield "probes", probe
    for choice in item.choices:
        yield "choices", choice.label
        for label in choice.translations.values():
            yield "choices", label
    for fields in item.translations.values():
        for text in fields.values():
            yield "translations", text


def _all_names(instrument: Instrument) -> set[str]:
    names: set[str] = set()

    def visit(entries: Iterable[Entry]) -> None:
        for entry in entries:
            match entry:
                case Item():
                    names.add(entry.code)
                case Compute() | Draw():
                    names.add(entry.name)
                case Group():
                    visit(entry.entries)
                case _:
                    pass

    for theme in instrument.themes:
        visit(theme.entries)
    return names


def _key(code: str, place: _Place) -> str:
    return f"{code}@{place.instance}" if place.instance else code


def _symbol(item: Item, slot: int, roster: str) -> Symbol:
    return Symbol(item.code, slot, type_of(item), bool(item.specials), True, roster=roster)


def type_of(item: Item) -> Type:
    """What expressions read of an item."""
    if item.store == "contact":
        return Type("kept")
    codes = frozenset(choice.code for choice in item.choices)
    if item.type == "multiple":
        return Type("set", codes)
    if codes:
        return Type("number", codes)
    if item.type in NUMBERS:
        return NUMBER
    return BOOLEAN if item.type == "info" else TEXT


def _conjunction(runs: list[Run]) -> Run | None:
    if not runs:
        return None
    if len(runs) == 1:
        return runs[0]

    def whole(v: Values, t: Tags) -> Any:
        result: Any = True
        for run in runs:
            result = both(result, run(v, t))
            if result is False:
                return False
        return result

    return whole

"""A program on one interview, kept up to date event by event.

Decides what is asked, what comes next, what is set aside and how it ends, from the program and the
inputs alone; never reads a clock, draws a lot or counts a quota: it says what it needs and waits
for the result. The twelve rules of meaning are in docs/language.md; JavaRosa's triggers work alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from questionnaire.core.instrument import Check, End, Item
from questionnaire.core.kleene import PENDING, UNKNOWN, both
from questionnaire.core.program import Node, Program
from questionnaire.core.state import Event, State, canonical, same
from questionnaire.core.wording import render

COMPLETE = "complete"


@dataclass(frozen=True)
class NeedsDraw:
    """A split ballot to be drawn among `values`, in permuted blocks within `stratum`."""

    name: str
    stratum: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class NeedsPlace:
    """A place to be reserved in `cell` of the family `quota`."""

    quota: str
    cell: str


@dataclass(frozen=True)
class Failure:
    """A check that does not hold, with the item that must be answered again or confirmed."""

    check: str
    key: str
    message: str


@dataclass(frozen=True)
class Route:
    """Where the interview stands. `asked` goes up to the first item that stops it, in shown order.

    `next` is that item, None at the end and while `needs` waits for its result. `outcome` is
    "complete", the outcome of the end that was reached, or None.
    """

    asked: tuple[str, ...]
    next: str | None
    parked: tuple[str, ...]
    to_confirm: tuple[str, ...]
    computed: dict[str, Any]
    outcome: str | None
    end: End | None
    needs: tuple[NeedsDraw | NeedsPlace, ...]
    hard_failures: tuple[Failure, ...]
    soft_failures: tuple[Failure, ...]
    milestones: tuple[str, ...]


class Walker:
    """A program on one interview, kept up to date event by event.

    It owns its state and changes it in place. `stops` has one bit per slot, in shown order, set
    where the route cannot go on: an item without an answer, a check that fails, an effect that is
    awaited. Its lowest bit is the first of them, found without looking at the others, so that one
    answer costs what depends on it and not the length of the questionnaire.
    """

    def __init__(self, program: Program, state: State) -> None:
        self.program, self.state = program, state
        size = len(program.nodes)
        self.values: list[Any] = [UNKNOWN] * size
        self.tags: list[str] = [""] * size
        self.stops = 0
        self.cut = size  # the first true end: nothing after it is on the route
        self.evaluated = 0
        self._stated: Route | None = None
        self._act: dict[str, Callable[[Node], tuple[Any, str]]] = {
            "input": self._input, "gate": self._gate, "item": self._item,
            "compute": self._compute, "draw": self._draw, "quota": self._quota,
            "end": self._end, "check": self._check, "milestone": self._gate,
            "living": self._living,
        }  # fmt: skip
        self._shuffle()
        for slot in range(size):
            self._evaluate(slot)
        self._roles()

    # --- events

    def step(self, event: Event) -> None:
        """Apply one event and evaluate what depends on it."""
        self._stated = None
        dirty = self._change(event)
        if dirty is None:
            self.__init__(self.program, self.state)  # type: ignore[misc]
            return
        self._settle(dirty)
        self._roles()

    def _settle(self, dirty: Iterable[int]) -> None:
        queue = list(dict.fromkeys(dirty))
        heapify(queue)
        queued = set(queue)
        dependents = self.program.dependents
        while queue:
            slot = heappop(queue)
            queued.discard(slot)
            cut = self.cut
            changed = self._evaluate(slot)
            later: Iterable[int] = dependents[slot] if changed else ()
            if self.cut != cut:
                # An end was reached or reopened: everything behind it joins or leaves the route.
                later = range(slot + 1, len(self.values))
            for one in later:
                if one not in queued:
                    queued.add(one)
                    heappush(queue, one)

    def _change(self, event: Event) -> list[int] | None:
        """The slots whose inputs the event changed, None for all of them."""
        state, value = self.state, event.value
        match event.kind:
            case "answer" | "special":
                return self._set(event.key, value)
            case "seen":
                return self._set(event.key, {"seen": True})
            case "clear":
                return self._clear(event)
            case "confirm":
                return self._confirm(event)
            case "draw":
                state.draws.setdefault(str(value["name"]), str(value["value"]))
                return self._slots_of("draw", str(value["name"]))
            case "quota_result":
                place = {"cell": str(value["cell"]), "result": str(value["result"])}
                state.places[str(value["quota"])] = place
                return self._slots_of("quota", str(value["quota"]))
            case "preload":
                state.inputs[str(value["name"])] = value["v"]
                return self._slots_of("input", str(value["name"]))
            case "seed":
                state.seed = int(value["v"])
                return None if self.program.shuffles else []
            case "end":
                return self._close(value)
            case "erased":
                return []
            case _:
                raise ValueError(f"no event is a {event.kind!r}")

    def _set(self, key: str, value: Any) -> list[int]:
        node = self.program.node(key)
        before = self.state.answers.get(key)
        after = {"seen": True} if value.get("seen") else canonical(node.entry.type, value)
        self.state.answers[key] = after
        self.state.to_confirm.discard(key)
        self.state.ended = ""
        dirty = [node.slot, *self.program.checks_of.get(node.slot, ())]
        if before is not None and not same(before, after):
            dirty += self._question_checks(node.slot)
        return dirty

    def _question_checks(self, slot: int) -> list[int]:
        """Rule 8: editing an item makes those whose checks name it *to confirm*."""
        dirty = []
        for check in self.program.checks_naming.get(slot, ()):
            owner = self.program.nodes[self.program.nodes[check].owner]
            if owner.name in self.state.answers:
                self.state.to_confirm.add(owner.name)
                dirty.append(owner.slot)
        return dirty

    def _clear(self, event: Event) -> list[int]:
        roster = self.program.instances.get(event.item)
        if roster is not None:
            removed = self.state.removed.setdefault(event.item, [])
            number = int(event.instance)
            if number not in removed and len(removed) < len(roster) // 2:
                removed.append(number)
            return [alive for alive, _ in roster]
        node = self.program.node(event.key)
        held = self.state.answers.pop(event.key, None)
        self.state.to_confirm.discard(event.key)
        self.state.parked.discard(event.key)
        self.state.ended = ""
        return [node.slot, *(self._question_checks(node.slot) if held is not None else ())]

    def _confirm(self, event: Event) -> list[int]:
        """Accept a kept answer, a prefilled one (given in the value), or a soft check."""
        if "v" in event.value:
            return self._set(event.key, event.value)
        node = self.program.node(event.key)
        checks = self.program.checks_of.get(node.slot, ())
        if event.key in self.state.to_confirm:
            self.state.to_confirm.discard(event.key)
        else:
            soft = [self.program.nodes[slot] for slot in checks if self.values[slot] is False]
            self.state.confirmed.update(
                self._confirmation(check) for check in soft if not check.entry.hard
            )
        self.state.ended = ""
        return [node.slot, *checks]

    def _close(self, value: Any) -> list[int]:
        """Rule 4: a temporary end leaves the items of this contact to be asked again.

        So are the answers that the end is about: kept, they would end the next contact too.
        """
        self.state.ended = str(value.get("outcome", ""))
        if not value.get("temporary"):
            return []
        nodes = self.program.nodes
        again = [node for node in nodes if node.kind == "item" and node.entry.per_contact]
        if self.cut < len(nodes) and nodes[self.cut].entry.temporary:
            again += self.program.answers_behind(self.cut)
        for node in again:
            self.state.answers.pop(node.name, None)
            self.state.to_confirm.discard(node.name)
            self.state.parked.discard(node.name)
        return [node.slot for node in again]

    def _slots_of(self, kind: str, name: str) -> list[int]:
        return [node.slot for node in self.program.nodes_of(kind, name)]

    # --- one slot

    def _evaluate(self, slot: int) -> bool:
        """Evaluate one slot; whether what others read of it changed."""
        self.evaluated += 1
        node = self.program.nodes[slot]
        value, tag = self._act[node.kind](node)
        if value is self.values[slot] or value == self.values[slot]:
            if tag == self.tags[slot]:
                return False
            self.tags[slot] = tag
            return True
        self.values[slot], self.tags[slot] = value, tag
        return True

    def _when(self, node: Node) -> Any:
        if node.slot > self.cut:
            return False
        return True if node.when is None else node.when(self.values, self.tags)

    def _run(self, node: Node) -> Any:
        return UNKNOWN if node.run is None else node.run(self.values, self.tags)

    def _stop(self, slot: int, stops: bool) -> None:
        bit = 1 << (slot if self.rank is None else self.rank[slot])
        if stops:
            self.stops |= bit
        elif self.stops & bit:
            self.stops ^= bit

    def _input(self, node: Node) -> tuple[Any, str]:
        return self.state.inputs.get(node.name, node.entry.default), ""

    def _gate(self, node: Node) -> tuple[Any, str]:
        return self._when(node), ""

    def _living(self, node: Node) -> tuple[Any, str]:
        count = self._run(node)
        known = count if count is UNKNOWN or count is PENDING else self._lives(node, count)
        return both(self._when(node), known), ""

    def _lives(self, node: Node, count: Any) -> bool:
        removed = self.state.removed.get(node.name, [])
        number = int(node.instance)
        before = number - 1 - sum(1 for one in removed if one < number)
        return number not in removed and before < min(count, node.entry.max)

    def _item(self, node: Node) -> tuple[Any, str]:
        state, key = self.state, node.name
        answer = state.answers.get(key)
        on = self._when(node)
        if on is True:
            state.parked.discard(key)
            if answer is None or key in state.to_confirm:
                self._stop(node.slot, True)
                return PENDING, ""
            self._stop(node.slot, False)
            return self._read(node.entry, answer)
        self._stop(node.slot, False)
        if on is PENDING:
            state.parked.discard(key)
            return PENDING, ""
        if answer is not None:
            state.parked.add(key)
            state.to_confirm.add(key)
        return UNKNOWN, ""

    @staticmethod
    def _read(item: Item, answer: dict[str, Any]) -> tuple[Any, str]:
        if "special" in answer:
            return UNKNOWN, answer["special"]
        if "given" in answer:
            return UNKNOWN, "answered"
        if "seen" in answer:
            return True, "answered"
        value = answer["v"]
        return (frozenset(value) if item.type == "multiple" else value), "answered"

    def _compute(self, node: Node) -> tuple[Any, str]:
        when = self._when(node)
        if when is not True:
            return (PENDING if when is PENDING else UNKNOWN), ""
        return self._run(node), ""

    def _draw(self, node: Node) -> tuple[Any, str]:
        when = self._when(node)
        drawn = self.state.draws.get(node.name)
        self._stop(node.slot, when is True and drawn is None)
        if when is not True:
            return (PENDING if when is PENDING else UNKNOWN), ""
        return (PENDING if drawn is None else drawn), ""

    def _quota(self, node: Node) -> tuple[Any, str]:
        """True where the cell is full, PENDING until somebody has said so."""
        when = self._when(node)
        cell = self._run(node) if when is True else when
        if when is not True or cell is UNKNOWN or cell is PENDING:
            self._stop(node.slot, False)
            return (PENDING if cell is PENDING else False), ""
        place = self.state.places.get(node.name)
        settled = place is not None and place["cell"] == str(cell)
        settled = settled and place is not None and place["result"] != "released"
        self._stop(node.slot, not settled)
        if not settled or place is None:
            return PENDING, ""
        return place["result"] == "full", ""

    def _end(self, node: Node) -> tuple[Any, str]:
        if node.slot > self.cut:
            return False, ""
        reached = self._run(node) is True
        if reached:
            self.cut = node.slot
        elif self.cut == node.slot:
            self.cut = len(self.values)
        return reached, ""

    def _check(self, node: Node) -> tuple[Any, str]:
        if node.slot > self.cut or self.tags[node.owner] == "":
            self._stop(node.slot, False)
            return UNKNOWN, ""
        verdict = self._run(node)
        fails = verdict is False
        if fails and not node.entry.hard:
            fails = self._confirmation(node) not in self.state.confirmed
        self._stop(node.slot, fails)
        return verdict, ""

    def _confirmation(self, node: Node) -> str:
        """A soft confirmation is keyed by the check and the values that it accepted."""
        values = [_plain(self.values[slot]) for slot in node.named]
        return f"{node.name} {json.dumps(values, ensure_ascii=False)}"

    def _roles(self) -> None:
        roles = self.state.roles
        for role, name in self.program.instrument.roles.items():
            symbol = self.program.names.get(name)
            value = self.values[symbol.slot] if symbol else UNKNOWN
            if value is not PENDING and roles.get(role) != value:
                roles[role] = value

    # --- what it says

    def _shuffle(self) -> None:
        self.order = self.program.order(self.state.seed)
        self.rank: list[int] | None = None
        if self.order is not None:
            self.rank = [0] * len(self.order)
            for rank, slot in enumerate(self.order):
                self.rank[slot] = rank

    def first_stop(self) -> Node | None:
        """The first slot where the route stops, None where it runs to an end."""
        if not self.stops:
            return None
        rank = (self.stops & -self.stops).bit_length() - 1
        slot = rank if self.order is None else self.order[rank]
        return self.program.nodes[slot] if slot < self.cut else None

    def next(self) -> str | None:
        """The key of the item that stops the route, None at an end or before an effect."""
        node = self.first_stop()
        if node is None or node.kind in ("draw", "quota"):
            return None
        return self.program.nodes[node.owner].name if node.kind == "check" else node.name

    def outcome(self) -> str | None:
        if self.first_stop() is not None:
            return None
        end = self.end()
        return COMPLETE if end is None else end.outcome

    def end(self) -> End | None:
        """The end that was reached, whether or not something before it waits."""
        if self.cut >= len(self.values):
            return None
        entry: End = self.program.nodes[self.cut].entry
        return entry

    def needs(self) -> tuple[NeedsDraw | NeedsPlace, ...]:
        node = self.first_stop()
        if node is None:
            return ()
        stated = self._run(node)
        if node.kind == "draw":
            stratum = "" if stated is UNKNOWN or stated is PENDING else str(stated)
            return (NeedsDraw(node.name, stratum, node.entry.values),)
        return (NeedsPlace(node.name, str(stated)),) if node.kind == "quota" else ()

    def on_route(self, key: str) -> bool:
        """Whether the item is asked as things stand."""
        node = self.program.node(key)
        return node.slot <= self.cut and self._when(node) is True

    def value(self, name: str) -> Any:
        """The value of a name, UNKNOWN or PENDING where it has none. Raises KeyError."""
        return self.values[self.program.names[name].slot]

    def reached(self) -> list[Node]:
        """The slots up to the first stop or end, in shown order."""
        stop = self.first_stop()
        order = self.order or range(len(self.values))
        slots = []
        for slot in order:
            if slot > self.cut:
                break
            slots.append(self.program.nodes[slot])
            if stop is not None and slot == stop.slot:
                break
        return slots

    def route(self) -> Route:
        """Where the interview stands, told once for each step."""
        if self._stated is None:
            self._stated = self._state_route()
        return self._stated

    def _state_route(self) -> Route:
        reached = self.reached()
        failing = [node for node in self.program.nodes if self._fails(node)]
        return Route(
            asked=tuple(n.name for n in reached if n.kind == "item" and self._when(n) is True),
            next=self.next(),
            parked=self.in_order(self.state.parked),
            to_confirm=self.in_order(
                key for key in self.state.to_confirm if key not in self.state.parked
            ),
            computed={
                node.name: _plain(self.values[node.slot])
                for node in reached if node.kind == "compute"
            },
            outcome=self.outcome(),
            end=self.end(),
            needs=self.needs(),
            hard_failures=tuple(self._failure(node) for node in failing if node.entry.hard),
            soft_failures=tuple(self._failure(node) for node in failing if not node.entry.hard),
            milestones=tuple(
                node.name for node in reached
                if node.kind == "milestone" and self.values[node.slot] is True
            ),
        )  # fmt: skip

    def _fails(self, node: Node) -> bool:
        if node.kind != "check" or self.values[node.slot] is not False:
            return False
        return bool(node.entry.hard or self._confirmation(node) not in self.state.confirmed)

    def _failure(self, node: Node) -> Failure:
        check: Check = node.entry
        owner = self.program.nodes[node.owner]
        return Failure(check.name, owner.name, render(self, check.message, owner))

    def in_order(self, keys: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(keys, key=lambda key: self.program.slot_of.get(key, 0)))

    def prefill(self, key: str) -> Any:
        """What is proposed for an item that was never answered, or UNKNOWN."""
        node = self.program.node(key)
        if node.prefill_run is not None:
            proposed = node.prefill_run(self.values, self.tags)
            return UNKNOWN if proposed is PENDING else proposed
        for value, when in node.prefill:
            if when(self.values, self.tags) is True:
                return value
        return UNKNOWN

    def bounds(self, key: str) -> tuple[Any, Any]:
        """The bounds of an item as they stand; None where there is none."""
        node = self.program.node(key)
        low, high = (
            None if run is None else run(self.values, self.tags) for run in (node.low, node.high)
        )
        return (None if low is PENDING else low), (None if high is PENDING else high)


def _plain(value: Any) -> Any:
    if value is PENDING:
        return None
    return sorted(value) if isinstance(value, frozenset) else value

"""The expressions of the questionnaire language: parsed, typed, compiled to closures.

Decides what an author may write and what it means in Kleene's logic; never evaluates the author's
text, calls no function of his, reads no attribute. Kleene (1952), Metamathematics, §64.

Grammar, a subset of Python's (`NAME` is an item, a compute, a parameter, a preload or a draw):

    expression  := test ["if" test "else" expression]
    test        := test ("and" | "or") test | "not" test | comparison
    comparison  := sum (("==" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in") sum)*
    sum         := sum ("+" | "-" | "*" | "//") sum | "-" sum | atom
    atom        := NAME | NUMBER | TEXT | True | False | list | call | "(" expression ")"
    list        := "[" constant ("," constant)* "]"
    call        := dk(NAME) refused(NAME) na(NAME) answered(NAME) count(NAME) quota_full(NAME)
                 | band(sum, [numbers]) | recode(NAME, {constant: constant, …})
                 | any(test) all(test) sum(sum) min(sum) max(sum)      over a roster's instances

A value that is not answered is unknown; what becomes of it is told in kleene.py.
"""

from __future__ import annotations

import ast
import operator
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from questionnaire.core.errors import suggestion
from questionnaire.core.kleene import FOLDS, UNKNOWN, Run, Tags, Values, both, either, lifted

MAX_LENGTH = 1000
MAX_NODES = 250
MAX_DEPTH = 30
MAX_NUMBER = 10**9


Kind = Literal["boolean", "number", "text", "set", "list", "kept"]
WORDS = {
    "boolean": "a yes or no",
    "number": "a number",
    "text": "a text",
    "set": "several answers",
    "list": "a list",
    "kept": "words kept with the contact",
}


@dataclass(frozen=True)
class Type:
    """What an expression gives; `domain` holds its only possible values where they are known."""

    kind: Kind
    domain: frozenset[Any] | None = None


BOOLEAN, NUMBER, TEXT = Type("boolean"), Type("number"), Type("text")


@dataclass(frozen=True)
class Symbol:
    """What a name stands for, and where its value is."""

    name: str
    slot: int
    type: Type
    specials: bool = False  # it may be a don't know
    is_item: bool = False
    is_quota: bool = False
    roster: str = ""


class Fault(Exception):
    """A mistake in an expression: a code of the catalogue and the characters it is about."""

    def __init__(self, code: str, start: int = 0, end: int = 0, **details: object) -> None:
        super().__init__(code)
        self.code, self.start, self.end, self.details = code, start, end, details


@dataclass
class Scope:
    """What an expression may name.

    `later` are names defined after the place, `shuffled` those of its own random block. `instances`
    gives, for each roster, the slot that says whether an instance lives and that instance's names.
    """

    names: Mapping[str, Symbol]
    later: Set[str] = frozenset()
    shuffled: frozenset[str] = frozenset()
    instances: Mapping[str, Sequence[tuple[int, Mapping[str, Symbol]]]] = field(
        default_factory=dict
    )
    roster: str = ""  # the roster inside which the expression stands


@dataclass(frozen=True)
class Compiled:
    type: Type
    run: Run
    reads: frozenset[int]
    names: frozenset[str]
    leaks: tuple[Fault, ...] = ()


def compile_expression(text: str, scope: Scope) -> Compiled:
    """The closure of `text`. Raises Fault at the first mistake."""
    compiler = _Compiler(scope, text)
    tree = _parse(text)
    kind, run = compiler.visit(tree)
    return Compiled(
        kind, run, frozenset(compiler.reads), frozenset(compiler.named), tuple(compiler.leaks())
    )


def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise Fault("Q303", 0, MAX_LENGTH, what="long")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        # Python gives 0 where the text ends too soon.
        at = error.offset - 1 if error.offset else max(len(text) - 1, 0)
        raise Fault("Q301", at, at + 1, reason=error.msg) from None
    except (ValueError, RecursionError, MemoryError):
        raise Fault("Q301", 0, len(text), reason="unreadable") from None
    _bound(tree)
    return tree


def _bound(tree: ast.expr) -> None:
    """Breadth first and not by recursion, so that depth itself cannot harm."""
    level: list[ast.AST] = [tree]
    nodes = depth = 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES:
            raise Fault("Q303", 0, 1, what="large")
        if depth > MAX_DEPTH:
            raise Fault("Q303", 0, 1, what="deep")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


_COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_COMPUTE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: lambda left, right: left // right if right else UNKNOWN,
}
_FOLDS = ("any", "all", "sum", "min", "max")
_TESTS = ("dk", "refused", "na", "answered")
FUNCTIONS = (*_TESTS, "count", "band", "recode", "quota_full", *_FOLDS)
RESERVED = frozenset(FUNCTIONS)
_CONSTRUCTS = {
    ast.Attribute: "an attribute (.)",
    ast.Subscript: "an index ([…])",
    ast.Lambda: "lambda",
    ast.Pow: "** (power)",
    ast.Div: "/ (use //)",
    ast.Mod: "%",
    ast.JoinedStr: "an f-string",
    ast.NamedExpr: ":=",
    ast.Starred: "*",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.GeneratorExp: "a comprehension",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.Is: "is (use ==)",
    ast.IsNot: "is not (use !=)",
}


def _refuse(node: ast.AST, at: ast.expr) -> Fault:
    construct = _CONSTRUCTS.get(type(node), type(node).__name__.lower())
    return Fault("Q302", *_span(at), construct=construct)


def _span(node: ast.expr) -> tuple[int, int]:
    """The characters of a node; those of its line only, since ast counts columns by line."""
    end = node.end_col_offset if node.end_lineno == node.lineno else None
    return node.col_offset, end or node.col_offset + 1


class _Compiler:
    """One visit per kind of node, each returning the type and the closure."""

    def __init__(self, scope: Scope, text: str) -> None:
        self.scope, self.text = scope, text
        self.reads: set[int] = set()
        self.named: set[str] = set()
        self._tested: set[str] = set()
        self._negated: list[tuple[str, tuple[int, int]]] = []

    def leaks(self) -> Iterable[Fault]:
        """Negations of a name whose "don't know" nothing in the expression speaks of."""
        for name, span in self._negated:
            if name not in self._tested:
                yield Fault("Q501", *span, name=name)

    def visit(self, node: ast.expr) -> tuple[Type, Run]:
        act = getattr(self, f"_{type(node).__name__.lower()}", None)
        if act is None:
            raise _refuse(node, node)
        result: tuple[Type, Run] = act(node)
        return result

    def _want(self, node: ast.expr, *kinds: Kind) -> tuple[Type, Run]:
        kind, run = self.visit(node)
        if kind.kind == "kept":
            raise Fault("Q310", *_span(node), name=ast.unparse(node))
        if kind.kind not in kinds:
            wanted = " or ".join(WORDS[one] for one in kinds)
            raise Fault(
                "Q311", *_span(node), found=WORDS[kind.kind], expected=wanted, hint=_HINTS[kinds[0]]
            )
        return kind, run

    # --- atoms

    def _name(self, node: ast.Name) -> tuple[Type, Run]:
        symbol = self.symbol(node)
        if symbol.roster and symbol.roster != self.scope.roster:
            raise Fault("Q312", *_span(node), name=node.id, roster=symbol.roster)
        slot = symbol.slot
        return symbol.type, lambda v, t: v[slot]

    def symbol(self, node: ast.Name) -> Symbol:
        """The symbol of a name that may be read here. Raises Fault."""
        name, scope = node.id, self.scope
        if name in scope.shuffled:
            raise Fault("Q306", *_span(node), name=name)
        symbol = scope.names.get(name)
        if symbol is None:
            if name in scope.later:
                raise Fault("Q305", *_span(node), name=name)
            hint = suggestion(name, scope.names)
            raise Fault("Q304", *_span(node), name=name, hint=hint)
        self.reads.add(symbol.slot)
        self.named.add(name)
        return symbol

    def _constant(self, node: ast.Constant) -> tuple[Type, Run]:
        value = node.value
        if isinstance(value, bool):
            kind = BOOLEAN
        elif isinstance(value, int | float):
            if not abs(value) <= MAX_NUMBER:
                raise Fault("Q303", *_span(node), what="large a number")
            kind = Type("number", frozenset({value}))
        elif isinstance(value, str):
            kind = Type("text", frozenset({value}))
        else:
            raise _refuse(node, node)
        return kind, lambda v, t: value

    def constants(self, node: ast.expr) -> tuple[tuple[Any, ast.expr], ...]:
        """The constants of a list, each with its node."""
        if not isinstance(node, ast.List | ast.Tuple | ast.Set):
            raise Fault("Q311", *_span(node), found="something else", expected="a list of values",
                        hint="Write the values between brackets: [3, 4].")  # fmt: skip
        return tuple((self.constant(one), one) for one in node.elts)

    def constant(self, node: ast.expr) -> Any:
        negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
        if not isinstance(inner, ast.Constant):
            raise Fault("Q311", *_span(node), found="an expression", expected="a plain value",
                        hint="Only numbers and quoted texts stand here.")  # fmt: skip
        self._constant(inner)
        if negative and (isinstance(inner.value, bool | str)):
            raise _refuse(node, node)
        return -inner.value if negative else inner.value  # type: ignore[operator]

    # --- logic

    def _boolop(self, node: ast.BoolOp) -> tuple[Type, Run]:
        runs = [self._want(one, "boolean")[1] for one in node.values]
        fold, stop = (both, False) if isinstance(node.op, ast.And) else (either, True)
        neutral = not stop

        def run(v: Values, t: Tags) -> Any:
            result: Any = neutral
            for one in runs:
                result = fold(result, one(v, t))
                if result is stop:
                    return stop
            return result

        return BOOLEAN, run

    def _unaryop(self, node: ast.UnaryOp) -> tuple[Type, Run]:
        if isinstance(node.op, ast.Not):
            before = set(self._tested)
            _, run = self._want(node.operand, "boolean")
            if not isinstance(node.operand, ast.Call):
                self._negate(node.operand, node)
            self._tested |= before
            return BOOLEAN, lifted(operator.not_, run)
        if isinstance(node.op, ast.USub):
            _, run = self._want(node.operand, "number")
            return NUMBER, lifted(operator.neg, run)
        raise _refuse(node.op, node)

    def _negate(self, inner: ast.expr, outer: ast.expr) -> None:
        for one in ast.walk(inner):
            if isinstance(one, ast.Name) and one.id not in RESERVED:
                symbol = self.scope.names.get(one.id)
                if symbol is not None and symbol.specials:
                    self._negated.append((one.id, _span(outer)))

    def _ifexp(self, node: ast.IfExp) -> tuple[Type, Run]:
        _, test = self._want(node.test, "boolean")
        (left_type, left), (right_type, right) = self.visit(node.body), self.visit(node.orelse)
        if left_type.kind != right_type.kind or left_type.kind not in ("boolean", "number", "text"):
            raise self._mismatch(node, left_type, "an alternative to", right_type)

        def run(v: Values, t: Tags) -> Any:
            verdict = test(v, t)
            if verdict is True:
                return left(v, t)
            return right(v, t) if verdict is False else verdict

        return _union(left_type, right_type), run

    # --- comparisons and arithmetic

    def _compare(self, node: ast.Compare) -> tuple[Type, Run]:
        operands = [node.left, *node.comparators]
        pairs = zip(operands, node.ops, operands[1:], strict=False)
        runs = [self._one(left, op, right, node) for left, op, right in pairs]
        if len(runs) == 1:
            return BOOLEAN, runs[0]

        def run(v: Values, t: Tags) -> Any:
            result: Any = True
            for one in runs:
                result = both(result, one(v, t))
            return result

        return BOOLEAN, run

    def _one(self, left: ast.expr, op: ast.cmpop, right: ast.expr, whole: ast.Compare) -> Run:
        if isinstance(op, ast.In | ast.NotIn):
            run = self._among(left, right, whole)
            if isinstance(op, ast.In):
                return run
            self._negate(whole, whole)
            return lifted(operator.not_, run)
        if type(op) not in _COMPARE:
            raise _refuse(op, whole)
        sign, act = _COMPARE[type(op)]
        left_type, left_run = self._want(left, "number", "text", "boolean", "set")
        right_type, right_run = self._want(right, "number", "text", "boolean", "set")
        if "set" in (left_type.kind, right_type.kind):
            raise self._mismatch(whole, left_type, "compared with", right_type)
        if left_type.kind != right_type.kind:
            raise self._mismatch(whole, left_type, "compared with", right_type)
        if left_type.kind != "number" and sign not in ("==", "!="):
            raise self._mismatch(whole, left_type, "ordered with", right_type)
        if sign in ("==", "!="):
            self._codes(left, left_type, right)
            self._codes(right, right_type, left)
        if sign == "!=":
            self._negate(whole, whole)
        return lifted(act, left_run, right_run)

    def _among(self, left: ast.expr, right: ast.expr, whole: ast.Compare) -> Run:
        if isinstance(right, ast.Name):
            right_type, holder = self.visit(right)
            if right_type.kind != "set":
                raise self._mismatch(whole, self.visit(left)[0], "searched in", right_type)
            _, member = self._want(left, "number")
            self._codes(right, right_type, left)
            return lifted(lambda value, held: value in held, member, holder)
        left_type, run = self._want(left, "number", "text")
        values = self.constants(right)
        for value, node in values:
            if isinstance(value, str) != (left_type.kind == "text") or isinstance(value, bool):
                raise self._mismatch(node, left_type, "searched among", _type_of(value))
            self._code(left, left_type, value, node)
        held = frozenset(value for value, _ in values)
        return lifted(lambda value: value in held, run)

    def _codes(self, named: ast.expr, kind: Type, other: ast.expr) -> None:
        if isinstance(other, ast.Constant):
            self._code(named, kind, other.value, other)

    def _code(self, named: ast.expr, kind: Type, value: Any, node: ast.expr) -> None:
        known = kind.domain
        if isinstance(named, ast.Constant) or known is None or value in known:
            return
        raise Fault("Q308", *_span(node), name=ast.unparse(named), value=value,
                    values=", ".join(str(one) for one in sorted(known)))  # fmt: skip

    def _binop(self, node: ast.BinOp) -> tuple[Type, Run]:
        act = _COMPUTE.get(type(node.op))
        if act is None:
            raise _refuse(node.op, node)
        _, left = self._want(node.left, "number")
        _, right = self._want(node.right, "number")
        return NUMBER, lifted(act, left, right)

    def _mismatch(self, node: ast.expr, left: Type, verb: str, right: Type) -> Fault:
        hint = "Compare like with like."
        if right.kind == "set":
            hint = "Write `2 in NAME` for an item with several answers."
        elif left.kind == "set":
            hint = "Write `2 in NAME`, or count(NAME), for an item with several answers."
        return Fault("Q307", *_span(node), left=WORDS[left.kind], verb=verb,
                     right=WORDS[right.kind], hint=hint)  # fmt: skip

    # --- calls

    def _call(self, node: ast.Call) -> tuple[Type, Run]:
        if not isinstance(node.func, ast.Name):
            raise _refuse(node.func, node)
        name = node.func.id
        if name not in FUNCTIONS:
            raise Fault("Q309", *_span(node.func), name=name, reason="is not a function here",
                        hint=suggestion(name, FUNCTIONS))  # fmt: skip
        wanted = 2 if name in ("band", "recode") else 1
        if node.keywords or len(node.args) != wanted:
            raise Fault("Q309", *_span(node), name=name, reason=f"takes {wanted} argument(s)",
                        hint="See docs/language.md, Functions.")  # fmt: skip
        if name in _TESTS:
            return self._status(name, node.args[0])
        if name in _FOLDS:
            return self._fold(name, node.args[0])
        result: tuple[Type, Run] = getattr(self, f"_{name}_call")(*node.args)
        return result

    def _named(self, node: ast.expr, function: str, what: str) -> ast.Name:
        if isinstance(node, ast.Name):
            return node
        raise Fault("Q309", *_span(node), name=function, reason=f"wants the name of {what}",
                    hint=f"Write {function}(NAME).")  # fmt: skip

    def _status(self, status: str, argument: ast.expr) -> tuple[Type, Run]:
        name = self._named(argument, status, "an item")
        symbol = self.symbol(name)
        if not symbol.is_item:
            raise Fault("Q309", *_span(name), name=status, reason="wants the name of an item",
                        hint=f"{name.id} is never asked.")  # fmt: skip
        if symbol.roster and symbol.roster != self.scope.roster:
            raise Fault("Q312", *_span(name), name=name.id, roster=symbol.roster)
        if status in ("dk", "answered"):
            self._tested.add(name.id)
        slot = symbol.slot
        return BOOLEAN, lambda v, t: t[slot] == status

    def _quota_full_call(self, argument: ast.expr) -> tuple[Type, Run]:
        name = self._named(argument, "quota_full", "a quota")
        key = f"quota {name.id}"
        symbol = self.scope.names.get(key)
        if symbol is None:
            raise Fault("Q304", *_span(name), name=f"the quota {name.id} before this place",
                        hint="Write `- quota: NAME` above.")  # fmt: skip
        self.reads.add(symbol.slot)
        slot = symbol.slot
        return BOOLEAN, lambda v, t: v[slot]

    def _count_call(self, argument: ast.expr) -> tuple[Type, Run]:
        _, run = self._want(argument, "set")
        return NUMBER, lifted(len, run)

    def _band_call(self, argument: ast.expr, limits: ast.expr) -> tuple[Type, Run]:
        """`band(AGE, [25, 40])`: 1 below 25, 2 from 25 to below 40, 3 from 40 on."""
        _, run = self._want(argument, "number")
        steps = [value for value, _ in self.constants(limits)]
        numeric = all(isinstance(step, int | float) for step in steps)
        if not steps or not numeric or steps != sorted(set(steps)):
            raise Fault("Q309", *_span(limits), name="band", reason="wants rising numbers",
                        hint="Write band(AGE, [25, 40, 60, 75]).")  # fmt: skip
        bands = Type("number", frozenset(range(1, len(steps) + 2)))
        return bands, lifted(lambda value: bisect_right(steps, value) + 1, run)

    def _recode_call(self, argument: ast.expr, table: ast.expr) -> tuple[Type, Run]:
        kind, run = self._want(argument, "number", "text")
        if not isinstance(table, ast.Dict) or not table.keys:
            raise Fault("Q309", *_span(table), name="recode", reason="wants a table",
                        hint="Write recode(X, {1: 1, 2: 1, 3: 2}).")  # fmt: skip
        mapping: dict[Any, Any] = {}
        for key, value in zip(table.keys, table.values, strict=True):
            if key is None:
                raise _refuse(table, table)
            constant = self.constant(key)
            if isinstance(constant, str) != (kind.kind == "text"):
                raise self._mismatch(key, kind, "recoded from", _type_of(constant))
            self._code(argument, kind, constant, key)
            mapping[constant] = self.constant(value)
        kinds = {_type_of(value).kind for value in mapping.values()}
        if len(kinds) > 1:
            raise self._mismatch(table, Type(min(kinds)), "mixed with", Type(max(kinds)))
        result = Type(kinds.pop(), frozenset(mapping.values()))
        return result, lifted(mapping.get, run)

    def _fold(self, name: str, argument: ast.expr) -> tuple[Type, Run]:
        """An aggregate over the living instances of the one roster that the argument names."""
        rosters = {
            symbol.roster
            for node in ast.walk(argument)
            if isinstance(node, ast.Name) and (symbol := self.scope.names.get(node.id))
            if symbol.roster
        }
        if len(rosters) != 1 or self.scope.roster in rosters:
            raise Fault("Q309", *_span(argument), name=name, reason="works over one roster",
                        hint="Name items of one roster, from outside it.")  # fmt: skip
        wanted: Kind = "boolean" if name in ("any", "all") else "number"
        parts: list[tuple[int, Run]] = []
        (roster,) = rosters
        for alive, names in self.scope.instances[roster]:
            inner = _Compiler(Scope({**self.scope.names, **names}, roster=roster), self.text)
            _, run = inner._want(argument, wanted)
            self.reads |= inner.reads | {alive}
            parts.append((alive, run))
        self.named |= inner.named
        fold = FOLDS[name]

        def whole(v: Values, t: Tags) -> Any:
            return fold([run(v, t) for alive, run in parts if v[alive] is True])

        return (BOOLEAN if wanted == "boolean" else NUMBER), whole


_HINTS = {
    "boolean": "Compare it, for instance: NUM01 == 1.",
    "number": "Use a number here.",
    "text": "Use a text here.",
    "set": "Name an item of type multiple.",
    "list": "Write a list.",
    "kept": "",
}


def _type_of(value: Any) -> Type:
    if isinstance(value, bool):
        return BOOLEAN
    return TEXT if isinstance(value, str) else NUMBER


def _union(left: Type, right: Type) -> Type:
    if left.domain is None or right.domain is None:
        return Type(left.kind)
    return Type(left.kind, left.domain | right.domain)

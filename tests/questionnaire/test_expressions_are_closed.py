"""No expression escapes: each attempt is refused with a code, before anything is evaluated."""
# ruff: noqa: E501 (lists of attempts)

from __future__ import annotations

import itertools

import pytest

from questionnaire.core.expressions import (
    MAX_NODES,
    NUMBER,
    TEXT,
    Fault,
    Scope,
    Symbol,
    Type,
    compile_expression,
)
from questionnaire.core.text import compile_text

SCOPE = Scope(
    {
        "A": Symbol("A", 0, Type("number", frozenset({1, 2})), specials=True, is_item=True),
        "M": Symbol("M", 1, Type("set", frozenset({1, 2})), specials=True, is_item=True),
        "T": Symbol("T", 2, TEXT, is_item=True),
        "N": Symbol("N", 3, NUMBER, is_item=True),
        "K": Symbol("K", 4, Type("kept"), is_item=True),
    }
)
_CALLS = [
    "__import__('os')", "open('/etc/passwd')", "eval('1')", "exec('1')", "compile('1','','eval')",
    "globals()", "locals()", "vars()", "dir()", "getattr(A, 'x')", "setattr(A, 'x', 1)", "type(A)",
    "print(A)", "input()", "breakpoint()", "help()", "exit()", "id(A)", "hash(A)", "range(10)",
    "list(M)", "str(A)", "int('1')", "bytes(9)", "memoryview(T)", "super()", "object()", "iter(M)",
    "next(M)", "map(A, M)", "filter(A, M)", "zip(M, M)", "sorted(M)", "format(A)", "chr(1)",
    "ord('a')", "pow(2, 9)", "round(N)", "abs(N)", "len(M)", "isinstance(A, A)", "callable(A)",
]  # fmt: skip
_ATTRIBUTES = [
    "A.__class__", "A.__class__.__mro__", "().__class__.__bases__", "T.format(1)", "T.upper()",
    "''.join(M)", "'{0.__class__}'.format(A)", "M.pop()", "M.add(1)", "A.real", "N.bit_length()",
    "[].append(1)", "dk.__globals__", "answered.__code__", "(1).__add__(1)", "{}.get(1)",
    "True.__class__", "A.__class__()", "count.__self__", "T.__format__('x')",
]  # fmt: skip
_FORMS = [
    "lambda: A", "(lambda x: x)(A)", "[x for x in M]", "{x for x in M}", "{x: x for x in M}",
    "(x for x in M)", "any(x for x in M)", "A := 1", "(A := 1)", "A[0]", "T[0]", "M[1:]", "T[::2]",
    "f'{A}'", "f'{A.__class__}'", "f'{A!r}'", "*M", "[*M]", "{**{}}", "await A", "yield", "(yield)",
    "yield A", "A if A else A", "A is None", "A is not None", "None", "...", "1j", "b'x'", "A @ A",
    "A ** 2", "2 ** 999999", "A / 2", "A % 2", "A << 9", "A >> 1", "A & 1", "A | 1", "A ^ 1", "~A",
    "+A", "A == None", "A = 1", "del A", "import os", "pass", "A; A", "A\nA", "assert A", "raise A",
    "return A", "global A", "while 1: pass", "def f(): pass", "class C: pass", "with A: pass",
    "for x in M: pass", "try: pass", "if A: pass", "@A", "A,", "A, N", "[]", "[1, 2]", "{}", "{1: 2}",
    "{1, 2}", "()", "'a' 'b' * 10", "'a' * 10", "'%s' % A", "T + T", "T * 9", "T < T", "M == M",
    "M + M", "M < M", "A in A", "A in N", "T in T", "'a' in T", "M in M", "A in [M]", "A in [N]",
    "A in [[1]]", "A in ['x']", "T in [1]", "A == T", "A == True", "dk(1)", "dk('A')", "dk()",
    "dk(A, A)", "dk(A=1)", "dk(*M)", "dk(**{})", "dk(dk)", "dk", "dk == 1", "dk(A)(A)", "dk[A]",
    "dk(A).x", "not_a_function(A)", "count(A)", "count(T)", "band(A)", "band(A, 1)", "band(A, [])",
    "band(A, [2, 1])", "band(A, ['x'])", "band(A, [N])", "band(T, [1])", "recode(A, 1)",
    "recode(A, {})", "recode(A, {1: A})", "recode(A, {N: 1})", "recode(A, {**{}})",
    "recode(A, {1: 1, 2: 'x'})", "recode(M, {1: 1})", "quota_full(1)", "quota_full(A)",
    "sum(A)", "any(A)", "max(1)", "min(M)", "K", "K == 'x'", "count(K)", "K in ['x']",
    "1e999 == N", "99999999999999999999 == N", "-99999999999 == N", "N == -'x'", "N == -True",
    "A == 3", "A in [9]", "3 in M", "not A", "A and A", "A or T", "A == 1 and T", "1 == 1 == T",
    "__builtins__", "__name__", "__import__", "os", "self", "_", "__", "A\x00", "A\u202e == 1", "é",
]  # fmt: skip
_SIZE = [
    "(" * 300 + "A" + ")" * 300, "not " * 200 + "dk(A)", "-" * 200 + "N == 1",
    " or ".join(["dk(A)"] * 200), "+".join(["N"] * 300) + " == 1", "A == 1" + " + 1" * 400,
    "N" + " + (N" * 60 + ")" * 60 + " == 1", "'" + "x" * 5000 + "' == T", "A in [" + "1," * 400 + "]",
    "dk(" * 100 + "A" + ")" * 100,
]  # fmt: skip
ESCAPES = [*_CALLS, *_ATTRIBUTES, *_FORMS, *_SIZE]


@pytest.mark.parametrize("text", ESCAPES, ids=range(len(ESCAPES)))
def test_an_escape_is_refused(text: str) -> None:
    try:
        compiled = compile_expression(text, SCOPE)
    except Fault as fault:
        assert fault.code.startswith("Q3")
        return
    # What is left is a mere value of the wrong kind: no filter can be made of it.
    assert compiled.type.kind != "boolean", text


PIPED = [text for text in ESCAPES if "{" not in text and "}" not in text]


@pytest.mark.parametrize("text", PIPED, ids=range(len(PIPED)))
def test_piping_is_no_way_around(text: str) -> None:
    try:
        piped = compile_text("{{ " + text + " }}", SCOPE)
    except Fault as fault:
        assert fault.code.startswith("Q3")
        return
    assert all(
        isinstance(part, str) or part.compiled.type.kind != "boolean" for part in piped.parts
    )


def test_there_are_enough_attempts() -> None:
    assert len(set(ESCAPES)) >= 150


def test_what_is_allowed_stays_within_a_bound_on_nodes() -> None:
    longest = next(
        count for count in itertools.count(1) if not _fits(" or ".join(["dk(A)"] * (count + 1)))
    )

    assert 20 < longest < MAX_NODES


def _fits(text: str) -> bool:
    try:
        compile_expression(text, SCOPE)
    except Fault:
        return False
    return True

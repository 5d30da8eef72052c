"""Kleene's three-valued logic, with two unknowns.

Decides what an operation gives where an operand is unknown; never what is unknown. Kleene (1952),
Introduction to Metamathematics, §64.

UNKNOWN is for good: a special, an item that is not asked. PENDING is not known yet: asked, and not
answered. Both behave alike in every test; only an answer that depends on a PENDING one is not
parked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Pending:
    """The value of what is asked and not yet answered. One instance: PENDING."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "PENDING"

    def __bool__(self) -> bool:
        return False


PENDING = Pending()
UNKNOWN = None

Values = Sequence[Any]  # by slot: a value, UNKNOWN or PENDING
Tags = Sequence[str]  # by slot: "answered", a special, or ""
Run = Callable[[Values, Tags], Any]


def _unknown(*values: Any) -> bool:
    return any(value is None or value is PENDING for value in values)


def merge(*values: Any) -> Any:
    """The unknown of an operation some of whose operands are unknown."""
    return PENDING if any(value is PENDING for value in values) else UNKNOWN


def both(left: Any, right: Any) -> Any:
    """Kleene's and: false wins over unknown, and not yet over for good."""
    if left is False or right is False:
        return False
    if left is True and right is True:
        return True
    return merge(left, right)


def either(left: Any, right: Any) -> Any:
    """Kleene's or."""
    if left is True or right is True:
        return True
    if left is False and right is False:
        return False
    return merge(left, right)


def lifted(act: Callable[..., Any], *parts: Run) -> Run:
    """`act` on the operands' values, unknown where one of them is."""
    if len(parts) == 1:
        (only,) = parts

        def unary(v: Values, t: Tags) -> Any:
            value = only(v, t)
            return value if value is None or value is PENDING else act(value)

        return unary
    first, second = parts

    def binary(v: Values, t: Tags) -> Any:
        left, right = first(v, t), second(v, t)
        if left is None or left is PENDING or right is None or right is PENDING:
            return merge(left, right)
        return act(left, right)

    return binary


def _fold_any(values: list[Any]) -> Any:
    result: Any = False
    for value in values:
        result = either(result, value)
    return result


def _fold_all(values: list[Any]) -> Any:
    result: Any = True
    for value in values:
        result = both(result, value)
    return result


def _known(act: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    return lambda values: merge(*values) if _unknown(*values) else act(values)


FOLDS: Mapping[str, Callable[[list[Any]], Any]] = {
    "any": _fold_any,
    "all": _fold_all,
    "sum": _known(sum),
    "min": _known(lambda values: min(values, default=UNKNOWN)),
    "max": _known(lambda values: max(values, default=UNKNOWN)),
}

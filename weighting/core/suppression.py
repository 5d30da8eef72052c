"""Decides which rows of a table are kept back, so that no small base can be read or worked out.
Never changes a figure, and never trusts rounding to protect one: sums are taken as exact.
Theory: Hundepool et al. (2012), Statistical Disclosure Control, ch. 4; rows are sums of sectors.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from weighting.core.tables import Preset, State
from weighting.core.units import Floats, Ints

Flags = NDArray[np.bool_]
# A subset of sectors is known when its distance to what is printed is less.
KNOWN = 1e-7
# Sectors beyond which subsets are not enumerated: then each sector alone, and each difference of
# two rows, is what a reader would try.
MOST_ATOMS = 12


def states_of(
    members: Flags,
    sizes: Ints,
    preset: Preset,
    *,
    forbidden: Flags | None = None,
    level: Sequence[int] | None = None,
) -> tuple[State, ...]:
    """The state of each row (R,): hidden by its base, or hidden with another, or printed.

    members (R, A): the disjoint parts ("atoms", such as sectors) that each row is made of; sizes
    (A,): respondents of each part in the base. forbidden (A,): parts never printed by themselves,
    such as the sectors of a module. level (R,): rows of a lower level are given up first, the
    smallest of them, and the largest of levels above 0; by default all are equal.
    """
    n = members @ sizes
    alone = members.sum(axis=1) == 1
    barred = alone & members[:, forbidden].any(axis=1) if forbidden is not None else alone & False
    primary = (n > 0) & (n < preset.hide_below)
    shown = ~primary & ~barred & (n > 0)
    levels = np.zeros(len(members), int) if level is None else np.asarray(level)
    while (given_up := _next(members, sizes, shown, preset, forbidden, levels)) is not None:
        shown[given_up] = False
    return tuple(
        _state(int(size), bool(seen), bool(small), bool(never), preset)
        for size, seen, small, never in zip(n, shown, primary, barred, strict=True)
    )


def disclosed(
    members: Flags, sizes: Ints, shown: Flags, preset: Preset, forbidden: Flags | None = None
) -> Flags | None:
    """The smallest set of parts (A,) that must stay unknown and that the shown rows give away.

    What a reader can work out is every combination of the printed rows: a set of parts is known
    when its indicator lies in their span. None where nothing is given away.
    """
    there = sizes > 0
    never = np.zeros(len(sizes), np.bool_) if forbidden is None else forbidden
    if not (preset.hide_below or never.any()) or not shown.any():
        return None
    candidates = _candidates(members[:, there])
    own, bases = candidates.sum(axis=1), candidates @ sizes[there]
    secret = (bases < preset.hide_below) | ((own == 1) & (candidates @ never[there] > 0))
    tried = candidates[secret]
    if not len(tried):
        return None
    printed = members[shown][:, there].astype(float)
    # Rows of V span what is known; a set is known if projecting it changes nothing.
    _u, s, v = np.linalg.svd(printed, full_matrices=False)
    basis = v[s > KNOWN]
    off = tried - (tried @ basis.T) @ basis
    known = np.flatnonzero(np.abs(off).max(axis=1) < KNOWN)
    if not len(known):
        return None
    least = known[np.argmin(bases[secret][known])]
    found = np.zeros(len(sizes), np.bool_)
    found[there] = tried[least]
    return found


def _next(
    members: Flags,
    sizes: Ints,
    shown: Flags,
    preset: Preset,
    forbidden: Flags | None,
    level: NDArray[np.int_],
) -> int | None:
    """The row to give up next: the cheapest without which the secret is not known that way."""
    secret = disclosed(members, sizes, shown, preset, forbidden)
    if secret is None:
        return None
    rows = np.flatnonzero(shown)
    there = sizes > 0
    printed = members[rows][:, there].astype(float)
    solution = np.linalg.lstsq(printed.T, secret[there].astype(float))[0]
    used = rows[np.abs(solution) > KNOWN]
    n = members @ sizes
    cost = [(int(level[row]), int(n[row]) if level[row] == 0 else -int(n[row])) for row in used]
    return int(used[cost.index(min(cost))])


def _candidates(members: Flags) -> Floats:
    """Sets of parts (K, A) that a reader might work out."""
    parts = members.shape[1]
    if parts <= MOST_ATOMS:
        numbers = np.arange(1, 2**parts)[:, None]
        return np.asarray((numbers >> np.arange(parts)) & 1, float)
    apart = [np.eye(parts, dtype=bool), *(row & ~members for row in members)]
    sets = np.unique(np.vstack(apart), axis=0)
    return np.asarray(sets[sets.any(axis=1)], float)


def _state(size: int, seen: bool, small: bool, never: bool, preset: Preset) -> State:
    if not size:
        return "empty"
    if never:
        return "module"
    if small:
        return "hidden"
    if not seen:
        return "secondary"
    return "frail" if size < preset.frail_below else "shown"

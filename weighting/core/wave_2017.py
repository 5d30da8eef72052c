"""Decides what the invented respondents of 2017 answered, so that tables come out as published.
Never invents a published figure and never weights anyone: shares are sought between the rounding
bounds of every figure at once (a linear programme), and answers are then dealt to given weights.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from weighting.core.demo import DEMO
from weighting.core.units import Floats, Ints

TABLES = {
    "NUM02": "internet_domicile_2017_wide.csv",
    "NUM03": "aise_outils_services_publics_2017_wide.csv",
}
SUMMARY, SUPPORT = "synthese_diaporama.csv", "accompagnement_2017.csv"
# The lines of the slides, by how they begin.
EQUIPPED, ILL_AT_EASE = "Disposent de matériel", "Estiment manquer d'aisance"
UNSUPPORTED, NO_SERVICE = "Parmi ceux mal à l'aise", "Je n'utilise aucun"
REFERENCE, SILENT, PRIORITY = "T1", "T2", "QPV"
ILL = (3, 4)  # columns of NUM03: rather not, not at all
# « Près d'une personne sur deux » ; « également élevés » in the others.
HIGH = {"FB": 0.50, "CN": 0.42, "SJ": 0.42, "T2": 0.42}
# Who has internet and no computer, tablet or telephone of her own: 21 − 18 and 10 − 7.
WITHOUT_DEVICE = 0.03
# How near, in points, a sector's weighted share comes to the one that is sought.
CLOSE = 0.05
MOST_STEPS = 4000

Shares = Mapping[str, Floats]  # {sector: share of each answer}


@dataclass(frozen=True)
class Territories:
    """The surveyed sectors: {group: its sectors}, and inhabitants and adults of each sector.

    Figures of groups are met under both, so that they do not hang on the choice of weights.
    """

    groups: Mapping[str, Sequence[str]]
    inhabitants: Mapping[str, float]
    adults: Mapping[str, float]

    def parts(self, territory: str) -> list[dict[str, float]]:
        """The shares of its sectors in a territory, by inhabitants and by adults."""
        its = self.groups.get(territory, [territory])
        return [
            {sector: sizes[sector] / sum(sizes[one] for one in its) for sector in its}
            for sizes in (self.inhabitants, self.adults)
        ]


def printed(item: str) -> dict[str, list[str]]:
    """{territory: cells as they were printed, "46%*"} of NUM02 or NUM03, in the published order."""
    rows = _rows(TABLES[item])
    answers = [name for name in rows[0] if name not in ("sector", "sector_label", "row_sum")]
    return {
        row["sector"]: [f"{row[one].rstrip('*')}%{'*' * row[one].count('*')}" for one in answers]
        for row in rows
    }


def published(item: str) -> dict[str, list[float]]:
    """{territory: percentages} of NUM02 or NUM03, in the published order of answers."""
    return {
        territory: [float(cell.rstrip("%*")) for cell in cells]
        for territory, cells in printed(item).items()
    }


def of_slides(line: str) -> dict[str, float]:
    """{QPV, T1: the percentage} of a line of the slides; their other column is undefined."""
    row = next(row for row in _rows(SUMMARY) if row["indicator"].startswith(line))
    return {PRIORITY: float(row["QPV"]), REFERENCE: float(row["S. témoin 1"])}


def supported() -> dict[str, float]:
    """{territory: the percentage who find support near home}."""
    return {row["sector"]: float(row["pct"]) for row in _rows(SUPPORT)}


def sought(item: str, places: Territories) -> dict[str, Floats]:
    """{sector: exact shares} that round to every published figure, far from its bounds.

    For NUM03 the exact sum of the two last answers rounds to that of the slides as well. Raises
    ValueError where no shares do.
    """
    table = published(item)
    sectors = [code for code in places.inhabitants if code in table]
    answers = len(next(iter(table.values())))
    size = len(sectors) * answers + 1  # the last unknown is the distance to the bounds
    above: list[Floats] = []
    most: list[float] = []

    def between(weights: Mapping[str, float], columns: Sequence[int], percentage: float) -> None:
        row = np.zeros(size)
        for sector, weight in weights.items():
            for column in columns:
                row[sectors.index(sector) * answers + column] = weight
        for side in (1.0, -1.0):
            bound = side * row
            bound[-1] = 1.0
            above.append(bound)
            most.append(side * percentage + 0.5)

    for territory, percentages in table.items():
        for weights in places.parts(territory):
            for column, percentage in enumerate(percentages):
                between(weights, [column], percentage)
    if item == "NUM03":
        for territory, percentage in of_slides(ILL_AT_EASE).items():
            for weights in places.parts(territory):
                between(weights, ILL, percentage)
    whole = np.kron(np.eye(len(sectors)), np.ones(answers))
    aim = np.zeros(size)
    aim[-1] = -1.0
    found = linprog(
        aim,
        A_ub=np.array(above),
        b_ub=np.array(most),
        A_eq=np.column_stack([whole, np.zeros(len(sectors))]),
        b_eq=np.full(len(sectors), 100.0),
        bounds=(0, 100),
    )
    if found.status != 0 or found.x is None:
        raise ValueError(f"no shares of {item} round to the published figures: {found.message}")
    shares = found.x[:-1].reshape(len(sectors), answers) / 100
    return dict(zip(sectors, shares, strict=True))


def dealt(weights: Floats, shares: Floats, start: Ints) -> Ints:
    """Answers (n,) whose weighted shares are those sought within CLOSE points, from a first deal.

    weights (n,), shares (C,), start (n,): codes below C. The deal changes by the best single
    answer, or exchange of two, at a time, so that most keep what they had. Raises ValueError where
    that does not get there.
    """
    own = 100 * weights / weights.sum()
    target = 100 * shares / shares.sum()
    codes = start.copy()
    off = np.bincount(codes, own, len(shares)) - target
    for _ in range(MOST_STEPS):
        if np.abs(off).max() <= CLOSE:
            return codes
        change = _best_change(codes, own, off)
        if change is None:
            break
        for person, code in change:
            off[codes[person]] -= own[person]
            off[code] += own[person]
            codes[person] = code
    raise ValueError(f"shares are missed by {np.abs(off).max():.2f} points")


def _best_change(codes: Ints, own: Floats, off: Floats) -> list[tuple[int, int]] | None:
    """The single answer or exchange that brings Σ off² down most; None where none does."""
    # Moving person k to b: off[a] −= w, off[b] += w; the change of Σ off² in closed form.
    w = own[:, None]
    single = 2 * w * (off[None, :] - off[codes][:, None] + w)
    single[np.arange(len(codes)), codes] = 0.0
    person, code = (int(place) for place in np.unravel_index(single.argmin(), single.shape))
    # Exchanging k and l moves w_k − w_l from a to b.
    shift = own[:, None] - own[None, :]
    apart = off[codes][None, :] - off[codes][:, None]
    swap = np.where(codes[:, None] != codes[None, :], 2 * shift * (apart + shift), 0.0)
    first, second = (int(place) for place in np.unravel_index(swap.argmin(), swap.shape))
    best = min(single[person, code], swap[first, second])
    if best >= -1e-12:
        return None
    if single[person, code] <= swap[first, second]:
        return [(person, code)]
    return [(first, int(codes[second])), (second, int(codes[first]))]


@dataclass(frozen=True, eq=False)
class People:
    """The respondents of one sector: weights (n,), first answers to NUM02 and NUM03 as columns of
    the published tables (n,), and who is without work (n,)."""

    weights: Floats
    internet: Ints
    ease: Ints
    jobless: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Told:
    """What they say: columns of NUM02 and NUM03, whether they own devices, NUM04 as 0 yes, 1 no,
    2 don't know, and whether they use no service of insertion (read for the jobless only)."""

    internet: Ints
    ease: Ints
    equipped: NDArray[np.bool_]
    support: Ints
    no_service: NDArray[np.bool_]


def told(people: Mapping[str, People], places: Territories) -> dict[str, Told]:
    """{sector: its respondents' answers}. Raises ValueError where a figure cannot be met."""
    shares = {item: _with_silent(sought(item, places)) for item in TABLES}
    ill = {sector: float(its[list(ILL)].sum()) for sector, its in shares["NUM03"].items()}
    support = _shares_of_support(places, ill)
    without = {one: value / 100 for one, value in of_slides(NO_SERVICE).items()}
    rest = sum(without.values()) / 2
    return {
        sector: _sector(
            its,
            shares["NUM02"][sector],
            shares["NUM03"][sector],
            support[sector],
            without[PRIORITY if sector in places.groups[PRIORITY] else REFERENCE]
            if sector in (*places.groups[PRIORITY], REFERENCE)
            else rest,
        )
        for sector, its in people.items()
    }


def _sector(
    people: People, internet: Floats, ease: Floats, support: tuple[Floats, Floats], without: float
) -> Told:
    weights = people.weights
    online = dealt(weights, internet, people.internet)
    at_ease = dealt(weights, ease, people.ease)
    unequipped = internet[0] + WITHOUT_DEVICE
    devices = dealt(weights, np.array([unequipped, 1 - unequipped]), (online > 0).astype(np.intp))
    ill = np.isin(at_ease, ILL)
    found = np.zeros(len(weights), np.intp)
    for group, its in ((ill, support[0]), (~ill, support[1])):
        found[group] = dealt(weights[group], its, _in_turn(its, int(group.sum())))
    no_service = np.zeros(len(weights), np.bool_)
    both = np.array([1 - without, without])
    jobless = people.jobless
    no_service[jobless] = dealt(weights[jobless], both, _in_turn(both, int(jobless.sum()))) == 1
    return Told(online, at_ease, devices == 1, found, no_service)


def _shares_of_support(
    places: Territories, ill: Mapping[str, float]
) -> dict[str, tuple[Floats, Floats]]:
    """{sector: shares of yes, no, don't know among the ill at ease, and among the others}."""
    printed = {code: value / 100 for code, value in supported().items()}
    refusing = {code: value / 100 for code, value in of_slides(UNSUPPORTED).items()}
    [among, _] = places.parts(PRIORITY)
    bases = {sector: share * ill[sector] for sector, share in among.items()}
    yes = _filled(printed, among, printed[PRIORITY]) | {
        REFERENCE: printed[REFERENCE],
        SILENT: printed[REFERENCE],
    }
    no = _filled(HIGH, bases, refusing[PRIORITY]) | {
        REFERENCE: refusing[REFERENCE],
        SILENT: HIGH[SILENT],
    }
    found = {}
    for sector in ill:
        overall = yes.get(sector, printed[REFERENCE])
        refused = no.get(sector, refusing[REFERENCE])
        # The ill at ease find support less often than the others.
        helped = min(0.95 * overall, 0.95 - refused)
        others = (overall - ill[sector] * helped) / (1 - ill[sector])
        unsure = min(0.06, (1 - others) / 2)
        found[sector] = (
            np.array([helped, refused, 1 - helped - refused]),
            np.array([others, 1 - others - unsure, unsure]),
        )
    return found


def _filled(
    known: Mapping[str, float], weights: Mapping[str, float], mean: float
) -> dict[str, float]:
    """{sector: its figure}: those that were published, and one for all others, so that the
    weighted mean is the published one."""
    others = [sector for sector in weights if sector not in known]
    left = mean * sum(weights.values()) - sum(
        known[sector] * weights[sector] for sector in weights if sector in known
    )
    share = left / sum(weights[sector] for sector in others)
    return {sector: known.get(sector, share) for sector in weights}


def _with_silent(shares: Mapping[str, Floats]) -> dict[str, Floats]:
    """The control sector that was not published answers as the other one."""
    return {**shares, SILENT: shares[REFERENCE]}


def _in_turn(shares: Floats, n: int) -> Ints:
    """n codes in about these shares, each spread over the whole."""
    bounds = np.cumsum(shares / shares.sum())
    places = (np.arange(n) * 0.6180339887498949 + 0.5) % 1.0
    return np.minimum(np.searchsorted(bounds, places), len(shares) - 1).astype(np.intp)


def _rows(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))

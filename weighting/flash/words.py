"""How figures and gaps are said in French, and the notes that a table must carry.

Nothing is computed here: marks, states and margins come from the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from weighting.core.indicators import times
from weighting.core.intervals import FALL_SHORT
from weighting.flash.answers import ADULTS
from weighting.flash.build import Made

STAR, FEW, SECRET, NOBODY = "*", "°", "s", "–"
TIMES = {2: _("deux"), 3: _("trois"), 4: _("quatre"), 5: _("cinq")}
LEVEL = 0.05


def cell(made: Made, row: int, column: int) -> str:
    """« 46%* », « (12%)° », « s » where it is kept back, « – » where nobody was asked."""
    table = made.table
    if table.states[row] == "empty":
        return NOBODY
    if not table.printed[row]:
        return SECRET
    value = made.rounded[row, column]
    if np.isnan(value):
        return NOBODY
    text = number_format(value, 1, force_grouping=True) if table.mean else f"{value:.0f}%"
    text += STAR if table.stars[row, column] else ""
    text = f"({text})" if table.states[row] == "frail" else text
    return text + (FEW if table.few[row, column] else "")


def points(gap: float) -> str:
    """« +11 pts », a real minus sign, « = » for less than half a point."""
    whole = round(100 * gap)
    if not whole:
        return "="
    return f"{'+' if whole > 0 else '−'}{abs(whole)} pt{'s' if abs(whole) > 1 else ''}"


def as_times(ratio: float) -> str:
    """« plus de deux fois », « près de trois fois », « deux fois »; '' below about twice."""
    found = times(ratio)
    if found is None:
        return ""
    relation, count = found
    often = _("%(n)s fois") % {"n": TIMES.get(count, str(count))}
    forms = {"more": _("plus de %(often)s"), "nearly": _("près de %(often)s"), "about": "%(often)s"}
    return forms[relation] % {"often": often}


def marks(made: Made) -> Iterator[str]:
    """What the marks and short forms of the table mean."""
    table, preset = made.table, made.table.preset
    states = set(table.states)
    if any("(QN)" in head.label for head in made.rows):
        yield _("QN : Quartiers Nord.")
    if table.stars.any():
        yield _("* Marge d’erreur de %(points)s points ou plus, au seuil de %(level)s %%.") % {
            "points": f"{100 * preset.wide:.0f}",
            "level": f"{100 * preset.level:.0f}",
        }
    if any(head.code == "dk" for head in table.heads):
        yield _("NSP : Ne se prononce pas.")
    if "frail" in states:
        yield _("( ) Base de %(low)s à %(high)s personnes.") % {
            "low": preset.hide_below,
            "high": preset.frail_below - 1,
        }
    if table.few.any():
        yield _("° Moins de %(n)s personnes dans la case.") % {"n": preset.few}
    if "hidden" in states:
        yield _("s : base de moins de %(n)s personnes, non montrée.") % {"n": preset.hide_below}
    if "secondary" in states:
        yield _("s : aussi là où une différence entre lignes révélerait une petite base.")
    if "module" in states:
        yield _("s : posée à la moitié de l’échantillon, publiée par groupe de secteurs seulement.")


def notes(made: Made) -> Iterator[str]:
    """What stands under the table beside its marks: rounding, base, weights, and what the
    intervals suppose."""
    table, preset = made.table, made.table.preset
    if not table.mean and len(table.heads) > 1:
        yield _("Chaque pourcentage est arrondi séparément : une ligne peut faire 99 ou 101 %.")
    if table.gaps is not None:
        yield _(
            "Sous chaque pourcentage, l’écart à la ligne de référence ; en gras, celui que le"
            " hasard n’explique pas (seuil de 5 %, Holm)."
        )
    if preset.interval.startswith("flash2017"):
        z = "1,96" if preset.interval == "flash2017" else "1,645"
        supposed = _("Marges d’erreur de 2017 : z = %(z)s, effectif non pondéré.") % {"z": z}
        yield f"{_base(made)} {supposed} {_beyond(FALL_SHORT[preset.interval])}"
        return
    yield _base(made)
    yield _(
        "Intervalle indicatif, sous l’hypothèse que l’échantillon par quotas se comporte comme"
        " un sondage aléatoire."
    )


def _beyond(held: float) -> str:
    """That an interval which is blind to the weights misses the truth more often than it says."""
    said = _("Elles ignorent les poids : jusqu’à %(n)s fois sur 100, la vraie valeur est au-delà.")
    return said % {"n": f"{100 * (1 - held):.0f}"}


def under(tables: Sequence[Made]) -> list[str]:
    """The lines under one table or several: their marks in one, then each note once."""
    short = dict.fromkeys(mark for made in tables for mark in marks(made))
    told = dict.fromkeys(note for made in tables for note in notes(made))
    return [*([" ".join(short)] if short else []), *told]


def _base(made: Made) -> str:
    weights = _("poids des adultes") if made.weights == ADULTS else _("poids de diffusion")
    who = _("Base : %(who)s") % {"who": made.among or _("tous ceux à qui la question est posée")}
    parts = [who, _("ne se prononce pas compris"), weights]
    if made.question.refused:
        refused = made.question.refused
        told = ngettext("%(n)s refus non compté", "%(n)s refus non comptés", refused)
        parts.append(told % {"n": refused})
    return ", ".join(parts) + "."

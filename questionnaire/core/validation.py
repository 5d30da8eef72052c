"""Whether a value fits an item, said in the interviewer's language.

Decides on one value and its item alone; never on the route, nor on checks between items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from questionnaire.core.instrument import NUMBERS, Item
from questionnaire.core.said import Said
from questionnaire.core.said import mark as _

SPECIAL_LABELS = {
    "dk": _("Ne se prononce pas"),
    "refused": _("Refuse de répondre"),
    "na": _("Non concerné(e)"),
}
MISSING = Said(_("Il manque la réponse."))
NO_SUCH = _("La question %(key)s n’existe pas dans ce questionnaire.")
_UNREADABLE = Said(_("La réponse contient un caractère illisible. Saisissez-la de nouveau."))
MAX_OTHER = 250


def problems_of(item: Item, value: Mapping[str, Any], bounds: tuple[Any, Any]) -> list[str]:
    """French messages, each saying what is wrong and how to mend it; empty when all is well."""
    if "special" in value:
        return _special(item, value["special"])
    if item.type == "info":
        return [Said(_("Il n’y a rien à saisir ici : confirmez la lecture."))]
    if item.store == "contact":
        if dict(value) == {"given": True}:
            return []
        return [Said(_("Cette réponse se garde avec les coordonnées, jamais avec les réponses."))]
    if "v" not in value:
        return [MISSING]
    given = value["v"]
    if item.type == "multiple":
        return _multiple(item, given) + _other(item, given, value.get("other"))
    if item.choices:
        return _single(item, given) + _other(item, [given], value.get("other"))
    if item.type in NUMBERS:
        return _number(item, given, bounds)
    return _text(item, given)


def _special(item: Item, special: Any) -> list[str]:
    if special in item.specials:
        return []
    if not item.specials:
        return [Said(_("Cette question demande une réponse. Choisissez-en une dans la liste."))]
    out = _("Cette réponse n’est pas proposée ici. Choisissez une réponse, ou %(allowed)s.")
    return [Said(out, allowed=_either([Said(SPECIAL_LABELS[one]) for one in item.specials]))]


def _single(item: Item, given: Any) -> list[str]:
    if type(given) is int and item.choice(given) is not None:
        return []
    return [_no_code(item, given)]


def _multiple(item: Item, given: Any) -> list[str]:
    if not isinstance(given, list | tuple) or not given:
        return [Said(_("Choisissez au moins une réponse. %(codes)s"), codes=_codes(item))]
    if any(type(code) is not int or item.choice(code) is None for code in given):
        wrong = next(code for code in given if type(code) is not int or item.choice(code) is None)
        return [_no_code(item, wrong)]
    chosen = dict.fromkeys(given)
    alone = [choice for choice in item.choices if choice.exclusive and choice.code in chosen]
    if alone and len(chosen) > 1:
        kept = _("« %(label)s » se choisit seule. Gardez-la, ou gardez les autres.")
        return [Said(kept, label=alone[0].label)]
    if item.max and len(chosen) > item.max:
        most = _("%(most)s réponses au plus. Retirez-en %(over)s.")
        return [Said(most, most=item.max, over=len(chosen) - item.max)]
    return []


def _other(item: Item, given: Any, other: Any) -> list[str]:
    if other is None or not isinstance(given, list | tuple):
        return []
    open_codes = {str(choice.code) for choice in item.choices if choice.other}
    chosen = {str(code) for code in given}
    if not isinstance(other, dict) or not set(other) <= open_codes & chosen:
        stray = _("Une précision ne se donne que pour une réponse « autre » qui est choisie.")
        return [Said(stray)]
    if any(not isinstance(text, str) or len(text) > MAX_OTHER for text in other.values()):
        long = _("La précision compte %(most)s caractères au plus. Raccourcissez-la.")
        return [Said(long, most=MAX_OTHER)]
    return [] if all(map(_storable, other.values())) else [_UNREADABLE]


def _number(item: Item, given: Any, bounds: tuple[Any, Any]) -> list[str]:
    low, high = bounds
    whole = item.type == "integer"
    right = type(given) is int or (not whole and type(given) is float)
    if right and (low is None or given >= low) and (high is None or given <= high):
        big = Said(_("Ce nombre est trop grand. Vérifiez-le."))
        return [] if abs(given) <= 10**12 else [big]
    kind = Said(_("un nombre entier") if whole and not right else _("un nombre"))
    if low is not None and high is not None:
        wanted = _("Saisissez %(kind)s entre %(low)s et %(high)s.")
    elif low is not None:
        wanted = _("Saisissez %(kind)s à partir de %(low)s.")
    elif high is not None:
        wanted = _("Saisissez %(kind)s jusqu’à %(high)s.")
    else:
        wanted = _("Saisissez %(kind)s.")
    return [Said(wanted, kind=kind, low=_shown(low), high=_shown(high))]


def _text(item: Item, given: Any) -> list[str]:
    if not isinstance(given, str) or not given.strip():
        return [Said(_("Saisissez la réponse."))]
    if len(given) > item.max_length:
        long = _("%(most)s caractères au plus. Raccourcissez la réponse.")
        return [Said(long, most=item.max_length)]
    return [] if _storable(given) else [_UNREADABLE]


def _storable(text: str) -> bool:
    """PostgreSQL keeps neither NUL nor half a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _no_code(item: Item, given: Any) -> Said:
    none = _("Aucune réponse n’a le code %(code)s. %(codes)s")
    return Said(none, code=_shown(given), codes=_codes(item))


def _codes(item: Item) -> Said:
    codes = [choice.code for choice in item.choices]
    if codes == list(range(codes[0], codes[-1] + 1)) and len(codes) > 2:
        return Said(_("Saisissez un code entre %(low)s et %(high)s."), low=codes[0], high=codes[-1])
    return Said(_("Saisissez %(codes)s."), codes=_either(codes))


def _either(these: Sequence[object]) -> object:
    """« 1, 2 ou 3 »."""
    *others, last = these
    if not others:
        return last
    before = others[0]
    for one in others[1:]:
        before = Said("%(before)s, %(one)s", before=before, one=one)
    return Said(_("%(before)s ou %(last)s"), before=before, last=last)


def _shown(value: Any) -> str:
    return f"{value:g}".replace(".", ",") if isinstance(value, float) else str(value)[:20]

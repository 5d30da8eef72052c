"""Whether a value fits an item, said in the interviewer's language.

Decides on one value and its item alone; never on the route, nor on checks between items.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from questionnaire.core.instrument import NUMBERS, Item

SPECIAL_LABELS = {
    "dk": "Ne se prononce pas",
    "refused": "Refuse de répondre",
    "na": "Non concerné(e)",
}
_OUT = "Cette réponse n’est pas proposée ici."
_UNREADABLE = "La réponse contient un caractère illisible. Saisissez-la de nouveau."
MAX_OTHER = 250


def problems_of(item: Item, value: Mapping[str, Any], bounds: tuple[Any, Any]) -> list[str]:
    """French messages, each saying what is wrong and how to mend it; empty when all is well."""
    if "special" in value:
        return _special(item, value["special"])
    if item.type == "info":
        return ["Il n’y a rien à saisir ici : confirmez la lecture."]
    if item.store == "contact":
        if dict(value) == {"given": True}:
            return []
        return ["Cette réponse se garde avec les coordonnées, jamais avec les réponses."]
    if "v" not in value:
        return ["Il manque la réponse."]
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
        return ["Cette question demande une réponse. Choisissez-en une dans la liste."]
    allowed = " ou ".join(SPECIAL_LABELS[one] for one in item.specials)
    return [f"{_OUT} Choisissez une réponse, ou {allowed}."]


def _single(item: Item, given: Any) -> list[str]:
    if type(given) is int and item.choice(given) is not None:
        return []
    return [f"Aucune réponse n’a le code {_shown(given)}. {_codes(item)}"]


def _multiple(item: Item, given: Any) -> list[str]:
    if not isinstance(given, list | tuple) or not given:
        return [f"Choisissez au moins une réponse. {_codes(item)}"]
    if any(type(code) is not int or item.choice(code) is None for code in given):
        wrong = next(code for code in given if type(code) is not int or item.choice(code) is None)
        return [f"Aucune réponse n’a le code {_shown(wrong)}. {_codes(item)}"]
    chosen = dict.fromkeys(given)
    alone = [choice for choice in item.choices if choice.exclusive and choice.code in chosen]
    if alone and len(chosen) > 1:
        return [f"« {alone[0].label} » se choisit seule. Gardez-la, ou gardez les autres."]
    if item.max and len(chosen) > item.max:
        return [f"{item.max} réponses au plus. Retirez-en {len(chosen) - item.max}."]
    return []


def _other(item: Item, given: Any, other: Any) -> list[str]:
    if other is None or not isinstance(given, list | tuple):
        return []
    open_codes = {str(choice.code) for choice in item.choices if choice.other}
    chosen = {str(code) for code in given}
    if not isinstance(other, dict) or not set(other) <= open_codes & chosen:
        return ["Une précision ne se donne que pour une réponse « autre » qui est choisie."]
    if any(not isinstance(text, str) or len(text) > MAX_OTHER for text in other.values()):
        return [f"La précision compte {MAX_OTHER} caractères au plus. Raccourcissez-la."]
    return [] if all(map(_storable, other.values())) else [_UNREADABLE]


def _number(item: Item, given: Any, bounds: tuple[Any, Any]) -> list[str]:
    low, high = bounds
    whole = item.type == "integer"
    right = type(given) is int or (not whole and type(given) is float)
    if right and (low is None or given >= low) and (high is None or given <= high):
        return [] if abs(given) <= 10**12 else ["Ce nombre est trop grand. Vérifiez-le."]
    kind = "un nombre entier" if whole and not right else "un nombre"
    if low is not None and high is not None:
        return [f"Saisissez {kind} entre {_shown(low)} et {_shown(high)}."]
    if low is not None:
        return [f"Saisissez {kind} à partir de {_shown(low)}."]
    if high is not None:
        return [f"Saisissez {kind} jusqu’à {_shown(high)}."]
    return [f"Saisissez {kind}."]


def _text(item: Item, given: Any) -> list[str]:
    if not isinstance(given, str) or not given.strip():
        return ["Saisissez la réponse."]
    if len(given) > item.max_length:
        return [f"{item.max_length} caractères au plus. Raccourcissez la réponse."]
    return [] if _storable(given) else [_UNREADABLE]


def _storable(text: str) -> bool:
    """PostgreSQL keeps neither NUL nor half a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _codes(item: Item) -> str:
    codes = [choice.code for choice in item.choices]
    if codes == list(range(codes[0], codes[-1] + 1)) and len(codes) > 2:
        return f"Saisissez un code entre {codes[0]} et {codes[-1]}."
    return f"Saisissez {', '.join(map(str, codes[:-1]))} ou {codes[-1]}."


def _shown(value: Any) -> str:
    return f"{value:g}".replace(".", ",") if isinstance(value, float) else str(value)[:20]

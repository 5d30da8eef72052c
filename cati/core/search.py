"""Decides what two writings of a name have in common: letters without accents, capitals, ligatures.

It never ranks what it finds. The database makes the same key with the same tables, so that it needs
no extension and no collation of its own.
"""

from __future__ import annotations

import unicodedata

LIGATURES = {"Œ": "oe", "œ": "oe", "Æ": "ae", "æ": "ae"}
# Every accented letter of Latin-1 and Latin Extended-A that decomposes, and what it decomposes to.
_ACCENTED = [
    letter
    for letter in map(chr, range(0xC0, 0x180))
    if len(unicodedata.normalize("NFD", letter)) == 2
]
LETTERS = "".join(_ACCENTED) + "’-"
PLAIN = "".join(unicodedata.normalize("NFD", letter)[0] for letter in _ACCENTED) + "' "
_TABLE = str.maketrans(LETTERS, PLAIN)


def plain(text: str) -> str:
    """« L’Œuvre-Élise » → "l'oeuvre elise"."""
    for ligature, letters in LIGATURES.items():
        text = text.replace(ligature, letters)
    return text.translate(_TABLE).lower()

"""Decides which column of a sample file is which field: a guess from the headings, or a choice.

It never reads a row. A field is a telephone by rank, a name, an address, a sector, a replicate, or
a variable that the questionnaire declares to come from the file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from cati.core.sample_faults import BadFile, Fault, Kind

PHONES = ("phone", "phone2", "phone3", "phone4", "phone5")
REQUIRED = ("phone", "name", "address", "sector")
FIELDS = (*PHONES, "name", "address", "sector", "replicate")
# A column of this field goes to the variable of the questionnaire whose name follows.
PRELOAD = "preload:"
# Headings as people write them, without accents, capitals or punctuation.
NAMES: Mapping[str, tuple[str, ...]] = {
    "phone": ("telephone", "phone", "tel", "telephone1", "phone1", "tel1"),
    **{f"phone{n}": (f"telephone{n}", f"phone{n}", f"tel{n}") for n in range(2, 6)},
    "name": ("nom", "name"),
    "address": ("adresse", "address"),
    "sector": ("secteur", "sector"),
    "replicate": ("replicat", "replicate"),
}
FIELD_OF = {name: field for field, names in NAMES.items() for name in names}


def guess(header: Sequence[str], preloads: Iterable[str] = ()) -> list[str]:
    """The field that each heading names, '' where it names none; `preloads` are declared names."""
    declared = {plain(name): f"{PRELOAD}{name}" for name in preloads}
    return [FIELD_OF.get(plain(cell)) or declared.get(plain(cell), "") for cell in header]


def chosen(header: Sequence[str], fields: Sequence[str], preloads: Iterable[str]) -> list[str]:
    """The fields that somebody gave the columns. Raises BadFile where they fit no such file."""
    known = {"", *FIELDS, *(f"{PRELOAD}{name}" for name in preloads)}
    if len(fields) != len(header) or not known.issuperset(fields):
        details = {"fields": ", ".join(fields), "count": len(header)}
        raise BadFile(Fault(Kind.COLUMNS, details=details))
    positions(header, fields)
    return list(fields)


def positions(header: Sequence[str], fields: Sequence[str]) -> dict[str, int]:
    """The column of each field. Raises BadFile naming every field that is missing or doubled."""
    found = ", ".join(cell for cell in header if cell)
    faults = [
        Fault(
            Kind.MISSING_COLUMN, 1, name, details={"names": ", ".join(NAMES[name]), "found": found}
        )
        for name in REQUIRED
        if name not in fields
    ]
    wanted = [name for name in dict.fromkeys(fields) if name]
    faults += [Fault(Kind.DOUBLE_COLUMN, 1, name) for name in wanted if fields.count(name) > 1]
    if faults:
        raise BadFile(*faults)
    return {name: fields.index(name) for name in wanted}


def plain(heading: str) -> str:
    letters = unicodedata.normalize("NFKD", heading).casefold()
    return "".join(letter for letter in letters if letter.isalnum())

"""Two versions of a questionnaire: everything that differs, and which codes mean another thing.

Decides what changed and how grave that is for answers already given; never whether to publish.
A code means its label: see `_gravity_of_label` for the rule, and `plain` for what is mere spelling.
"""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, Literal

from questionnaire.core.instrument import Choice, End, Entry, Group, Instrument, Item

Segment = tuple[Literal["same", "gone", "come"], str]
Key = tuple[str, str]  # what it is, its name: ("item", "TRA01")
Labels = Mapping[int, str]  # code → label
WORDS = {
    "text", "short", "instruction", "probes", "title", "intro", "message", "translations",
}  # fmt: skip
FILTERS = {"ask_if", "module", "when"}
# Compared entry by entry; the stem of an item is the text of its grid, the name is the key.
ELSEWHERE = {
    "themes", "entries", "parameters", "preloads", "texts", "choices", "stem", "code", "name",
}  # fmt: skip
REPLACED = 0.5  # share of common words below which a question is another one


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    TYPE = "type"
    WORDING = "wording"
    FILTER = "filter"
    CODE_ADDED = "code added"
    CODE_REMOVED = "code removed"
    LABEL = "label"
    SETTING = "setting"


class Gravity(StrEnum):
    """What a change does to answers already given."""

    NONE = "none"
    MEANING = "meaning"  # changes their meaning, unless its author says that it only corrects words
    CONTRADICTION = "contradiction"  # whatever its author says


@dataclass(frozen=True)
class Change:
    """One difference. `what` is theme, item, group, compute…; `code` stands where it is a code's.

    `rival` is the code with which this one exchanges, takes or leaves its label.
    """

    kind: Kind
    what: str
    name: str
    field: str = ""
    code: int | None = None
    before: str = ""
    after: str = ""
    gravity: Gravity = Gravity.NONE
    rival: int | None = None


@dataclass(frozen=True)
class Comparison:
    """All differences, in the order of the new version; empty for equal contents alone."""

    changes: tuple[Change, ...]

    def graver(self, gravity: Gravity) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.gravity == gravity)


def compare(old: Instrument, new: Instrument) -> Comparison:
    """What changed from `old` to `new`, entry by entry and code by code."""
    before, after = _Laid(old), _Laid(new)
    changes = [
        Change(Kind.REMOVED, *key, before=_title(entry))
        for key, entry in before.entries.items()
        if key not in after.entries
    ]
    for key, entry in after.entries.items():
        if key not in before.entries:
            changes.append(Change(Kind.ADDED, *key, after=_title(entry)))
            continue
        earlier = before.entries[key]
        changes += _fields(key, earlier, entry)
        if isinstance(earlier, Item) and isinstance(entry, Item):
            changes += _codes(earlier, entry)
    return Comparison((*changes, *_moves(before, after)))


def words(before: str, after: str) -> list[Segment]:
    """Both wordings as one text, word by word: what stayed, what is gone, what has come."""
    old, new = re.findall(r"\S+\s*", before), re.findall(r"\S+\s*", after)
    segments: list[Segment] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            segments.append(("same", "".join(new[k:m])))
            continue
        segments += [("gone", "".join(old[i:j]))] if i < j else []
        segments += [("come", "".join(new[k:m]))] if k < m else []
    return segments


def plain(text: str) -> str:
    """The text without case, punctuation, apostrophes, or blanks inside numbers.

    Signs that carry a meaning stay: + < > % € and a minus before a number.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"(?<=\d)\s(?=\d{3}\b)", "", text)
    text = re.sub(r"(?<!\w)[-–−](?=\d)", "−", text)
    kept = (one if one == "%" or _category(one) in "LNMS" else " " for one in text)
    return " ".join("".join(kept).split()) or text


class _Laid:
    """An instrument laid out: every entry by its key, and the keys inside each theme and group."""

    def __init__(self, instrument: Instrument) -> None:
        self.entries: dict[Key, Any] = {("instrument", instrument.name): instrument}
        self.within: dict[Key, Key] = {}
        self.inside: dict[Key, list[Key]] = {}
        root = ("instrument", "")
        for what, entries in (
            ("parameter", instrument.parameters),
            ("preload", instrument.preloads),
            ("text", instrument.texts),
        ):
            for one in entries:
                self.put((what, one.name), one, (what, ""))
        for theme in instrument.themes:
            self.put(("theme", theme.code), theme, root)
            self.lay(theme.entries, ("theme", theme.code))

    def lay(self, entries: tuple[Entry, ...], where: Key) -> None:
        for entry in entries:
            # Ends are numbered as they come: their condition is what stays when one is inserted.
            name = entry.when if isinstance(entry, End) else _name(entry)
            key = self.put((entry.tag, name), entry, where)
            if isinstance(entry, Group):
                self.lay(entry.entries, key)

    def put(self, key: Key, entry: Any, where: Key) -> Key:
        while key in self.entries:  # the same end written twice
            key = (key[0], key[1] + " ")
        self.entries[key] = entry
        self.within[key] = where
        self.inside.setdefault(where, []).append(key)
        return key

    def place(self, key: Key) -> str:
        """Where it stands: « TRA, après TRA03 »."""
        row = self.inside[self.within[key]]
        rank = row.index(key)
        after = f"après {row[rank - 1][1]}" if rank else "en tête"
        return ", ".join(part for part in (self.within[key][1], after) if part)


def _moves(before: _Laid, after: _Laid) -> Iterator[Change]:
    """Entries in another theme or group, and the fewest that explain a new order inside one."""
    for where, row in after.inside.items():
        stayed = [key for key in row if before.within.get(key) == where]
        known = set(stayed)
        earlier = [key for key in before.inside.get(where, ()) if key in known]
        blocks = SequenceMatcher(None, earlier, stayed, autojunk=False).get_matching_blocks()
        in_order = {key for block in blocks for key in stayed[block.b : block.b + block.size]}
        for key in row:
            if key in before.within and key not in in_order:
                yield Change(Kind.MOVED, *key, before=before.place(key), after=after.place(key))


def _fields(key: Key, old: Any, new: Any) -> Iterator[Change]:
    for one in dataclasses.fields(new):
        before, after = _text(getattr(old, one.name)), _text(getattr(new, one.name))
        if before != after and one.name not in ELSEWHERE:
            kind, gravity = _weighed(new, one.name, before, after)
            yield Change(kind, *key, one.name, before=before, after=after, gravity=gravity)


def _weighed(entry: Any, field: str, before: str, after: str) -> tuple[Kind, Gravity]:
    item = isinstance(entry, Item)
    repeated = field == "roster" and "" in {before, after}  # answers gain or lose their instance
    if item and (field == "type" or repeated):
        return Kind.TYPE, Gravity.CONTRADICTION
    asked = item or (isinstance(entry, Group) and entry.kind == "grid")
    if field == "text" and asked and _replaced(before, after):
        return Kind.WORDING, Gravity.MEANING
    if field in WORDS:
        return Kind.WORDING, Gravity.NONE
    return (Kind.FILTER if field in FILTERS else Kind.SETTING), Gravity.NONE


def _replaced(before: str, after: str) -> bool:
    """Hardly a word is left: the item's code would stand for another question."""
    old, new = plain(before).split(), plain(after).split()
    return SequenceMatcher(None, old, new, autojunk=False).ratio() < REPLACED


def _codes(old: Item, new: Item) -> Iterator[Change]:
    before = {choice.code: choice for choice in old.choices}
    after = {choice.code: choice for choice in new.choices}
    key = ("item", new.code)
    for code in sorted(before.keys() - after.keys()):
        yield Change(Kind.CODE_REMOVED, *key, code=code, before=before[code].label)
    for code, choice in after.items():
        if code not in before:
            yield Change(Kind.CODE_ADDED, *key, code=code, after=choice.label)
            continue
        for field in ("exclusive", "other"):
            was, has = _text(getattr(before[code], field)), _text(getattr(choice, field))
            if was != has:
                yield Change(Kind.SETTING, *key, field, code, was, has)
    for language in sorted({"", *_languages(old), *_languages(new)}):
        yield from _relabelled(new.code, language, _labels(old, language), _labels(new, language))
    common = [code for code in before if code in after]
    if common != [code for code in after if code in before]:
        orders = [" ".join(map(str, codes)) for codes in (before, after)]
        yield Change(Kind.SETTING, *key, "choices", before=orders[0], after=orders[1])


def _relabelled(item: str, language: str, old: Labels, new: Labels) -> Iterator[Change]:
    for code, label in new.items():
        if code in old and old[code] != label:
            gravity, rival = _gravity_of_label(code, old, new)
            was = old[code]
            yield Change(Kind.LABEL, "item", item, language, code, was, label, gravity, rival)


def _gravity_of_label(code: int, old: Labels, new: Labels) -> tuple[Gravity, int | None]:
    """A code keeps its meaning while its label differs in spelling alone (`plain`).

    Where the new label was another code's, or the old one is now another code's, the same code
    would stand for two answers of one table: no declaration mends that. Any other label is another
    meaning, unless the author declares a correction of the wording.
    """
    was, has = plain(old[code]), plain(new[code])
    if was == has or not was or not has:
        return Gravity.NONE, None
    rivals = [one for one, label in old.items() if one != code and plain(label) == has]
    rivals += [one for one, label in new.items() if one != code and plain(label) == was]
    return (Gravity.CONTRADICTION, rivals[0]) if rivals else (Gravity.MEANING, None)


def _languages(item: Item) -> set[str]:
    return {language for choice in item.choices for language in choice.translations}


def _labels(item: Item, language: str) -> Labels:
    def label(choice: Choice) -> str:
        return choice.translations.get(language, "") if language else choice.label

    return {choice.code: label(choice) for choice in item.choices}


def _name(entry: Any) -> str:
    name: str = entry.code if isinstance(entry, Item) else entry.name
    return name


def _title(entry: Any) -> str:
    """What an entry says in one line: its text, or what it computes."""
    names = ("text", "title", "value", "when", "cell", "values", "type")
    return next((_text(getattr(entry, name)) for name in names if getattr(entry, name, "")), "")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=dataclasses.asdict, ensure_ascii=False, sort_keys=True)


def _category(character: str) -> str:
    return unicodedata.category(character)[0]

"""What can be wrong with a questionnaire, where it is, and how to mend it.

Decides the wording and the severity of every message of the loader and of `questionnaire check`;
never reads a file. Each code is explained, with an example, in docs/language.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file: lines and columns count from 1, `width` characters are underlined."""

    file: str
    line: int
    column: int
    width: int = 1
    source: str = ""  # the whole line, for the excerpt


NOWHERE = Mark("", 0, 0)


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the catalogue. Both texts are `str.format` templates."""

    severity: Severity
    message: str
    mend: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend; `excerpt` is the line with the place marked `~~~^` under it."""

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    message: str
    mend: str
    excerpt: str

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column}: {self.code} {self.severity}: {self.message}"
        return "\n".join(part for part in (head, self.excerpt, f"  = {self.mend}") if part)


class InstrumentErrors(Exception):
    """The questionnaire cannot be used; `problems` says everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _error(message: str, mend: str) -> Rule:
    return Rule("error", message, mend)


def _warning(message: str, mend: str) -> Rule:
    return Rule("warning", message, mend)


CATALOGUE: Mapping[str, Rule] = {
    # The file
    "Q101": _error("this is not YAML: {reason}.", "Mind indentation, colons and quotes here."),
    "Q102": _error("the key {name} stands twice.", "Keep one of the two; the other would be lost."),
    "Q103": _error(
        "anchors and aliases (& and *) are not used here.",
        "Write the content out, or name a scale in instrument.yaml and use its name.",
    ),
    "Q104": _error("{name} is not a keyword here.", "{hint}"),
    "Q105": _error("{name} is missing.", "Add `{name}:` to this entry."),
    "Q106": _error("{expected} was expected, {found} was found.", "{hint}"),
    "Q107": _error("this text is empty.", "Write the text, or remove the key."),
    "Q108": _error("{name} cannot be read: {reason}.", "Correct the list `files` or add the file."),
    # The structure
    "Q201": _error("{name} is already defined, in {other}.", "Each name is placed once."),
    "Q202": _error(
        "{name} cannot be a name.",
        "Use capitals, digits and _, beginning with a letter, at most 40 characters.",
    ),
    "Q203": _error("there is no type {name}.", "{hint}"),
    "Q204": _error("there is no scale {name}.", "{hint}"),
    "Q205": _error("an item of type {name} {verb} choices.", "{hint}"),
    "Q206": _error(
        "{name} cannot be a choice code.",
        "Codes are whole numbers from 0 to 96; a don't know and a refusal are specials.",
    ),
    "Q207": _error("the label {name} stands twice.", "Two choices must not read the same."),
    "Q208": _error("the bounds are reversed: {low} > {high}.", "Write the lower bound first."),
    "Q209": _error("{name} does not apply to an item of type {type}.", "Remove the key."),
    "Q210": _error("there is no special {name}.", "The specials are dk, refused and na."),
    "Q211": _error("{name} is not among {what}.", "{hint}"),
    "Q212": _error("{name} is no value of its list.", "The values are {values}."),
    "Q213": _error("an `{name}` cannot stand inside {where}.", "Move it before or after."),
    "Q214": _error(
        "max: {max} can never be exceeded by {count} choices.", "Lower it or remove it."
    ),
    "Q215": _error("a draw needs two different values or more.", "Write values: [A, B]."),
    "Q216": _error(
        "a text stored with the contact must be text or address.", "Change its type, or its store."
    ),
    # Expressions
    "Q301": _error("this is not an expression: {reason}.", "Compare, for instance: NUM01 == 1."),
    "Q302": _error(
        "{construct} is not part of the language.", "See docs/language.md, Expressions."
    ),
    "Q303": _error("this expression is too {what}.", "Split it with a compute."),
    "Q304": _error("nothing is called {name}.", "{hint}"),
    "Q305": _error(
        "{name} comes later than this place.", "An expression reads only what is before."
    ),
    "Q306": _error(
        "{name} stands in the same block in random order.",
        "It may be asked after this item: move it.",
    ),
    "Q307": _error("{left} cannot be {verb} {right}.", "{hint}"),
    "Q308": _error("{name} has no code {value}.", "Its codes are {values}."),
    "Q309": _error("{name}() {reason}.", "{hint}"),
    "Q310": _error(
        "{name} is kept with the contact: its words are never read.",
        "Only answered(), dk() and refused() may name it.",
    ),
    "Q311": _error("this gives {found}, {expected} is needed here.", "{hint}"),
    "Q312": _error("{name} belongs to the roster {roster}.", "Use any, all, sum, min or max."),
    "Q313": _error("this piping is not closed.", "Write {{{{ … }}}} with both pairs of braces."),
    # Warnings
    "Q501": _warning(
        'a "don\'t know" of {name} slips through here: the comparison is then unknown.',
        "Say what it means: add `or dk({name})`, or `answered({name}) and`.",
    ),
    "Q502": _warning(
        "{name} may not be answered when this text is read.", "Ask this only if answered({name})."
    ),
    "Q503": _warning("{name} is missing in {language}.", "Add it beside the text."),
    "Q504": _warning("this filter is always true.", "Remove it, or mend it."),
    "Q505": _warning("this filter can never be true.", "What it guards is never reached."),
    "Q506": _warning("the codes jump from {low} to {high}.", "Close the gap, if it is a slip."),
    "Q507": _warning(
        "{value} lies inside the bounds and is the usual code of a special.",
        "Specials are tagged, never numbers: nothing to do if exports know it.",
    ),
    "Q508": _warning("nobody says goodbye: this end has no text.", "Give it a `text`."),
    "Q509": _warning(
        "no route of this questionnaire can be complete.", "Some end always stops it."
    ),
}


def problem(code: str, mark: Mark, **details: object) -> Problem:
    """The problem `code` at `mark`, its two texts filled in with `details`."""
    rule = CATALOGUE[code]
    return Problem(
        code=code,
        severity=rule.severity,
        file=mark.file,
        line=mark.line,
        column=mark.column,
        message=rule.message.format_map(details),
        mend=rule.mend.format_map(details),
        excerpt=_excerpt(mark),
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    """`Did you mean …?` where something known looks like `name`, else the first known names."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]}?"
    shown = ", ".join(sorted(names)[:12])
    return f"Known here: {shown}." if names else "Nothing is defined before this place."


def _excerpt(mark: Mark) -> str:
    if not mark.source:
        return ""
    underline = " " * (mark.column - 1) + "~" * (max(mark.width, 1) - 1) + "^"
    return f"    {mark.source}\n    {underline}"

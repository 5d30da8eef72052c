"""Decides how a text is written so that no spreadsheet takes it for a formula, and is read back.

It never changes what people see: the apostrophe in front says « text » to a spreadsheet, which
hides it. Theory: OWASP, CSV injection.
"""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """« =1+1 » → « '=1+1 »; a text that starts no formula is as it was."""
    return f"'{text}" if text.startswith(FORMULA) else text


def as_meant(text: str) -> str:
    """The text that `harmless` wrote, or a spreadsheet's user, who marks a text the same way."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text

"""A sentence for people, in French, that can still be said in another language.

Keeps what a sentence was made of; never chooses a language, which is for whoever shows it.
After gettext: the French text is the key of its translations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Said(str):
    """The sentence in French: `text` with its `%(name)s` replaced by `values`.

    A value that is a sentence too is said in the same language.
    """

    text: str
    values: dict[str, object]

    def __new__(cls, text: str, **values: object) -> Said:
        made = super().__new__(cls, text % values)
        made.text, made.values = text, values
        return made

    def by(self, translate: Callable[[str], str]) -> str:
        """The same in the language of `translate`, which gives a text for the French one."""
        values = {
            name: value.by(translate) if isinstance(value, Said) else value
            for name, value in self.values.items()
        }
        return translate(self.text) % values


def in_words(messages: Iterable[str], translate: Callable[[str], str]) -> list[str]:
    """Each message in the language of `translate`; one that is no Said as it is."""
    return [one.by(translate) if isinstance(one, Said) else one for one in messages]


def mark(text: str) -> str:
    """Mark a text for the message catalogue."""
    return text

"""The rows of a .sav, packed as SPSS packs them: one byte for a code, eight more for a number.

Decides how cells become bytes, and nothing of the dictionary before them, which is ReadStat's. It
is done here because ReadStat is given one cell at a time: fifty million take four seconds.
Format: « System File Format » of the PSPP project, its data record and very long strings.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

# What a row's commands say of its next eight bytes: a small number (plus BIAS), that they follow,
# that they are blanks, that a number is missing. Eight commands come before what follows of them.
BIAS, FOLLOWS, BLANK, MISSING = 100, 253, 254, 255
SMALLEST, LARGEST = 1 - BIAS, 251 - BIAS
BLANKS = int.from_bytes(b" " * 8, "little")
# A longer text stands in pieces, each in 256 bytes; its width is counted in pieces of 252.
PIECE, WIDTH_OF_PIECE = 255, 252
AT_A_TIME = 10_000
# Where the header says that rows are packed, and how many there are.
PACKED_AT, ROWS_AT = 72, 80

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]


def one_row(frame: pl.DataFrame) -> pl.DataFrame:
    """A row with texts as long as the longest of each column: what gives a file its widths."""
    cells = {
        column.name: ["x" * _longest(column)] if column.dtype == pl.String else [None]
        for column in frame
    }
    return pl.DataFrame(cells, schema=frame.schema)


def put_rows(path: Path, frame: pl.DataFrame) -> None:
    """Put the frame's rows in the place of `one_row` in a .sav that is not packed."""
    widths = [_words(_longest(one)) if one.dtype == pl.String else 1 for one in frame]
    layout = _Layout(frame, widths)
    with path.open("r+b") as file:
        file.seek(-8 * sum(widths), os.SEEK_END)
        file.truncate()
        for part in frame.iter_slices(AT_A_TIME):
            file.write(layout.packed(part).data)
        for place, value in ((PACKED_AT, 1), (ROWS_AT, len(frame))):
            file.seek(place)
            file.write(struct.pack("<i", value))


def _longest(texts: pl.Series) -> int:
    """In bytes; an empty column has room for one."""
    most: Any = texts.str.len_bytes().max()
    return max(most or 0, 1)


def _words(width: int) -> int:
    """How many times eight bytes a text of that width takes."""
    pieces = -(-width // WIDTH_OF_PIECE) if width > PIECE else 1
    last = width - WIDTH_OF_PIECE * (pieces - 1)
    return 32 * (pieces - 1) + -(-last // 8)


class _Layout:
    """Where each column stands in a row: eight commands, then the words that may follow of them.

    A code is all in its command; only numbers and texts have room for words.
    """

    def __init__(self, frame: pl.DataFrame, widths: Sequence[int]) -> None:
        self.widths = widths
        self.places = [0, *accumulate(widths)]
        self.codes = [one.name for one in frame if one.dtype == pl.Int8]
        self.codes_at = [
            place for one, place in zip(frame, self.places, strict=False) if one.dtype == pl.Int8
        ]
        in_eights = -(-self.places[-1] // 8)
        room = np.ones((in_eights, 9), np.bool_)
        commands = room[:, 1:].reshape(-1)
        commands[self.codes_at] = commands[self.places[-1] :] = False
        room[:, 1:] = commands.reshape(-1, 8)
        self.size = int(room.sum())
        slots = np.cumsum(room.reshape(-1)).reshape(-1, 9) - 1
        self.commands_in, self.words_in = slots[:, 0], slots[:, 1:].reshape(-1)

    def packed(self, part: pl.DataFrame) -> Words:
        """The rows as they are written, one after the other."""
        commands = np.zeros((len(part), 8 * len(self.commands_in)), np.uint8)
        rows = np.empty((len(part), self.size), np.uint64)
        kept = np.ones(rows.shape, np.bool_)
        if self.codes:
            commands[:, self.codes_at] = _codes(part.select(self.codes))
        for column, place, width in zip(part, self.places, self.widths, strict=False):
            if column.dtype == pl.Int8:
                continue
            here = slice(place, place + width)
            slots = self.words_in[here]
            if column.dtype == pl.String:
                commands[:, here] = BLANK
                if column.null_count() < len(column):
                    there = column.is_not_null().to_numpy()
                    words = _texts(column.drop_nulls(), width)
                    rows[np.ix_(there, slots)] = words
                    commands[there, here] = np.where(words == BLANKS, BLANK, FOLLOWS)
            else:
                commands[:, place], rows[:, slots[0]] = _numbers(column)
            kept[:, slots] = commands[:, here] == FOLLOWS
        rows[:, self.commands_in] = commands.view(np.uint64)
        return rows[kept]


def _codes(part: pl.DataFrame) -> Bytes:
    """Bytes go round at 256: the byte of what is null is MISSING once BIAS is added."""
    null = pl.lit(MISSING - BIAS - 256, pl.Int8)
    return part.select(pl.all().fill_null(null)).to_numpy().view(np.uint8) + np.uint8(BIAS)


def _numbers(column: pl.Series) -> tuple[Bytes, Words]:
    values = column.cast(pl.Float64).to_numpy()
    commands = np.full(len(values), FOLLOWS, np.uint8)
    small = (values >= SMALLEST) & (values <= LARGEST) & (values == np.floor(values))
    commands[small] = values[small] + BIAS
    commands[np.isnan(values)] = MISSING
    return commands, values.view(np.uint64)


def _texts(column: pl.Series, words: int) -> Words:
    said = column.cast(pl.Binary).to_list()
    if words > 32:
        said = [b" ".join(_pieces(text)) for text in said]
    letters = np.array(said, f"S{8 * words}").view(np.uint8)
    letters[letters == 0] = ord(" ")
    return letters.view(np.uint64).reshape(-1, words)


def _pieces(text: bytes) -> Iterator[bytes]:
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))

"""The rows of a .sav, packed as SPSS packs them: one byte for a code, eight more for a number.

Decides how cells become bytes, and nothing of the dictionary before them, which is ReadStat's. It
is done here because ReadStat is given one cell at a time: fifty million take four seconds.
Format: « System File Format » of the PSPP project, its data record and very long strings.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
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
AT_A_TIME = 2_000
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
    with path.open("r+b") as file:
        file.seek(-8 * sum(widths), os.SEEK_END)
        file.truncate()
        for part in frame.iter_slices(AT_A_TIME):
            file.write(_packed(part, widths).tobytes())
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


def _packed(part: pl.DataFrame, widths: Sequence[int]) -> Words:
    """Rows as words of eight bytes: eight commands, then the words that follow of them."""
    in_eights = -(-sum(widths) // 8)
    commands = np.zeros((len(part), 8 * in_eights), np.uint8)
    words = np.zeros((len(part), 8 * in_eights), np.uint64)
    place = 0
    for column, width in zip(part, widths, strict=True):
        here = slice(place, place + width)
        place += width
        if column.dtype == pl.Int8:
            commands[:, place - 1] = _codes(column)
        elif column.dtype != pl.String:
            commands[:, place - 1], words[:, place - 1] = _numbers(column)
        elif column.null_count() == len(column):
            commands[:, here] = BLANK
        else:
            words[:, here] = _texts(column, width)
            commands[:, here] = np.where(words[:, here] == BLANKS, BLANK, FOLLOWS)
    rows = np.empty((len(part) * in_eights, 9), np.uint64)
    rows[:, 0] = commands.reshape(-1, 8).view(np.uint64)[:, 0]
    rows[:, 1:] = words.reshape(-1, 8)
    kept = np.ones(rows.shape, np.bool_)
    kept[:, 1:] = commands.reshape(-1, 8) == FOLLOWS
    return rows[kept]


def _codes(column: pl.Series) -> Bytes:
    shifted = (column.cast(pl.Int16) + BIAS).fill_null(MISSING)
    return shifted.cast(pl.UInt8).to_numpy()


def _numbers(column: pl.Series) -> tuple[Bytes, Words]:
    values = column.cast(pl.Float64).to_numpy()
    commands = np.full(len(values), FOLLOWS, np.uint8)
    small = (values >= SMALLEST) & (values <= LARGEST) & (values == np.floor(values))
    commands[small] = values[small] + BIAS
    commands[np.isnan(values)] = MISSING
    return commands, values.view(np.uint64)


def _texts(column: pl.Series, words: int) -> Words:
    said = column.fill_null("").cast(pl.Binary).to_list()
    if words > 32:
        said = [b" ".join(_pieces(text)) for text in said]
    letters = np.array(said, f"S{8 * words}").view(np.uint8)
    letters[letters == 0] = ord(" ")
    return letters.view(np.uint64).reshape(-1, words)


def _pieces(text: bytes) -> Iterator[bytes]:
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))

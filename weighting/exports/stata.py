"""The dataset for Stata, in its format 118: labels, and missing values of four kinds.

Stata's own missing values say why an answer is not there: .n not concerned, .d don't know,
.r refused, .m module not drawn; `.` is not asked. Stata takes 80 characters of a variable's label:
what is longer is cut, and listed in full beside the file. The format is StataCorp's « dta_118 »
(help dta); it is written here because no library keeps these values apart.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from weighting.exports.columns import SPECIAL_CODES, UNDRAWN, Heading
from weighting.exports.cuts import cuts_csv
from weighting.exports.dataset import Dataset, Table
from weighting.exports.files import Target
from weighting.exports.names import Cut, cut_characters

LONGEST_LABEL = 80
LONGEST_SET_LABEL = 32_000
LETTERS = {
    SPECIAL_CODES["na"]: "n", SPECIAL_CODES["dk"]: "d", SPECIAL_CODES["refused"]: "r",
    UNDRAWN: "m",
}  # fmt: skip
# `.`, of which .a to .z are the 26 next values.
BYTE_MISSING = 101
# A code, or `.`, as the byte that is stored.
STORED = np.arange(BYTE_MISSING + 1, dtype=np.int8)
for _code, _letter in LETTERS.items():
    STORED[_code] = BYTE_MISSING + 1 + ord(_letter) - ord("a")
LONG_MISSING = 2_147_483_621
DOUBLE_MISSING = 2.0**1023
LONGEST_STR = 2045
BYTE, DOUBLE, STRL = 65530, 65526, 32768
FORMATS = {BYTE: "%8.0g", DOUBLE: "%12.0g", STRL: "%9s"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NAME, FORMAT, LABEL = 129, 57, 321
AT_A_TIME = 10_000


def dta(dataset: Dataset, to: Target) -> list[Path]:
    """A .dta for each table, and the list of what was cut, if anything was."""
    written, cuts = [], list(dataset.cuts)
    for table in dataset.tables:
        path = to.path(".dta", table.name)
        title = dataset.title
        with path.open("wb") as file:
            cuts += _File(table, title, dataset.run.at).write(file)
        to.progress(len(table.frame), len(table.frame))
        written.append(path)
    return [*written, *cuts_csv(cuts, to)]


class _File:
    """One table in the format 118: what each part of the file holds, in the order of its parts."""

    def __init__(self, table: Table, title: str, made: datetime) -> None:
        self.columns, self.frame = table.columns, table.frame
        self.title, self.made = title, made
        self.types = [_type(column, self.frame) for column in self.columns]
        self.cuts: list[Cut] = []
        self.long_texts: list[tuple[int, int, bytes]] = []

    def write(self, file: IO[bytes]) -> list[Cut]:
        """The whole file; what had to be cut."""
        file.write(b"<stata_dta>")
        file.write(self._header())
        # Offsets are known at the end only; until then their place is kept.
        places = [0, file.tell()]
        file.write(_tagged("map", bytes(14 * 8)))
        for name, content in self._descriptions():
            places.append(file.tell())
            file.write(_tagged(name, content))
        places.append(file.tell())
        file.write(b"<data>")
        start = 0
        for part in self.frame.iter_slices(AT_A_TIME):
            file.write(self._rows(part, start))
            start += len(part)
        file.write(b"</data>")
        for name, parts in (("strls", self._strls()), ("value_labels", self._value_labels())):
            places.append(file.tell())
            file.write(_tagged(name, b"".join(parts)))
        places.append(file.tell())
        file.write(b"</stata_dta>")
        places.append(file.tell())
        file.seek(places[1])
        file.write(_tagged("map", struct.pack("<14Q", *places)))
        return self.cuts

    def _header(self) -> bytes:
        label = cut_characters(self.title, LONGEST_LABEL).encode()
        # Stata's months are English, whatever the language of the machine.
        stamp = f"{self.made:%d} {MONTHS[self.made.month - 1]} {self.made:%Y %H:%M}".encode()
        parts = (
            ("release", b"118"),
            ("byteorder", b"LSF"),
            ("K", struct.pack("<H", len(self.columns))),
            ("N", struct.pack("<Q", len(self.frame))),
            ("label", struct.pack("<H", len(label)) + label),
            ("timestamp", struct.pack("<B", len(stamp)) + stamp),
        )
        return _tagged("header", b"".join(_tagged(name, content) for name, content in parts))

    def _descriptions(self) -> Iterator[tuple[str, bytes]]:
        columns = self.columns
        names = [column.name.encode() for column in columns]
        sets = [name if one.coded else b"" for name, one in zip(names, columns, strict=True)]
        labels = [self._cut(column, None, column.label, LONGEST_LABEL) for column in columns]
        formats = [FORMATS.get(kind, f"%{min(kind, 20)}s").encode() for kind in self.types]
        yield "variable_types", struct.pack(f"<{len(columns)}H", *self.types)
        yield "varnames", _fixed(names, NAME)
        yield "sortlist", bytes(2 * (len(columns) + 1))
        yield "formats", _fixed(formats, FORMAT)
        yield "value_label_names", _fixed(sets, NAME)
        yield "variable_labels", _fixed([label.encode() for label in labels], LABEL)
        yield "characteristics", b""

    def _rows(self, part: pl.DataFrame, start: int) -> bytes:
        layout = np.dtype([(f"c{rank}", _stored(kind)) for rank, kind in enumerate(self.types)])
        rows = np.zeros(len(part), layout)
        for rank, (column, kind) in enumerate(zip(self.columns, self.types, strict=True)):
            values, cells = part[column.name], rows[f"c{rank}"]
            if kind == DOUBLE:
                cells[:] = values.cast(pl.Float64).fill_null(DOUBLE_MISSING)
            elif kind == STRL:
                cells[:] = self._references(values, rank + 1, start)
            elif kind != BYTE and values.null_count() < len(values):
                cells[values.is_not_null().to_numpy()] = values.drop_nulls().cast(pl.Binary)
        codes = [rank for rank, kind in enumerate(self.types) if kind == BYTE]
        if codes:
            places = [0, *accumulate(np.dtype(_stored(kind)).itemsize for kind in self.types)]
            told = part[:, codes].fill_null(BYTE_MISSING).to_numpy()
            of_bytes = rows.view(np.int8).reshape(len(part), layout.itemsize)
            of_bytes[:, [places[rank] for rank in codes]] = STORED[told]
        return rows.tobytes()

    def _references(self, values: pl.Series, variable: int, before: int) -> list[int]:
        """Where each long text is kept: the variable and the observation, both from 1."""
        references = []
        for rank, text in enumerate(values, start=before + 1):
            references.append(variable | rank << 16 if text else 0)
            if text:
                self.long_texts.append((rank, variable, text.encode()))
        return references

    def _strls(self) -> Iterator[bytes]:
        for observation, variable, text in sorted(self.long_texts):
            yield b"GSO" + struct.pack("<IQBI", variable, observation, 130, len(text) + 1)
            yield text + b"\0"

    def _value_labels(self) -> Iterator[bytes]:
        for column in self.columns:
            if column.coded:
                labels = {
                    _long(code): self._cut(column, code, label, LONGEST_SET_LABEL).encode()
                    for code, label in column.labels.items()
                }
                yield _tagged("lbl", _label_set(column.name, labels))

    def _cut(self, column: Heading, code: int | None, text: str, most: int) -> str:
        kept = cut_characters(text, most)
        if kept != text:
            self.cuts.append(Cut(column.name, code, kept, text))
        return kept


def _long(code: int) -> int:
    """A code as the labels have it: a missing one as Stata's value of four bytes."""
    letter = LETTERS.get(code)
    return code if letter is None else LONG_MISSING + 1 + ord(letter) - ord("a")


def _type(column: Heading, frame: pl.DataFrame) -> int:
    """A code is a byte, a number a double; a text is as wide as its longest, or kept apart."""
    if column.coded:
        return BYTE
    if frame.schema[column.name] != pl.String:
        return DOUBLE
    longest: Any = frame[column.name].str.len_bytes().max()
    return STRL if (longest or 1) > LONGEST_STR else max(longest or 1, 1)


def _stored(kind: int) -> str:
    return {BYTE: "i1", DOUBLE: "<f8", STRL: "<u8"}.get(kind, f"S{kind}")


def _tagged(name: str, content: bytes) -> bytes:
    return b"<%b>%b</%b>" % (name.encode(), content, name.encode())


def _fixed(texts: Sequence[bytes], width: int) -> bytes:
    """Each text in `width` bytes, zeros behind it."""
    return b"".join(text.ljust(width, b"\0") for text in texts)


def _label_set(name: str, labels: Mapping[int, bytes]) -> bytes:
    codes = sorted(labels)
    texts = [labels[code] + b"\0" for code in codes]
    starts = np.cumsum([0, *(len(text) for text in texts)], dtype="<u4")
    table = (
        struct.pack("<II", len(codes), int(starts[-1]))
        + starts[:-1].tobytes()
        + np.array(codes, "<i4").tobytes()
        + b"".join(texts)
    )
    return struct.pack("<I", len(table)) + _fixed([name.encode()], NAME) + bytes(3) + table

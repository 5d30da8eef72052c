"""Read and judge a sample file against the wave, without writing a row of it.

Rows are read in batches and the good ones laid aside on disk, so that memory does not grow with the
file; the writing, which waits for other imports, is then short.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, BinaryIO, TextIO

from django.conf import settings
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from cati.core.phones import is_mobile, phone_key
from cati.core.sample_columns import chosen
from cati.core.sample_faults import BadFile, Fault, Kind
from cati.core.sample_file import Layout, Line, examine, read_lines
from cati.core.sample_rows import Expected, Row, read_row
from cati.core.spreadsheets import harmless
from cati.models import Opposition, Phone, SampleImport, SampleUpload, Sector, Wave
from cati.operations.sample_faults import Refusal, in_words
from questionnaire.core.instrument import Input, from_json

BATCH = 1000
MOST_TOLD = 500
Earlier = SampleUpload.Earlier
# Variables of the questionnaire that a case gives by itself, whatever a file says.
OWN = frozenset({"SECTEUR_FICHIER", "ENQUETEUR"})
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Good:
    """A row that may become a case; `phones` are (E.164, key, whether mobile), by rank."""

    phones: Sequence[tuple[str, str, bool]]
    name: str
    address: str
    sector: str
    replicate: int
    preloads: Mapping[str, Any]


@dataclass
class Reading:
    """What a file holds: rows that may be written, how many may not, and the first of their faults.

    `refusals` tells MOST_TOLD faults at most; `replicates` counts the good rows by replicate. To
    be closed, or used as a context: the good rows wait in a file without a name.
    """

    layout: Layout
    spool: IO[str]
    accepted: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    replicates: Counter[int] = field(default_factory=Counter)

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.spool.close()

    def keep(self, rows: Iterable[Good]) -> None:
        for row in rows:
            self.accepted += 1
            self.replicates[row.replicate] += 1
            self.spool.write(json.dumps(vars(row)) + "\n")

    def good(self) -> Iterator[list[Good]]:
        """The good rows, in batches and in their order."""
        self.spool.seek(0)
        while batch := [Good(**json.loads(line)) for line in islice(self.spool, BATCH)]:
            yield batch


def declared_preloads(wave: Wave) -> dict[str, Input]:
    """The variables that the wave's questionnaire takes from a sample file, by name."""
    if wave.version is None:
        return {}
    preloads = from_json(wave.version.content).preloads
    return {one.name: one for one in preloads if one.name not in OWN}


def read_sample(
    wave: Wave,
    source: BinaryIO,
    *,
    fields: Sequence[str] | None = None,
    earlier: str = Earlier.ACCEPT,
    refused_to: TextIO | None = None,
    progress: Progress = lambda done, rows: None,
) -> Reading:
    """The file judged row by row; the refused ones go to `refused_to` as CSV, ready to be mended.

    `fields` names what each column is (guessed from the headings without it); `earlier` says what
    becomes of numbers of other waves; `progress` is told lines done and lines in all. Raises
    BadFile where the file as a whole cannot be read, or was imported before.
    """
    preloads = declared_preloads(wave)
    layout = examine(source, list(preloads))
    if fields is not None:
        layout = layout.mapped(chosen(layout.header, fields, preloads))
    refuse_again(wave, layout.digest)
    # Names and numbers: a file without a name is gone with the process, however it ends.
    reading = Reading(layout, tempfile.TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115
    try:
        judge = _Judge(wave, reading, preloads, earlier, refused_to)
        done = 0
        for batch in _batches(read_lines(source, layout)):
            judge.take(batch)
            done += len(batch)
            progress(done, layout.rows)
    except BaseException:
        reading.spool.close()
        raise
    return reading


def refuse_again(wave: Wave, digest: str) -> None:
    """Raises BadFile where the wave has had this very file."""
    if earlier := SampleImport.objects.filter(wave=wave, digest=digest).first():
        date = date_format(localtime(earlier.at), "j F Y, H:i")
        raise BadFile(Fault(Kind.FILE_AGAIN, details={"date": date}))


def opposed(keys: Iterable[str]) -> set[str]:
    return set(Opposition.objects.filter(pk__in=list(keys)).values_list("phone_key", flat=True))


def in_wave(wave: Wave, keys: Iterable[str]) -> dict[str, int]:
    """The case number of each of these keys that the wave already has."""
    phones = Phone.objects.filter(phone_key__in=list(keys))
    rows = phones.values_list("phone_key", "case__wave", "case__number")
    # The wave is not asked of the database: right after an import, whose rows it has not counted
    # yet, it would walk all cases of the wave for every batch instead of the keys' index.
    return {key: number for key, its_wave, number in rows if its_wave == wave.pk}


class _Judge:
    """Says of each row whether the wave may have it."""

    def __init__(
        self,
        wave: Wave,
        reading: Reading,
        preloads: Mapping[str, Input],
        earlier: str,
        refused_to: TextIO | None,
    ) -> None:
        self.wave, self.reading, self.layout = wave, reading, reading.layout
        surveyed = wave.sectors.exclude(kind=Sector.Kind.GROUP)
        self.expected = Expected(list(surveyed.values_list("code", flat=True)), preloads)
        self.earlier = earlier
        self.refused_file = _RefusedFile(refused_to, self.layout) if refused_to else None
        self.lines: dict[str, int] = {}

    def take(self, batch: list[Line]) -> None:
        read = [(line, read_row(line, self.layout, self.expected)) for line in batch]
        rows = [row for _line, row in read if isinstance(row, Row)]
        keys = {number: _key(number) for row in rows for number in row.phones.values()}
        known = _Known(self.wave, keys.values(), self.earlier)
        good = []
        for line, row in read:
            faults = row if isinstance(row, list) else list(self._clashes(row, keys, known))
            if faults:
                self._refuse(line, faults)
            elif isinstance(row, Row):
                self.lines.update((keys[number], line.number) for number in row.phones.values())
                good.append(_good(row, keys))
        self.reading.keep(good)

    def _clashes(self, row: Row, keys: Mapping[str, str], known: _Known) -> Iterator[Fault]:
        for name, number in row.phones.items():
            key, heading = keys[number], self.layout.heading(name)
            place = (row.line.number, heading, row.line.cells[self.layout.columns[name]])
            if key in known.opposed:
                yield Fault(Kind.OPPOSED, *place)
            elif key in known.taken:
                yield Fault(Kind.IN_WAVE, *place, {"case": known.taken[key]})
            elif key in self.lines:
                yield Fault(Kind.TWICE_IN_FILE, *place, {"line": self.lines[key]})
            elif key in known.earlier:
                yield Fault(Kind.EARLIER_WAVE, *place, {"wave": known.earlier[key]})

    def _refuse(self, line: Line, faults: list[Fault]) -> None:
        reading = self.reading
        reading.refused += 1
        told = [in_words(fault) for fault in faults]
        reading.refusals.extend(told[: MOST_TOLD - len(reading.refusals)])
        if self.refused_file:
            self.refused_file.write(line, told)


class _Known:
    """What the database has of a batch's keys."""

    def __init__(self, wave: Wave, keys: Iterable[str], policy: str) -> None:
        wanted = list(keys)
        self.opposed = opposed(wanted)
        self.taken = in_wave(wave, wanted)
        self.earlier: dict[str, str] = {}
        if policy == Earlier.ACCEPT:
            return
        phones = Phone.objects.filter(phone_key__in=wanted).exclude(case__wave=wave)
        if policy == Earlier.INTERVIEWED:
            phones = phones.filter(case__interviews__interview__outcome="complete")
        self.earlier = dict(phones.values_list("phone_key", "case__wave__name"))


class _RefusedFile:
    """The refused rows as they were, with why; the importer reads the mended file again."""

    def __init__(self, target: TextIO, layout: Layout) -> None:
        self.headings = [_("ligne d’origine"), _("motif"), _("correction")]
        # A file of refused rows that is refused again does not grow wider each time.
        self.kept = [at for at, name in enumerate(layout.header) if name not in self.headings]
        self.writer = csv.writer(target, delimiter=layout.separator)
        self._write([layout.header[at] for at in self.kept] + self.headings)

    def write(self, line: Line, refusals: list[Refusal]) -> None:
        cells = [line.cells[at] if at < len(line.cells) else "" for at in self.kept]
        reasons = " ".join(f"{refusal.column} : {refusal.reason}" for refusal in refusals)
        mends = " ".join(dict.fromkeys(refusal.mend for refusal in refusals))
        self._write([*cells, str(line.number), reasons, mends])

    def _write(self, cells: list[str]) -> None:
        self.writer.writerow([harmless(cell) for cell in cells])


def _good(row: Row, keys: Mapping[str, str]) -> Good:
    phones = [(number, keys[number], is_mobile(number)) for number in row.phones.values()]
    return Good(phones, row.name, row.address, row.sector, row.replicate, row.preloads)


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while batch := list(islice(lines, BATCH)):
        yield batch


def _key(number: str) -> str:
    return phone_key(number, settings.PHONE_KEY_SECRET)

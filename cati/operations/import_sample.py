"""Read a sample file into a wave: the whole of it, or its good rows, in one transaction.

Rows are read, checked and inserted in batches, so that memory does not grow with the file. Imports
into one wave follow one another: the second of two equal files finds everything already there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import BinaryIO, TextIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from cati.core.phones import is_mobile, phone_key
from cati.core.sample_file import BadFile, Fault, Kind, Layout, Line, examine, read_lines
from cati.core.sample_rows import Row, read_row
from cati.models import Case, Contact, Opposition, Phone, SampleImport, Sector, User, Wave
from cati.operations.sample_faults import Refusal, in_words

BATCH = 1000
MOST_TOLD = 500


@dataclass(frozen=True)
class ImportReport:
    """What came of an import. `accepted` cases were written, or none at all.

    `refused` counts rows (a whole file that cannot be read counts none); `refusals` tells the first
    MOST_TOLD faults. `unread` are the columns that nothing was read from.
    """

    accepted: int = 0
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()
    encoding: str = ""
    separator: str = ""
    unread: tuple[str, ...] = ()

    @property
    def written(self) -> bool:
        return self.accepted > 0


def import_sample(
    wave: Wave,
    source: BinaryIO,
    filename: str,
    *,
    by: User | None,
    now: datetime,
    skip_bad: bool = False,
    refused_to: TextIO | None = None,
) -> ImportReport:
    """Add the file's cases to the wave, numbered after its last, due now.

    One refused row refuses the file, unless `skip_bad`: then the good rows are written, and the
    others go to `refused_to` as CSV with their reasons, ready to be mended and imported. `source`
    is a seekable binary file.
    """
    try:
        layout = examine(source)
        with transaction.atomic():
            load = _Load(wave, layout, now, skip_bad, _writer(refused_to, layout))
            load.open(filename, by)
            for batch in _batches(read_lines(source, layout)):
                load.take(batch)
            if load.close():
                return load.report()
            transaction.set_rollback(True)
        return load.report()
    except BadFile as bad:
        return ImportReport(refusals=tuple(in_words(fault) for fault in bad.faults))


@dataclass
class _Load:
    """One import under way, inside its transaction."""

    wave: Wave
    layout: Layout
    now: datetime
    skip_bad: bool
    refused_file: _RefusedFile | None
    accepted: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def open(self, filename: str, by: User | None) -> None:
        """Wait for other imports into the wave, then refuse a file that it has already had."""
        with connection.cursor() as cursor:
            lock = f"import_sample:{self.wave.pk}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
        digest = self.layout.digest
        if earlier := SampleImport.objects.filter(wave=self.wave, digest=digest).first():
            date = date_format(localtime(earlier.at), "j F Y, H:i")
            raise BadFile(Fault(Kind.FILE_AGAIN, details={"date": date}))
        surveyed = self.wave.sectors.exclude(kind=Sector.Kind.GROUP)
        self.sectors = {sector.code: sector for sector in surveyed}
        last = self.wave.cases.aggregate(last=Max("number"))["last"] or 0
        self.next_number = last + 1
        self.record = SampleImport.objects.create(
            wave=self.wave,
            filename=filename[:200],
            encoding=self.layout.encoding,
            digest=digest,
            accepted=0,
            refused=0,
            at=self.now,
            by=by,
        )

    def take(self, batch: list[Line]) -> None:
        """Check the rows of a batch, and insert the good ones unless the file is refused anyway."""
        read = [(line, read_row(line, self.layout, self.sectors)) for line in batch]
        rows = [row for _line, row in read if isinstance(row, Row)]
        keys = {number: _key(number) for row in rows for number in row.phones}
        taken, opposed = self._taken(keys.values()), _opposed(keys.values())
        good: list[Row] = []
        for line, row in read:
            faults = row if isinstance(row, list) else self._clashes(row, keys, taken, opposed)
            if faults:
                self._refuse(line, faults)
            elif isinstance(row, Row):
                self.lines.update((keys[number], line.number) for number in row.phones)
                good.append(row)
        self.accepted += len(good)
        if self.skip_bad or not self.refused:
            self._insert(good, keys)

    def close(self) -> bool:
        """Complete the import's record; False where nothing is to be written."""
        if not self.accepted or (self.refused and not self.skip_bad):
            self.accepted = 0
            return False
        self.record.accepted, self.record.refused = self.accepted, self.refused
        self.record.save(update_fields=["accepted", "refused"])
        return True

    def report(self) -> ImportReport:
        return ImportReport(
            accepted=self.accepted,
            refused=self.refused,
            refusals=tuple(self.refusals),
            encoding=self.layout.encoding,
            separator=self.layout.separator,
            unread=self.layout.unread,
        )

    def _taken(self, keys: Iterable[str]) -> dict[str, int]:
        """The case number of each of these keys that the wave already has."""
        phones = Phone.objects.filter(case__wave=self.wave, phone_key__in=list(keys))
        earlier = phones.exclude(case__source=self.record)
        return dict(earlier.values_list("phone_key", "case__number"))

    def _clashes(
        self, row: Row, keys: dict[str, str], taken: dict[str, int], opposed: set[str]
    ) -> list[Fault]:
        faults = []
        for column, number in zip(("phone", "phone2"), row.phones, strict=False):
            key, heading = keys[number], self.layout.heading(column)
            place = (row.line.number, heading, row.line.cells[self.layout.columns[column]])
            if key in opposed:
                faults.append(Fault(Kind.OPPOSED, *place))
            elif key in taken:
                faults.append(Fault(Kind.IN_WAVE, *place, {"case": taken[key]}))
            elif key in self.lines:
                faults.append(Fault(Kind.TWICE_IN_FILE, *place, {"line": self.lines[key]}))
        return faults

    def _refuse(self, line: Line, faults: list[Fault]) -> None:
        self.refused += 1
        told = [in_words(fault) for fault in faults]
        self.refusals.extend(told[: MOST_TOLD - len(self.refusals)])
        if self.refused_file:
            self.refused_file.write(line, told)

    def _insert(self, rows: list[Row], keys: dict[str, str]) -> None:
        cases = Case.objects.bulk_create(
            Case(
                wave=self.wave,
                number=number,
                frame_sector=self.sectors[row.sector],
                source=self.record,
                replicate=row.replicate,
                due_at=self.now,
                jitter=_jitter(keys[row.phones[0]]),
            )
            for number, row in enumerate(rows, start=self.next_number)
        )
        self.next_number += len(rows)
        pairs = list(zip(cases, rows, strict=True))
        Contact.objects.bulk_create(
            Contact(case=case, name=row.name, address=row.address) for case, row in pairs
        )
        Phone.objects.bulk_create(
            Phone(
                case=case, rank=rank, e164=number, phone_key=keys[number], mobile=is_mobile(number)
            )
            for case, row in pairs
            for rank, number in enumerate(row.phones, start=1)
        )


class _RefusedFile:
    """The refused rows as they were, with why; the importer reads the mended file again."""

    def __init__(self, target: TextIO, layout: Layout) -> None:
        self.headings = [_("ligne d’origine"), _("motif"), _("correction")]
        # A file of refused rows that is refused again does not grow wider each time.
        self.kept = [at for at, name in enumerate(layout.header) if name not in self.headings]
        self.writer = csv.writer(target, delimiter=layout.separator)
        self.writer.writerow([layout.header[at] for at in self.kept] + self.headings)

    def write(self, line: Line, refusals: list[Refusal]) -> None:
        cells = [line.cells[at] if at < len(line.cells) else "" for at in self.kept]
        reasons = " ".join(f"{refusal.column} : {refusal.reason}" for refusal in refusals)
        mends = " ".join(dict.fromkeys(refusal.mend for refusal in refusals))
        self.writer.writerow([*cells, line.number, reasons, mends])


def _writer(target: TextIO | None, layout: Layout) -> _RefusedFile | None:
    return _RefusedFile(target, layout) if target else None


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while batch := list(islice(lines, BATCH)):
        yield batch


def _key(number: str) -> str:
    return phone_key(number, settings.PHONE_KEY_SECRET)


def _opposed(keys: Iterable[str]) -> set[str]:
    return set(Opposition.objects.filter(pk__in=list(keys)).values_list("phone_key", flat=True))


def _jitter(key: str) -> float:
    """In [0, 1), from the number's key: a case keeps its place among equals whatever the order."""
    return int(key[:12], 16) / 16**12

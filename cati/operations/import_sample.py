"""Write a sample file into a wave: the whole of it, or its good rows, in one transaction.

Imports into one wave follow one another: the second of two equal files finds that the wave has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, TextIO

from django.db import connection, transaction
from django.db.models import Max

from cati.core.sample_faults import BadFile, Fault, Kind
from cati.models import Case, Phone, Replicate, SampleImport, Sector, User, Wave
from cati.operations.sample_faults import Refusal, in_words
from cati.operations.sample_reading import (
    Earlier,
    Good,
    Reading,
    in_wave,
    opposed,
    read_sample,
    refuse_again,
)

VALID = Phone.State.VALID.value
CONTACTS = "COPY cati_contact (case_id, name, address, kept) FROM STDIN"
PHONES = "COPY cati_phone (case_id, rank, e164, phone_key, mobile, state, disposition) FROM STDIN"


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
    fields: Sequence[str] | None = None,
    earlier: str = Earlier.ACCEPT,
) -> ImportReport:
    """Add the file's cases to the wave, numbered after its last, due now.

    One refused row refuses the file, unless `skip_bad`: then the good rows are written, and the
    others go to `refused_to` as CSV with their reasons, ready to be mended and imported. `source`
    is a seekable binary file; `fields` and `earlier` are those of `read_sample`.
    """
    try:
        with read_sample(
            wave, source, fields=fields, earlier=earlier, refused_to=refused_to
        ) as read:
            if not read.accepted or (read.refused and not skip_bad):
                return _report(read, accepted=0)
            with transaction.atomic():
                write_sample(wave, read, filename, by, now)
            return _report(read, accepted=read.accepted)
    except BadFile as bad:
        return ImportReport(refusals=tuple(in_words(fault) for fault in bad.faults))


def write_sample(
    wave: Wave, reading: Reading, filename: str, by: User | None, now: datetime
) -> SampleImport:
    """Write the good rows, in the caller's transaction. Raises BadFile.

    It waits for other imports into the wave; what they brought since the file was read refuses it.
    """
    with connection.cursor() as cursor:
        lock = f"import_sample:{wave.pk}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
    refuse_again(wave, reading.layout.digest)
    record = SampleImport.objects.create(
        wave=wave,
        filename=filename[:200],
        encoding=reading.layout.encoding,
        digest=reading.layout.digest,
        accepted=reading.accepted,
        refused=reading.refused,
        at=now,
        by=by,
    )
    _hold_back(wave, reading)
    writing = _Writing(wave, record, now)
    for batch in reading.good():
        writing.insert(batch)
    return record


def _hold_back(wave: Wave, reading: Reading) -> None:
    """Replicates after the first wait for the supervisor; those she released stay released."""
    Replicate.objects.bulk_create(
        (
            Replicate(wave=wave, number=number)
            for number in sorted(reading.replicates)
            if number > 1
        ),
        ignore_conflicts=True,
    )


class _Writing:
    """The rows of one import on their way into the database, numbered on."""

    def __init__(self, wave: Wave, record: SampleImport, now: datetime) -> None:
        self.wave, self.record, self.now = wave, record, now
        surveyed = wave.sectors.exclude(kind=Sector.Kind.GROUP)
        self.sectors = {sector.code: sector for sector in surveyed}
        last = wave.cases.aggregate(last=Max("number"))["last"] or 0
        self.next_number = last + 1

    def insert(self, rows: list[Good]) -> None:
        keys = [key for row in rows for _number, key, _mobile in row.phones]
        if in_wave(self.wave, keys) or opposed(keys):
            raise BadFile(Fault(Kind.MEANWHILE))
        cases = Case.objects.bulk_create(
            Case(
                wave=self.wave,
                number=number,
                frame_sector=self.sectors[row.sector],
                source=self.record,
                replicate=row.replicate,
                preloads=row.preloads,
                due_at=self.now,
                jitter=_jitter(row.phones[0][1]),
            )
            for number, row in enumerate(rows, start=self.next_number)
        )
        self.next_number += len(rows)
        # By COPY: three times as fast as rows that go through the ORM, and nothing refers to them.
        with connection.cursor() as cursor:
            with cursor.copy(CONTACTS) as copy:
                for case, row in zip(cases, rows, strict=True):
                    copy.write_row((case.pk, row.name, row.address, "{}"))
            with cursor.copy(PHONES) as copy:
                for case, row in zip(cases, rows, strict=True):
                    for rank, (number, key, mobile) in enumerate(row.phones, start=1):
                        copy.write_row((case.pk, rank, number, key, mobile, VALID, ""))


def _report(reading: Reading, accepted: int) -> ImportReport:
    return ImportReport(
        accepted=accepted,
        refused=reading.refused,
        refusals=tuple(reading.refusals),
        encoding=reading.layout.encoding,
        separator=reading.layout.separator,
        unread=reading.layout.unread,
    )


def _jitter(key: str) -> float:
    """In [0, 1), from the number's key: a case keeps its place among equals whatever the order."""
    return int(key[:12], 16) / 16**12

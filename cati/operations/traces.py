"""Where else a person is named: requests, jobs, and the files that were made or laid down.

Whatever names her is emptied whole: what a job once said is worth less than her right.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.db import transaction
from django.db.models import Q

from cati.models import (
    Case,
    Contact,
    IdempotentRequest,
    Job,
    Message,
    Opposition,
    Phone,
    SampleUpload,
)
from cati.operations import jobs, sample_uploads

# Found in texts that say nothing of her.
CIVIL = {"Madame", "Monsieur", "Mademoiselle", "Foyer"}
LEAST = 4
# What people write between the digits of a number, non-breaking spaces included.
SPACED = "[ .\u00a0\u202f-]*"
# An edge reads the clock a moment after its request was noted: these belong together.
ONE_REQUEST = timedelta(seconds=10)


def named(cases: Sequence[Case], numbers: Sequence[str]) -> list[str]:
    """Texts that name the person, as patterns of Python and of PostgreSQL alike."""
    known = [*numbers, *Phone.objects.filter(case__in=cases).values_list("e164", flat=True)]
    # « 01 99 … », « 0199… » and « +33199… » have these digits in common.
    found = {SPACED.join(number[3:]) for number in known if number}
    for name, address in Contact.objects.filter(case__in=cases).values_list("name", "address"):
        words = [*name.split(), address.strip()]
        found |= {re.escape(word) for word in words if len(word) >= LEAST and word not in CIVIL}
    return sorted(found)


def forget_requests(which: Q) -> None:
    """Requests stay answered, so that none is done again; what they said is forgotten.

    Their hash goes too: a telephone number or a code is soon guessed from it.
    """
    IdempotentRequest.objects.filter(which).update(body_hash="", reply={})


def around(case: Case) -> Q:
    """The requests behind the case's calls, notes and acts: by the same person, at that moment."""
    moments = [
        *case.calls.values_list("interviewer", "closed_at"),
        *case.notes.values_list("author", "at"),
        *case.acts.values_list("by", "at"),
        *Opposition.objects.filter(case=case, by__isnull=False).values_list("by", "at"),
    ]
    found = Q(pk__in=[])
    for person, at in moments:
        if at is not None:
            found |= Q(actor=person, at__gt=at - ONE_REQUEST, at__lte=at)
    return found


def saying(named: Sequence[str]) -> Q:
    found = Q(pk__in=[])
    for pattern in named:
        found |= Q(reply__iregex=pattern)
    return found


def scrub_words(named: Sequence[str]) -> None:
    """Empty what a job says where it names the person, and drop what was said of her in the room.

    A sample of any wave may have had her.
    """
    for column, empty in (("params", {}), ("result", {}), ("error", ""), ("step", "")):
        for pattern in named:
            naming = Job.objects.filter(**{f"{column}__iregex": pattern})
            naming.update(**{column: empty})
    for pattern in named:
        Message.objects.filter(text__iregex=pattern).delete()
        headless = SampleUpload.objects.filter(header__iregex=pattern)
        headless.update(header=[], columns=[])


def drop_files(waves: Collection[int]) -> int:
    """Remove the files that jobs made of these waves, and stop the jobs that are making one.

    They hold answers, and are soon made again.
    """
    return _drop_made(Q(wave__in=waves))


def _drop_made(by: Q) -> int:
    # Those that wait begin once this is over, and find nothing of her any more.
    list(Job.objects.filter(by, state=Job.State.QUEUED).order_by("pk").select_for_update())
    Job.objects.filter(by, state=Job.State.RUNNING).update(cancel_asked=True)
    made = Job.objects.filter(by).exclude(file="")
    files = list(made.values_list("file", flat=True))
    made.update(file="", size=0)
    return _unlink([jobs.folder() / name for name in files])


def drop_samples() -> int:
    """Remove the sample files that lie there, and the rows that imports refused, of every wave.

    She may stand there without a case, and what they hold is read from the sample again.
    """
    laid = SampleUpload.objects.exclude(stored="")
    files = list(laid.values_list("stored", flat=True))
    laid.update(stored="")
    refused = _drop_made(Q(kind=sample_uploads.KIND))
    return refused + _unlink([sample_uploads.folder() / name for name in files])


def _unlink(files: Sequence[Path]) -> int:
    """Once the rows that name them are gone for good."""
    for file in files:
        transaction.on_commit(partial(file.unlink, missing_ok=True))
    return len(files)

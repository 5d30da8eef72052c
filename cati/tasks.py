"""Celery's edge of the fieldwork: every task is one domain call, and may run twice."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from cati import clock
from cati.models import Wave
from cati.operations import jobs, quotas, sample_uploads
from cati.operations.appoint import miss_appointments
from cati.operations.leases import expire_leases

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def sweep() -> int:
    """Free the leases that ran out, with numbers and places; tell lost jobs; drop old files;
    count missed promises.

    The completion rate of each open wave is measured again, for its quotas to reckon with.
    """
    now = clock.now()
    for number in jobs.untold(now):
        run_job.delay(number)
    jobs.remove_expired(now)
    sample_uploads.remove_old(now)
    for wave in Wave.objects.filter(state=Wave.State.OPEN):
        quotas.observe(wave)
    freed = expire_leases(now)
    miss_appointments(now)
    return freed


@shared_task(ignore_result=True)
def run_job(number: int) -> bool:
    return jobs.run(number, clock.now)


def tell(number: int) -> None:
    """Tell Celery of a job once the caller's transaction is committed.

    A dead Redis is logged and forgotten: the sweep finds the row.
    """
    transaction.on_commit(lambda: _tell(number))


def _tell(number: int) -> None:
    try:
        run_job.delay(number)
    except (OperationalError, RedisError, OSError):
        logger.warning("Job %s was not announced; the sweep will find it.", number)

"""Celery's edge of the fieldwork."""

from __future__ import annotations

from celery import shared_task

from cati import clock
from cati.operations.leases import expire_leases


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Free the leases that ran out, with their numbers and places."""
    return expire_leases(clock.now())

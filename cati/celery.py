"""The Celery application: it only learns that there is work; PostgreSQL knows what work."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init
from django.db.backends.signals import connection_created

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cati.settings")
app = Celery("cati")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

STEPS_BACK = 10


@worker_process_init.connect
def let_others_go_first(**_signal: Any) -> None:
    """Somebody on the telephone waits for her page, nobody for a job: the processors know it."""
    os.nice(STEPS_BACK)
    connection_created.connect(take_one_process)


def take_one_process(connection: Any, **_signal: Any) -> None:
    """PostgreSQL would read for a job with several of its own, none of which steps back."""
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")

"""The Celery application: it only learns that there is work; PostgreSQL knows what work."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cati.settings")
app = Celery("cati")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

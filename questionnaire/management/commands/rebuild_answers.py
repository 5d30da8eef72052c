"""`rebuild_answers`: fold every journal anew, and compare or rewrite what interviews keep of it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from questionnaire import operations
from questionnaire.models import Interview


class Command(BaseCommand):
    help = "Rebuild the answers of every interview from its journal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 where one differs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        only_check = options["check"]
        interviews = Interview.objects.select_related("version").order_by("pk")
        total = interviews.count()
        found = operations.rebuild_all(interviews.iterator(500), save=not only_check)
        for pk, columns in found:
            self.stdout.write(f"interview {pk}: {', '.join(columns)}")
        verb = "differ from" if only_check else "were rewritten from"
        self.stdout.write(f"{total} interviews, {len(found)} {verb} their journal")
        if only_check and found:
            sys.exit(1)

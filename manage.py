#!/usr/bin/env python3
"""Django's command line for Allô Quartiers CATI."""

import json
import os
import sys
from pathlib import Path


def join_running_product() -> None:
    """Without settings of its own, a command works on the `make run` of this data folder."""
    data = Path(os.environ.get("DATA_DIR") or Path(__file__).parent / "var")
    running = data / "environment.json"
    if "DATABASE_URL" not in os.environ and running.is_file():
        os.environ.update(json.loads(running.read_text()) | os.environ)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cati.settings")
    if sys.argv[1:2] != ["up"]:
        join_running_product()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

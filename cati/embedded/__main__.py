"""`python -m cati.embedded -- COMMAND …`: run a command on throwaway engines.

The command takes this process's place, so its exit code, its terminal and its signals are its
own; the guard notices when it ends, however it ends, and removes the engines.
"""

from __future__ import annotations

import os
import sys

from cati.embedded.engines import throwaway, throwaway_environment


def main(argv: list[str]) -> None:
    if argv[:1] != ["--"] or not argv[1:]:
        raise SystemExit("usage: python -m cati.embedded -- COMMAND [ARGUMENT …]")
    engines = throwaway()
    os.set_inheritable(engines.guard.lifeline, True)
    os.execvpe(argv[1], argv[1:], os.environ | throwaway_environment(engines))  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])

"""The guard: a small process that owns the engines and outlives its launcher only to stop them.

A launcher that is killed (`kill -9`) cannot clean up, so it must not be the parent of what it
starts. `Guard` runs this file as a process in a session of its own, which starts the children the
launcher asks for. Its standard input is the lifeline: when the launcher closes it or dies, the
guard stops the children in reverse order, removes the folders it was told to, and leaves. Each
child also asks the kernel to be stopped when the guard dies, so that killing either leaves nothing.

The guard knows nothing of PostgreSQL or Django and imports the standard library alone: it is
run with `-I -S` and takes 10 MB.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
CLOSING_PATIENCE = 90.0


def stopped_with_parent(with_signal: int) -> None:
    """Ask the kernel to send this process a signal when its parent dies (Linux only).

    A second net under the guard. Not enough alone: the kernel forgets the wish when a process
    changes user, and it reaches no grand-child.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, with_signal)


class ChildFailed(RuntimeError):
    """A child ended where it should have gone on, or did not get ready in time."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        super().__init__(f"{name} {reason}. Its last words, from {log}:\n{last_lines(log)}")
        self.name = name


class GuardKilled(RuntimeError):
    """The guard is gone, and by the kernel's second net the children with it."""

    def __init__(self) -> None:
        super().__init__("The process that guards the engines was killed: all is stopped.")


def last_lines(log: Path, count: int = 15) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(
            f"  | {line}" for line in log.read_text(errors="replace").splitlines()[-count:]
        )
    return "  | (nothing)"


class Guard:
    """The launcher's end: `start` children, learn of their ends, `close` to stop them all.

    `keep` are file descriptors (a lock) that stay open until the last child is stopped.
    """

    def __init__(self, keep: Sequence[int] = ()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            pass_fds=keep,
            bufsize=0,
        )
        assert self._process.stdin and self._process.stdout
        self._requests, self._reports = self._process.stdin, self._process.stdout
        self._unread = b""
        self._ends: deque[tuple[str, int]] = deque()
        self._logs: dict[str, Path] = {}
        self._errands: set[str] = set()
        self._done: set[str] = set()

    @property
    def lifeline(self) -> int:
        """The descriptor whose closing stops everything."""
        return self._requests.fileno()

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        account: tuple[int, int] | None = None,
        stop: int = signal.SIGTERM,
        patience: float = 10.0,
        errand: bool = False,
    ) -> int:
        """Start a child in a session of its own and return its process id.

        account: (uid, gid) to become, for root only. stop: the signal that ends it;
        patience: seconds before its whole process group is killed instead.
        errand: it is meant to end, and `wait_for` will ask for it.
        """
        self._logs[name] = log
        if errand:
            self._errands.add(name)
        self._ask(
            {
                "do": "start",
                "name": name,
                "argv": [str(word) for word in argv],
                "log": str(log),
                "env": dict(os.environ if env is None else env),
                "folder": str(folder) if folder else None,
                "account": account,
                "stop": int(stop),
                "patience": patience,
            }
        )
        while True:
            report = self._report(None) or {}
            if "pid" in report:
                return int(report["pid"])
            if "error" in report:
                raise ChildFailed(name, f"could not be started: {report['error']}", log)

    def run(self, name: str, argv: Sequence[str | Path], *, log: Path, **how: Any) -> None:
        """Start an errand and wait for it to end well; raises ChildFailed otherwise."""
        self.start(name, argv, log=log, errand=True, **how)
        self.wait_for(name)

    def wait_for(self, name: str) -> None:
        """Wait for an errand to end well; raises ChildFailed if it fails or another child ends."""
        while name not in self._done:
            if end := self.next_end(None):
                raise self.failure(*end)
        self._done.remove(name)

    def wait_until(self, name: str, ready: Callable[[], bool], *, within: float) -> None:
        """Poll `ready` until it is true; raises ChildFailed when a child ends or time is up."""
        deadline = time.monotonic() + within
        while not ready():
            if end := self.next_end(0.02):
                raise self.failure(*end)
            if time.monotonic() > deadline:
                raise ChildFailed(name, f"was not ready within {within:.0f} s", self._logs[name])

    def next_end(self, timeout: float | None) -> tuple[str, int] | None:
        """The next child that ended, as (name, exit code or minus signal).

        None when time is up, and when an errand ended well.
        """
        if not self._ends:
            self._report(timeout)
        return self._ends.popleft() if self._ends else None

    def failure(self, name: str, code: int) -> ChildFailed:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return ChildFailed(name, how, self._logs[name])

    def remove_at_the_end(self, folders: Iterable[Path]) -> None:
        """Have folders deleted once every child is stopped, whatever became of the launcher."""
        self._ask({"do": "remove", "folders": [str(folder) for folder in folders]})

    def close(self) -> None:
        """Stop every child in reverse order and wait until the last one is gone."""
        with contextlib.suppress(OSError):
            self._requests.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSING_PATIENCE)
        self._reports.close()

    def _ask(self, request: dict[str, Any]) -> None:
        waiting = memoryview(json.dumps(request).encode() + b"\n")
        try:
            while waiting:
                waiting = waiting[self._requests.write(waiting) or 0 :]
        except BrokenPipeError:
            raise GuardKilled from None

    def _report(self, timeout: float | None) -> dict[str, Any] | None:
        """Read one report, and keep what it says of an end. None when time is up."""
        while b"\n" not in self._unread:
            if not select.select([self._reports], [], [], timeout)[0]:
                return None
            received = self._reports.read(65536)
            if not received:
                raise GuardKilled
            self._unread += received
        line, self._unread = self._unread.split(b"\n", 1)
        report: dict[str, Any] = json.loads(line)
        match report:
            case {"name": str(name), "code": 0} if name in self._errands:
                self._done.add(name)
            case {"name": str(name), "code": int(code)}:
                self._ends.append((name, code))
        return report


# What follows runs in the guard's own process.


@dataclass
class Child:
    process: subprocess.Popen[bytes]
    stop_signal: int
    patience: float

    def has_ended(self) -> bool:
        """Asked without reaping: while the dead child is unreaped, its number is not reused."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None

    def reap(self) -> int:
        """Kill what is left of its process group (its own children), then read its exit code."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(self.stop_signal)
        deadline = time.monotonic() + self.patience
        while not self.has_ended() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.reap()


class Warden:
    """Starts and stops the children that the launcher asks for on standard input."""

    def __init__(self) -> None:
        self.launcher = os.getppid()
        self.children: dict[str, Child] = {}
        self.folders: list[str] = []
        self.unread = b""

    def watch(self) -> None:
        """Until the launcher closes the lifeline or is no longer our parent.

        Both are asked: a process forked by the launcher may hold the lifeline open after it.
        """
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        while os.getppid() == self.launcher:
            readable, _, _ = select.select([0, woken], [], [], 1.0)
            if woken in readable:
                os.read(woken, 4096)
            if 0 in readable and not self.read_requests():
                return
            self.report_ends()

    def read_requests(self) -> bool:
        received = os.read(0, 65536)
        *lines, self.unread = (self.unread + received).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if request["do"] == "remove":
                self.folders += request["folders"]
            else:
                self.start(request)
        return bool(received)

    def start(self, request: dict[str, Any]) -> None:
        name, stop_signal, guard = request["name"], request["stop"], os.getpid()

        def before_exec() -> None:
            # After the change of user, which would make the kernel forget it.
            stopped_with_parent(stop_signal)
            if os.getppid() != guard:
                os._exit(1)

        uid, gid = request["account"] or (None, None)
        try:
            with Path(request["log"]).open("ab") as log:
                process = subprocess.Popen(
                    request["argv"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=request["env"],
                    cwd=request["folder"],
                    start_new_session=True,
                    user=uid,
                    group=gid,
                    extra_groups=None if uid is None else [],
                    preexec_fn=before_exec,
                )
        except (OSError, subprocess.SubprocessError) as error:
            self.report({"name": name, "error": str(error)})
            return
        self.children[name] = Child(process, stop_signal, request["patience"])
        self.report({"name": name, "pid": process.pid})

    def report_ends(self) -> None:
        for name, child in list(self.children.items()):
            if child.has_ended():
                del self.children[name]
                self.report({"name": name, "code": child.reap()})

    def report(self, report: dict[str, Any]) -> None:
        # A launcher that just died no longer reads: the next turn of the loop notices.
        with contextlib.suppress(BrokenPipeError):
            os.write(1, json.dumps(report).encode() + b"\n")

    def stop_all(self) -> None:
        for child in reversed(self.children.values()):
            child.stop()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


def leave(*_: object) -> None:
    raise SystemExit


def main() -> None:
    for deaf in (signal.SIGINT, signal.SIGHUP):
        signal.signal(deaf, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)
    warden = Warden()
    try:
        warden.watch()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        warden.stop_all()


if __name__ == "__main__":
    main()

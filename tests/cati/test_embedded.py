"""How the product starts and stops: real launchers, real engines, real kills.

1. Nothing is left running, whether the launcher is asked to stop, killed, or loses its parent.
2. Data outlive the launcher; a folder has one launcher at a time.
3. The place is found: as root, in a closed folder, in one whose path no socket can bear.
4. What may die is started again; what may not stops everything and is named.
5. The application's role owns nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from urllib.request import urlopen

import psycopg
import pytest
from django.conf import settings

from cati.embedded.engines import APPLICATION
from cati.embedded.lock import is_alive
from cati.embedded.place import place_for
from tests.launcher import Launcher, family, free_port, parent_of, remove, wait_until

pytestmark = pytest.mark.faults

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change user")


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that the user of postgres can reach, which pytest's own (mode 0700) is not."""
    parent = Path(mkdtemp(prefix="cati-test-", dir="/tmp"))
    parent.chmod(0o755)
    yield parent / "var"
    shutil.rmtree(parent)


@pytest.fixture(scope="module")
def running() -> Iterator[Launcher]:
    """One launcher for the tests that leave it as it was."""
    parent = Path(mkdtemp(prefix="cati-test-", dir="/tmp"))
    parent.chmod(0o755)
    launcher = Launcher(parent / "var", "--engines-only").ready()
    yield launcher
    launcher.stop()
    shutil.rmtree(parent)


# 1. Nothing is left running


def test_asked_to_stop_it_says_so_and_leaves_nothing(data: Path) -> None:
    launcher = Launcher(data, "--engines-only").ready()
    assert len(launcher.seen) > 5
    assert launcher.stop() == 0
    assert "All stopped" in launcher.said()
    assert launcher.leaves_nothing(within=0)


def test_killed_it_leaves_nothing_and_the_next_run_finds_the_data(data: Path) -> None:
    launcher = Launcher(data, "--engines-only").ready()
    launcher.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    launcher.process.kill()
    launcher.process.wait()
    again = Launcher(data, "--engines-only").ready()
    assert launcher.leaves_nothing()
    assert again.execute("SELECT answer FROM kept") == [(42,)]
    assert again.stop() == 0


def test_killed_while_it_starts_it_leaves_nothing(data: Path) -> None:
    launcher = Launcher(data, "--engines-only")
    wait_until(lambda: (data / "log" / "initdb.log").exists(), 20)
    launcher.seen |= family(launcher.process.pid)
    launcher.process.kill()
    launcher.process.wait()
    assert launcher.leaves_nothing()
    assert Launcher(data, "--engines-only").ready().stop() == 0


def test_a_killed_guard_takes_everything_with_it(data: Path) -> None:
    launcher = Launcher(data, "--engines-only").ready()
    os.kill(parent_of(launcher.pid_of("postgres")), signal.SIGKILL)
    assert launcher.process.wait(20) == 1
    assert "guards the engines was killed" in launcher.said()
    assert launcher.leaves_nothing()


def test_it_stops_with_its_parent_when_asked_to(data: Path) -> None:
    under_make = ("sh", "-c", '"$@" & wait', "sh")
    launcher = Launcher(data, "--engines-only", "--with-parent", under=under_make).ready()
    launcher.process.kill()
    launcher.process.wait()
    assert launcher.leaves_nothing()
    assert "All stopped" in launcher.said()


def test_a_command_on_throwaway_engines_keeps_its_exit_code_and_leaves_nothing() -> None:
    script = "import os; print(os.environ['DATA_DIR']); raise SystemExit(7)"
    bare = {name: value for name, value in os.environ.items() if name != "DATA_DIR"}
    command = [sys.executable, "-m", "cati.embedded", "--", sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 7
    wait_until(lambda: not Path(done.stdout.strip()).exists(), 15)


# 2. One launcher per folder


def test_a_second_run_says_where_the_first_answers_and_leaves_it_alone(running: Launcher) -> None:
    second = subprocess.run(
        [sys.executable, "manage.py", "up", "--port", "8999"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATA_DIR": str(running.data)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode != 0
    assert f"http://localhost:8000/ (process {running.process.pid})" in second.stderr
    assert running.execute("SELECT 1") == [(1,)]


def test_a_busy_port_is_refused_before_anything_starts(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        launcher = Launcher(data, "--port", str(port))
        assert launcher.process.wait(30) == 1
    assert f"make run PORT={port + 1}" in launcher.said()
    assert not (data / "postgresql").exists()


# 3. The place


@as_root
def test_as_root_postgresql_runs_as_somebody_else(running: Launcher) -> None:
    assert Path(f"/proc/{running.pid_of('postgres')}").stat().st_uid != 0
    assert (running.data / "run").stat().st_mode & 0o777 == 0o700


@as_root
def test_in_a_closed_folder_the_cluster_lies_elsewhere_and_it_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    launcher = Launcher(tmp_path / "var", "--engines-only").ready()
    place = place_for(launcher.data)
    assert f"the database lies in {place.cluster.parent}" in launcher.said()
    assert launcher.execute("SELECT 1") == [(1,)]
    assert launcher.stop() == 0
    remove(place)


def test_in_a_folder_that_no_socket_can_bear_it_uses_a_short_one(data: Path) -> None:
    long = data / ("Téléchargements de l'enquête " * 4) / "var"
    launcher = Launcher(long, "--engines-only").ready()
    place = place_for(long)
    assert f"sockets lie in {place.sockets}" in launcher.said()
    assert launcher.execute("SELECT 1") == [(1,)]
    assert launcher.stop() == 0
    remove(place)


# 4. What dies


def test_a_dead_valkey_is_started_again(running: Launcher) -> None:
    dead = running.pid_of("valkey-server")
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: not is_alive(dead), 5)
    wait_until(lambda: answers(running.data / "run" / "valkey.sock"), 10)
    running.seen |= family(running.process.pid)
    assert "valkey was killed by SIGKILL" in running.said()


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            # Nobody listens yet, or the one who did has just been killed.
            return False


def test_a_dead_postgresql_stops_everything_and_is_named(data: Path) -> None:
    launcher = Launcher(data, "--engines-only").ready()
    os.kill(launcher.pid_of("postgres"), signal.SIGKILL)
    assert launcher.process.wait(30) == 1
    assert "postgresql was killed by SIGKILL" in launcher.said()
    assert launcher.leaves_nothing()


# 5. The roles


def test_the_application_writes_rows_and_owns_nothing(running: Launcher) -> None:
    running.execute("CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY, text text)")
    running.execute("INSERT INTO note (text) VALUES ('lu')", role=APPLICATION)
    assert running.execute("SELECT id, text FROM note", role=APPLICATION) == [(1, "lu")]
    for forbidden in ("DROP TABLE note", "TRUNCATE note", "CREATE TABLE mine ()"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            running.execute(forbidden, role=APPLICATION)
    running.execute("DROP TABLE note")


# The whole


def test_the_whole_product_gets_ready_and_stops_without_a_trace(data: Path) -> None:
    lives_twice(data)


@as_root
def test_so_it_does_for_root_in_a_closed_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    lives_twice(tmp_path / "var")
    remove(place_for(tmp_path / "var"))


def lives_twice(data: Path) -> None:
    """Killed in its first life, asked to stop in the second, on the same data."""
    port = free_port()
    launcher = Launcher(data, "--port", str(port)).ready()
    with urlopen(f"http://127.0.0.1:{port}/readyz") as reply:
        assert reply.status == 200
    assert "superviseur" in launcher.said()
    cases = launcher.execute("SELECT count(*), max(due_at) FROM cati_case")
    launcher.process.kill()
    launcher.process.wait()
    assert launcher.leaves_nothing(within=30)
    again = Launcher(data, "--port", str(port)).ready()
    assert again.execute("SELECT count(*), max(due_at) FROM cati_case") == cases
    assert again.stop() == 0
    assert again.leaves_nothing(within=0)

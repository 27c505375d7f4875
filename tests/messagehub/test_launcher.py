"""The launcher against real servers: started, shared, killed and brought back."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from messagehub import launcher
from messagehub.launcher import places, processes

CLONE = Path(__file__).resolve().parent.parent.parent
HOLD = """
import sys, time
from pathlib import Path
from messagehub import launcher
from messagehub.launcher import places, processes
launcher.ensure(Path(sys.argv[1]), durable=False)
print("ready", flush=True)
time.sleep(60)
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another account")
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of a death")


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="mh-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def ensure(monkeypatch) -> Iterator[Callable[..., launcher.Services]]:
    """`launcher.ensure` without waiting for disks; what it started is stopped, what the test run uses is not."""
    monkeypatch.setattr(processes, "_started", {})
    yield lambda local_dir: launcher.ensure(local_dir, durable=False)
    launcher.stop()


@contextlib.contextmanager
def held_by_another_process(local_dir: Path) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-c", HOLD, str(local_dir)]
    with subprocess.Popen(command, cwd=CLONE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.terminate()


def connect(services: launcher.Services, user: str = "mh_app") -> psycopg.Connection:
    return psycopg.connect(
        host=services.postgres_host, port=places.POSTGRES_PORT, user=user, dbname="messagehub", autocommit=True
    )


def postmaster(local_dir: Path) -> int:
    return int((local_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_first_start_makes_the_roles_that_row_security_needs(folder, ensure):
    with connect(ensure(folder)) as app:
        roles = app.execute(
            "SELECT rolname, rolcanlogin, rolbypassrls, rolsuper FROM pg_roles WHERE rolname LIKE 'mh\\_%' ORDER BY 1"
        ).fetchall()
        assert roles == [
            ("mh_app", True, False, False),
            ("mh_owner", True, True, False),
            ("mh_system", False, True, False),
        ]
        inherited, may_switch = app.execute(
            "SELECT pg_has_role('mh_system', 'USAGE'), pg_has_role('mh_system', 'SET')"
        ).fetchone()
        assert (inherited, may_switch) == (False, True)


def test_no_network_port_is_opened_and_sorting_is_the_same_everywhere(folder, ensure):
    with connect(ensure(folder)) as app:
        assert app.execute("SHOW listen_addresses").fetchone() == ("",)
        sorting = app.execute("SELECT datlocale FROM pg_database WHERE datname = 'messagehub'").fetchone()
        assert sorting == ("C.UTF-8",)
        assert int(app.execute("SHOW max_connections").fetchone()[0]) >= 100


def test_a_second_process_shares_the_servers_and_leaves_them_running(folder, ensure):
    with held_by_another_process(folder):
        services = ensure(folder)
        launcher.stop()
        assert launcher.alive(services)


def test_stopping_stops_what_this_process_started(folder, ensure):
    services = ensure(folder)
    launcher.stop()
    assert not launcher.alive(services, valkey=False)
    assert not launcher.alive(services, postgres=False)


@on_linux
def test_killing_the_owner_takes_its_servers_along(folder):
    services = launcher.locate(folder)
    with held_by_another_process(folder) as owner:
        assert launcher.alive(services)
        owner.kill()
        owner.wait()
        assert eventually(lambda: not launcher.alive(services, valkey=False))
        assert eventually(lambda: not launcher.alive(services, postgres=False))


def test_a_killed_server_comes_back_with_what_was_committed(folder, ensure):
    with held_by_another_process(folder):
        services = launcher.locate(folder)
        with connect(services, "mh_owner") as owner:
            owner.execute("SET synchronous_commit = on")
            owner.execute("CREATE TABLE kept AS SELECT 1 AS n")
        os.kill(postmaster(folder), signal.SIGKILL)
        ensure(folder)
        with connect(services, "mh_owner") as owner:
            assert owner.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_lock_file_that_names_somebody_elses_process_is_no_server(folder, ensure):
    """After a reboot or in a new container the noted process id can be anybody's."""
    ensure(folder)
    pid = postmaster(folder)
    server = processes._started.pop((folder.resolve(), "postgres")).process
    server.kill()
    server.wait()
    lock_file = folder / "postgres" / "postmaster.pid"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        lock_file.write_text(lock_file.read_text().replace(str(pid), str(stranger.pid), 1))
        services = ensure(folder)
        assert launcher.alive(services)
        assert stranger.poll() is None
        stranger.kill()


def test_data_of_another_major_version_is_left_alone(folder, ensure):
    ensure(folder)
    launcher.stop()
    (folder / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(launcher.LauncherError, match="written by PostgreSQL 17, but 18 is installed"):
        ensure(folder)


def test_a_long_path_gets_a_short_private_socket_directory(folder, ensure):
    local_dir = folder / ("long" * 30)
    services = ensure(local_dir)
    sockets = Path(services.postgres_host)
    try:
        assert len(services.postgres_host) < 60
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert launcher.alive(services)
        assert (local_dir / "postgres" / "PG_VERSION").exists()
    finally:
        launcher.stop()
        shutil.rmtree(sockets)


def test_locating_changes_nothing(folder):
    local_dir = folder / "not yet"
    assert launcher.locate(local_dir) == launcher.locate(local_dir)
    assert not local_dir.exists()


def test_nothing_is_made_where_other_servers_are_used(folder):
    launcher.ensure(folder / "unused", postgres=False, valkey=False)
    assert not (folder / "unused").exists()


def test_two_clones_run_side_by_side(folder, ensure):
    one, two = ensure(folder / "one"), ensure(folder / "two")
    with connect(one, "mh_owner") as first, connect(two, "mh_owner") as second:
        first.execute("CREATE TABLE here AS SELECT 1 AS n")
        assert second.execute("SELECT to_regclass('here')").fetchone() == (None,)
    assert launcher.alive(one)
    assert launcher.alive(two)


@as_root
def test_a_directory_that_somebody_else_laid_in_place_is_refused(folder, ensure):
    sockets = folder / "run"
    sockets.mkdir()
    os.chown(sockets, 12345, -1)
    with pytest.raises(launcher.LauncherError, match="made by another account"):
        ensure(folder)


@as_root
def test_a_private_home_stays_private(folder, ensure):
    folder.chmod(0o700)
    home = places.place_of(folder / "local").home
    try:
        assert launcher.alive(ensure(folder / "local"))
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder not in home.parents
    finally:
        launcher.stop()
        shutil.rmtree(home)

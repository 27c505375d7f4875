"""A pytest plugin that gives each process of a run servers of its own, and the environment that settings read.

Loaded by `-p` in pyproject.toml: pytest-django reads the settings before it reads any conftest.py. Each of xdist's
workers has a PostgreSQL, a Valkey and a folder of its own, so no lock, wake-up or hint crosses from one to another.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from messagehub import launcher
from tests.made_once import ROOT, copy_migrated_database, run_folder

WORKERS = 4  # for two cores, as a third of the time is spent waiting
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
ENVIRONMENT = {
    "SECRET_KEY": "only-for-tests-" + "0" * 40,
    "FIELD_ENCRYPTION_KEYS": "dGhpcy1rZXktaXMtb25seS1mb3ItdGVzdHMtMDAwMDA=",
    "PUBLIC_BASE_URL": "http://testserver",
    "SANDBOX": "1",
    "DEBUG": "0",
}

TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> ALL(%s)"
)
KEPT = ["django_migrations", "django_content_type", "auth_permission"]


def _prepare_environment() -> Path:
    """Say in the environment where the servers of this process will be; they are started when a test needs them."""
    local_dir = run_folder() / (WORKER or "main")
    local_dir.mkdir(mode=0o711)
    (local_dir / "static").mkdir()
    for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ.update(ENVIRONMENT, MESSAGEHUB_LOCAL_DIR=str(local_dir))
    return local_dir


_local_dir = _prepare_environment()
_beside: list[subprocess.Popen] = []


def start_valkey() -> None:
    launcher.ensure(_local_dir, postgres=False)


def start_postgres() -> None:
    copy_migrated_database(_local_dir)
    launcher.ensure(_local_dir, valkey=False, durable=False)


def connect_unchecked() -> psycopg.Connection:
    """As the superuser and without triggers, so no reference is checked, and no append-only table refuses."""
    host = launcher.locate(_local_dir).postgres_host
    database = psycopg.connect(host=host, user="postgres", dbname="messagehub", autocommit=True)
    database.execute("SET session_replication_role = replica")
    return database


def vacuum_table(database: psycopg.Connection, table: str) -> None:
    """Until each page is known to be visible to all, or plans would read the table where its index has everything.

    A snapshot that somebody holds, as autovacuum does while it analyzes, keeps the newest rows from that.
    """
    deadline = time.monotonic() + 15
    while True:
        database.execute(f"VACUUM ANALYZE {table}")
        pages = database.execute("SELECT relpages, relallvisible FROM pg_class WHERE oid = %s::regclass", [table])
        count, visible_count = pages.fetchone()
        if count == visible_count:
            return
        assert time.monotonic() < deadline, (
            f"{count - visible_count} of {count} pages of {table} are not visible to all"
        )
        time.sleep(0.05)


def empty_tables() -> None:
    """Delete every row but those that migrations leave: far less work than Django's flush, which makes them anew."""
    with connect_unchecked() as database:
        tables = [name for (name,) in database.execute(TABLES, [KEPT])]
        filled = database.execute(
            " UNION ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables)
        )
        for (name,) in filled.fetchall():
            database.execute(f"DELETE FROM {name}")


@pytest.hookimpl(tryfirst=True)  # before xdist counts processors
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Several for the suite or a folder of it; for a file, starting them would take longer than they save."""
    return WORKERS if any(Path(argument).is_dir() for argument in config.args) else 0


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where several share the tests, the demo is made beside those that need none, which come first."""
    if WORKER == "gw0" and any("demo" in getattr(item, "fixturenames", ()) for item in session.items):
        _beside.append(subprocess.Popen([sys.executable, "-m", "tests.running_demo"], cwd=ROOT))


def pytest_unconfigure() -> None:
    for process in _beside:
        process.send_signal(signal.SIGINT)
        process.wait()
    launcher.stop()
    if not WORKER:
        shutil.rmtree(run_folder(), ignore_errors=True)

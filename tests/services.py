"""A pytest plugin that gives the run a PostgreSQL and a Valkey of its own, and the environment that settings read.

Loaded by `-p` in pyproject.toml: pytest-django reads the settings before it reads any conftest.py. A database of your
own is used instead when TEST_DATABASE_URL (and TEST_MIGRATE_DATABASE_URL, for the role that migrates) say so.
"""

import os
import shutil
import tempfile
from pathlib import Path

from messagehub import launcher

ENVIRONMENT = {
    "SECRET_KEY": "only-for-tests-" + "0" * 40,
    "FIELD_ENCRYPTION_KEYS": "dGhpcy1rZXktaXMtb25seS1mb3ItdGVzdHMtMDAwMDA=",
    "PUBLIC_BASE_URL": "http://testserver",
    "SANDBOX": "1",
    "DEBUG": "0",
}
IS_XDIST_WORKER = "PYTEST_XDIST_WORKER" in os.environ


def _start() -> Path:
    """Start what the run needs and say so in the environment, which xdist's workers inherit."""
    local_dir = Path(tempfile.mkdtemp(prefix="messagehub-tests-"))
    local_dir.chmod(0o711)  # started by root, the servers run as another account and must get in
    for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
        if given := os.environ.get(f"TEST_{name}"):
            os.environ[name] = given
    os.environ.update(ENVIRONMENT, MESSAGEHUB_LOCAL_DIR=str(local_dir))
    launcher.ensure(
        local_dir, postgres="DATABASE_URL" not in os.environ, valkey="REDIS_URL" not in os.environ, durable=False
    )
    return local_dir


_local_dir = None if IS_XDIST_WORKER else _start()


def pytest_unconfigure() -> None:
    if _local_dir:
        launcher.stop()
        shutil.rmtree(_local_dir, ignore_errors=True)

"""Where a bench runs: a PostgreSQL and a Valkey of its own, durable as in production, and a sandbox beside them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from messagehub import launcher

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def place() -> Iterator[Path]:
    """Servers and settings for this process and those that it starts; everything is gone afterwards."""
    local_dir = Path(tempfile.mkdtemp(prefix="messagehub-bench-"))
    local_dir.chmod(0o711)  # started by root, the servers run as another account and must get in
    for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="messagehub.settings",
        MESSAGEHUB_LOCAL_DIR=str(local_dir),
        SECRET_KEY="only-for-a-bench-" + "0" * 40,
        FIELD_ENCRYPTION_KEYS="dGhpcy1rZXktaXMtb25seS1mb3ItdGVzdHMtMDAwMDA=",
        PUBLIC_BASE_URL="http://127.0.0.1:9",
        SANDBOX="1",
        DEBUG="0",
    )
    launcher.ensure(local_dir)
    try:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield local_dir
    finally:
        launcher.stop()
        shutil.rmtree(local_dir, ignore_errors=True)


@contextmanager
def worker(local_dir: Path, **environment: str) -> Iterator[subprocess.Popen]:
    """A real worker process."""
    with (local_dir / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"], cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)

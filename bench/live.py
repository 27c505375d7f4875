"""Frames to a thousand sockets of one chatroom, by the `live` process as it runs in production and by a bare server."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from bench.place import ROOT
from bench.table import Line
from messagehub import tenancy

SOCKETS, FRAMES, ROUNDS = 1000, 60, 5


def run(local_dir: Path) -> list[Line]:
    room, token = _tenant()
    ours, bare = _free_port(), _free_port()
    with (
        _process(*_production_command(ours)) as live,
        _process(sys.executable, "-m", "bench.bare_sockets", str(bare)) as server,
    ):
        _wait_until_up(ours)
        server.stdout.readline()
        with _clients(ours, "/ws/inbox", token) as our_clients, _clients(bare, "/", token) as bare_clients:
            time.sleep(1.5)  # until sockets that sent no hello are given live frames
            rates: dict[str, list[float]] = {"ours": [], "bare": []}
            for _ in range(ROUNDS):
                rates["bare"].append(_rate(bare_clients, lambda: _say(server, FRAMES)))
                rates["ours"].append(_rate(our_clients, lambda: _publish(room, FRAMES)))
        if live.poll() is not None:
            raise RuntimeError("The live process has ended.")
    return [
        Line(
            "Deliveries a second, 1,000 sockets of one room",
            median(rates["ours"]),
            "a bare websocket server",
            median(rates["bare"]),
            aim=0.5,
        )  # fmt: skip
    ]


def _production_command(port: int) -> list[str]:
    """How docker-compose.yml starts `live`."""
    command = re.search(r"uvicorn messagehub.asgi:live [^\n]*\n[^\n]*", (ROOT / "docker-compose.yml").read_text())[0]
    words = re.sub(r"--host \S+ --port \d+", f"--host 127.0.0.1 --port {port}", command).split()
    return [str(Path(sys.executable).with_name(words[0])), *words[1:]]


def _tenant():
    from accounts import keys
    from tests import factories

    organization = factories.OrganizationFactory()
    with tenancy.organization(organization.pk):
        conversation = factories.ConversationFactory(chatroom=factories.ChatroomFactory(organization=organization))
        factories.MessageFactory(
            conversation=conversation, content="A sentence of an ordinary length, as people write."
        )
        admin = factories.UserFactory(organization=organization, role="admin")
        return conversation, keys.create_key(admin, "Bench", ["read"])[1]


def _publish(conversation, count: int) -> None:
    """Real events of the log, as an operation makes them."""
    from messaging.live import event_log

    for _ in range(count):
        with tenancy.organization(conversation.organization_id):
            message = conversation.messages.first()
            event_log.record_events(
                [
                    event_log.Change(
                        event_log.CREATED, message.organization_id, message.chatroom_id, conversation.pk, message.pk
                    )
                ]
            )


def _rate(clients: subprocess.Popen, give: Callable[[], None]) -> float:
    _say(clients, FRAMES)
    clients.stdout.readline()
    began = time.time()
    give()
    return SOCKETS * FRAMES / (float(clients.stdout.readline()) - began)


def _say(process: subprocess.Popen, number: int) -> None:
    process.stdin.write(f"{number}\n")
    process.stdin.flush()


@contextmanager
def _process(*command: str) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def _clients(port: int, path: str, token: str) -> Iterator[subprocess.Popen]:
    command = (sys.executable, "-m", "bench.socket_clients", "127.0.0.1", str(port), path, token, str(SOCKETS))
    with _process(*command) as process:
        if process.stdout.readline() != "open\n":
            raise RuntimeError("The sockets could not be opened.")
        yield process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_up(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2)
        except OSError as error:
            if getattr(error, "code", None):
                return
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The live process does not start.")

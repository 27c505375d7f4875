"""The sandbox as a process of its own, for tests that need a provider on a real socket.

    with sandbox_server(tmp_path) as sandbox:
        sandbox.add_account("AC...", "token")
        client = Client("AC...", "token")
        client.api.base_url = sandbox.base_url

The same folder and port can be given again after `kill`, as a provider that comes back.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from integrations.sandbox import store

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 30


@dataclass
class SandboxServer:
    origin: str
    local_dir: Path
    process: subprocess.Popen

    @property
    def base_url(self) -> str:
        return f"{self.origin}/sandbox"

    @property
    def port(self) -> int:
        return int(self.origin.rsplit(":", 1)[1])

    @property
    def database(self) -> Path:
        return self.local_dir / "sandbox.sqlite3"

    def add_account(self, sid: str, auth_token: str) -> None:
        store.add_account(sid, auth_token, path=self.database)

    def add_number(self, account_sid: str, phone: str, sms_url: str = "", friendly_name: str = "Test") -> str:
        return store.add_number(account_sid, phone, sms_url, friendly_name, path=self.database)

    def add_app(self, app_id: str, secret: str, webhook_url: str, verify_token: str = "") -> None:
        store.add_app(app_id, secret, webhook_url, verify_token, path=self.database)

    def add_page(self, page_id: str, name: str, token: str, app_id: str, **more: Any) -> None:
        store.add_page(page_id, name, token, app_id, path=self.database, **more)

    def add_person(self, account_id: str, person_id: str, **more: Any) -> None:
        store.add_person(account_id, person_id, path=self.database, **more)

    def get(self, path: str) -> dict[str, Any]:
        answer = requests.get(self.base_url + path, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **payload: Any) -> dict[str, Any]:
        answer = requests.post(self.base_url + path, json=payload, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def fault(self, kind: str, count: int = 1, **options: Any) -> None:
        self.post("/faults", provider="twilio", kind=kind, count=count, **options)

    def graph_fault(self, kind: str, count: int = 1, **options: Any) -> None:
        self.post("/faults", provider="meta", kind=kind, count=count, **options)

    def clear_faults(self) -> None:
        requests.delete(f"{self.base_url}/faults", timeout=10).raise_for_status()

    def drop_events(self) -> None:
        """Forget what apps of Meta's are still to be told."""
        requests.delete(f"{self.base_url}/meta/events", timeout=10).raise_for_status()

    def accepted(self, account_sid: str) -> list[dict[str, Any]]:
        """The oracle: every message accepted for this account, newest first."""
        messages: list[dict[str, Any]] = []
        path: str | None = f"/2010-04-01/Accounts/{account_sid}/Messages.json?PageSize=1000"
        while path:
            page = self.get(path)
            messages += [message for message in page["messages"] if message["direction"] != "inbound"]
            path = page["next_page_uri"]
        return messages

    def accepted_by_graph(self, account_id: str) -> list[dict[str, Any]]:
        """The same for a page or an Instagram account."""
        return self.get(f"/meta/messages?account_id={account_id}")["messages"]

    def write_as(self, account_id: str, person_id: str, **message: Any) -> dict[str, Any]:
        """Somebody writes on Messenger or Instagram: `text`, `attachment`, `hours_ago`, `webhook=False`."""
        return self.post(f"/meta/threads/{account_id}/{person_id}/messages", **message)

    def act_as(self, account_id: str, person_id: str, act: str, **more: Any) -> dict[str, Any]:
        return self.post(f"/meta/threads/{account_id}/{person_id}/acts", act=act, **more)

    def post_batch(self, app_id: str, payload: dict[str, Any]) -> int | str:
        """Any webhook of Meta's, signed; returns how the app answered."""
        return self.post(f"/meta/apps/{app_id}/webhooks", **payload)["answer"]

    def wait_until_quiet(self, timeout: float = 20) -> None:
        """Return when every planned status was reached and its callback answered or given up."""
        deadline = time.monotonic() + timeout
        while self.get("/requests")["open_steps"]:
            assert time.monotonic() < deadline, "The sandbox still has callbacks to make."
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def sandbox_server(local_dir: Path, port: int | None = None) -> Iterator[SandboxServer]:
    port = port or free_port()
    origin = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "SECRET_KEY": "only-for-tests-" + "0" * 40,
        "DJANGO_SETTINGS_MODULE": "messagehub.settings",
        "FIELD_ENCRYPTION_KEYS": "dGhpcy1rZXktaXMtb25seS1mb3ItdGVzdHMtMDAwMDA=",
        "MESSAGEHUB_LOCAL_DIR": str(local_dir),
        "PUBLIC_BASE_URL": origin,
        "SANDBOX": "1",
        "DEBUG": "1",  # static files by their own names, without collectstatic
    }
    with (local_dir / "sandbox.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox_server", str(port)], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    server = SandboxServer(origin, local_dir, process)
    try:
        _wait_until_up(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:  # an answer is being withheld
            server.kill()


def _wait_until_up(server: SandboxServer) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        try:
            server.get("/settings")
            return
        except requests.ConnectionError:
            if server.process.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError("The sandbox did not start:\n" + (server.local_dir / "sandbox.log").read_text())


def serve(port: int) -> None:
    import django
    import uvicorn
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

    from integrations.sandbox.wire import application

    django.setup()
    uvicorn.run(ASGIStaticFilesHandler(application), port=port, log_level="critical", access_log=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]))

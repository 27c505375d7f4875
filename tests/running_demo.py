"""The whole product as its users start it: `manage.py demo` in a folder and on a port of its own.

with running_demo(folder) as demo:
    maya = demo.client(demo.agent)
    demo.text("+15550009999", demo.number, "Hello")
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import requests
import websockets

from tests.demo_shell import DemoShell
from tests.made_once import copy_servers, make_once
from tests.sandbox_server import ROOT, free_port

START_SECONDS = 90
MAKE_SECONDS = 300  # from nothing, with static files to build, beside the whole suite; once in a run
KEPT = ("secrets.json", "sandbox.sqlite3", "media", "static", "static.fingerprint")
phones = (f"+1555900{number:04d}" for number in count(1))


class Client(requests.Session):
    """Somebody signed in by a bearer token."""

    def __init__(self, base_url: str, user: dict, token: str):
        super().__init__()
        self.base_url, self.user, self.token = base_url, user, token
        self.headers["Authorization"] = f"Bearer {token}"
        # A server closes a connection that rests; who asks at that moment over an old one gets no answer.
        self.headers["Connection"] = "close"

    def request(self, method, url, **kwargs):
        return super().request(method, self.base_url + url, **{"timeout": 20, **kwargs})

    def read(self, path: str, **params) -> Any:
        answer = self.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def balance(self) -> int:
        return self.read("/api/auth/me")["token_balance"]

    def conversation_with(self, phone: str) -> dict | None:
        found = self.read("/api/conversations", search=phone)["results"]
        return found[0] if found else None

    def reply(self, conversation: dict, content: str, **more) -> requests.Response:
        return self.post("/api/messages/send", json={"conversation_id": conversation["id"], "content": content, **more})

    def message(self, pk: str) -> dict:
        return self.read(f"/api/messages/{pk}")


@dataclass
class Socket:
    """A client of /ws/inbox that keeps what it was given."""

    raw: Any
    frames: list[dict] = field(default_factory=list)

    async def say(self, **frame) -> None:
        await self.raw.send(orjson.dumps(frame).decode())

    async def until(self, wanted: Callable[[dict], bool], seconds: float = 10) -> dict:
        """The first frame that is wanted; all that came before it are kept too."""
        async with asyncio.timeout(seconds):
            while True:
                self.frames.append(orjson.loads(await self.raw.recv()))
                if wanted(self.frames[-1]):
                    return self.frames[-1]

    async def quiet(self, seconds: float = 1) -> None:
        """Take whatever comes for a while."""
        try:
            await self.until(lambda frame: False, seconds)
        except TimeoutError:
            return


@dataclass
class Demo:
    process: subprocess.Popen
    local_dir: Path
    details: dict
    tokens: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, list] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return self.details["base_url"]

    @cached_property
    def people(self) -> dict[str, dict]:
        """By first name, as their address begins."""
        return {user["email"].split("@")[0]: user for user in self.details["users"]}

    @property
    def agent(self) -> dict:
        return self.details["users"][0]

    @property
    def number(self) -> str:
        return self.details["twilio"]["numbers"][0]["phone"]

    def client(self, who: str | dict) -> Client:
        """Signed in anew only if the last sign-in has ended: the password's hash is slow on purpose."""
        person = self.people[who] if isinstance(who, str) else who
        credentials = {"email": person["email"], "password": person["password"]}
        if token := self.tokens.get(person["email"]):
            me = Client(self.base_url, {}, token).get("/api/auth/me")
            if me.status_code == 200:
                return Client(self.base_url, me.json(), token)
        answer = requests.post(f"{self.base_url}/api/auth/login", json=credentials, timeout=20)
        assert answer.status_code == 200, answer.text
        self.tokens[person["email"]] = answer.json()["token"]
        return Client(self.base_url, answer.json()["user"], answer.json()["token"])

    def sandbox(self, method: str, path: str, **payload) -> Any:
        url = self.details["sandbox_url"] + path
        answer = requests.request(method, url, json=payload or None, timeout=20)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def text(self, phone: str, to: str, body: str) -> dict:
        """Somebody writes to one of our numbers."""
        return self.sandbox("POST", f"/phones/{phone}/messages", to=to, body=body)

    def phone(self, phone: str) -> list[dict]:
        return self.sandbox("GET", f"/phones/{phone}/messages")["messages"]

    def manage(self, *arguments: str) -> str:
        """A `manage.py` command of this clone, without any variables."""
        environment = clean_environment(self.local_dir)
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @cached_property
    def shell(self) -> DemoShell:
        return DemoShell(clean_environment(self.local_dir))

    def close_shell(self) -> None:
        if "shell" in self.__dict__:
            self.shell.close()

    def broken_invariants(self) -> str:
        """What `manage.py prove` would complain about: nothing."""
        return self.shell.run("from tokens import proof; print(*proof.find_broken(), sep='; ', end='')")

    def processes(self, words: str) -> list[int]:
        """The demo's own child processes whose command line has these words."""
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        ).stdout
        return [int(line.split()[0]) for line in listed.splitlines() if words in line]

    def kill_postgres(self) -> None:
        """As if the machine had lost it: no goodbye to anybody."""
        found = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True).stdout
        servers = [line for line in found.splitlines() if "postgres -D" in line and str(self.local_dir) in line]
        assert servers
        for line in servers:
            os.kill(int(line.split()[0]), signal.SIGKILL)

    @asynccontextmanager
    async def socket(self, client: Client, base_url: str = "", **hello):
        headers = {"Authorization": f"Bearer {client.token}"}
        url = (base_url or self.base_url).replace("http", "ws") + "/ws/inbox"
        async with websockets.connect(url, additional_headers=headers) as raw:
            socket = Socket(raw)
            await socket.say(type="hello", **hello)
            yield socket


def eventually(check: Callable[[], Any], seconds: float = 15) -> Any:
    """The first true answer; fails with the last one."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{check} was not true within {seconds} s: {answer!r}"
        time.sleep(0.05)


def clean_environment(local_dir: Path) -> dict[str, str]:
    """What a user's shell would have, and where this demo lives."""
    passed = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "CI")}
    return {**passed, "MESSAGEHUB_LOCAL_DIR": str(local_dir)}


@contextmanager
def demo_folder() -> Iterator[Path]:
    """A folder where a demo ran before, so that it starts soon, on a database where nothing has happened yet.

    Not pytest's own: started by root, the servers run as another account and must get in.
    """
    source = make_demo()
    with tempfile.TemporaryDirectory(prefix="messagehub-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        copy_servers(source, folder)
        subprocess.run(["cp", "-a", *(source / kept for kept in KEPT), folder], check=True)
        yield folder


def make_demo() -> Path:
    """As a user's first start does, from nothing."""
    return make_once("demo", _start_and_stop)


def _start_and_stop(folder: Path) -> None:
    with running_demo(folder, seconds=MAKE_SECONDS):
        pass


@contextmanager
def running_demo(local_dir: Path, *, seconds: int = START_SECONDS, **environment: str) -> Iterator[Demo]:
    port = free_port()
    log_path = local_dir / "demo.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "demo"],
            env={**clean_environment(local_dir), "PORT": str(port), **environment},
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
    try:
        deadline = time.monotonic() + seconds
        while not is_ready(port):
            assert process.poll() is None, log_path.read_text()
            assert time.monotonic() < deadline, log_path.read_text()
            time.sleep(0.1)
        demo = Demo(process, local_dir, json.loads((local_dir / "demo.json").read_text()))
        try:
            yield demo
        finally:
            demo.close_shell()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


if __name__ == "__main__":
    make_demo()

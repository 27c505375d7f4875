"""The processes of one simulation: started, killed, started again. Used from the main thread only."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
import requests
from django.core.management import call_command

from messagehub import launcher
from messagehub.launcher.places import place_of
from messagehub.management.commands.demo import web_command
from tests.sandbox_server import ROOT, SandboxServer, sandbox_server

WORKERS = ("worker 1", "worker 2")
START_SECONDS = 60
RUNNING = "The worker is running."


class Died(Exception):
    """A process ended that nobody had asked to."""


@dataclass
class Processes:
    """`ended` counts how processes went, by name of process and way of going."""

    folder: Path
    web_port: int
    sandbox: SandboxServer
    children: dict[str, subprocess.Popen] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    failpoints: dict[str, str] = field(default_factory=dict)
    log_starts: dict[str, int] = field(default_factory=dict)  # where each log's present process began

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    # ------------------------------------------------------------ servers
    def start_servers(self) -> None:
        launcher.ensure(self.folder)

    def stop_postgres(self, number: signal.Signals) -> None:
        """SIGQUIT is PostgreSQL's immediate shutdown: nobody is waited for, recovery comes with the next start."""
        data = place_of(self.folder).postgres_data
        os.kill(int((data / "postmaster.pid").read_text().splitlines()[0]), number)
        wait_until(lambda: not launcher.alive(launcher.locate(self.folder), valkey=False), "PostgreSQL to be gone")
        self.ended[f"PostgreSQL by {number.name}"] += 1

    def deadlocks(self) -> int:
        """How often PostgreSQL had to end one of several that waited for each other, since it was last started."""
        return (self.folder / "logs" / "postgres.log").read_text(errors="replace").count("ERROR:  deadlock detected")

    def kill_valkey(self) -> None:
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        wait_until(lambda: not launcher.alive(launcher.locate(self.folder), postgres=False), "Valkey to be gone")
        self.ended["Valkey by SIGKILL"] += 1

    # ------------------------------------------------------------ children
    def start_web(self) -> None:
        self._start("web", web_command(self.web_port))

    def start_worker(self, name: str, failpoint: str = "") -> None:
        """With a failpoint it is to die there; whether it got there, `reap` tells."""
        command = [sys.executable, str(ROOT / "manage.py"), "worker"]
        self._start(name, command, **({"FAILPOINT": failpoint} if failpoint else {}))
        self.failpoints[name] = failpoint

    def _start(self, name: str, command: list[str], **more: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.log_starts[name] = log.tell()
            self.children[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "LOG_LEVEL": "INFO", **more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=launcher.die_with_parent(signal.SIGKILL),
            )

    def wait_for_web(self) -> None:
        wait_until(lambda: _answers(f"{self.web_url}/healthz"), "the web process")

    def wait_for_workers(self) -> None:
        wait_until(lambda: _answers(f"{self.web_url}/readyz"), "a worker")

    def kill(self, name: str) -> None:
        self.children[name].kill()
        self.children.pop(name).wait()
        self.ended[f"{name.split()[0]} by SIGKILL"] += 1

    def terminate(self, name: str) -> int:
        """Ask a worker to stop; returns its exit code. It has longer than its own grace."""
        child = self.children[name]
        # Before that it has taken nothing, and no signal is caught yet.
        wait_until(lambda: child.poll() is not None or self.runs(name), f"{name} to run")
        self.children.pop(name)
        child.terminate()
        code = child.wait(timeout=40)
        self.ended[f"{name.split()[0]} by SIGTERM"] += 1
        return code

    def runs(self, name: str) -> bool:
        return RUNNING in self.log_since_start(name)

    def pause(self, name: str, seconds: float) -> None:
        """As a machine that swaps: the process is there and does nothing."""
        self.children[name].send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.children[name].send_signal(signal.SIGCONT)
        self.ended[f"{name.split()[0]} paused"] += 1

    def reap(self) -> None:
        """Start again who died at a failpoint. Raises Died for everybody else who is gone."""
        for name, child in list(self.children.items()):
            code = child.poll()
            if code is None:
                continue
            failpoint = self.failpoints.pop(name, "")
            if code != -signal.SIGKILL or not failpoint:
                raise Died(f"{name} ended by itself with {code}. The end of its log:\n{self.log_ending(name)}")
            self.ended[f"worker at {failpoint}"] += 1
            self.start_worker(name)

    def log_since_start(self, name: str) -> str:
        raw = (self.folder / f"{name}.log").read_bytes()
        return raw[self.log_starts[name] :].decode(errors="replace")

    def log_ending(self, name: str, lines: int = 30) -> str:
        return "\n".join(self.log_since_start(name).splitlines()[-lines:])

    def stop(self) -> None:
        for child in self.children.values():
            child.kill()
            child.wait()
        self.children.clear()


@contextmanager
def running(folder: Path, web_port: int, sandbox_port: int) -> Iterator[Processes]:
    """Everything but web and workers, which want to know who there is first."""
    with ExitStack() as stack:
        launcher.ensure(folder)
        stack.callback(launcher.stop)
        call_command("migrate", verbosity=0, interactive=False)
        processes = Processes(folder, web_port, stack.enter_context(sandbox_server(folder, sandbox_port)))
        stack.callback(processes.stop)
        yield processes


def wait_until(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds:g} s for {what} in vain.")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False

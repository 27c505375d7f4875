"""Keep the demo's processes running, and take all of them down together.

Children die with the supervisor, a child that dies is started again, and so is an embedded server that stops
answering. Each runs in a session of its own: Ctrl-C reaches the supervisor, which stops them in order.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from messagehub import launcher

TICK = 0.1
FIRST_DELAY = 0.5
LONGEST_DELAY = 5.0
SETTLED_AFTER = 10.0  # a child that lived so long starts with the first delay again
GRACE = 15.0


@dataclass
class Child:
    """One process: what to run, and when it may be run again."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen | None = None
    started_at: float = 0.0
    delay: float = FIRST_DELAY
    not_before: float = 0.0

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=launcher.die_with_parent(signal.SIGKILL),
        )
        self.started_at = time.monotonic()

    def restart_when_due(self, say: Callable[[str], None]) -> None:
        """Start it again after a delay that doubles while it keeps dying."""
        now = time.monotonic()
        if self.process and self.process.poll() is not None:
            if now - self.started_at > SETTLED_AFTER:
                self.delay = FIRST_DELAY
            say(f"{self.name} ended with {self.process.returncode}; starting it again in {self.delay:g} s.")
            self.environment.pop("FAILPOINT", None)  # it was to strike once
            self.not_before, self.delay = now + self.delay, min(self.delay * 2, LONGEST_DELAY)
            self.process = None
        if self.process is None and now >= self.not_before:
            self.start()

    def ask_to_stop(self) -> None:
        if self.process:
            self.process.terminate()

    def wait_or_kill(self, deadline: float) -> None:
        if not self.process:
            return
        try:
            self.process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Supervisor:
    """Runs children until SIGINT, SIGTERM or SIGHUP; `watch` is called each second."""

    watch: Callable[[], None]
    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def add(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        self.children.append(Child(name, command, dict(environment)))

    def run(self, *, when_ready: Callable[[], None], is_ready: Callable[[], bool], ready_timeout: float) -> bool:
        """Start everything, announce it once it is ready, and return after a signal. False if it never got ready."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        deadline, announced, next_watch = time.monotonic() + ready_timeout, False, 0.0
        try:
            while not self.stopping:
                for child in self.children:
                    child.restart_when_due(self.say)
                if time.monotonic() >= next_watch:
                    self.watch()
                    next_watch = time.monotonic() + 1
                if not announced and is_ready():
                    announced = True
                    when_ready()
                if not announced and time.monotonic() > deadline:
                    return False
                time.sleep(TICK)
            return True
        finally:
            self._stop_children()

    def _note_signal(self, number: int, frame: object) -> None:
        self.stopping = True

    def _stop_children(self) -> None:
        deadline = time.monotonic() + GRACE
        for child in self.children:
            child.ask_to_stop()
        for child in self.children:
            child.wait_or_kill(deadline)


def environment_of_demo(port: int) -> dict[str, str]:
    """What makes a clone a demo. Nothing secret: it is written to a file that every command of the clone reads."""
    return {
        "PORT": str(port),
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        "SANDBOX": "1",
        "DEMO": "1",
    }


def port_from_environment() -> int:
    with contextlib.suppress(ValueError):
        if 0 < (port := int(os.environ.get("PORT") or 8000)) < 65536:
            return port
    raise SystemExit(f"PORT is {os.environ['PORT']!r}; it must be a number from 1 to 65535.")

"""The demo's promises about starting, dying and stopping, with real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management.base import CommandError

import manage
from messagehub.management.commands import demo
from messagehub.management.supervisor import environment_of_demo, port_from_environment

CLONE = Path(__file__).resolve().parent.parent.parent
SUPERVISE = """
import os, sys
from pathlib import Path
from messagehub.management.supervisor import Supervisor

supervisor = Supervisor(watch=lambda: None, say=lambda line: print(line, flush=True))
supervisor.add("child", [sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ)
ready = Path(sys.argv[2]).exists
sys.exit(not supervisor.run(is_ready=ready, when_ready=lambda: print("ready", flush=True), ready_timeout=10))
"""
NOTE_AND_WAIT = """
import os, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: (notes.write("stopped\\n"), notes.flush(), sys.exit()))
notes = Path(sys.argv[1]).open("a")
notes.write(f"{os.getpid()} {os.environ.get('FAILPOINT')}\\n")
notes.flush()
if os.environ.get("FAILPOINT"):
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(60)
"""


def supervise(child: str, notes: Path, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-c", SUPERVISE, child, str(notes)]
    return subprocess.Popen(command, cwd=CLONE, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def lines(notes: Path) -> list[str]:
    return notes.read_text().splitlines() if notes.exists() else []


def runs(pid: int) -> bool:
    """A zombie has ended; who reaps it is not the test's business."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_dies_at_a_failpoint_is_started_again_without_it(tmp_path):
    notes = tmp_path / "notes"
    with supervise(NOTE_AND_WAIT, notes, FAILPOINT="here") as supervisor:
        assert eventually(lambda: len(lines(notes)) == 2)
        supervisor.terminate()
        assert supervisor.wait(20) == 0
        assert "child ended with -9" in supervisor.stdout.read()
    first, second, end = lines(notes)
    assert first.endswith(" here")
    assert second.endswith(" None")
    assert end == "stopped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_children_gracefully(tmp_path, number):
    notes = tmp_path / "notes"
    with supervise(NOTE_AND_WAIT, notes, FAILPOINT="") as supervisor:
        assert supervisor.stdout.readline() == "ready\n"
        assert eventually(lambda: len(lines(notes)) == 1)
        supervisor.send_signal(number)
        assert supervisor.wait(20) == 0
    assert lines(notes)[-1] == "stopped"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of a death")
def test_killing_the_supervisor_takes_its_children_along(tmp_path):
    notes = tmp_path / "notes"
    with supervise(NOTE_AND_WAIT, notes, FAILPOINT="") as supervisor:
        assert eventually(lambda: len(lines(notes)) == 1)
        child = int(lines(notes)[0].split()[0])
        assert runs(child)
        supervisor.kill()
        supervisor.wait()
        assert eventually(lambda: not runs(child))


def test_a_busy_port_is_said_in_one_sentence():
    with socket.socket() as taken:
        taken.bind((demo.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"Port {port} cannot be used .* make demo PORT={port + 1}$"):
            demo.require_free_port(port)


def test_a_second_demo_of_the_clone_names_the_address_of_the_first(settings, tmp_path):
    settings.LOCAL_DIR = tmp_path
    with demo.Command().claim_clone():
        with pytest.raises(CommandError, match="already runs from this clone.$"):
            demo.Command().claim_clone()
        (tmp_path / "demo.json").write_text(json.dumps({"base_url": "http://127.0.0.1:8123"}))
        with pytest.raises(CommandError, match="already runs from this clone at http://127.0.0.1:8123.$"):
            demo.Command().claim_clone()
    demo.Command().claim_clone().close()


def test_static_files_are_collected_only_when_their_sources_changed(settings, tmp_path, monkeypatch):
    for folder in ("clone/static", "local/static"):
        (tmp_path / folder).mkdir(parents=True)
    settings.BASE_DIR, settings.LOCAL_DIR = tmp_path / "clone", tmp_path / "local"
    settings.STATIC_ROOT = str(tmp_path / "local" / "static")
    (tmp_path / "clone" / "requirements.txt").write_text("one")
    calls: list[str] = []
    monkeypatch.setattr(demo, "call_command", lambda name, **options: calls.append(name))
    demo.collect_static()
    demo.collect_static()
    assert calls == ["collectstatic"]
    (tmp_path / "clone" / "static" / "app.css").write_text("p { margin: 0 }")
    demo.collect_static()
    assert calls == ["collectstatic"] * 2


def test_what_the_demo_writes_is_for_its_owner_only(tmp_path):
    demo.write_private(tmp_path / "demo.json", "{}")
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]


def test_the_demo_is_reached_under_the_port_that_was_asked_for(monkeypatch):
    monkeypatch.setenv("PORT", "8123")
    assert environment_of_demo(port_from_environment())["PUBLIC_BASE_URL"] == "http://127.0.0.1:8123"
    monkeypatch.setenv("PORT", "eighty")
    with pytest.raises(SystemExit, match="PORT is 'eighty'"):
        port_from_environment()


@pytest.mark.parametrize("arguments", [[], ["check"], ["help"], ["makemigrations"], ["migrate", "--help"], ["demo"]])
def test_commands_that_need_no_server_start_none(arguments):
    assert not manage._needs_servers(arguments)


def test_other_commands_find_the_servers_running():
    assert manage._needs_servers(["migrate"])
    assert manage._needs_servers(["shell", "-c", "1"])

"""The import contract holds, and it is one that can be broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox_server import ROOT

PACKAGES = ("messagehub", "messaging", "integrations", "chatrooms", "tokens", "accounts")
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code without its tests, to be spoilt."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run([LINT, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_contract_holds(copy: Path):
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("accounts/sessions.py", "chatrooms.models"),
        ("chatrooms/contacts.py", "messaging.sending"),
        ("chatrooms/contacts.py", "tokens.ledger"),
        ("tokens/ledger.py", "chatrooms.models"),
        ("integrations/webhooks.py", "messaging.receiving"),
        ("integrations/twilio/listing.py", "integrations.models"),
        ("integrations/events.py", "integrations.twilio.listing"),
        ("messaging/sending/enqueue.py", "integrations.twilio.listing"),
        ("messaging/sending/enqueue.py", "messagehub.errors"),
        ("messagehub/bus.py", "accounts.models"),
        ("tokens/ledger.py", "rest_framework.response"),
    ],
)
def test_an_import_upward_breaks_it_also_inside_a_function(copy: Path, module: str, imported: str):
    with (copy / module).open("a") as spoilt:
        spoilt.write(f"\n\ndef sneak():\n    import {imported}\n    return {imported}\n")
    assert lint(copy).returncode == 1

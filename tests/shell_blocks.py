"""Commands as a document shows them, run as a reader would: block after block, with the reader's own variables."""

import json
import os
import re
import subprocess
from typing import Any

FENCED = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"(?:[A-Z_]+=[^\s\"$]+ ?)+")
TIMEOUT = 60


def read_blocks(markdown: str) -> list[str]:
    return [re.sub(r"^ {3}", "", block, flags=re.MULTILINE) for block in FENCED.findall(markdown)]


def split_commands(block: str) -> list[str]:
    """Its commands, each with its continued lines. What the reader fills in is left out: the test has it."""
    lines = block.replace("\\\n", "\0").splitlines()
    return [line.replace("\0", "\\\n") for line in lines if line.strip() and not ASSIGNMENT.fullmatch(line.strip())]


def run_command(command: str, variables: dict[str, str]) -> str:
    """What it prints. Fails where it fails, or uses a variable that nobody set."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def read_json(printed: str) -> Any:
    """The body of an answer; what `curl --include` prints before it is passed over."""
    return json.loads(printed[printed.index("{") :])

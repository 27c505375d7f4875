"""A short run of the fault simulator. `make simulate` does longer ones; docs/reliability.md has the figures of one."""

import subprocess
import sys

import pytest

from tests.made_once import RUN, run_folder
from tests.running_demo import clean_environment
from tests.sandbox_server import ROOT

pytestmark = pytest.mark.faults
SEED, OPERATIONS = 4, 240


def test_a_short_run_keeps_every_promise(tmp_path):
    environment = clean_environment(tmp_path) | {
        "SEED": str(SEED), "OPERATIONS": str(OPERATIONS), RUN: str(run_folder()),
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "tests.simulator"], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert f"{OPERATIONS} operations" in done.stdout

"""`SEED=7 OPERATIONS=10000 python -m tests.simulator`: exit code 0 when every promise was kept."""

import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import django

from tests.made_once import RUN, copy_migrated_database
from tests.sandbox_server import free_port
from tests.simulator import environment


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    count = int(os.environ.get("OPERATIONS") or 1000)
    say(f"SEED={seed} OPERATIONS={count}")
    # Not below a home directory: started by root, the servers run as another account and must get in.
    folder = Path(tempfile.mkdtemp(prefix="messagehub-simulation-"))
    folder.chmod(0o711)
    ports = free_port(), free_port()
    if RUN in os.environ:  # within the suite, which has made one
        copy_migrated_database(folder)
    os.environ.update(environment.of(folder, *ports))
    os.environ["LOG_LEVEL"] = "WARNING"  # of this process; the others log to files
    django.setup()

    from tests.simulator import report
    from tests.simulator.simulation import Simulation

    simulation = Simulation(folder, ports, say, seed, count)
    simulation.run()
    say(report.of(simulation.figures))
    for finding in simulation.findings:
        say(f"BROKEN: {finding}")
    if simulation.findings:
        say(f"The logs are in {folder}. SEED={seed} OPERATIONS={count} deals the same operations again.")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    say("Every promise was kept.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

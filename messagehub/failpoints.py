"""Named places where a process can be told to die, so that a crash in a test is exact and not luck."""

import os
import signal


def hit(name: str) -> None:
    """Die here by SIGKILL when the environment says `FAILPOINT=<name>`."""
    if os.environ.get("FAILPOINT") == name:
        os.kill(os.getpid(), signal.SIGKILL)

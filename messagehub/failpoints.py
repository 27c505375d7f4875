"""Named places where a process can be told to die, so that a crash in a test is exact and not luck."""

import os
import signal

_ARMED = os.environ.get("FAILPOINT")


def hit(name: str) -> None:
    """Die here by SIGKILL when the environment says `FAILPOINT=<name>`."""
    if name == _ARMED:
        os.kill(os.getpid(), signal.SIGKILL)

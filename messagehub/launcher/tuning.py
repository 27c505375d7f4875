"""PostgreSQL's settings, by the memory of the machine: the launcher's, and those of docker-compose.yml.

`python -m messagehub.launcher.tuning` prints them as arguments of `postgres`. What they gained: docs/performance.md.
"""

import os
import sys
from pathlib import Path

MB = 1024 * 1024
SMALLEST = 512  # MB: below, PostgreSQL gets what it would there
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

# Of plans, and so the same for everybody: a test sees the plan that a large machine would choose.
PLANNING = {
    "random_page_cost": "1.1",  # no disk that turns
    "jit": "off",  # compiling took longer than all that is read here
}
# Less often, so that a page is written in full less often. A killed server replays no more than `max_wal_size`, which
# has to be done before the launcher's START_TIMEOUT.
WRITING = {
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "effective_io_concurrency": "64",
}


def measure_memory() -> int:
    """Megabytes that this machine has, or this container is allowed."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in CGROUP_LIMITS:
        if path.exists() and (limit := path.read_text().strip()).isdecimal():
            sizes.append(int(limit))
    return min(sizes) // MB


def size_settings(memory: int) -> dict[str, str]:
    """For a machine with so many megabytes, on which the product's other processes run too."""
    memory = max(memory, SMALLEST)
    sizes = {
        "shared_buffers": min(memory // 4, 8192),
        "effective_cache_size": memory // 2,
        "work_mem": min(max(memory // 512, 4), 32),  # of each sort, in each of 200 connections
        "maintenance_work_mem": min(max(memory // 16, 64), 1024),
    }
    return PLANNING | WRITING | {name: f"{size}MB" for name, size in sizes.items()}


def build_arguments(settings: dict[str, str]) -> list[str]:
    return [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]


if __name__ == "__main__":
    sys.stdout.write(" ".join(build_arguments(size_settings(measure_memory()))) + "\n")

"""PostgreSQL's settings: from one place, and small where the machine is."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.db import connection

from messagehub.launcher import tuning

ROOT = Path(__file__).resolve().parent.parent.parent


def megabytes(settings: dict[str, str]) -> dict[str, int]:
    return {name: int(value.removesuffix("MB")) for name, value in settings.items() if value.endswith("MB")}


@pytest.mark.parametrize("memory", [256, 512, 1024, 4096, 16_384, 262_144])
def test_settings_fit_into_the_memory_of_the_machine(memory: int):
    sizes = megabytes(tuning.size_settings(memory))
    assert 128 <= sizes["shared_buffers"] <= max(memory, 512) / 4
    assert 4 <= sizes["work_mem"] <= max(memory / 512, 4)
    assert (
        sizes["shared_buffers"] + sizes["maintenance_work_mem"] < sizes["effective_cache_size"] <= max(memory, 512) / 2
    )
    assert megabytes(tuning.size_settings(memory * 2))["shared_buffers"] >= sizes["shared_buffers"]


def test_a_container_has_the_memory_that_it_is_allowed(tmp_path: Path, monkeypatch):
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // tuning.MB
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(tuning, "CGROUP_LIMITS", (limit, tmp_path / "none"))
    assert tuning.measure_memory() == machine
    limit.write_text("max\n")
    assert tuning.measure_memory() == machine
    limit.write_text(f"{300 * tuning.MB}\n")
    assert tuning.measure_memory() == 300


def test_compose_starts_postgres_with_what_the_launcher_would():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    module, written = shlex.split(services["tuning"]["command"])[2].removeprefix("python -m ").split(" > ")
    assert f"$$(cat {written})" in services["postgres"]["command"][2]
    assert services["postgres"]["depends_on"] == {"tuning": {"condition": "service_completed_successfully"}}
    mounts = {name: {mount.split(":")[0] for mount in services[name]["volumes"]} for name in ("tuning", "postgres")}
    assert mounts["tuning"] <= mounts["postgres"]
    printed = subprocess.run([sys.executable, "-m", module], cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout.split() == tuning.build_arguments(tuning.size_settings(tuning.measure_memory()))


def test_a_server_knows_and_takes_every_setting(db):
    with connection.cursor() as cursor:
        for name, value in tuning.size_settings(1024).items():
            cursor.execute("SELECT 1 FROM pg_settings WHERE name = %s", [name])
            assert cursor.fetchone(), name
            if name in tuning.PLANNING:
                cursor.execute("SELECT current_setting(%s)", [name])
                assert cursor.fetchone()[0] == value

"""Databases as releases left them, made once, in which migrations are tried."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from messagehub import tenancy
from tests import releases


def migrate(release: dict | None = None, before: dict[str, str] | None = None) -> None:
    """To the migrations of this release, or to the newest ones; what is not ours has always its newest.

    `before` names older ones by the beginning of their names.
    """
    executor = MigrationExecutor(connection)
    targets = dict(executor.loader.graph.leaf_nodes())
    for app, prefix in (before or {}).items():
        targets[app] = executor.loader.get_migration_by_prefix(app, prefix).name
    if release:
        targets |= dict(sorted(key.split(".") for key in release["migrations"]))
    executor.migrate(list(targets.items()))


@contextmanager
def _database(name: str, *, like: str = "template1") -> Iterator[None]:
    """The connection leads to a database of its own, made like another one."""
    usual = connection.settings_dict["NAME"]
    with tenancy.as_owner(), connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def _drop_database(name: str) -> None:
    with tenancy.as_owner(), connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def _released_once(django_db_setup, django_db_blocker) -> Iterator[Callable[[str], str]]:
    """Names a database with the migrations of a release and no row."""
    made: dict[str, str] = {}

    def find(release: str) -> str:
        if release not in made:
            name = f"released_{release.replace('.', '_')}"
            with _database(name), tenancy.as_owner():
                migrate(releases.read_release(release))
            made[release] = name
        return made[release]

    yield find
    with django_db_blocker.unblock():
        for name in made.values():
            _drop_database(name)


@pytest.fixture(params=["0.1.0"])
def released_database(request, _released_once, django_db_blocker) -> Iterator[str]:
    """The connection leads to a database as a release left it, whose name this is."""
    with django_db_blocker.unblock():
        with _database("upgrade", like=_released_once(request.param)):
            yield request.param
        _drop_database("upgrade")

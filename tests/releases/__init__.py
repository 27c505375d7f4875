"""What each release was: its migrations, and the rows of a database that its own code had filled.

One file for each release, written once by `python -m tests.releases` and never edited. A database of that release is
somewhere out there: what its migrations did can't be changed any more, only added to.
"""

import hashlib
import json
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL

FOLDER = Path(__file__).parent
NAMES = sorted((path.stem for path in FOLDER.glob("*.json")), key=lambda name: [int(part) for part in name.split(".")])


def read_release(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text())


def write_release(name: str) -> Path:
    """Raises FileExistsError: a release is written once."""
    release = {"migrations": digest_migrations(), "rows": {table: read_rows(table) for table in our_tables()}}
    lines = [
        f"{json.dumps(table)}: [\n" + ",\n".join(json.dumps(row, sort_keys=True) for row in rows) + "\n]"
        for table, rows in release["rows"].items()
    ]
    path = FOLDER / f"{name}.json"
    with path.open("x") as file:
        file.write(f'{{"migrations": {json.dumps(release["migrations"], indent=1)},\n"rows": {{\n')
        file.write(",\n".join(lines) + "\n}}\n")
    return path


# ---------------------------------------------------------------- migrations
def our_apps() -> list[str]:
    ours = (config for config in apps.get_app_configs() if (settings.BASE_DIR / config.name.partition(".")[0]).is_dir())
    return sorted(config.label for config in ours)


def digest_migrations() -> dict[str, str]:
    """Each migration of ours with a digest of its file, and of the SQL that helpers write for it."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return {
        f"{app}.{name}": _digest(migration)
        for (app, name), migration in sorted(loader.disk_migrations.items())
        if app in our_apps()
    }


def _digest(migration) -> str:
    source = (settings.BASE_DIR / f"{migration.__module__.replace('.', '/')}.py").read_bytes()
    statements = [str(each.sql) for each in migration.operations if isinstance(each, RunSQL)]
    return hashlib.sha256(source + "\0".join(statements).encode()).hexdigest()


# ---------------------------------------------------------------- rows
def our_tables() -> list[str]:
    ours = (apps.get_app_config(app) for app in our_apps())
    return sorted(model._meta.db_table for config in ours for model in config.get_models())


def read_rows(table: str) -> list[dict]:
    """As JSON, which PostgreSQL itself writes and reads: old rows need no model."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT to_jsonb(t) FROM "{table}" AS t ORDER BY 1')
        return [json.loads(row) for (row,) in cursor.fetchall()]


def write_rows(table: str, rows: list[dict]) -> None:
    columns = ", ".join(f'"{name}"' for name in rows[0])
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::"{table}", %s)',
            [json.dumps(rows)],
        )

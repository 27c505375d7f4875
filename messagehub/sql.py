"""Rows of hand-written statements."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import IO, Any

import psycopg
from django.db import connection

Params = Sequence[Any] | Mapping[str, Any]
IN_MEMORY = 1024 * 1024  # bytes of a file, whose rest is on the disk


class PreparingCursor(psycopg.Cursor):
    """A cursor whose statements the server parses once for each connection; Django's own writes values into the text.

    psycopg forgets all of them after a rollback, and prepares anew.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PreparingCursor":
        try:
            return super().execute(query, params, prepare=True, **options)
        finally:  # where Django looks for the text of a captured statement; psycopg leaves it empty
            self._query: Any = SimpleNamespace(query=query.encode())


def fetch_rows(sql: str, params: Params = ()) -> list[dict]:
    """The rows of a hand-written statement, by column name; of the last one where there are several."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while cursor.nextset():
            pass
        return _read_rows(cursor)


def fetch_prepared(sql: str, params: Params = ()) -> list[dict]:
    """The rows of a hot statement, prepared on Django's own connection; none where it returns nothing.

    The text must be constant, as psycopg keeps the last hundred. A value whose type its place does not tell (an array,
    a NULL, an interval's number) needs a cast, and what is returned must be named: `*` would change with a new column.
    """
    # As `connection.cursor()` does it: a dead connection is replaced, errors are Django's, and statements are counted.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    preparing: Any = PreparingCursor(connection.connection)
    with wrap(preparing) as cursor:
        cursor.execute(sql, params)
        return _read_rows(cursor) if cursor.description else []


def copy_to_file(statement: str, params: Params) -> IO[bytes]:
    """What a `COPY … TO STDOUT` gives, as a file that is read from its beginning and closed by whoever reads it.

    A file and no stream: a stream would outlive the request's transaction.
    """
    with connection.cursor() as cursor:
        driver: Any = cursor.cursor  # psycopg's own: Django's cursor for DEBUG takes no parameters here
        with driver.copy(statement, params) as copy:
            return collect_file(copy)


def collect_file(blocks: Iterable[bytes]) -> IO[bytes]:
    """The blocks as a file that is read from its beginning and closed by whoever reads it."""
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by the reader
    for block in blocks:
        file.write(block)
    file.seek(0)
    return file


def _read_rows(cursor: Any) -> list[dict]:
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

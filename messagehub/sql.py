"""Rows of hand-written statements."""

from django.db import connection


def fetch_rows(sql: str, params=()) -> list[dict]:
    """The rows of a hand-written statement, by column name; of the last one where there are several."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while cursor.nextset():
            pass
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

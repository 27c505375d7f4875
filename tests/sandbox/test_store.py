"""The sandbox's file and its arithmetic, without a server."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from integrations.sandbox.store import Store, add_account, add_number, connect
from integrations.segments import count_segments as count_segments


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # two units each
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 7, 2),  # the euro sign is not split between two parts
        ("й" * 70, 1),
        ("й" * 71, 2),
        ("👍" * 35, 1),
        ("👍" * 36, 2),
        ("a" * 69 + "’", 1),  # one character makes the whole text UCS-2
        ("a" * 70 + "’", 2),
        ("à", 1),
        ("â" * 71, 2),  # not in GSM-7
    ],
)
def test_segments(text, segments):
    assert count_segments(text) == segments


def test_many_may_make_the_same_file_at_once(tmp_path):
    path, together = tmp_path / "sandbox.sqlite3", Barrier(8)

    def register(number: int) -> None:
        together.wait()
        add_account(f"AC{number}", "token", path=path)
        add_number(f"AC{number}", f"+1555000000{number}", "", "Test", path=path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(register, range(8)))

    assert connect(path).execute("SELECT count(*) FROM numbers").fetchone()[0] == 8


async def test_failed_work_leaves_nothing_and_spares_its_batch(tmp_path):
    store = Store(tmp_path / "sandbox.sqlite3")

    def insert(db: sqlite3.Connection, *, sid: str, fail: bool) -> str:
        db.execute("INSERT INTO accounts VALUES (?, 'token', 0)", (sid,))
        if fail:
            raise ValueError(sid)
        return sid

    outcomes = await asyncio.gather(
        store.write(partial(insert, sid="AC1", fail=False)),
        store.write(partial(insert, sid="AC2", fail=True)),
        store.write(partial(insert, sid="AC3", fail=False)),
        return_exceptions=True,
    )

    assert (outcomes[0], repr(outcomes[1]), outcomes[2]) == ("AC1", "ValueError('AC2')", "AC3")
    rows = await store.read(lambda db: db.execute("SELECT sid FROM accounts").fetchall())
    assert [row["sid"] for row in rows] == ["AC1", "AC3"]
    await store.close()

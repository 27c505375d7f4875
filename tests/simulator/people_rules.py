"""Rules about Messenger and Instagram that hold whenever it is quiet. Findings as in `checks`."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from integrations.sandbox import store
from messagehub import tenancy
from messaging.models import Message
from tests.simulator.scene import Scene

COLUMNS = ("provider_id", "content", "reactions", "deleted_at", "edited_at")


def what_people_said(scene: Scene) -> Iterator[str]:
    """Each message says at the end what it says at Meta: as edited, or nothing at all where it was unsent."""
    with tenancy.system():
        found = Message.objects.filter(direction="inbound").exclude(platform="SMS").values(*COLUMNS)
        rows = {row["provider_id"]: row for row in found}
    with scene.book.lock:
        unheard = set(scene.book.unheard)
    for said in read_written(scene.sandbox.database):
        row = rows.get(said["mid"])
        if row is None:
            continue  # `what_customers_wrote` says so
        if said["unsent"] and (row["content"] or row["reactions"] or not row["deleted_at"]):
            yield f"{said['mid']} was unsent and still says {row['content']!r}"
        if row["content"] != said["text"]:
            yield f"{said['mid']} says {row['content']!r}, at Meta {said['text']!r}"
        # A reaction has no number: which is the last, only those know who were told in order.
        emojis = "".join(each["emoji"] for each in row["reactions"])
        if not said["unsent"] and said["mid"] not in unheard and emojis != said["reaction"]:
            yield f"{said['mid']} has the reaction {emojis!r}, at Meta {said['reaction']!r}"


def read_written(sandbox_database: Path) -> list[sqlite3.Row]:
    """All that people wrote, as the sandbox has it now."""
    with closing(store.connect(sandbox_database)) as db:
        return db.execute("SELECT * FROM graph_messages WHERE direction = 'inbound'").fetchall()


def echoes() -> Iterator[str]:
    """The echo of a message of ours is that message: nobody answers in Meta's own inbox here."""
    with tenancy.system():
        made = Message.objects.filter(direction="outbound", sent_by=None).exclude(platform="SMS")
        for pk, text in made.values_list("pk", "content"):
            yield f"An echo became a message of its own: {pk}, {text!r}"


def rules(scene: Scene) -> Iterator[Iterator[str]]:
    yield what_people_said(scene)
    yield echoes()

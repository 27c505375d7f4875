"""Many debits at once on one balance: what a busy agent, or a campaign of one, does to a single row."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.table import Line
from messagehub import tenancy

THREADS, SECONDS = 4, 6
BARE = "UPDATE user_tokens SET balance = balance - 1 WHERE user_id = %s AND balance >= 1"


def run(local_dir: Path) -> list[Line]:
    from django.db import connection

    from tests import factories
    from tokens import ledger, proof

    organization = factories.OrganizationFactory()
    with tenancy.organization(organization.pk):
        agent = factories.UserFactory(organization=organization)
        admin = factories.UserFactory(organization=organization, role="admin")
        plain = factories.UserFactory(organization=organization)
        ledger.adjust(agent, 1_000_000, actor=admin, reason="A bench")
        ledger.adjust(plain, 1_000_000, actor=admin, reason="A bench")

    def bare(_: int) -> None:
        with tenancy.organization(organization.pk), connection.cursor() as cursor:
            cursor.execute(BARE, [plain.pk])

    def paid(turn: int) -> None:
        with tenancy.organization(organization.pk):
            ledger.debit(agent, 1, reference=f"bench:{threading.get_ident()}:{turn}")

    limit = _rate(bare)[0]
    rate, debits = _rate(paid)
    with tenancy.organization(organization.pk):
        left = ledger.balance(agent)
    if left != 1_000_000 - debits:
        raise RuntimeError(f"{debits} debits left {left} tokens: some were not paid.")
    with tenancy.system(), connection.cursor() as cursor:  # the bare updates wrote no entries
        cursor.execute("UPDATE user_tokens SET balance = 1000000 WHERE user_id = %s", [plain.pk])
    if broken := list(proof.find_broken()):
        raise RuntimeError(f"It does not add up: {broken[0]}")
    return [
        Line("Debits a second, one wallet", rate, "bare UPDATE of the row", limit, aim=None, at_least=600),
    ]


def _rate(act: Callable[[int], None]) -> tuple[float, int]:
    """Times a second that THREADS threads together do it, and how often they did."""
    from django.db import connection

    counts, stop = [0] * THREADS, threading.Event()

    def go(place: int) -> None:
        while not stop.is_set():
            act(counts[place])
            counts[place] += 1
        connection.close()

    threads = [threading.Thread(target=go, args=(place,)) for place in range(THREADS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - started), sum(counts)

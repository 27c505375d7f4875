"""The second organization makes no difference: the same questions get the same bytes with and without its data."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from messagehub import tenancy
from tests.api.permission_table import TABLE
from tests.api.test_permissions import ask, furnished
from tests.cast import build
from tokens import ledger

SEARCHED = ("contacts", "contacts/export", "conversations")
LISTS = [row.route for row in TABLE if row.verb == "get" and not row.path]


@pytest.fixture
def questions(acme, ann, bo, sales, support, inside) -> dict[str, dict[str, str]]:
    """Acme's own things; those of the other organization are added by `with_globex`."""
    with inside(acme):
        ledger.adjust(bo, 100, actor=ann, reason="")
        own = {name: str(row.pk) for name, row in furnished(acme, sales, "own").items()}
    return {name: {"own": pk} for name, pk in own.items()}


def foreign_ids(things: dict) -> None:
    """Make Globex, whose ids the questions then name. They look alike on purpose: same names, same texts."""
    globex = build("Globex", {"zed": "admin"}, ["Sales"])
    held = globex.rooms["Sales"]
    with tenancy.organization(globex.organization.pk):
        for name, row in furnished(globex, held, "other_org").items():
            things[name]["other_org"] = str(row.pk)


def answers(clients: dict[str, APIClient], things: dict) -> Iterator[tuple[str, int, bytes]]:
    """Everything that can be read, and each of the other organization's ids in each place."""
    for who, client in clients.items():
        for route in LISTS:
            for query in ({}, {"search": "nina"} if route in SEARCHED else {"q": "nina"} if route == "search" else {}):
                answer = client.get(f"/api/{route}", query)
                # the time of asking is in a cursor
                content = b"" if route == "events" else answer.getvalue()
                yield f"{who} {route} {query}", answer.status_code, content
        for row in TABLE:
            if row.path in things:
                answer = ask(
                    client, row, things, "other_org", {place: "own" for place in row.ids if _known(row, things)}
                )
                yield f"{who} {row} path", answer.status_code, answer.getvalue()
            for place, name in row.ids.items():
                if name in things and (not row.path or row.path in things) and _known(row, things):
                    answer = ask(client, row, things, "own", {**dict.fromkeys(row.ids, "own"), place: "other_org"})
                    yield f"{who} {row} {place}", answer.status_code, answer.getvalue()


def _known(row, things: dict) -> bool:
    return all(name in things for name in row.ids.values())


def test_the_other_organization_makes_no_difference(questions, api, ann, bo, settings):
    settings.TWILIO_API_BASE_URL = settings.META_GRAPH_BASE_URL = "http://127.0.0.1:9"
    clients = {"ann": api(ann), "bo": api(bo)}
    with transaction.atomic():
        foreign_ids(questions)
        with_it = list(answers(clients, questions))
        transaction.set_rollback(True)
    without_it = list(answers(clients, questions))

    assert len(with_it) > 150
    assert [each for each, other in zip(with_it, without_it, strict=True) if each != other] == []
    assert {status for name, status, _ in with_it if name.endswith("path")} <= {403, 404}

"""Lists as CSV: the rows of the list, its filters, and refusals in JSON whatever the client accepts."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatrooms import groups
from messaging.campaigns import feed, lifecycle
from tests import factories

pytestmark = pytest.mark.django_db
CONTACTS = "/api/contacts/export"


@pytest.fixture
def campaign(acme, sales, ann, inside):
    """Fed, to one whom it may write to and to one who is blocked."""
    with inside(acme):
        group = groups.create_group(sales.room, "Regulars")
        blocked = factories.ContactFactory(chatroom=sales.room, first_name="=Bea", blocked_at="2026-01-01T00:00:00Z")
        groups.add_members(group, [sales.contact, blocked])
        made = lifecycle.create_campaign(
            sales.room, name="Spring", content="Hi", channel=sales.number, groups=[group], by=ann
        )
        lifecycle.start_campaign(made, by=ann)
    feed.feed_campaigns()
    return made


def read_rows(answer) -> list[dict]:
    assert answer.status_code == 200, answer.getvalue()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer.streaming
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def test_contacts_are_those_of_the_list_with_its_filters(api, ann, bo, cy, acme, sales, support, inside):
    with inside(acme):
        factories.ContactFactory(chatroom=sales.room, first_name="=1+1", last_name="Zuse", email="z@example.com")

    assert [row["First name"] for row in read_rows(api(bo).get(CONTACTS))] == ["'=1+1", "Nina"]
    [row] = read_rows(api(bo).get(CONTACTS, {"search": "zuse", "consent": "unknown", "blocked": "false"}))
    assert (row["Last name"], row["Email"], row["Chatroom"]) == ("Zuse", "z@example.com", "Sales")
    assert [row["Phone"] for row in read_rows(api(ann).get(CONTACTS, {"chatroom_id": support.room.pk}))] == [
        support.contact.phone
    ]
    assert read_rows(api(cy).get(CONTACTS)) == []


def test_recipients_are_exported_by_outcome(api, bo, campaign, sales):
    address = f"/api/campaigns/{campaign.pk}/recipients/export"
    assert {row["Phone"] for row in read_rows(api(bo).get(address))} > {sales.contact.phone}
    [row] = read_rows(api(bo).get(address, {"outcome": "skipped"}))
    assert (row["Name"].split()[0], row["Outcome"], row["Code"]) == ("'=Bea", "skipped", "blocked")


@pytest.mark.parametrize("accepted", ["text/csv", "application/json", "*/*", "image/png"])
@pytest.mark.parametrize(
    ("query", "field"), [("consent=x", "consent"), ("page_size=5", "page_size"), ("cursor=x", "cursor"), ("x=1", "x")]
)
def test_bad_filters_are_refused_in_json(api, bo, query, field, accepted):
    answer = api(bo).get(f"{CONTACTS}?{query}", headers={"Accept": accepted})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert list(answer.json()["error"]["fields"]) == [field]


def test_bad_outcomes_and_campaigns_of_others_are_refused(api, bo, cy, zed, campaign):
    address = f"/api/campaigns/{campaign.pk}/recipients/export"
    refused = api(bo).get(address, {"outcome": "x"})
    assert refused.status_code == 400
    assert "Allowed: waiting" in refused.json()["error"]["fields"]["outcome"][0]
    for person in (cy, zed):
        assert api(person).get(address, headers={"Accept": "text/csv"}).json()["error"]["code"] == "not_found"


def test_queries_do_not_grow_with_rows(api, bo, acme, sales, campaign, inside):
    client = api(bo)

    def count_queries(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            read_rows(client.get(address))
        return len(queries)

    before = count_queries(CONTACTS)
    with inside(acme):
        factories.ContactFactory.create_batch(3, chatroom=sales.room)
    assert count_queries(CONTACTS) == before

"""/api/contacts."""

import pytest
from django.db import connection

from chatrooms import contacts
from chatrooms.models import Contact
from messagehub import tenancy
from messaging.models import Event
from tests import factories, services

SHAPE = {
    "id", "chatroom_id", "first_name", "last_name", "phone", "email", "messenger_psid", "instagram_sid",
    "profile_pic_url", "consent", "blocked", "groups", "created_at",
}  # fmt: skip


def found(client, **query) -> list[str]:
    answer = client.get("/api/contacts", query)
    assert answer.status_code == 200, answer.content
    return [contact["phone"] for contact in answer.json()["results"]]


@pytest.fixture
def tess(acme, sales, inside) -> Contact:
    with inside(acme):
        return factories.ContactFactory(
            chatroom=sales.room,
            first_name="Tess",
            last_name="Müller",
            email="tess_100%@example.com",
            phone="+4930901820",
        )


def test_each_sees_the_contacts_of_their_rooms(api, ann, bo, cy, zed, sales, support, elsewhere):
    assert found(api(ann)) == [support.contact.phone, sales.contact.phone]
    assert found(api(ann), chatroom_id=sales.room.pk) == [sales.contact.phone]
    assert found(api(bo)) == [sales.contact.phone]
    assert found(api(cy)) == []
    assert found(api(zed)) == [elsewhere.contact.phone]


@pytest.mark.parametrize(
    "search", ["tess", "MÜLLER", "tess müll", "+49 30 901820", "(30) 90-18", "901820", "tess_100%@", "@example.com"]
)
def test_search_by_name_phone_and_email(api, bo, tess, search):
    assert found(api(bo), search=search) == [tess.phone]


@pytest.mark.parametrize("search", ["nobody", "t_ss", "100%%", "\\"])
def test_what_looks_like_a_pattern_is_only_text(api, bo, tess, search):
    assert found(api(bo), search=search) == []


def test_search_stays_inside_the_rooms(api, bo, cy, zed, ann, sales, support, elsewhere):
    assert found(api(bo), search="nina") == [sales.contact.phone]
    assert found(api(cy), search="nina") == []
    assert found(api(zed), search="nina") == [elsewhere.contact.phone]
    assert len(found(api(ann), search="nina")) == 2


def test_search_keeps_the_organization_even_without_the_first_wall(acme, inside, elsewhere):
    with inside(acme), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM contacts_matching('%%', %s::uuid[], 10, NULL, NULL, true)", [[elsewhere.room.pk]]
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("query", [{}, {"search": "number"}])
def test_pages_meet_in_both_directions(api, bo, acme, sales, inside, query):
    with inside(acme):
        Contact.objects.filter(pk=sales.contact.pk).update(first_name="number")
        for n in range(6):
            factories.ContactFactory(chatroom=sales.room, first_name=f"Number {n}")
    client = api(bo)
    pages = [client.get("/api/contacts", {"page_size": 3, **query}).json()]
    while pages[-1]["next"]:
        pages.append(client.get(pages[-1]["next"]).json())
    forth = [contact["id"] for page in pages for contact in page["results"]]
    back = client.get(pages[-1]["previous"]).json()

    assert [len(page["results"]) for page in pages] == [3, 3, 1]
    assert len(set(forth)) == 7
    assert back["results"] == pages[1]["results"]


def test_a_contact_is_made_changed_and_blocked(api, bo, sales, acme, inside):
    client = api(bo)
    made = client.post("/api/contacts", {"phone": "(415) 555-0123", "first_name": "Kim", "email": "kim@example.com"})
    assert made.status_code == 201, made.content
    assert set(made.json()) == SHAPE
    assert made.json()["phone"] == "+14155550123"
    assert (made.json()["consent"], made.json()["blocked"]) == ("unknown", False)
    assert made.json()["chatroom_id"] == str(sales.room.pk)
    address = f"/api/contacts/{made.json()['id']}"
    assert client.patch(address, {"blocked": True, "last_name": "Lee"}).json()["blocked"] is True
    assert client.get(address).json()["last_name"] == "Lee"
    assert client.patch(address, {"blocked": False}).json()["blocked"] is False
    with inside(acme):
        assert Contact.objects.get(phone="+14155550123").name_source == "staff"


def test_who_works_in_several_rooms_names_one(api, ann, sales):
    answer = api(ann).post("/api/contacts", {"phone": "+14155550123"})
    assert answer.json()["error"]["fields"] == {
        "chatroom_id": ["This field is required: you have access to several chatrooms."]
    }
    named = {"phone": "+14155550123", "chatroom_id": str(sales.room.pk)}
    assert api(ann).post("/api/contacts", named).status_code == 201


def test_a_number_is_once_in_a_room(api, ann, bo, sales, support, tess):
    for answer in (
        api(bo).post("/api/contacts", {"phone": sales.contact.phone}),
        api(bo).patch(f"/api/contacts/{tess.pk}", {"phone": sales.contact.phone}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "duplicate")
    elsewhere = {"phone": sales.contact.phone, "chatroom_id": str(support.room.pk)}
    assert api(ann).post("/api/contacts", elsewhere).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "phone"),
        ({"phone": None}, "phone"),
        ({"phone": "12"}, "phone"),
        ({"phone": "+14155550123", "email": "no"}, "email"),
        ({"phone": "+14155550123", "first_name": "x" * 81}, "first_name"),
    ],
)
def test_what_is_no_contact_is_refused(api, bo, body, field):
    answer = api(bo).post("/api/contacts", body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


def test_only_who_was_never_talked_with_is_deleted(api, bo, tess, sales, acme, inside):
    assert api(bo).delete(f"/api/contacts/{tess.pk}").status_code == 204
    refused = api(bo).delete(f"/api/contacts/{sales.contact.pk}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "has_conversations")
    assert found(api(bo)) == [sales.contact.phone]
    with inside(acme):
        assert sales.conversation.messages.exists()


def test_a_new_name_shows_on_open_screens(api, bo, sales, acme, inside):
    api(bo).patch(f"/api/contacts/{sales.contact.pk}", {"first_name": "Other"})
    with inside(acme):
        event = Event.objects.get(chatroom=sales.room)
    assert (event.type, event.conversation_id) == ("conversation.updated", sales.conversation.pk)


def test_queries_do_not_grow(api, bo, acme, sales, inside, assert_constant_queries):
    def add_contact():
        with inside(acme):
            factories.ContactFactory(chatroom=sales.room)

    assert_constant_queries(api(bo), "/api/contacts", add_contact)
    assert_constant_queries(api(bo), "/api/contacts?search=nina", add_contact)


def test_many_contacts_are_searched_by_the_index(transactional_db, acme, sales, elsewhere, bo, inside):
    """Under row security, which would otherwise look at every row. Counted by PostgreSQL itself."""
    with services.connect_unchecked() as database:
        for room in (sales.room, elsewhere.room):
            database.execute(
                "INSERT INTO contacts (organization_id, chatroom_id, first_name, last_name, phone) "
                "SELECT %s, %s, md5(n::text), md5((n * 7)::text), '+1555' || lpad(n::text, 7, '0') "
                "FROM generate_series(1, 20000) n",
                [room.organization_id, room.pk],
            )
        database.execute("VACUUM ANALYZE contacts")
    with inside(acme), connection.cursor() as cursor:
        cursor.execute("SELECT first_name FROM contacts WHERE phone = '+15550012345'")
        name = cursor.fetchone()[0]
        cursor.execute(SCANS)
        before = cursor.fetchone()
        searched = contacts.list_contacts(bo, limit=50, search=name)
        cursor.execute(SCANS)
        after = cursor.fetchone()

    assert [contact.phone for contact in searched] == ["+15550012345"]
    assert after[0] == before[0] + 1  # by the trigram index
    assert after[1] == before[1]  # and never through the table


def test_the_newest_contacts_are_found_without_a_sort(transactional_db, acme, sales, bo, inside):
    with inside(acme), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts (organization_id, chatroom_id, phone) "
            "SELECT %s, %s, '+1555' || lpad(n::text, 7, '0') FROM generate_series(1, 5000) n",
            [acme.organization.pk, sales.room.pk],
        )
    with tenancy.as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts")  # or the plan depends on what earlier tests have left in the statistics
    with inside(acme), connection.cursor() as cursor:
        query = contacts.NEWEST.format(condition="", direction="DESC")
        cursor.execute(f"EXPLAIN {query}", {"rooms": [sales.room.pk], "limit": 50})
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "contacts_newest" in plan
    assert "Seq Scan" not in plan


SCANS = """
SELECT pg_stat_get_xact_numscans('contacts_search'::regclass), pg_stat_get_xact_numscans('contacts'::regclass)
"""

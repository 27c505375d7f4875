"""What is kept about one person, as a file for them."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Organization
from chatrooms import groups
from messaging.conversations import notes
from messaging.models import Attachment, ConsentEntry
from tests import factories
from tests.contacts.conftest import address


@pytest.fixture
def take(browser):
    def post(user, sales) -> dict:
        answer = browser(user).post(address(sales.contact, "data/"))
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert answer["Content-Disposition"] == f'attachment; filename="contact-{sales.contact.pk}.json"'
        return json.loads(b"".join(answer.streaming_content))

    return post


def test_the_file_has_who_it_is_what_was_said_and_what_was_written(take, acme, sales, support, bo, inside):
    now = timezone.now()
    with inside(acme):
        groups.add_members(groups.create_group(sales.room, "Bad payers"), [sales.contact])
        notes.add_note(sales.conversation, "Haggles", author=bo)
        later = {"conversation": sales.conversation, "occurred_at": now + timedelta(minutes=1)}
        answer = factories.MessageFactory(**later, direction="outbound", status="delivered", content="Here you are")
        Attachment.objects.create(
            organization=acme.organization, message=answer, name="offer.pdf", content_type="application/pdf", size=2048,
            state="stored",
        )  # fmt: skip
        later["occurred_at"] += timedelta(minutes=1)
        factories.MessageFactory(**later, content="Never mind", deleted_at=now, reactions=[{"emoji": "👍"}])
        factories.MessageFactory(conversation=support.conversation, content="Somebody else's")
        for status in ("scheduled", "canceled", "failed"):
            factories.MessageFactory(
                conversation=sales.conversation, direction="outbound", status=status, content="Never said"
            )
        ConsentEntry.objects.create(
            organization=acme.organization, channel=sales.number, address=sales.contact.phone, kind="opt_in",
            source="staff", reason="Signed at the counter", actor=bo,
        )  # fmt: skip

    told = take(bo, sales)

    assert (told["organization"], told["chatroom"]) == ("Acme", "Sales")
    assert told["contact"]["id"] == str(sales.contact.pk)
    assert [each["address"] for each in told["addresses"]] == [sales.contact.phone]
    assert [(each["kind"], each["reason"]) for each in told["consent"]] == [("opt_in", "Signed at the counter")]
    assert [each["text"] for each in told["messages"]] == [sales.message.content, "Here you are", ""]
    assert [each["direction"] for each in told["messages"]] == ["inbound", "outbound", "inbound"]
    assert told["messages"][1]["files"] == [
        {"name": "offer.pdf", "kind": "", "content_type": "application/pdf", "bytes": 2048}
    ]
    assert told["messages"][2]["reactions"] == []
    assert told["messages"][2]["unsent_at"]
    for own_word in ("Haggles", "Bad payers", "Never said"):
        assert own_word not in json.dumps(told)
    with inside(acme):
        entry = AuditEntry.objects.get(action="contact.export")
        assert (entry.actor, entry.target_id) == (bo, str(sales.contact.pk))


def test_words_to_chatrooms_of_others_are_not_in_it(take, acme, sales, support, ann, bo, inside):
    """A STOP to Support holds in Sales too, but Bo does not see Support."""
    with inside(acme):
        Organization.objects.update(opt_out_scope="organization")
        ConsentEntry.objects.create(
            organization=acme.organization, channel=support.number, address=sales.contact.phone, kind="opt_out",
            source="keyword", text="STOP, says Nina", reason="",
        )  # fmt: skip
    (entry,) = take(bo, sales)["consent"]
    assert (entry["kind"], entry.keys() & {"text", "reason"}) == ("opt_out", set())
    assert take(ann, sales)["consent"][0]["text"] == "STOP, says Nina"


def test_queries_do_not_grow_with_the_messages(take, acme, sales, bo, inside):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            take(bo, sales)
        return len(queries)

    before = count()
    with inside(acme):
        factories.MessageFactory.create_batch(5, conversation=sales.conversation)
    assert count() == before

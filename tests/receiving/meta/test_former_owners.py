"""A page that had another owner here before, and conversations that two workers meet in at once."""

import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations.events import Listed, Watermark
from messagehub import tenancy
from messaging.models import Message
from messaging.sending import reconciliation, watermarks
from tests import factories
from tests.meanwhile import Aside
from tests.meta_events import PERSON, build_echo, build_text

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost_message(globex, elsewhere, page, inside) -> Message:
    """What the page's former owner sent, and whose answer was lost."""
    with inside(globex):
        former_page = factories.PageChannelFactory(
            chatroom=elsewhere.room, address=page.address, retired_at=timezone.now()
        )
        conversation = factories.ConversationFactory(
            chatroom=elsewhere.room, contact=elsewhere.contact, channel=former_page, platform="MESSENGER"
        )
        return factories.MessageFactory(
            conversation=conversation, channel=former_page, platform="MESSENGER", direction="outbound",
            status="unknown", content="Thank you!", from_address=page.address, to_address=PERSON, provider_id=None,
        )  # fmt: skip


def read_status(message: Message) -> str:
    with tenancy.system():
        return Message.objects.get(pk=message.pk).status


def test_same_text_of_the_new_owner_settles_nothing_of_the_former_one(page, lost_message, come_in, thread):
    come_in(page, build_echo(page.address, "Thank you!"))

    assert read_status(lost_message) == "unknown"
    assert [(message.content, message.status) for message in thread(page)] == [("Thank you!", "sent")]


def test_lost_message_is_found_although_another_organization_has_its_id(page, lost_message, come_in):
    come_in(page, build_echo(page.address, "Something else", mid="m_same"))
    with tenancy.system():
        rows = reconciliation.sql.fetch_rows(reconciliation.LOST, [[lost_message.pk]])

    reconciliation.settle_unknown(
        rows, [Listed("m_same", "Thank you!", "sent", "", datetime.now(UTC), 1, page.address)]
    )

    assert read_status(lost_message) == "sent"


def test_echo_from_before_a_message_was_written_does_not_settle_it(acme, page, come_in, thread, inside):
    come_in(page, build_text(page.address, "Hello?"))
    with inside(acme):
        unknown_message = factories.MessageFactory(
            conversation=thread(page)[0].conversation, platform="MESSENGER", direction="outbound", status="unknown",
            content="One moment", from_address=page.address, to_address=PERSON, provider_id=None,
        )  # fmt: skip
    come_in(page, build_echo(page.address, "One moment", at=int(time.time() * 1000) - 3_600_000))
    assert read_status(unknown_message) == "unknown"

    come_in(page, build_echo(page.address, "One moment"))
    assert read_status(unknown_message) == "sent"


def test_watermarks_of_two_workers_do_not_wait_for_each_other(page, come_in, thread):
    people = ("7700000001", "7700000002")
    before = int(time.time() * 1000) - 5000
    come_in(page, *(build_echo(page.address, "Hi", person=person, at=before) for person in people))
    first, second = (
        Watermark("MESSENGER", page.address, person, "read", timezone.now(), (), timezone.now()) for person in people
    )

    def apply(*marks: Watermark) -> int:
        with tenancy.system():
            return len(watermarks.apply_watermarks([(uuid4(), mark) for mark in marks]))

    with tenancy.system():
        apply(first)
        aside = Aside(lambda: apply(second, first))
        apply(second)

    assert aside.result() == 0
    assert [message.status for message in thread(page)] == ["read", "read"]

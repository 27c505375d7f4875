"""Whatever order webhooks come in, and however often: the same rows at the end."""

import json
import random

import pytest

from chatrooms.models import Contact, ContactActivity
from integrations.models import Channel, WebhookEvent
from messagehub import tenancy
from messaging.models import Attachment, Conversation, Message
from messaging.receiving import ingest
from tests import factories
from tests.meta_events import build_batch, build_echo, build_event, sign_body
from tests.receiving.meta.test_intake import SECRET, ask_all
from tests.receiving.meta.test_shapes import SHAPES

pytestmark = pytest.mark.django_db(transaction=True)
BEGIN = 1_700_000_000_000
PEOPLE = ("7700000001", "7700000002")


def list_happenings(channel: str) -> list[dict]:
    """Every shape of the table, from two people by turns, and what happens to some of these messages later."""
    happenings = []
    for n, (happening, _, _) in enumerate(SHAPES.values()):
        event = build_event(channel, person=PEOPLE[n % 2], at=BEGIN + n, **json.loads(json.dumps(happening)))
        for payload in (event.get("message"), event.get("postback")):
            if payload and "mid" in payload:
                payload["mid"] = f"m_{n}"
        happenings.append(event)
    first, second = PEOPLE
    later = [
        (first, {"message": {"mid": "m_answer", "text": "About that", "reply_to": {"mid": "m_0"}}}),
        (first, {"reaction": {"mid": "m_0", "action": "react", "emoji": "👍"}}),
        (first, {"reaction": {"mid": "m_0", "action": "react", "emoji": "😍"}}),
        (second, {"message_edit": {"mid": "m_1", "text": "No", "num_edit": 1}}),
        (first, {"message": {"mid": "m_2", "is_deleted": True}}),
        (second, {"read": {"watermark": BEGIN + 500}}),
        (second, {"referral": {"source": "ADS", "ref": "SPRING", "ad_id": "9"}}),
    ]
    happenings += [
        build_event(channel, person=person, at=BEGIN + 1000 + n, **happening)
        for n, (person, happening) in enumerate(later)
    ]
    return [*happenings, build_echo(channel, "Until six.", mid="m_echo", person=second, at=BEGIN + 400)]


def deliver_shuffled(channel: Channel, seed: int) -> None:
    """Post each five times, all at once, in an order of the seed's; then let the worker do all that it will do."""
    dealt = random.Random(seed)
    bodies = [build_batch((channel.address, [event])) for event in list_happenings(channel.address)] * 5
    dealt.shuffle(bodies)
    answers = ask_all([("POST", body, {"X-Hub-Signature-256": sign_body(body, SECRET)}, "") for body in bodies])
    assert {status for status, _ in answers} == {200}
    for _ in range(3):  # what came before its message waits for it
        while ingest.drain_webhooks(limit=2):  # so few at once that their order counts
            pass
        with tenancy.system():
            WebhookEvent.objects.filter(processed_at=None).update(try_again_at=None)


def describe_rows(channel: Channel) -> dict[str, list]:
    """What the two deliveries must agree in: everything but ids and the times of writing.

    `reply_to` is left out: a reply that overtakes what it quotes has nothing to quote.
    """
    messages = Message.objects.filter(channel=channel)
    contacts = Contact.objects.filter(addresses__channel=channel)
    rows = {
        "contacts": contacts.values_list("addresses__address", "first_name", "name_source", "last_activity_at"),
        "activities": ContactActivity.objects.filter(contact__in=contacts).values_list(
            "contact__addresses__address", "kind", "about"
        ),
        "conversations": Conversation.objects.filter(channel=channel).values_list(
            "contact__addresses__address", "status", "inbound_count", "last_inbound_at", "last_message_at",
            "last_message__content", "waiting_since",
        ),
        "messages": messages.values_list(
            "occurred_at", "content", "direction", "status", "reactions", "edited_at", "deleted_at", "read_at",
            "conversation__contact__addresses__address", "waited_since", "tokens",
        ),
        "attachments": Attachment.objects.filter(message__in=messages).values_list(
            "message__occurred_at", "position", "kind", "name"
        ),
    }  # fmt: skip
    return {name: sorted(map(str, found)) for name, found in rows.items()}


@pytest.fixture
def pages(acme, globex, elsewhere, page, inside, settings) -> list[tuple]:
    settings.META_APP_SECRET = SECRET
    with inside(globex):
        return [(acme, page), (globex, factories.PageChannelFactory(chatroom=elsewhere.room))]


def test_every_shape_five_times_at_once_in_two_orders_gives_the_same_rows(pages, inside):
    described = []
    for seed, (world, channel) in enumerate(pages, 1):
        deliver_shuffled(channel, seed)
        with inside(world):
            described.append(describe_rows(channel))
    first, second = described
    assert len(first["messages"]) == len(SHAPES) + 2
    for name in first:
        assert first[name] == second[name], name
    with tenancy.system():
        assert not WebhookEvent.objects.filter(processed_at=None).exists()

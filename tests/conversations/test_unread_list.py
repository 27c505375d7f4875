"""The list of what is unread, over more chatrooms than a page has rows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatrooms.models import Chatroom, Contact, UserChatroom
from messaging.conversations import listing
from messaging.models import Conversation, ReadMarker

ROOMS, EACH = 7, 6


@pytest.fixture
def many(acme, bo, inside) -> list[Conversation]:
    """Conversations of seven chatrooms, turn by turn; every third is read, and two chatrooms are empty."""
    made = []
    with inside(acme):
        rooms = [Chatroom.objects.create(organization=acme.organization, name=f"Room {n}") for n in range(ROOMS + 2)]
        for room in rooms:
            UserChatroom.objects.create(organization=acme.organization, user=bo, chatroom=room)
        for n in range(ROOMS * EACH):
            room = rooms[n * n % ROOMS]
            contact = Contact.objects.create(organization=acme.organization, chatroom=room, first_name=f"Person {n}")
            row = Conversation.objects.create(
                organization=acme.organization, chatroom=room, contact=contact, platform="SMS", inbound_count=2,
                last_message_at=timezone.now() - timedelta(minutes=n // 2),
            )  # fmt: skip
            if n % 3 == 0:
                ReadMarker.objects.create(organization=acme.organization, user=bo, conversation=row, seen_count=2)
            else:
                made.append(row)
    return sorted(made, key=lambda row: (row.last_message_at, row.pk), reverse=True)


@pytest.mark.parametrize("limit", [1, 3, ROOMS, 100])
def test_pages_of_the_unread_are_whole_and_in_order(acme, bo, many, inside, limit):
    expected = [str(row.pk) for row in many]
    places = {str(row.pk): (row.last_message_at, row.pk) for row in many}
    down: list[str] = []
    with inside(acme):
        while page := listing.list_conversations(bo, limit=limit, after=down and places[down[-1]] or None, unread=True):
            down += [row["id"] for row in page]
            if len(page) < limit:
                break
        up = listing.list_conversations(bo, limit=limit, before=places[expected[-1]], unread=True)
    assert down == expected
    assert [row["id"] for row in up] == expected[:-1][-limit:]

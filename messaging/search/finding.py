"""One search over contacts, conversations and messages, a few of each."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from chatrooms import contacts
from chatrooms.models import Contact
from messaging import payloads
from messaging.conversations import listing, message_listing

MOST_OF_EACH = 10
MESSAGE_DAYS = 90  # texts have no index: whatever is older has the search of the list of messages


@dataclass(frozen=True, slots=True)
class Found:
    """MOST_OF_EACH of each at most, newest first; conversations and messages as payloads."""

    contacts: list[Contact]
    conversations: list[dict]
    messages: list[dict]


def search_everything(user: User, text: str) -> Found:
    """What the user may see: contacts by name, number and email, their conversations, and recent texts of messages."""
    people = contacts.list_contacts(user, limit=listing.MOST_FOUND, search=text)
    conversations = listing.list_conversations(user, limit=MOST_OF_EACH, contact_ids=[contact.pk for contact in people])
    since = timezone.now() - timedelta(days=MESSAGE_DAYS)
    rows = message_listing.list_visible_messages(user, limit=MOST_OF_EACH, search=text, since=since)
    return Found(people[:MOST_OF_EACH], conversations, payloads.describe_messages(rows))

"""A second contact who is the first one's double."""

import pytest

from chatrooms.models import Contact
from tests import factories


@pytest.fixture
def twin(acme, sales, inside) -> Contact:
    """Nina once more in Sales, under another number, with a conversation that is open too."""
    with inside(acme):
        contact = factories.ContactFactory(chatroom=sales.room, first_name="N.", last_name="", email="nina@example.com")
        conversation = factories.ConversationFactory(chatroom=sales.room, contact=contact, channel=sales.number)
        factories.MessageFactory(conversation=conversation, content="It is me again")
    return contact


def address(contact: Contact, rest: str = "") -> str:
    return f"/contacts/{contact.pk}/{rest}"

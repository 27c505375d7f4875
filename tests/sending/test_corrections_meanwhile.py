"""A number that is corrected while somebody sends: whoever comes second sees what the first did."""

from collections.abc import Callable

import pytest

from chatrooms import contacts
from messaging.models import Message
from messaging.sending import enqueue
from tests.meanwhile import Aside

pytestmark = pytest.mark.django_db
WRONG, RIGHT = "+15554007777", "+15554008888"


@pytest.fixture(autouse=True)
def committed(transactional_db, django_db_blocker) -> None:
    """Others see what is committed, and only that."""


@pytest.fixture
def post(acme, sales, ann, api, inside) -> Callable[[str], int]:
    """Send in one of the ways in which a message can be made; all of them answer 201."""
    with inside(acme):
        contacts.change_contact(sales.contact, by=ann, phone=WRONG)
        failed = enqueue.send_message(sales.conversation, "Failed", sent_by=ann).message
        Message.objects.filter(pk=failed.pk).update(status="failed")
    targets = {
        "conversation": ("send", {"conversation_id": str(sales.conversation.pk), "content": "Hi"}),
        "contact": ("send", {"contact_id": str(sales.contact.pk), "content": "Hi"}),
        "retry": (f"{failed.pk}/retry", {}),
    }
    path_of = {name: (f"/api/messages/{path}", body) for name, (path, body) in targets.items()}
    return lambda way: api(ann).post(*path_of[way]).status_code


@pytest.mark.parametrize("way", ["conversation", "contact", "retry"])
def test_message_sent_during_a_correction_goes_to_the_new_number(acme, sales, ann, inside, post, way: str):
    with inside(acme):
        contacts.change_contact(sales.contact, by=ann, phone=RIGHT)
        other = Aside(lambda: post(way))
    assert other.result() == 201
    with inside(acme):
        assert Message.objects.get(status="queued").to_address == RIGHT


def test_correction_during_a_send_readdresses_its_message(acme, sales, ann, api, inside, post):
    with inside(acme):
        enqueue.send_message(sales.conversation, "Hi", sent_by=ann)
        other = Aside(lambda: api(ann).patch(f"/api/contacts/{sales.contact.pk}", {"phone": RIGHT}).status_code)
    assert other.result() == 200
    with inside(acme):
        assert Message.objects.get(status="queued").to_address == RIGHT

"""A browser's own forms send line ends as CRLF; what is stored, paid and sent has one character for each."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from messaging.models import Message, Note
from tests import factories

pytestmark = pytest.mark.django_db
EDGE = "a" * 158 + "\n" + "b"  # 160 characters: one segment


@pytest.fixture
def write(acme, sales, rich, browser, inside):
    def post(text: str):
        form = {"content": text, "client_id": str(uuid4())}
        return browser(rich).post(f"/inbox/{sales.conversation.pk}/messages/", form)

    return post


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_composer_without_a_script_sends_one_segment_at_the_edge(acme, write, inside, end):
    assert write(EDGE.replace("\n", end)).status_code == 302
    with inside(acme):
        message = Message.objects.get(direction="outbound")
        assert (message.content, message.segments) == (EDGE, 1)


def test_longest_text_fits_with_its_line_ends(acme, write, inside):
    assert write("a" * 800 + "\r\n" + "b" * 799).status_code == 302
    with inside(acme):
        assert len(Message.objects.get(direction="outbound").content) == 1600


def test_note_has_the_line_ends_of_a_note_by_script(acme, sales, bo, browser, inside):
    browser(bo).post(f"/inbox/{sales.conversation.pk}/notes/", {"content": "One\r\nTwo", "client_id": str(uuid4())})
    with inside(acme):
        assert Note.objects.get().content == "One\nTwo"


def test_changed_scheduled_message_is_counted_without_carriage_returns(acme, sales, rich, browser, inside):
    with inside(acme):
        later = timezone.now() + timedelta(days=1)
        message = factories.MessageFactory(
            conversation=sales.conversation, direction="outbound", status="scheduled", sent_by=rich, send_at=later
        )
    browser(rich).post(f"/messages/{message.pk}/schedule/", {"content": EDGE.replace("\n", "\r\n"), "send_at": ""})
    with inside(acme):
        message.refresh_from_db()
        assert (message.content, message.segments) == (EDGE, 1)

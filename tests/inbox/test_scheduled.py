"""A scheduled message looks like one wherever it is drawn: a clock and the planned time, not the time of writing."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from messaging.sending import enqueue


@pytest.fixture
def planned(acme, sales, rich, inside):
    with inside(acme):
        at = (timezone.now() + timedelta(days=2)).replace(hour=9, minute=41, second=0, microsecond=0)
        enqueue.send_message(sales.conversation, "See you", sent_by=rich, client_id=uuid4(), send_at=at)
    return at


@pytest.mark.parametrize("path", ["/inbox/", "/inbox/{conversation}/", "/contacts/{contact}/"])
def test_a_scheduled_message_shows_when_it_goes_out(path, browser, bo, sales, planned):
    page = browser(bo).get(path.format(conversation=sales.conversation.pk, contact=sales.contact.pk)).content.decode()
    assert f"{planned:%H:%M}" in page
    assert "#calendar-clock" in page
    assert "You:" not in page

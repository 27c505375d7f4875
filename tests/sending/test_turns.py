"""Which of a channel's messages goes first."""

from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.models import Message
from messaging.sending import delivery, enqueue, sweeping
from tests import factories

pytestmark = pytest.mark.django_db


def test_overdue_messages_go_in_the_order_of_their_times(acme, sales, ann, inside):
    later = timezone.now() + timedelta(hours=1)
    texts = {"third": 30, "first": 10, "second": 20, "last": 30}
    with inside(acme):
        for text, minute in texts.items():
            conversation = factories.ConversationFactory(chatroom=sales.room, channel=sales.number)
            enqueue.send_message(conversation, text, sent_by=ann, send_at=later + timedelta(minutes=minute))
        conversation = factories.ConversationFactory(chatroom=sales.room, channel=sales.number)
        enqueue.send_message(conversation, "typed now", sent_by=ann)
        for message in Message.objects.filter(status="scheduled"):
            Message.objects.filter(pk=message.pk).update(send_at=message.send_at - timedelta(hours=3))
    sweeping.sweep_overdue()
    claimed = [text.text.body for _ in range(5) for text in delivery.claim_messages(1)]
    assert claimed == ["first", "second", "third", "last", "typed now"]

"""The dashboard: what needs attention and what happened, for whoever may see it, at a cost that does not grow."""

import html
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatrooms import groups
from messaging.campaigns import lifecycle
from messaging.conversations import changes
from messaging.dashboard import views
from messaging.models import Conversation, OptOutOffer
from tests import factories
from tokens import ledger

pytestmark = pytest.mark.django_db


def read(client, **query) -> str:
    answer = client.get("/", query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_chatroom_without_messages_says_so(browser, ann, acme, inside):
    with inside(acme):
        room = factories.ChatroomFactory(organization=acme.organization)
    page = read(browser(ann), chatroom=str(room.pk))
    for words in ("No messages in these days.", "Nothing failed in these days.", "No campaign is running."):
        assert words in page


def test_numbers_are_those_of_the_lists(browser, bo, acme, sales, inside):
    with inside(acme):
        Conversation.objects.update(waiting_since=timezone.now() - timedelta(hours=2), status="OPEN", assigned_to=None)
        for status, code in (("delivered", ""), ("failed", "30003"), ("failed", "30003"), ("undelivered", "30005")):
            factories.MessageFactory(
                conversation=sales.conversation, direction="outbound", status=status, error_code=code
            )
    page = read(browser(bo))
    assert "4 sent" in page
    assert "1 delivered" in page
    assert '<a class="need" href="/inbox/?tab=unassigned">' in page
    [address] = re.findall(r'<a class="need" href="([^"]+)">\s*<b class="num t-danger">1</b>', page)
    assert f'id="conv-{sales.conversation.pk}"' in browser(bo).get(html.unescape(address)).content.decode()
    assert f'<a class="need" href="/inbox/{sales.conversation.pk}/">' in page
    assert "(30003)" in page
    assert page.index("(30003)") < page.index("(30005)")  # the most frequent first
    [address] = re.findall(r'<a class="need" href="(/messages/[^"]+error_code=30003)">', page)
    failed = browser(bo).get(html.unescape(address)).content.decode()
    assert failed.count("Failed</span>") == 2
    assert "Not delivered" not in failed.partition("<tbody>")[2].partition("</tbody>")[0]
    assert "Error code" in failed  # as a filter that can be taken off


def test_what_was_resolved_and_how_fast_customers_were_answered_is_charted(browser, bo, acme, sales, inside):
    with inside(acme):
        now = timezone.now()
        for minutes in (10, 20, 90):
            factories.MessageFactory(
                conversation=sales.conversation, direction="outbound", status="delivered",
                waited_since=now - timedelta(minutes=minutes), occurred_at=now,
            )  # fmt: skip
        for _ in range(2):
            conversation = factories.ConversationFactory(chatroom=sales.room, channel=sales.number)
            changes.change_conversation(conversation, by=bo, status="CLOSED")
    page = read(browser(bo))
    assert '<a class="link-plain" href="/inbox/?status=closed">2</a>' in page
    assert "2 conversations</a>" in page
    today = views.languages.format_day(timezone.now().date(), "j M")
    assert f'<th scope="row">{today}</th> <td>2</td>' in page
    assert "First reply by day, in minutes" in page
    assert f'<th scope="row">{today}</th> <td>20</td><td>76</td>' in page
    assert "<td>–</td><td>–</td>" in page  # a day without an answer has none, and not a fast one


def test_long_waits_are_told_in_hours(browser, bo, acme, sales, inside):
    with inside(acme):
        now = timezone.now()
        factories.MessageFactory(
            conversation=sales.conversation, direction="outbound", status="delivered",
            waited_since=now - timedelta(hours=36), occurred_at=now,
        )  # fmt: skip
    page = read(browser(bo))
    assert "First reply by day, in hours" in page
    assert "<td>36</td><td>36</td>" in page


def test_today_s_numbers_lead_to_today_s_messages(browser, bo, acme):
    page = read(browser(bo), days="90")
    today = timezone.localtime(timezone=ZoneInfo(acme.organization.time_zone)).date().isoformat()
    for direction in ("inbound", "outbound"):
        assert f'href="/messages/?direction={direction}&amp;since={today}&amp;until={today}"' in page


def test_others_rooms_count_for_nobody_else(browser, bo, cy, zed, acme, sales, inside):
    with inside(acme):
        Conversation.objects.update(waiting_since=timezone.now(), status="OPEN")
        factories.MessageFactory(conversation=sales.conversation, direction="outbound", status="failed", error_code="9")
    for outsider in (cy, zed):
        page = read(browser(outsider))
        assert str(sales.conversation.pk) not in page
        assert "(9)" not in page
        assert browser(outsider).get("/", {"chatroom": str(sales.room.pk)}).status_code == 404
    assert browser(bo).get("/", {"chatroom": "x"}).status_code == 404
    assert str(sales.conversation.pk) in read(browser(bo), chatroom=str(sales.room.pk), days="7")


def test_campaigns_show_how_far_they_are_and_why_they_stopped(browser, bo, ann, acme, sales, inside):
    with inside(acme):
        ledger.adjust(bo, 5, actor=ann, reason="Start")
        group = groups.create_group(sales.room, "Regulars")
        groups.add_members(group, factories.ContactFactory.create_batch(3, chatroom=sales.room))
        campaign = lifecycle.create_campaign(
            sales.room, name="Spring", content="Hello", channel=sales.number, groups=[group], by=bo
        )
        lifecycle.start_campaign(campaign, by=bo)
    assert "0 of 3 recipients" in read(browser(bo))
    assert f'href="/campaigns/{campaign.pk}/"' in read(browser(bo))
    with inside(acme):
        lifecycle.pause_campaign(campaign, by=bo)
    assert "Paused by Bo." in read(browser(bo))


def test_low_balances_are_for_admins(browser, ann, bo):
    assert "agents have fewer than" in read(browser(ann))
    assert "have fewer than" not in read(browser(bo))


def test_operators_go_to_the_inbox(rf, olga):
    request = rf.get("/")
    request.user = olga
    assert views.show_dashboard(request).headers["Location"] == "/inbox/"


def test_queries_do_not_grow(browser, bo, acme, sales, inside):
    def count_queries() -> int:
        client = browser(bo)
        read(client)
        with CaptureQueriesContext(connection) as queries:
            read(client)
        return len(queries)

    few = count_queries()
    with inside(acme):
        for _ in range(6):
            conversation = factories.ConversationFactory(
                chatroom=sales.room, channel=sales.number, waiting_since=timezone.now(), status="OPEN"
            )
            factories.MessageFactory(conversation=conversation, direction="outbound", status="failed", error_code="1")
    assert count_queries() == few


def test_open_offers_lead_to_the_one_that_is_due_first(browser, bo, cy, acme, sales, inside):
    with inside(acme):
        message = factories.MessageFactory(conversation=sales.conversation, content="Take me off your list")
        OptOutOffer.objects.create(
            organization=acme.organization, message=message, channel=sales.number, address=sales.contact.phone,
            due_at=timezone.now() - timedelta(days=1),
        )  # fmt: skip
    page = read(browser(bo))
    assert "customer may want no more messages" in page
    assert "1 overdue" in page
    assert "customer may want no more messages" not in read(browser(cy))

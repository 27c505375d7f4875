"""The pages through the front door: who gets in, what they see, and what works without a script."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from messaging.models import Message, ReadMarker
from tests import factories
from tokens import ledger


# ---------------------------------------------------------------- the inbox
def test_the_inbox_shows_what_is_theirs(browser, bo, cy, ann, sales, support):
    def shown(user):
        return set(re.findall(r'id="conv-([^"]+)"', browser(user).get("/inbox/").content.decode()))

    assert shown(bo) == {str(sales.conversation.pk)}
    assert shown(ann) == {str(sales.conversation.pk), str(support.conversation.pk)}
    assert shown(cy) == set()


@pytest.mark.parametrize("path", ["", "read/", "messages/"])
@pytest.mark.parametrize("outsider", ["cy", "zed"])  # colleague without the room; other tenant
def test_a_conversation_of_others_does_not_exist(browser, sales, outsider, request, path):
    client = browser(request.getfixturevalue(outsider))
    ask = client.post if path else client.get

    answer = ask(f"/inbox/{sales.conversation.pk}/{path}", {"content": "Hi", "up_to": sales.message.pk})

    assert answer.status_code == 404


@pytest.mark.parametrize("outsider", ["cy", "zed"])
def test_parts_show_nothing_of_others(browser, sales, outsider, request):
    client = browser(request.getfixturevalue(outsider), part=True)

    rows = client.get(f"/inbox/rows/?ids={sales.conversation.pk}").content.decode()
    bubbles = client.get(f"/inbox/bubbles/?ids={sales.message.pk}").content.decode()

    assert str(sales.conversation.pk) not in rows
    assert bubbles.strip() == ""


def test_parts_show_what_is_theirs(browser, bo, sales):
    client = browser(bo, part=True)

    rows = client.get(f"/inbox/rows/?ids={sales.conversation.pk},{uuid4()}").content.decode()
    bubbles = client.get(f"/inbox/bubbles/?ids={sales.message.pk},{uuid4()}").content.decode()

    assert f'id="conv-{sales.conversation.pk}"' in rows
    assert f'data-room-unread="{sales.room.pk}"' in rows
    assert f'id="m-{sales.message.pk}"' in bubbles


def test_a_row_that_does_not_fit_the_list_is_left_out(browser, ann, sales, support):
    url = f"/inbox/rows/?chatroom={support.room.pk}&ids={sales.conversation.pk}"

    assert str(sales.conversation.pk) not in browser(ann, part=True).get(url).content.decode()


def test_a_conversation_is_a_page_or_a_part_of_one(browser, bo, sales):
    url = f"/inbox/{sales.conversation.pk}/"

    whole = browser(bo).get(url).content.decode()
    part = browser(bo, part=True).get(url).content.decode()

    assert "<html" in whole
    assert "<html" not in part
    assert f'id="m-{sales.message.pk}"' in whole
    assert f'id="m-{sales.message.pk}"' in part


@pytest.mark.parametrize(
    ("query", "status"),
    [("chatroom=x", 404), ("label=x", 404), ("status=LOUD", 400), ("channel=fax", 400), ("ids=1", 400)],
)
def test_an_address_that_makes_no_sense_is_refused(browser, bo, query, status):
    path = "/inbox/rows/" if query.startswith("ids") else "/inbox/"

    assert browser(bo).get(f"{path}?{query}").status_code == status


def test_what_customers_write_is_text(browser, bo, sales, acme, inside):
    evil = "<script>alert(1)</script>{{ 7 }}{% now 'Y' %}"
    with inside(acme):
        factories.MessageFactory(conversation=sales.conversation, content=evil)
        type(sales.contact).objects.filter(pk=sales.contact.pk).update(first_name=evil[:60])

    page = browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 }}{% now" in page


def test_older_messages_come_in_pages_without_gap_or_repeat(browser, bo, sales, acme, inside):
    with inside(acme):
        factories.MessageFactory.create_batch(130, conversation=sales.conversation)
    client, url, seen = browser(bo, part=True), f"/inbox/{sales.conversation.pk}/", []

    while url:
        part = client.get(url).content.decode()
        seen = re.findall(r'id="m-([^"]+)"', part) + seen
        url = next(iter(re.findall(r'hx-get="([^"]+)"', part)), None)

    assert len(seen) == len(set(seen)) == 131
    assert seen == sorted(seen)


def test_further_rows_come_in_pages_without_gap_or_repeat(browser, bo, sales, acme, inside):
    with inside(acme):
        for contact in factories.ContactFactory.create_batch(70, chatroom=sales.room):
            factories.ConversationFactory(chatroom=sales.room, contact=contact, channel=sales.number)
    client, url, seen = browser(bo, part=True), "/inbox/", []

    while url:
        part = client.get(url).content.decode()
        seen += re.findall(r'id="conv-([^"]+)"', part)
        url = next(iter(re.findall(r'class="more"\s+hx-get="([^"]+)"', part)), "").replace("&amp;", "&")

    assert len(seen) == len(set(seen)) == 71


# ---------------------------------------------------------------- answering and reading without a script
def test_a_reply_is_a_plain_form_too(browser, rich, sales, acme, inside):
    url = f"/inbox/{sales.conversation.pk}/"
    client_id = re.search(r'name="client_id" value="([^"]+)"', browser(rich).get(url).content.decode())[1]

    for _ in range(2):  # a double click
        answer = browser(rich).post(f"{url}messages/", {"content": "Hello there", "client_id": client_id})
        assert (answer.status_code, answer["Location"]) == (302, url)

    with inside(acme):
        assert Message.objects.filter(content="Hello there").count() == 1
        assert ledger.balance(rich) == 9


def test_a_refused_reply_says_why_and_keeps_the_text(browser, bo, sales, acme, inside):
    answer = browser(bo).post(
        f"/inbox/{sales.conversation.pk}/messages/", {"content": "Not paid for", "client_id": uuid4()}
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Not enough tokens (1 needed)." in page
    assert "Not paid for</textarea>" in page
    with inside(acme):
        assert not Message.objects.filter(content="Not paid for").exists()


def test_where_nothing_can_be_sent_the_reason_stands_in_place_of_the_box(browser, bo, sales, acme, inside):
    with inside(acme):
        type(sales.conversation).objects.filter(pk=sales.conversation.pk).update(channel=None)

    page = browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()

    assert "no number to send from" in page
    assert 'value="reply"' not in page  # a note may still be written
    assert 'id="note"' in page


def test_reading_is_noted(browser, bo, sales, acme, inside):
    answer = browser(bo).post(f"/inbox/{sales.conversation.pk}/read/", {"up_to": sales.message.pk})

    assert answer.status_code == 204
    with inside(acme):
        assert ReadMarker.objects.get(user=bo).up_to_id == sales.message.pk


def test_times_are_the_viewers(browser, bo, sales, acme, inside):
    client = browser(bo)
    client.cookies["timezone"] = "Asia/Tokyo"

    shown = re.findall(r"<time[^>]*>\s*(\d\d:\d\d)", client.get(f"/inbox/{sales.conversation.pk}/").content.decode())

    tokyo = (sales.message.occurred_at.hour + 9) % 24
    assert all(text.startswith(f"{tokyo:02}:") for text in shown)
    assert shown


def test_pages_are_kept_by_no_cache_and_obey_the_policy(browser, bo):
    answer = browser(bo).get("/inbox/")

    assert "no-store" in answer["Cache-Control"]
    assert "script-src 'self';" in answer["Content-Security-Policy"] + ";"
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_the_page_takes_as_many_queries_with_more_rows(browser, bo, sales, acme, inside):
    def count() -> int:
        client = browser(bo)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/inbox/{sales.conversation.pk}/").status_code == 200
        return len(captured)

    before = count()
    with inside(acme):
        for contact in factories.ContactFactory.create_batch(20, chatroom=sales.room):
            conversation = factories.ConversationFactory(chatroom=sales.room, contact=contact, channel=sales.number)
            factories.MessageFactory(conversation=conversation)

    assert count() == before


def test_merging_is_one_step_from_the_conversation(browser, bo, sales):
    page = browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()
    assert f'href="/contacts/{sales.contact.pk}/merge/"' in page


@pytest.mark.parametrize(("person", "named"), [("ann", True), ("bo", False)])
def test_a_row_names_its_chatroom_only_where_several_are_shown(browser, sales, support, person, named, request):
    page = browser(request.getfixturevalue(person)).get("/inbox/").content.decode()
    rows = page.split('id="convs"')[1].split("</nav>")[0]
    assert ('<span class="truncate" dir="auto">Sales</span>' in rows) is named

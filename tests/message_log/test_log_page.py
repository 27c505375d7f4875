"""/messages/: finding a message by whatever is known of it, its whole life, and deciding about an unknown one."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messagehub import tenancy
from messaging.campaigns import lifecycle
from messaging.models import Message, MessageReceipt
from messaging.sending import enqueue
from tests import factories
from tokens import ledger

PAGE = "/messages/"


@pytest.fixture
def sent(acme, rich, sales, inside) -> Message:
    """Bo's paid answer to Nina."""
    with inside(acme):
        return enqueue.send_message(sales.conversation, "On the van", sent_by=rich).message


@pytest.fixture
def put(sent):
    """Leave the answer as the worker or a callback would have."""

    def update(**values) -> Message:
        with tenancy.system():
            Message.objects.filter(pk=sent.pk).update(**values)
        return sent

    return update


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def lines_on(answer) -> list[str]:
    """The texts of the lines."""
    assert answer.status_code == 200, answer.content
    found = re.findall(r'<a class="row-link".*?<span dir="auto">(.*?)</span>', answer.content.decode(), re.DOTALL)
    return [words.strip() for words in found]


# ---------------------------------------------------------------- the list
def test_people_see_the_messages_of_their_chatrooms(browser, ann, bo, cy, zed, elsewhere, sent):
    assert lines_on(browser(bo).get(PAGE)) == ["On the van", "Hello"]
    assert lines_on(browser(ann).get(PAGE)) == ["On the van", "Hello", "Hello"]
    assert lines_on(browser(zed).get(PAGE)) == ["Hello"]
    assert "No chatroom" in text(browser(cy).get(PAGE))
    assert browser().get(PAGE)["Location"].startswith("/login/")


def test_a_message_is_found_by_whatever_is_known_of_it(browser, ann, bo, acme, sales, support, sent, put, inside):
    put(provider_id="SM" + "a" * 32)
    with inside(acme):
        campaign = lifecycle.create_campaign(
            sales.room, by=ann, name="Spring sale", content="Hi", channel=sales.number, groups=[]
        )
        factories.MessageFactory(conversation=sales.conversation, content="Of a campaign", campaign=campaign)
        other = factories.ContactFactory(chatroom=sales.room, first_name="Abe", last_name="", phone="+14155550123")
        conversation = factories.ConversationFactory(chatroom=sales.room, contact=other, channel=sales.number)
        factories.MessageFactory(conversation=conversation, content="From Abe")
    for search, found in [
        ("SM" + "a" * 32, ["On the van"]),
        (str(sent.pk), ["On the van"]),
        ("(415) 555-0123", ["From Abe"]),
        ("abe", ["From Abe"]),
        ("spring", ["Of a campaign"]),
        ("nina", ["Of a campaign", "On the van", "Hello"]),
        ("nobody", []),
        (str(support.message.pk), []),
    ]:
        assert lines_on(browser(bo).get(PAGE, {"search": search})) == found, search
    page = browser(bo).get(PAGE, {"campaign_id": campaign.pk})
    assert lines_on(page) == ["Of a campaign"]
    assert "Campaign: Spring sale" in text(page)


LATE = timedelta(minutes=11)


@pytest.mark.parametrize(
    ("state", "values", "is_found"),
    [
        ("unknown", {"status": "unknown"}, True),
        ("unknown", {"status": "sent"}, False),
        *(("failed", {"status": status}, True) for status in ("failed", "undelivered", "not_sent")),
        ("failed", {"status": "canceled"}, False),
        ("stuck", {"status": "queued", "created_at": timezone.now() - LATE}, True),
        ("stuck", {"status": "queued", "created_at": timezone.now()}, False),
        ("stuck", {"status": "queued", "created_at": timezone.now() - LATE, "not_before": timezone.now()}, False),
        ("stuck", {"status": "sending", "attempted_at": timezone.now() - LATE}, True),
        ("stuck", {"status": "scheduled", "send_at": timezone.now() - LATE}, True),
        ("stuck", {"status": "delivered", "created_at": timezone.now() - LATE}, False),
        ("delivered", {"status": "read"}, True),
    ],
)
def test_messages_are_filtered_by_state(browser, ann, bo, put, state, values, is_found):
    put(**values)
    for client in (browser(ann), browser(bo)):  # an admin's list has another statement
        assert lines_on(client.get(PAGE, {"state": state})) == (["On the van"] if is_found else [])


def test_days_are_those_of_the_viewer(browser, bo, put):
    put(occurred_at=datetime(2026, 3, 2, 4, tzinfo=UTC))  # the evening before in New York
    client = browser(bo)
    client.cookies["timezone"] = "America/New_York"
    for since, until, found in [("2026-03-01", "2026-03-01", True), ("2026-03-02", "2026-03-02", False)]:
        assert lines_on(client.get(PAGE, {"since": since, "until": until})) == (["On the van"] if found else [])
    answer = client.get(PAGE, {"since": "yesterday"})
    assert answer.status_code == 422
    assert "valid date" in answer.content.decode()


def test_filters_of_others_do_not_exist(browser, bo, support, elsewhere):
    for query in ({"chatroom_id": support.room.pk}, {"contact_id": elsewhere.contact.pk}, {"campaign_id": uuid4()}):
        assert browser(bo).get(PAGE, query).status_code == 404


def test_a_search_goes_on_behind_the_first_page(browser, bo, acme, sales, inside):
    with inside(acme):
        for number in range(60):
            factories.MessageFactory(conversation=sales.conversation, content=f"M{number:02}")
    first = browser(bo).get(PAGE, {"search": "nina"})
    older = re.search(r'href="([^"]+)" rel="next"', first.content.decode())[1].replace("&amp;", "&")
    seen = lines_on(first) + lines_on(browser(bo).get(older))
    assert seen == [f"M{number:02}" for number in reversed(range(60))] + ["Hello"]


def test_the_list_takes_as_many_queries_with_more_rows(browser, bo, acme, sales, sent, inside):
    def count() -> int:
        client = browser(bo)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(PAGE).status_code == 200
        return len(captured)

    before = count()
    with inside(acme):
        for _ in range(5):
            conversation = factories.ConversationFactory(chatroom=sales.room, channel=sales.number)
            factories.MessageFactory(conversation=conversation)
    assert count() == before


# ---------------------------------------------------------------- one message
def test_its_life_is_told_from_beginning_to_end(browser, bo, acme, sent, put, inside):
    due = timezone.now() + timedelta(minutes=1)
    values = {"send_at": due, "attempted_at": due + timedelta(seconds=1)}
    put(status="undelivered", error_code="30003", attempt=2, failures=1, **values)
    with inside(acme):
        for place, (status, code) in enumerate((("sent", ""), ("undelivered", "30003")), start=2):
            receipt = MessageReceipt(organization=acme.organization, message=sent, status=status, error_code=code)
            receipt.created_at = due + timedelta(seconds=place)
            receipt.save(force_insert=True)
    shown = text(browser(bo).get(f"{PAGE}{sent.pk}/"))
    places = [
        shown.index(words)
        for words in (
            "Written by Bo.",
            "1 token paid by Bo.",
            "Scheduled for this time.",
            "Handed to the provider, attempt 2.",
            "The provider reports: Sent",
            "The provider reports: Not delivered",
        )
    ]
    assert places == sorted(places)
    assert "couldn't be reached 1 time before" in shown.replace("&#x27;", "'")
    assert "(30003)" in shown


def test_a_received_message_has_a_life_too(browser, bo, sales):
    shown = text(browser(bo).get(f"{PAGE}{sales.message.pk}/"))
    assert "Message from Nina Okafor" in shown
    assert "Received from the customer." in shown
    assert "Send again" not in shown


@pytest.mark.parametrize("outsider", ["cy", "zed"])
def test_a_message_of_others_does_not_exist(browser, acme, put, outsider, request, inside):
    sent = put(status="unknown")
    client = browser(request.getfixturevalue(outsider))
    assert client.get(f"{PAGE}{sent.pk}/").status_code == 404
    assert client.post(f"{PAGE}{sent.pk}/decide/", {"outcome": "accepted"}).status_code == 404
    with inside(acme):
        assert Message.objects.get(pk=sent.pk).status == "unknown"


# ---------------------------------------------------------------- deciding
@pytest.mark.parametrize(
    ("outcome", "status", "balance", "count", "words"),
    [
        ("accepted", "accepted", 9, 1, "Marked as sent by Bo."),
        ("not_sent", "not_sent", 10, 1, "Marked as not sent by Bo."),
        ("resend", "not_sent", 9, 2, "It repeats an earlier message that failed."),
    ],
)
def test_somebody_decides_about_an_unknown_message_once(
    browser, bo, acme, put, outcome, status, balance, count, words, inside
):
    sent, client = put(status="unknown"), browser(bo)
    form = {"outcome": outcome}
    answer = client.post(f"{PAGE}{sent.pk}/decide/", form)
    assert answer.status_code == 302
    assert words in text(client.get(answer["Location"]))
    assert client.post(f"{PAGE}{sent.pk}/decide/", form).status_code == 409
    with inside(acme):
        assert Message.objects.get(pk=sent.pk).status == status
        assert ledger.balance(bo) == balance
        assert Message.objects.filter(content="On the van").count() == count


def test_what_cannot_be_sent_again_stays_unknown(browser, bo, acme, ann, put, inside):
    """Nothing of the two steps is left where the second one fails."""
    sent = put(status="unknown", tokens=0)  # nothing to give back
    with inside(acme):
        ledger.adjust(bo, -9, actor=ann, reason="Taken")
    answer = browser(bo).post(f"{PAGE}{sent.pk}/decide/", {"outcome": "resend"})
    assert answer.status_code == 409
    assert 'role="alert"' in answer.content.decode()
    with inside(acme):
        assert Message.objects.get(pk=sent.pk).status == "unknown"


def test_a_failed_message_is_sent_again_from_its_page(browser, bo, acme, put, inside):
    sent = put(status="failed", error_code="30007", error_message="Filtered as spam.")
    client = browser(bo)
    assert "Filtered as spam." in text(client.get(f"{PAGE}{sent.pk}/"))
    assert client.post(f"{PAGE}{sent.pk}/decide/", {"outcome": "resend"}).status_code == 302
    shown = text(client.get(f"{PAGE}{sent.pk}/"))
    assert "Sent again as a new message by Bo." in shown
    assert client.post(f"{PAGE}{sent.pk}/decide/", {"outcome": "burn"}).status_code == 400

"""The first SMS to a contact says who writes and how to opt out; it counts before anything is sent."""

import re
from html import unescape
from uuid import uuid4

import pytest

from chatrooms import groups
from integrations import segments
from messaging.campaigns import feed, lifecycle, preflight
from messaging.consent import footers
from messaging.models import Campaign, Message
from messaging.sending import direct, eligibility, enqueue, message_actions
from tests import factories
from tokens import ledger

WORDS = "Reply STOP to opt out."
FOOTER = f"\nAcme: {WORDS}"


@pytest.fixture
def footer(acme, inside) -> str:
    with inside(acme):
        acme.organization.first_message_footer = WORDS
        acme.organization.save(update_fields=["first_message_footer"])
    return FOOTER


def send(held, by, text: str, **more) -> Message:
    return enqueue.send_message(held.conversation, text, sent_by=by, **more).message


def test_the_first_message_to_a_contact_has_the_footer_and_its_segments(acme, ann, sales, inside, footer):
    text = "x" * 150
    with inside(acme):
        first, second = send(sales, ann, text), send(sales, ann, text)
    assert (first.content, first.segments) == (text + footer, segments.count_segments(text + footer))
    assert first.segments == 2
    assert (second.content, second.segments) == (text, 1)


def test_without_a_footer_nothing_is_added_and_nothing_is_asked(acme, ann, sales, inside, django_assert_num_queries):
    with inside(acme):
        assert send(sales, ann, "Hello").content == "Hello"
        with django_assert_num_queries(0):
            assert footers.find_greeted(ann.organization, [sales.contact.pk]) == set()


@pytest.mark.parametrize(("status", "has_footer"), [("failed", True), ("canceled", True), ("queued", False)])
def test_a_message_that_was_never_sent_was_not_the_first(acme, ann, sales, inside, footer, status, has_footer: bool):
    with inside(acme):
        factories.MessageFactory(conversation=sales.conversation, direction="outbound", status=status)
        assert send(sales, ann, "Hello").content.endswith(footer) == has_footer


def test_the_length_counts_with_the_footer(acme, ann, sales, inside, footer):
    text = "x" * segments.LONGEST_TEXT
    with inside(acme):
        with pytest.raises(eligibility.SendRefused) as refused:
            send(sales, ann, text)
        assert refused.value.code == "too_long"
        send(sales, ann, "Hello")
        assert send(sales, ann, text).content == text


def test_a_repeated_send_and_a_duplicate_are_known_by_what_was_written(acme, ann, sales, inside, footer):
    client_id = uuid4()
    with inside(acme):
        first = send(sales, ann, "Hello", client_id=client_id)
        again = enqueue.send_message(sales.conversation, "Hello", sent_by=ann, client_id=client_id)
        assert (again.message.pk, again.repeated) == (first.pk, True)
        with pytest.raises(enqueue.ClientIdTaken):
            send(sales, ann, "Something else", client_id=client_id)
        with pytest.raises(eligibility.SendRefused) as refused:
            send(sales, ann, "Hello", allow_duplicate=False)
    assert refused.value.code == "duplicate"


def test_a_retried_first_message_has_the_footer_once(acme, ann, sales, inside, footer):
    with inside(acme):
        first = send(sales, ann, "Hello")
        Message.objects.filter(pk=first.pk).update(status="failed")
        retried = message_actions.retry_message(Message.objects.get(pk=first.pk), by=ann).message
    assert retried.content == "Hello" + footer


def test_a_letter_to_new_numbers_is_looked_at_with_it_and_sent_once(acme, ann, sales, inside, footer):
    numbers, key = ["+1 555 010 7777", sales.contact.phone], uuid4()
    with inside(acme):
        send(sales, ann, "Welcome")
        looked = direct.plan_letters(sales.number, "x" * 150, numbers=numbers, by=ann)
        assert [letter.text for letter in looked.letters] == ["x" * 150 + footer, "x" * 150]
        assert looked.segments == 3
        for _ in range(2):
            plan = direct.plan_letters(sales.number, "x" * 150, numbers=numbers, by=ann)
            direct.send_letters(plan, sales.number, by=ann, key=key)
        sent = Message.objects.filter(direction="outbound", content__startswith="x")
        assert sorted(sent.values_list("content", "segments")) == [("x" * 150, 1), ("x" * 150 + footer, 2)]


@pytest.mark.parametrize("content", ["Hello", "Hello {{first_name|there}}"])
def test_a_campaign_adds_it_for_new_contacts_and_says_so_before(acme, ann, sales, inside, footer, content: str):
    with inside(acme):
        group = groups.create_group(sales.room, "All")
        new = factories.ContactFactory(chatroom=sales.room, first_name="there")
        groups.add_members(group, [new, sales.contact])
        send(sales, ann, "Welcome")
        campaign = lifecycle.create_campaign(
            sales.room, name="Spring", content=content, channel=sales.number, groups=[group], by=ann
        )
        told = preflight.check_campaign(campaign, by=ann).as_json()
        lifecycle.start_campaign(campaign, by=ann)
    feed.feed_campaigns()
    with inside(acme):
        messages = {each.contact_id: each for each in Campaign.objects.get(pk=campaign.pk).messages.all()}
    assert messages[new.pk].content in ("Hello" + footer, "Hello there" + footer)
    assert messages[sales.contact.pk].content.startswith("Hello")
    assert footer not in messages[sales.contact.pk].content
    assert told["segments"]["total"] == sum(each.segments for each in messages.values())
    assert told["segments"]["longest"]["text"] == messages[new.pk].content


@pytest.fixture
def read_composer(browser, bo, sales):
    """The footer that the box counts in, None where it counts none; and whether the line about it is shown."""

    def read() -> tuple[str | None, bool]:
        html = browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()
        attribute, line = re.search(r'data-footer="([^"]*)"', html), re.search(r'id="footer-hint" (hidden)?', html)
        return unescape(attribute[1]) if attribute else None, line is not None and line[1] is None

    return read


@pytest.mark.parametrize(
    "text", ["Hello", "x" * 150, "It\u2019s " + "x" * 60], ids=["short", "two segments", "Unicode"]
)
def test_the_composer_counts_what_is_stored_and_paid(
    acme, bo, rich, browser, sales, inside, footer, read_composer, text
):
    counted, is_told = read_composer()
    assert (counted, is_told) == (footer, True)
    with inside(acme):
        before = ledger.balance(bo)
    browser(bo).post(f"/inbox/{sales.conversation.pk}/messages/", {"content": text, "client_id": uuid4()})
    with inside(acme):
        message = Message.objects.get(direction="outbound")
        assert message.content == text + counted
        assert message.segments == segments.count_segments(text + counted)
        assert before - ledger.balance(bo) == message.tokens == 1
    assert read_composer() == ("", False)
    with inside(acme):
        Message.objects.filter(pk=message.pk).update(status="undelivered", tokens=0)
    assert read_composer() == (footer, True)


def test_the_composer_counts_no_footer_that_is_not_set_or_not_of_this_channel(ann, sales, acme, inside, read_composer):
    assert read_composer() == (None, False)
    with inside(acme):
        acme.organization.first_message_footer = WORDS
        assert footers.find_footer("MESSENGER", acme.organization, sales.contact.pk) == ""
        assert footers.find_footer("SMS", acme.organization, sales.contact.pk) == FOOTER


def test_a_sample_tells_the_footer_where_sending_adds_it(api, browser, ann, acme, sales, inside, footer):
    text, contact_id = "x" * 150, str(sales.contact.pk)
    template_id = api(ann).post("/api/templates", {"name": "Long", "body": text}).json()["id"]

    def ask() -> list[tuple[str, int]]:
        preview, render = "/api/templates/preview", f"/api/templates/{template_id}/render"
        answers = [
            api(ann).post(preview, {"body": text}).json(),
            api(ann).post(preview, {"body": text, "contact_id": contact_id}).json(),
            api(ann).post(render, {"contact_id": contact_id}).json(),
        ]
        assert {answer["segments"] for answer in answers} == {1}
        return [(answer["footer"], answer["segments_with_footer"]) for answer in answers]

    told = (footer.strip(), 2)
    assert ask() == [told] * 3
    with inside(acme):
        sent = send(sales, ann, text)
    assert (sent.content, sent.segments) == (f"{text}\n{told[0]}", told[1])
    assert ask() == [told, ("", 1), ("", 1)]
    sample = browser(ann).post("/templates/sample/", {"body": text}).content.decode()
    assert WORDS in sample
    assert "With it, it is 2 segments." in sample

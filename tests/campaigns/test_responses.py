"""Who answered a campaign and who opted out of it, in each place that tells, and groups of those with one outcome."""

import csv
from datetime import timedelta

import pytest
from django.utils import timezone

from chatrooms.models import Group
from messaging.campaigns import feed, responses
from messaging.consent import keywords, offers
from messaging.models import Campaign, Conversation, Message
from messaging.sending import delivery
from tests import factories
from tests.campaigns.conftest import become

pytestmark = pytest.mark.django_db
WRITTEN = timedelta(minutes=1)


@pytest.fixture
def send(crowd, draft, do):
    """A campaign that was handed over and delivered."""

    def run(group, **values) -> Campaign:
        campaign = draft(group, **values)
        do("start", campaign)
        feed.feed_campaigns()
        delivery.claim_messages(100)
        become("delivered", campaign)
        feed.feed_campaigns()
        return campaign

    return run


@pytest.fixture
def answer(acme, inside):
    """A recipient writes, so long after the campaign's message was handed over."""

    def write(campaign: Campaign, contact, text: str = "Yes", after: timedelta = WRITTEN, **values) -> Message:
        with inside(acme):
            sent = Message.objects.get(campaign=campaign, contact=contact)
            message = factories.MessageFactory(
                **{"conversation": sent.conversation, **values}, content=text, from_address=contact.phone,
                occurred_at=sent.attempted_at + after,
            )  # fmt: skip
            offers.note_consent(keywords.read_texts([(message.pk, text, "")]))
        return message

    return write


def count(campaign: Campaign) -> tuple[int, int]:
    counts = responses.count_responses(campaign)
    return counts["replied"], counts["opted_out"]


def test_replies_and_opt_outs_are_told_alike_everywhere(api, bo, acme, rich, browser, crowd, send, answer, inside):
    group = crowd(5)
    campaign = send(group)
    with inside(acme):
        replies, twice, stops, asks, _silent = group.contacts.order_by("pk")
    answer(campaign, replies)
    answer(campaign, twice), answer(campaign, twice, "STOP", 2 * WRITTEN)
    answer(campaign, stops, "STOP")
    wish = answer(campaign, asks, "Take me off your list please")
    with inside(acme):
        assert count(campaign) == (4, 2)
        offers.accept_offer(wish.opt_out_offer, by=rich)
        assert count(campaign) == (4, 3)
    client, path = api(bo), f"/api/campaigns/{campaign.pk}"
    assert client.get(path).json()["responses"] == {"replied": 4, "opted_out": 3}
    rows = {row["contact_id"]: row for row in client.get(f"{path}/recipients").json()["results"]}
    assert sum(row["replied_at"] is not None for row in rows.values()) == 4
    assert {key for key, row in rows.items() if row["opted_out_at"]} == {str(each.pk) for each in (twice, stops, asks)}
    assert rows[str(twice.pk)]["replied_at"] < rows[str(twice.pk)]["opted_out_at"]
    lines = client.get(f"{path}/recipients/export").getvalue().decode().splitlines()
    assert lines[0].endswith("Replied,Opted out,Channel")
    cells = [row[-3:-1] for row in csv.reader(lines[1:])]
    assert (sum(bool(cell) for cell, _ in cells), sum(bool(cell) for _, cell in cells)) == (4, 3)
    page = " ".join(browser(bo).get(f"/campaigns/{campaign.pk}/progress/").content.decode().split())
    assert '<dt>Replied</dt> <dd class="num"> 4 </dd>' in page
    assert '<dt>Opted out</dt> <dd class="num"> 3 </dd>' in page


@pytest.mark.parametrize("case", ["before it went", "to another number", "after another campaign", "from us"])
def test_what_is_no_reply_to_it(acme, sales, crowd, send, answer, inside, case):
    group = crowd(1)
    campaign = send(group)
    with inside(acme):
        contact = group.contacts.get()
        if case == "before it went":
            answer(campaign, contact, after=-WRITTEN)
        elif case == "to another number":
            channel = factories.ChannelFactory(chatroom=sales.room, account=sales.number.account)
            elsewhere = factories.ConversationFactory(chatroom=sales.room, contact=contact, channel=channel)
            answer(campaign, contact, conversation=elsewhere)
        elif case == "from us":
            answer(campaign, contact, direction="outbound", status="sent")
    if case == "after another campaign":
        other = send(group)
        answer(other, contact, "STOP")
        with inside(acme):
            assert count(other) == (1, 1)
    with inside(acme):
        assert count(campaign) == (0, 0)


def test_a_reply_in_a_conversation_that_was_opened_anew_counts(acme, sales, crowd, send, answer, inside):
    group = crowd(1)
    campaign = send(group)
    with inside(acme):
        contact = group.contacts.get()
        Conversation.objects.filter(contact=contact).update(status="CLOSED")
        answer(
            campaign, contact,
            conversation=factories.ConversationFactory(chatroom=sales.room, contact=contact, channel=sales.number),
        )  # fmt: skip
        assert count(campaign) == (1, 0)


def test_a_group_is_made_of_those_with_one_outcome(api, browser, bo, cy, acme, crowd, send, answer, inside):
    group, blocked = crowd(4), crowd(1, blocked_at=timezone.now())
    with inside(acme):
        replies, stops, fails, _silent = group.contacts.order_by("pk")
    campaign = send(group)
    answer(campaign, replies), answer(campaign, stops, "STOP")
    skipped = send(blocked)
    with inside(acme):
        Message.objects.filter(campaign=campaign, contact=fails).update(status="undelivered")
    path, client = f"/api/campaigns/{campaign.pk}/group", api(bo)
    expected = {"replied": {replies, stops}, "opted_out": {stops}, "failed": {fails}}
    for outcome, people in expected.items():
        made = client.post(path, {"outcome": outcome, "name": f"All {outcome}"})
        assert made.status_code == 201, made.content
        with inside(acme):
            assert set(Group.objects.get(pk=made.json()["id"]).contacts.all()) == people
    refused = client.post(path, {"outcome": "skipped", "name": "None"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "nobody")
    taken = client.post(path, {"outcome": "failed", "name": "All failed"})
    assert (taken.status_code, taken.json()["error"]["fields"].keys()) == (400, {"name"})
    assert client.post(path, {"outcome": "happy", "name": "Odd"}).status_code == 400
    assert api(cy).post(path, {"outcome": "failed", "name": "Mine"}).status_code == 404
    page = browser(bo)
    done = page.post(f"/campaigns/{skipped.pk}/group/", {"outcome": "skipped", "name": "Left out"}, follow=True)
    assert "Group “Left out” was made." in done.content.decode()
    again = page.post(f"/campaigns/{skipped.pk}/group/", {"outcome": "skipped", "name": "Left out"})
    assert (again.status_code, "There is already a group" in again.content.decode()) == (422, True)
    nobody = page.post(f"/campaigns/{skipped.pk}/group/", {"outcome": "failed", "name": "Else"})
    assert "No recipient of this campaign has this outcome." in nobody.content.decode()


def test_a_key_that_may_only_send_makes_no_group(by_key, bo, crowd, draft, do):
    campaign = draft(crowd(2))
    do("start", campaign)
    do("cancel", campaign)
    wanted = {"outcome": "canceled", "name": "Canceled"}

    assert by_key(bo, "send").post(f"/api/campaigns/{campaign.pk}/group", wanted).status_code == 403
    assert by_key(bo, "contacts").post(f"/api/campaigns/{campaign.pk}/group", wanted).status_code != 403

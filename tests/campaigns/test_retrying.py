"""A finished campaign once more for those whose message failed, and a draft like it."""

import pytest

from chatrooms import contacts
from messaging.campaigns import feed, retrying
from messaging.campaigns.lifecycle import WrongCampaignState
from messaging.models import Campaign, Message
from messaging.sending import delivery, message_actions
from tests import factories
from tests.campaigns.conftest import become
from tests.meanwhile import Aside
from tokens import ledger
from tokens.models import TokenAccount

pytestmark = pytest.mark.django_db


@pytest.fixture
def fail(acme, rich, inside):
    """So many of what is queued are not sent, by a person's word, and the others are delivered."""

    def act(campaign: Campaign, count: int) -> list[Message]:
        become("unknown", campaign, most=count)
        with inside(acme):
            failed_messages = list(campaign.messages.filter(status="unknown").order_by("pk"))
            for message in failed_messages:
                message_actions.settle_message(message, accepted=False, by=rich)
        become("delivered", campaign)
        feed.feed_campaigns()
        return failed_messages

    return act


@pytest.fixture
def retry(acme, rich, inside):
    def act(campaign: Campaign, by=None) -> int:
        with inside(acme):
            return retrying.retry_failed(campaign, by=by or rich)

    return act


def test_failed_recipients_get_another_message_at_its_own_cost(
    acme, crowd, draft, do, counts, fresh, tokens, fail, retry, inside
):
    campaign = draft(crowd(4))
    do("start", campaign)
    feed.feed_campaigns()
    first, second = fail(campaign, 2)
    assert (fresh(campaign).state, counts(campaign)) == ("done", {"delivered": 2, "not_sent": 2})
    assert tokens() == (8, 0)
    with inside(acme):
        contacts.change_contact(second.contact, by=campaign.created_by, blocked=True)

    assert retry(campaign) == 2
    assert (fresh(campaign).state, counts(campaign), tokens()) == ("running", {"delivered": 2, "waiting": 2}, (6, 2))
    feed.feed_campaigns()
    assert counts(campaign) == {"delivered": 2, "queued": 1, "skipped": 1}
    with inside(acme):
        again = campaign.messages.get(status="queued")
        assert (again.retry_of_id, again.tokens, again.contact_id) == (first.pk, 1, first.contact_id)

    fail(campaign, 1)
    assert retry(campaign) == 1
    feed.feed_campaigns()
    become("delivered", campaign)
    feed.feed_campaigns()
    assert (fresh(campaign).state, counts(campaign), tokens()) == ("done", {"delivered": 3, "skipped": 1}, (7, 0))


def test_who_was_written_to_again_by_hand_is_left_alone(acme, rich, crowd, draft, do, fail, retry, inside):
    campaign = draft(crowd(2))
    do("start", campaign)
    feed.feed_campaigns()
    (failed_message,) = fail(campaign, 1)
    with inside(acme):
        message_actions.retry_message(failed_message, by=rich)
    with pytest.raises(WrongCampaignState, match="No message of this campaign has failed"):
        retry(campaign)


def test_who_got_a_retry_of_a_retry_is_left_alone(acme, rich, crowd, draft, do, fail, retry, inside):
    """Only the first retry was looked at: it had failed, and the person got the text a second time."""
    campaign = draft(crowd(2))
    do("start", campaign)
    feed.feed_campaigns()
    (failed_message,) = fail(campaign, 1)
    with inside(acme):
        second = message_actions.retry_message(failed_message, by=rich).message
        Message.objects.filter(pk=second.pk).update(status="undelivered")
        message_actions.retry_message(second, by=rich)
    with pytest.raises(WrongCampaignState, match="No message of this campaign has failed"):
        retry(campaign)
    with inside(acme), pytest.raises(message_actions.WrongMessageState, match="already retried"):
        message_actions.retry_message(failed_message, by=rich)


def test_who_waits_for_a_retry_of_the_campaign_gets_none_by_hand(acme, rich, crowd, draft, do, fail, retry, inside):
    """The person got both."""
    campaign = draft(crowd(2))
    do("start", campaign)
    feed.feed_campaigns()
    (failed_message,) = fail(campaign, 1)
    retry(campaign)
    with inside(acme), pytest.raises(message_actions.WrongMessageState, match="already retried"):
        message_actions.retry_message(failed_message, by=rich)
    do("cancel", campaign)
    with inside(acme):
        assert message_actions.retry_message(failed_message, by=rich).message.status == "queued"


@pytest.mark.parametrize("first", ["the campaign", "the person"])
def test_a_campaign_and_a_person_who_retry_at_once_send_one_message(
    transactional_db, django_db_blocker, acme, rich, crowd, draft, do, fail, retry, inside, first
):
    campaign = draft(crowd(2))
    do("start", campaign)
    feed.feed_campaigns()
    (failed_message,) = fail(campaign, 1)

    def retry_by_hand() -> None:
        with inside(acme):
            message_actions.retry_message(failed_message, by=rich)

    acts = [lambda: retry(campaign), retry_by_hand]
    early, late = acts if first == "the campaign" else acts[::-1]
    with inside(acme):
        early()
        other = Aside(late)
    assert isinstance(other.result(), WrongCampaignState | message_actions.WrongMessageState)
    feed.feed_campaigns()
    with inside(acme):
        assert Message.objects.filter(retry_of=failed_message).count() == 1


def test_only_a_finished_campaign_is_retried(crowd, draft, do, retry):
    campaign = draft(crowd(1))
    for name in (None, "start", "pause", "cancel"):
        if name:
            do(name, campaign)
        with pytest.raises(WrongCampaignState, match="Wait until the campaign is done"):
            retry(campaign)


def test_a_duplicate_is_a_draft_with_the_same_audience(acme, rich, crowd, draft, do, inside):
    group, excluded = crowd(1), crowd(1)
    campaign = draft(group, excluded_groups=[excluded], contacted_days=3)
    do("start", campaign)
    with inside(acme):
        copy = retrying.duplicate_campaign(campaign, by=rich)
        links = dict(copy.audience_groups.values_list("group_id", "is_excluded"))
    assert (copy.state, copy.name, copy.content, copy.contacted_days) == (
        "draft", "Spring (copy)", campaign.content, 3,
    )  # fmt: skip
    assert links == {group.pk: False, excluded.pk: True}


def test_each_payer_gets_back_their_own_when_a_retried_campaign_is_canceled(
    acme, sales, ann, rich, cy, crowd, draft, do, retry, fresh, inside
):
    """All went to whoever paid the first of the queued messages."""
    with inside(acme):
        ledger.adjust(cy, 10, actor=ann, reason="Start")
        factories.UserChatroomFactory(user=cy, chatroom=sales.room)
    campaign = draft(crowd(3))
    do("start", campaign)
    feed.feed_campaigns()
    late, refused = delivery.claim_messages(1), delivery.claim_messages(1)
    delivery.settle_outcomes(
        [(late[0], delivery.Unclear("No answer")), (refused[0], delivery.Refused("30001", "Full"))]
    )
    become("delivered", campaign)
    feed.feed_campaigns()
    assert fresh(campaign).state == "done"
    retry(campaign, by=cy)
    feed.feed_campaigns()
    delivery.settle_outcomes([(each, delivery.Busy("Slow down", 1, False)) for each in late])
    do("cancel", campaign)
    with inside(acme):
        balances = dict(TokenAccount.objects.values_list("user__name", "balance"))
    assert balances == {"Bo": 9, "Cy": 10}

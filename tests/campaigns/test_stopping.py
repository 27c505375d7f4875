"""What holds a campaign or takes somebody out of it: people, rights, merges, deletions, and what breaks."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from chatrooms import contacts, groups, membership, rooms
from chatrooms.models import Contact
from integrations import numbers
from integrations.events import NotReached
from messagehub import tenancy
from messaging.campaigns import feed, lifecycle
from messaging.contacts import merging
from messaging.conversations import changes
from messaging.models import Campaign, Conversation, Message
from messaging.sending import delivery, eligibility, sweeping
from tests import factories
from tests.campaigns.conftest import become
from tokens import ledger

pytestmark = pytest.mark.django_db


# ---------------------------------------------------------------- pause, cancel, rights
def test_a_paused_campaign_holds_what_is_queued(acme, crowd, draft, do, counts, inside):
    campaign = draft(crowd(3))
    do("start", campaign)
    feed.feed_campaigns()
    do("pause", campaign)
    assert delivery.claim_messages(10) == []
    assert feed.feed_campaigns() == 0
    do("resume", campaign)
    assert len(delivery.claim_messages(10)) == 3


def test_calling_off_gives_back_all_but_what_is_on_its_way(acme, crowd, draft, do, counts, fresh, tokens, inside):
    campaign = draft(crowd(6))
    do("start", campaign)
    feed.feed_campaigns()
    assert len(delivery.claim_messages(2)) == 2
    do("cancel", campaign)
    assert counts(campaign) == {"canceled": 4, "sending": 2}
    assert (tokens(), fresh(campaign).state) == ((8, 0), "canceled")
    assert delivery.claim_messages(10) == []


def test_what_the_provider_tells_to_wait_after_the_calling_off_is_called_off_too(
    acme, crowd, draft, do, counts, tokens
):
    campaign = draft(crowd(2))
    do("start", campaign)
    feed.feed_campaigns()
    claimed = delivery.claim_messages(1)
    do("cancel", campaign)
    delivery.settle_outcomes([(each, delivery.Busy("Slow down", 1, False)) for each in claimed])
    assert counts(campaign) == {"canceled": 1, "queued": 1}
    assert feed.feed_campaigns() == 1
    assert (counts(campaign), tokens()) == ({"canceled": 2}, (10, 0))


@pytest.mark.parametrize("loss", ["unassigned", "deactivated", "moved"])
def test_who_loses_the_right_on_the_way_sends_no_more(acme, sales, support, rich, ann, crowd, draft, do, counts, fresh, inside, loss):  # fmt: skip  # noqa: E501
    campaign = draft(crowd(3))
    do("start", campaign)
    with inside(acme):
        if loss == "unassigned":
            membership.unassign_user(rich, sales.room, by=ann)
        elif loss == "deactivated":
            User.objects.filter(pk=rich.pk).update(is_active=False)
        else:
            type(sales.number).objects.filter(pk=sales.number.pk).update(chatroom=support.room)
    assert feed.feed_campaigns() == 0
    paused = fresh(campaign)
    assert (paused.state, paused.paused_code) == ("paused", "no_sender" if loss == "moved" else "no_access")
    assert counts(campaign) == {"waiting": 3}
    with pytest.raises(eligibility.SendRefused):
        do("resume", campaign, by=ann)


def test_who_loses_the_right_once_all_is_queued_sends_no_more_either(
    acme, sales, rich, ann, crowd, draft, do, counts, fresh, tokens, inside
):
    campaign = draft(crowd(3))
    do("start", campaign)
    feed.feed_campaigns()
    assert len(delivery.claim_messages(1)) == 1
    with inside(acme):
        membership.unassign_user(rich, sales.room, by=ann)
    feed.feed_campaigns()
    assert (fresh(campaign).paused_code, counts(campaign)) == ("no_access", {"queued": 2, "sending": 1})
    assert delivery.claim_messages(10) == []
    do("cancel", campaign, by=ann)
    assert (counts(campaign), tokens()) == ({"canceled": 2, "sending": 1}, (9, 0))


def test_somebody_else_may_stop_it_but_not_spend_for_it(acme, sales, cy, ann, crowd, draft, do, fresh, inside):
    with inside(acme):
        membership.assign_user(cy, sales.room, by=ann)
    campaign = draft(crowd(2))
    do("start", campaign)
    do("pause", campaign, by=cy)
    with pytest.raises(lifecycle.WrongCampaignState) as refused:
        do("resume", campaign, by=cy)
    assert refused.value.code == "not_yours"
    assert do("resume", campaign, by=ann).started_by.name == "Bo"
    assert do("cancel", campaign, by=cy).state == "canceled"


# ---------------------------------------------------------------- time, merges, deletion
def test_it_begins_at_its_time(acme, crowd, draft, do, counts, fresh, inside):
    campaign = draft(crowd(1), send_at=timezone.now() + timedelta(hours=1))
    assert do("start", campaign).state == "scheduled"
    assert feed.feed_campaigns() == 0
    with inside(acme):
        Campaign.objects.update(send_at=timezone.now() - timedelta(hours=1))
    assert feed.feed_campaigns() == 1
    assert fresh(campaign).state == "running"


def test_a_merge_on_the_way_reaches_the_one_that_is_kept_once(acme, rich, crowd, draft, do, counts, inside):
    group, alone = crowd(2), crowd(1)
    with inside(acme):
        first, second = group.contacts.order_by("pk")
        outsider = factories.ContactFactory(chatroom=first.chatroom)
    campaign = draft(group, alone)
    do("start", campaign)
    with inside(acme):
        merging.merge_contacts(first, second, by=rich)
        merging.merge_contacts(outsider, alone.contacts.get(), by=rich)
    assert feed.feed_campaigns() == 3
    assert counts(campaign) == {"queued": 2, "skipped": 1}
    with inside(acme):
        assert campaign.recipients.get(outcome="skipped").reason_code == "contact_gone"
        assert set(campaign.messages.values_list("contact_id", flat=True)) == {first.pk, outsider.pk}


@pytest.mark.parametrize("reachable", ["kept", "lost"])
def test_a_merge_with_who_was_left_out_for_want_of_a_number_is_written_to(
    acme, rich, crowd, draft, do, counts, inside, reachable
):
    group = crowd(2)
    with inside(acme):
        kept, lost = group.contacts.order_by("pk")
        number = (kept if reachable == "kept" else lost).phone
        group.contacts.exclude(phone=number).update(phone=None)
    campaign = draft(group)
    do("start", campaign)
    with inside(acme):
        merging.merge_contacts(kept, lost, by=rich)
    while feed.feed_campaigns():
        pass
    assert counts(campaign) == {"queued": 1, "skipped": 1}
    with inside(acme):
        assert set(campaign.messages.values_list("contact_id", "to_address")) == {(kept.pk, number)}


@pytest.mark.parametrize("kept", ["written to", "waiting"])
def test_a_merge_with_who_was_written_to_already_is_not_written_to_again(
    acme, rich, crowd, draft, do, counts, inside, monkeypatch, kept
):
    monkeypatch.setattr(feed, "AHEAD", 1)
    campaign = draft(crowd(2))
    do("start", campaign)
    feed.feed_campaigns()
    become("delivered", campaign)
    with inside(acme):
        had = campaign.messages.get().contact
        other = campaign.recipients.get(outcome="waiting").contact
        merging.merge_contacts(*((had, other) if kept == "written to" else (other, had)), by=rich)
    while feed.feed_campaigns():
        pass
    assert counts(campaign) == {"delivered": 1, "skipped": 1}


def test_a_contact_that_is_deleted_on_the_way_is_left_out(acme, crowd, draft, do, counts, inside):
    group = crowd(2)
    campaign = draft(group)
    do("start", campaign)
    with inside(acme):
        contacts.delete_contact(group.contacts.first())
    assert feed.feed_campaigns() == 2
    assert counts(campaign) == {"queued": 1, "skipped": 1}


def test_who_was_deleted_when_all_tokens_were_gone_is_not_waited_for(
    acme, rich, crowd, draft, do, counts, fresh, inside
):
    group = crowd(2)
    with inside(acme):
        ledger.set_balance(rich, 1, actor=rich, reason="One")
    campaign = draft(group)
    do("start", campaign)
    feed.feed_campaigns()
    become("delivered", campaign)
    with inside(acme):
        contacts.delete_contact(Contact.objects.get(pk=campaign.recipients.get(outcome="waiting").contact_id))
    feed.feed_campaigns()
    feed.feed_campaigns()
    assert (fresh(campaign).state, counts(campaign)) == ("done", {"delivered": 1, "skipped": 1})


def test_a_conversation_that_was_closed_is_left_so_and_another_lies_aside(acme, sales, rich, crowd, draft, do, inside):
    group = crowd(1)
    with inside(acme):
        groups.add_members(group, [sales.contact])
        changes.change_conversation(sales.conversation, by=rich, status="CLOSED")
    campaign = draft(group)
    do("start", campaign)
    feed.feed_campaigns()
    with inside(acme):
        states = Counter(Conversation.objects.filter(contact=sales.contact).values_list("status", flat=True))
        assert states == {"CLOSED": 1, "PENDING": 1}


def test_no_more_are_queued_ahead_than_pausing_can_hold(acme, crowd, draft, do, counts, monkeypatch):
    monkeypatch.setattr(feed, "AHEAD", 3)
    campaign = draft(crowd(8))
    do("start", campaign)
    while feed.feed_campaigns():
        pass
    assert counts(campaign) == {"queued": 3, "waiting": 5}


def test_what_surely_never_went_goes_out_though_its_campaign_was_over_by_then(acme, crowd, draft, do, counts, fresh):
    """Unknown is not in flight, so the campaign ended; the late answer queued a message that nobody took any more."""
    campaign = draft(crowd(1))
    do("start", campaign)
    feed.feed_campaigns()
    held_up = delivery.claim_messages(1)
    with tenancy.system():
        Message.objects.filter(campaign=campaign).update(lease_until=timezone.now() - timedelta(hours=1))
    sweeping.sweep_overdue()
    feed.feed_campaigns()
    assert (fresh(campaign).state, counts(campaign)) == ("done", {"unknown": 1})
    delivery.settle_outcomes([(each, NotReached("It was held up here.")) for each in held_up])
    with tenancy.system():
        Message.objects.filter(campaign=campaign).update(not_before=None)
    assert len(delivery.claim_messages(1)) == 1


@pytest.mark.parametrize("state", ["scheduled", "running", "paused"])
def test_what_a_chatroom_that_was_put_away_has_set_aside_comes_back(
    acme, sales, support, ann, crowd, draft, do, counts, fresh, tokens, inside, monkeypatch, state
):
    """Nobody sees its campaigns any more, so nobody could call them off."""
    monkeypatch.setattr(feed, "AHEAD", 2)
    campaign = draft(crowd(4), send_at=timezone.now() + timedelta(hours=1) if state == "scheduled" else None)
    do("start", campaign)
    feed.feed_campaigns()
    if state == "paused":
        do("pause", campaign)
    with inside(acme):
        numbers.change_number(sales.number, chatroom=support.room, by=ann)
        rooms.archive_chatroom(sales.room, by=ann)
    feed.feed_campaigns()
    assert (fresh(campaign).state, counts(campaign), tokens()) == ("canceled", {"canceled": 4}, (10, 0))
    assert feed.feed_campaigns() == 0


def test_one_that_cannot_be_fed_is_paused_and_does_not_keep_the_others_waiting(
    acme, crowd, draft, do, counts, fresh, tokens, inside
):
    """It ended the worker, and the next one: nobody's messages went out any more."""
    broken, sound = draft(crowd(2)), draft(crowd(1))
    do("start", broken), do("start", sound)
    with inside(acme):  # as after an update that knows a variable no more
        Campaign.objects.filter(pk=broken.pk).update(content="Hi {{nickname}}")
    feed.feed_campaigns()
    assert counts(sound) == {"queued": 1}
    assert (fresh(broken).state, fresh(broken).paused_code) == ("paused", "broken")
    assert counts(broken) == {"waiting": 2}
    do("cancel", broken)
    assert tokens() == (9, 0)

"""Campaigns: what is frozen, paid, sent and left out, in process against the sandbox's own words."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from chatrooms import contacts, groups
from chatrooms.models import Contact
from messaging.campaigns import audience, feed, preflight
from messaging.consent import entries
from messaging.models import Campaign, Conversation
from messaging.sending import delivery, eligibility, enqueue
from tests import factories
from tests.campaigns.conftest import become
from tokens import ledger
from tokens.models import TokenEntry

pytestmark = pytest.mark.django_db


# ---------------------------------------------------------------- the way of a campaign
def test_everybody_gets_one_message_in_their_own_words_and_the_rest_comes_back(
    acme, crowd, draft, do, counts, fresh, tokens, inside
):
    campaign = draft(crowd(3), crowd(2, first_name="", last_name=""))

    started = do("start", campaign)
    assert (started.state, started.audience, started.reserved, tokens()) == ("running", 5, 5, (5, 5))
    assert counts(campaign) == {"waiting": 5}
    assert feed.feed_campaigns() == 5
    assert counts(campaign) == {"queued": 3, "skipped": 2}
    with inside(acme):
        assert set(campaign.messages.values_list("content", "tokens", "priority", "status")) == {
            ("Hello Nina", 1, 1, "queued")
        }
        left_out = campaign.recipients.filter(outcome="skipped").values_list("reason_code", flat=True)
        assert set(left_out) == {"missing_variables"}
    assert tokens() == (5, 2)
    become("delivered", campaign)
    assert feed.feed_campaigns() == 0
    assert (fresh(campaign).state, tokens()) == ("done", (7, 0))
    assert counts(campaign) == {"delivered": 3, "skipped": 2}
    with inside(acme):
        kinds = TokenEntry.objects.filter(account__user=started.started_by).order_by("pk").values_list("kind", "amount")
        assert list(kinds) == [
            ("grant", 10), ("reserve", -5), ("release", 3), ("debit", -1), ("debit", -1), ("debit", -1), ("release", 2)
        ]  # fmt: skip


def test_a_contact_in_two_groups_is_written_to_once(acme, sales, crowd, draft, do, counts, inside):
    group = crowd(2)
    with inside(acme):
        other = groups.create_group(sales.room, "Also")
        groups.add_members(other, list(group.contacts.all()))
    campaign = draft(group, other)
    assert do("start", campaign).audience == 2
    feed.feed_campaigns()
    assert counts(campaign) == {"queued": 2}


def test_who_comes_into_the_group_later_is_not_in_the_audience(acme, sales, crowd, draft, do, counts, inside):
    group = crowd(1)
    campaign = draft(group)
    do("start", campaign)
    with inside(acme):
        groups.add_members(group, [factories.ContactFactory(chatroom=sales.room)])
    feed.feed_campaigns()
    assert counts(campaign) == {"queued": 1}


def test_an_admin_pays_nothing(acme, ann, crowd, draft, do, counts, inside):
    campaign = draft(crowd(3), by=ann)
    assert do("start", campaign, by=ann).reserved == 0
    feed.feed_campaigns()
    with inside(acme):
        assert set(campaign.messages.values_list("tokens", flat=True)) == {0}
        assert not TokenEntry.objects.filter(reference__startswith="campaign:").exists()


def test_who_is_blocked_opted_out_or_without_number_is_left_out_with_the_words_of_the_composer(
    acme, sales, rich, crowd, draft, do, counts, inside
):
    group = crowd(4)
    with inside(acme):
        blocked, out, none, _ = group.contacts.order_by("pk")
        contacts.change_contact(blocked, by=rich, blocked=True)
        entries.record_provider_opt_out(acme.organization.pk, sales.number.pk, out.phone, message_id=None, text="STOP")
        Contact.objects.filter(pk=none.pk).update(phone=None)
    campaign = draft(group)
    do("start", campaign)
    feed.feed_campaigns()
    assert counts(campaign) == {"queued": 1, "skipped": 3}
    with inside(acme):
        said = dict(campaign.recipients.filter(outcome="skipped").values_list("reason_code", "reason"))
        assert said.keys() == {"blocked", "opted_out", "no_phone"}
        exchange = factories.ConversationFactory(chatroom=sales.room, contact=out, channel=sales.number)
        assert said["opted_out"] == str(eligibility.may_send(rich, exchange).reasons[0])


def test_quiet_hours_hold_one_recipient_and_not_the_others(acme, crowd, draft, do, counts, fresh, inside):
    night, day = crowd(1, phone="+442071838750"), crowd(1, phone="+14155550123")
    with inside(acme):
        now = timezone.now().astimezone(ZoneInfo("Europe/London"))
        Organization.objects.update(
            quiet_from=(now - timedelta(hours=1)).time(), quiet_until=(now + timedelta(hours=1)).time()
        )
    campaign = draft(night, day)
    do("start", campaign)
    feed.feed_campaigns()
    assert counts(campaign) == {"queued": 1, "waiting": 1}
    become("delivered", campaign)
    assert feed.feed_campaigns() == 0
    assert fresh(campaign).state == "running"  # somebody waits
    with inside(acme):
        assert campaign.recipients.get(outcome="waiting").not_before > timezone.now()
        Organization.objects.update(quiet_from=None, quiet_until=None)
        campaign.recipients.filter(outcome="waiting").update(not_before=timezone.now())
    assert feed.feed_campaigns() == 1
    assert counts(campaign) == {"delivered": 1, "queued": 1}


# ---------------------------------------------------------------- conversations
def test_a_new_conversation_lies_aside_until_an_answer_and_an_open_one_is_used(
    acme, sales, crowd, draft, do, rich, inside
):
    group = crowd(1)
    with inside(acme):
        groups.add_members(group, [sales.contact])
        Conversation.objects.filter(pk=sales.conversation.pk).update(waiting_since=timezone.now())
    campaign = draft(group)
    do("start", campaign)
    feed.feed_campaigns()
    with inside(acme):
        used = {message.conversation for message in campaign.messages.select_related("conversation")}
        assert {conversation.status for conversation in used} == {"OPEN", "PENDING"}
        known = next(conversation for conversation in used if conversation.pk == sales.conversation.pk)
        assert known.last_message.campaign_id == campaign.pk
        assert known.waiting_since  # a campaign answers nobody
        assert rich.pk in set(campaign.messages.values_list("sent_by", flat=True))


def test_a_reply_goes_before_a_campaign(acme, sales, crowd, draft, do, rich, inside):
    do("start", draft(crowd(5)))
    feed.feed_campaigns()
    with inside(acme):
        reply = enqueue.send_message(sales.conversation, "At once", sent_by=rich).message
    assert delivery.claim_messages(1)[0].text.message_id == reply.pk


# ---------------------------------------------------------------- too few tokens
def test_ten_tokens_reach_ten_and_the_remainder_waits_for_more(
    acme, ann, rich, crowd, draft, do, counts, fresh, tokens, inside
):
    campaign = draft(crowd(14))
    assert (do("start", campaign).reserved, tokens()) == (10, (0, 10))
    while feed.feed_campaigns():
        pass
    assert counts(campaign) == {"queued": 10, "waiting": 4}
    assert fresh(campaign).state == "running"  # who is paid for goes first
    become("delivered", campaign)
    feed.feed_campaigns()
    paused = fresh(campaign)
    assert (paused.state, paused.paused_code) == ("paused", "insufficient_tokens")
    assert paused.paused_message == (
        "There are not enough tokens: 4 are needed, and Bo has 0. Ask an admin for 4 more before you resume."
    )
    with pytest.raises(ledger.InsufficientTokens):
        do("resume", campaign)
    with inside(acme):
        ledger.adjust(rich, 3, actor=ann, reason="More")
    assert do("resume", campaign).reserved == 3
    feed.feed_campaigns()
    assert counts(campaign) == {"delivered": 10, "queued": 3, "waiting": 1}
    do("cancel", campaign)
    assert counts(campaign) == {"canceled": 4, "delivered": 10}
    assert tokens() == (3, 0)


def test_who_may_not_be_written_to_needs_no_tokens(acme, sales, rich, crowd, draft, do, counts, fresh, tokens, inside):
    group = crowd(14)
    with inside(acme):
        for contact in group.contacts.order_by("-pk")[:4]:
            contacts.change_contact(contact, by=rich, blocked=True)
        campaign = Campaign.objects.get(pk=draft(group).pk)
        assert preflight.check_campaign(campaign, by=rich).covered == 10
    do("start", campaign)
    while feed.feed_campaigns():
        pass
    become("delivered", campaign)
    while feed.feed_campaigns():
        pass
    assert (fresh(campaign).state, counts(campaign)) == ("done", {"delivered": 10, "skipped": 4})
    assert tokens() == (0, 0)


def test_who_may_not_be_written_to_is_told_before_it_pauses_for_tokens(
    acme, ann, rich, crowd, draft, do, counts, fresh, inside
):
    group = crowd(5)
    with inside(acme):
        ledger.set_balance(rich, 2, actor=ann, reason="Two")
        contacts.change_contact(group.contacts.order_by("-pk")[0], by=rich, blocked=True)
    campaign = draft(group)
    do("start", campaign)
    feed.feed_campaigns()
    become("delivered", campaign)
    while feed.feed_campaigns():
        pass
    assert (fresh(campaign).paused_code, counts(campaign)) == (
        "insufficient_tokens", {"delivered": 2, "skipped": 1, "waiting": 2},
    )  # fmt: skip
    assert "2 are needed" in fresh(campaign).paused_message


def test_without_a_single_token_it_does_not_start_and_nothing_changes(acme, crowd, draft, do, fresh, rich, ann, inside):
    with inside(acme):
        ledger.set_balance(rich, 0, actor=ann, reason="None")
    campaign = draft(crowd(2))
    with pytest.raises(ledger.InsufficientTokens):
        do("start", campaign)
    assert fresh(campaign).state == "draft"
    with inside(acme):
        assert not campaign.recipients.exists()


def test_a_price_that_rises_on_the_way_stops_at_what_is_covered(acme, crowd, draft, do, counts, fresh, tokens, inside):
    campaign = draft(crowd(4))
    do("start", campaign)
    with inside(acme):
        Organization.objects.update(price_sms=3)
    feed.feed_campaigns()
    assert (counts(campaign), tokens()) == ({"queued": 1, "waiting": 3}, (6, 1))
    become("delivered", campaign)
    feed.feed_campaigns()
    paused = fresh(campaign)
    assert (paused.paused_code, paused.paused_message) == (
        "insufficient_tokens",
        "There are not enough tokens: 9 are needed, and Bo has 7, enough for 2 of 3. Resume to continue with those, or "
        "ask an admin for 2 more.",
    )
    assert do("resume", campaign).reserved == 6  # one was left of four; nine are needed, and six were there
    assert tokens() == (1, 6)


def test_what_is_left_of_a_step_counts_towards_the_next(acme, ann, rich, crowd, draft, do, counts, tokens, inside):
    """One left over and two in the balance are the three that a message costs: nobody has to be granted more."""
    campaign = draft(crowd(4))
    do("start", campaign)
    with inside(acme):
        ledger.set_balance(rich, 2, actor=ann, reason="Two")
        Organization.objects.update(price_sms=3)
    feed.feed_campaigns()
    become("delivered", campaign)
    feed.feed_campaigns()
    assert (counts(campaign), tokens()) == ({"delivered": 1, "waiting": 3}, (2, 1))
    assert do("resume", campaign).reserved == 3
    feed.feed_campaigns()
    assert (counts(campaign), tokens()) == ({"delivered": 1, "queued": 1, "waiting": 2}, (0, 0))


# ---------------------------------------------------------------- large ones
@pytest.mark.parametrize("only_active", ["", "older"])
@pytest.mark.parametrize("statement", ["HOLD", "FREEZE"])
def test_a_start_just_after_an_import_looks_at_each_contact_once(acme, sales, draft, inside, statement, only_active):
    """PostgreSQL knows nothing of them yet: with 30,000 it took half a minute, and twice as many four times that."""
    count = 3000
    with inside(acme):
        group = groups.create_group(sales.room, "Imported")
        people = (
            Contact(organization=acme.organization, chatroom=sales.room, phone=f"+1666{n:07}") for n in range(count)
        )
        groups.add_members(group, Contact.objects.bulk_create(people))
    campaign = draft(group, only_active=only_active)

    def touched(plan: dict) -> int:
        removed = plan.get("Rows Removed by Join Filter", 0) + plan.get("Rows Removed by Filter", 0)
        return (plan["Actual Rows"] + removed) * plan["Actual Loops"] + sum(map(touched, plan.get("Plans", [])))

    with inside(acme), connection.cursor() as cursor:
        whose = audience.build_parameters(campaign, audience.read_groups(campaign))
        asked = getattr(audience, statement).format(members=audience.build_members(campaign))
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}", whose)
        ((plans,),) = cursor.fetchall()
        campaign.recipients.all().delete()
    assert touched(plans[0]["Plan"]) < 20 * count

"""Campaigns: what is frozen, paid, sent, left out, held and called off, in process against the sandbox's own words."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization, User
from chatrooms import contacts, groups, membership, rooms
from chatrooms.models import Contact, Group, GroupMember
from integrations.events import NotReached
from messagehub import tenancy
from messaging import campaign_feed, campaigns, consent, conversations, delivery, merging, sendability, sending
from messaging.models import Campaign, Conversation, Message
from tests import factories
from tests.meanwhile import Aside
from tokens import ledger, proof
from tokens.models import TokenAccount, TokenEntry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _everything_adds_up(acme):
    yield
    found = {each.invariant for each in proof.broken()}
    assert found <= {"A conversation counts what came in"}  # the cast's own messages are put there by hand


@pytest.fixture
def crowd(acme, sales, inside):
    """A group of so many contacts in Sales."""

    def gather(count: int, **values):
        with inside(acme):
            group = groups.create(sales.room, f"Crowd {Group.objects.count()}")
            groups.add(group, factories.ContactFactory.create_batch(count, chatroom=sales.room, **values))
        return group

    return gather


@pytest.fixture
def draft(acme, sales, rich, inside):
    """A campaign of Bo, who has ten tokens."""

    def make(*to, content: str = "Hello {{first_name}}", by: User | None = None, **values) -> Campaign:
        with inside(acme):
            return campaigns.create(
                sales.room,
                name="Spring",
                content=content,
                sender_number=sales.number,
                groups=to,
                by=by or rich,
                **values,
            )

    return make


@pytest.fixture
def do(acme, rich, inside):
    """Start, pause, resume or cancel as Bo, unless somebody else is named."""

    def act(name: str, campaign: Campaign, by: User | None = None) -> Campaign:
        with inside(acme):
            return getattr(campaigns, name)(campaign, by=by or rich)

    return act


@pytest.fixture
def counts(acme, inside):
    def look(campaign: Campaign) -> dict[str, int]:
        with inside(acme):
            return campaigns.counts(campaign)[0]

    return look


@pytest.fixture
def fresh(acme, inside):
    def look(campaign: Campaign) -> Campaign:
        with inside(acme):
            return Campaign.objects.select_related("started_by").get(pk=campaign.pk)

    return look


@pytest.fixture
def tokens(acme, rich, inside):
    def look() -> tuple[int, int]:
        with inside(acme):
            return TokenAccount.objects.values_list("balance", "reserved").get(user=rich)

    return look


def become(status: str, campaign: Campaign) -> None:
    """As if the provider had taken all that is queued."""
    with tenancy.system():
        queued = Message.objects.filter(campaign=campaign, status__in=["queued", "sending"])
        for pk in queued.values_list("pk", flat=True):
            Message.objects.filter(pk=pk).update(status=status, status_rank=5, provider_id=f"SM{pk.hex}")


# ---------------------------------------------------------------- the way of a campaign
def test_everybody_gets_one_message_in_their_own_words_and_the_rest_comes_back(
    acme, crowd, draft, do, counts, fresh, tokens, inside
):
    campaign = draft(crowd(3), crowd(2, first_name="", last_name=""))

    started = do("start", campaign)
    assert (started.state, started.audience, started.reserved, tokens()) == ("running", 5, 5, (5, 5))
    assert counts(campaign) == {"waiting": 5}
    assert campaign_feed.feed() == 5
    assert counts(campaign) == {"queued": 3, "skipped": 2}
    with inside(acme):
        assert set(campaign.messages.values_list("content", "tokens", "priority", "status")) == {
            ("Hello Nina", 1, 1, "queued")
        }
        left_out = campaign.recipients.filter(outcome="skipped").values_list("reason_code", flat=True)
        assert set(left_out) == {"missing_variables"}
    assert tokens() == (5, 2)
    become("delivered", campaign)
    assert campaign_feed.feed() == 0
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
        other = groups.create(sales.room, "Also")
        groups.add(other, list(group.contacts.all()))
    campaign = draft(group, other)
    assert do("start", campaign).audience == 2
    campaign_feed.feed()
    assert counts(campaign) == {"queued": 2}


def test_who_comes_into_the_group_later_is_not_in_the_audience(acme, sales, crowd, draft, do, counts, inside):
    group = crowd(1)
    campaign = draft(group)
    do("start", campaign)
    with inside(acme):
        groups.add(group, [factories.ContactFactory(chatroom=sales.room)])
    campaign_feed.feed()
    assert counts(campaign) == {"queued": 1}


def test_an_admin_pays_nothing(acme, ann, crowd, draft, do, counts, inside):
    campaign = draft(crowd(3), by=ann)
    assert do("start", campaign, by=ann).reserved == 0
    campaign_feed.feed()
    with inside(acme):
        assert set(campaign.messages.values_list("tokens", flat=True)) == {0}
        assert not TokenEntry.objects.filter(reference__startswith="campaign:").exists()


def test_who_is_blocked_opted_out_or_without_number_is_left_out_with_the_words_of_the_composer(
    acme, sales, rich, crowd, draft, do, counts, inside
):
    group = crowd(4)
    with inside(acme):
        blocked, out, none, _ = group.contacts.order_by("pk")
        contacts.change(blocked, by=rich, blocked=True)
        consent.refused_by_provider(acme.organization.pk, sales.number.pk, out.phone, message_id=None, text="STOP")
        Contact.objects.filter(pk=none.pk).update(phone=None)
    campaign = draft(group)
    do("start", campaign)
    campaign_feed.feed()
    assert counts(campaign) == {"queued": 1, "skipped": 3}
    with inside(acme):
        said = dict(campaign.recipients.filter(outcome="skipped").values_list("reason_code", "reason"))
        assert said.keys() == {"blocked", "opted_out", "no_phone"}
        exchange = factories.ConversationFactory(chatroom=sales.room, contact=out, sender_number=sales.number)
        assert said["opted_out"] == str(sendability.may_send(rich, exchange).reasons[0])


def test_quiet_hours_hold_one_recipient_and_not_the_others(acme, crowd, draft, do, counts, fresh, inside):
    night, day = crowd(1, phone="+442071838750"), crowd(1, phone="+14155550123")
    with inside(acme):
        now = timezone.now().astimezone(sendability.ZoneInfo("Europe/London"))
        Organization.objects.update(
            quiet_from=(now - timedelta(hours=1)).time(), quiet_until=(now + timedelta(hours=1)).time()
        )
    campaign = draft(night, day)
    do("start", campaign)
    campaign_feed.feed()
    assert counts(campaign) == {"queued": 1, "waiting": 1}
    become("delivered", campaign)
    assert campaign_feed.feed() == 0
    assert fresh(campaign).state == "running"  # somebody waits
    with inside(acme):
        assert campaign.recipients.get(outcome="waiting").not_before > timezone.now()
        Organization.objects.update(quiet_from=None, quiet_until=None)
        campaign.recipients.filter(outcome="waiting").update(not_before=timezone.now())
    assert campaign_feed.feed() == 1
    assert counts(campaign) == {"delivered": 1, "queued": 1}


# ---------------------------------------------------------------- conversations
def test_a_new_conversation_lies_aside_until_an_answer_and_an_open_one_is_used(
    acme, sales, crowd, draft, do, rich, inside
):
    group = crowd(1)
    with inside(acme):
        groups.add(group, [sales.contact])
        Conversation.objects.filter(pk=sales.conversation.pk).update(waiting_since=timezone.now())
    campaign = draft(group)
    do("start", campaign)
    campaign_feed.feed()
    with inside(acme):
        used = {message.conversation for message in campaign.messages.select_related("conversation")}
        assert {conversation.status for conversation in used} == {"OPEN", "PENDING"}
        known = next(conversation for conversation in used if conversation.pk == sales.conversation.pk)
        assert known.last_message.campaign_id == campaign.pk
        assert known.waiting_since  # a campaign answers nobody
        assert rich.pk in set(campaign.messages.values_list("sent_by", flat=True))


def test_a_reply_goes_before_a_campaign(acme, sales, crowd, draft, do, rich, inside):
    do("start", draft(crowd(5)))
    campaign_feed.feed()
    with inside(acme):
        reply = sending.send(sales.conversation, "At once", sent_by=rich).message
    assert delivery.claim(1)[0].text.message_id == reply.pk


# ---------------------------------------------------------------- too few tokens
def test_ten_tokens_reach_ten_and_the_remainder_waits_for_more(
    acme, ann, rich, crowd, draft, do, counts, fresh, tokens, inside
):
    campaign = draft(crowd(14))
    assert (do("start", campaign).reserved, tokens()) == (10, (0, 10))
    while campaign_feed.feed():
        pass
    assert counts(campaign) == {"queued": 10, "waiting": 4}
    assert fresh(campaign).state == "running"  # who is paid for goes first
    become("delivered", campaign)
    campaign_feed.feed()
    paused = fresh(campaign)
    assert (paused.state, paused.paused_code) == ("paused", "insufficient_tokens")
    assert paused.paused_message == "4 more need tokens that are not there."
    with pytest.raises(ledger.InsufficientTokens):
        do("resume", campaign)
    with inside(acme):
        ledger.adjust(rich, 3, actor=ann, reason="More")
    assert do("resume", campaign).reserved == 3
    campaign_feed.feed()
    assert counts(campaign) == {"delivered": 10, "queued": 3, "waiting": 1}
    do("cancel", campaign)
    assert counts(campaign) == {"canceled": 4, "delivered": 10}
    assert tokens() == (3, 0)


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
    campaign_feed.feed()
    assert (counts(campaign), tokens()) == ({"queued": 1, "waiting": 3}, (6, 1))
    become("delivered", campaign)
    campaign_feed.feed()
    assert fresh(campaign).paused_code == "insufficient_tokens"
    assert do("resume", campaign).reserved == 6  # one was left of four; nine are needed, and six were there
    assert tokens() == (1, 6)


def test_what_is_left_of_a_step_counts_towards_the_next(acme, ann, rich, crowd, draft, do, counts, tokens, inside):
    """One left over and two in the balance are the three that a message costs: nobody has to be granted more."""
    campaign = draft(crowd(4))
    do("start", campaign)
    with inside(acme):
        ledger.set_balance(rich, 2, actor=ann, reason="Two")
        Organization.objects.update(price_sms=3)
    campaign_feed.feed()
    become("delivered", campaign)
    campaign_feed.feed()
    assert (counts(campaign), tokens()) == ({"delivered": 1, "waiting": 3}, (2, 1))
    assert do("resume", campaign).reserved == 3
    campaign_feed.feed()
    assert (counts(campaign), tokens()) == ({"delivered": 1, "queued": 1, "waiting": 2}, (0, 0))


# ---------------------------------------------------------------- pause, cancel, rights
def test_a_paused_campaign_holds_what_is_queued(acme, crowd, draft, do, counts, inside):
    campaign = draft(crowd(3))
    do("start", campaign)
    campaign_feed.feed()
    do("pause", campaign)
    assert delivery.claim(10) == []
    assert campaign_feed.feed() == 0
    do("resume", campaign)
    assert len(delivery.claim(10)) == 3


def test_calling_off_gives_back_all_but_what_is_on_its_way(acme, crowd, draft, do, counts, fresh, tokens, inside):
    campaign = draft(crowd(6))
    do("start", campaign)
    campaign_feed.feed()
    assert len(delivery.claim(2)) == 2
    do("cancel", campaign)
    assert counts(campaign) == {"canceled": 4, "sending": 2}
    assert (tokens(), fresh(campaign).state) == ((8, 0), "canceled")
    assert delivery.claim(10) == []


def test_what_the_provider_tells_to_wait_after_the_calling_off_is_called_off_too(
    acme, crowd, draft, do, counts, tokens
):
    campaign = draft(crowd(2))
    do("start", campaign)
    campaign_feed.feed()
    claimed = delivery.claim(1)
    do("cancel", campaign)
    delivery.settle([(each, delivery.Busy("Slow down", 1, False)) for each in claimed])
    assert counts(campaign) == {"canceled": 1, "queued": 1}
    assert campaign_feed.feed() == 1
    assert (counts(campaign), tokens()) == ({"canceled": 2}, (10, 0))


@pytest.mark.parametrize("loss", ["unassigned", "deactivated", "moved"])
def test_who_loses_the_right_on_the_way_sends_no_more(acme, sales, support, rich, ann, crowd, draft, do, counts, fresh, inside, loss):  # fmt: skip  # noqa: E501
    campaign = draft(crowd(3))
    do("start", campaign)
    with inside(acme):
        if loss == "unassigned":
            membership.unassign(rich, sales.room, by=ann)
        elif loss == "deactivated":
            User.objects.filter(pk=rich.pk).update(is_active=False)
        else:
            type(sales.number).objects.filter(pk=sales.number.pk).update(chatroom=support.room)
    assert campaign_feed.feed() == 0
    paused = fresh(campaign)
    assert (paused.state, paused.paused_code) == ("paused", "no_sender" if loss == "moved" else "no_access")
    assert counts(campaign) == {"waiting": 3}
    with pytest.raises(sendability.Refused):
        do("resume", campaign, by=ann)


def test_who_loses_the_right_once_all_is_queued_sends_no_more_either(
    acme, sales, rich, ann, crowd, draft, do, counts, fresh, tokens, inside
):
    campaign = draft(crowd(3))
    do("start", campaign)
    campaign_feed.feed()
    assert len(delivery.claim(1)) == 1
    with inside(acme):
        membership.unassign(rich, sales.room, by=ann)
    campaign_feed.feed()
    assert (fresh(campaign).paused_code, counts(campaign)) == ("no_access", {"queued": 2, "sending": 1})
    assert delivery.claim(10) == []
    do("cancel", campaign, by=ann)
    assert (counts(campaign), tokens()) == ({"canceled": 2, "sending": 1}, (9, 0))


def test_somebody_else_may_stop_it_but_not_spend_for_it(acme, sales, cy, ann, crowd, draft, do, fresh, inside):
    with inside(acme):
        membership.assign(cy, sales.room, by=ann)
    campaign = draft(crowd(2))
    do("start", campaign)
    do("pause", campaign, by=cy)
    with pytest.raises(campaigns.NotNow) as refused:
        do("resume", campaign, by=cy)
    assert refused.value.code == "not_yours"
    assert do("resume", campaign, by=ann).started_by.name == "Bo"
    assert do("cancel", campaign, by=cy).state == "canceled"


# ---------------------------------------------------------------- time, merges, deletion
def test_it_begins_at_its_time(acme, crowd, draft, do, counts, fresh, inside):
    campaign = draft(crowd(1), send_at=timezone.now() + timedelta(hours=1))
    assert do("start", campaign).state == "scheduled"
    assert campaign_feed.feed() == 0
    with inside(acme):
        Campaign.objects.update(send_at=timezone.now() - timedelta(hours=1))
    assert campaign_feed.feed() == 1
    assert fresh(campaign).state == "running"


def test_a_merge_on_the_way_reaches_the_one_that_is_kept_once(acme, rich, crowd, draft, do, counts, inside):
    group, alone = crowd(2), crowd(1)
    with inside(acme):
        first, second = group.contacts.order_by("pk")
        outsider = factories.ContactFactory(chatroom=first.chatroom)
    campaign = draft(group, alone)
    do("start", campaign)
    with inside(acme):
        merging.merge(first, second, by=rich)
        merging.merge(outsider, alone.contacts.get(), by=rich)
    assert campaign_feed.feed() == 3
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
        merging.merge(kept, lost, by=rich)
    while campaign_feed.feed():
        pass
    assert counts(campaign) == {"queued": 1, "skipped": 1}
    with inside(acme):
        assert set(campaign.messages.values_list("contact_id", "to_address")) == {(kept.pk, number)}


@pytest.mark.parametrize("kept", ["written to", "waiting"])
def test_a_merge_with_who_was_written_to_already_is_not_written_to_again(
    acme, rich, crowd, draft, do, counts, inside, monkeypatch, kept
):
    monkeypatch.setattr(campaign_feed, "AHEAD", 1)
    campaign = draft(crowd(2))
    do("start", campaign)
    campaign_feed.feed()
    become("delivered", campaign)
    with inside(acme):
        had = campaign.messages.get().contact
        other = campaign.recipients.get(outcome="waiting").contact
        merging.merge(*((had, other) if kept == "written to" else (other, had)), by=rich)
    while campaign_feed.feed():
        pass
    assert counts(campaign) == {"delivered": 1, "skipped": 1}


def test_a_contact_that_is_deleted_on_the_way_is_left_out(acme, crowd, draft, do, counts, inside):
    group = crowd(2)
    campaign = draft(group)
    do("start", campaign)
    with inside(acme):
        contacts.remove(group.contacts.first())
    assert campaign_feed.feed() == 2
    assert counts(campaign) == {"queued": 1, "skipped": 1}


def test_who_was_deleted_when_all_tokens_were_gone_is_not_waited_for(
    acme, rich, crowd, draft, do, counts, fresh, inside
):
    group = crowd(2)
    with inside(acme):
        ledger.set_balance(rich, 1, actor=rich, reason="One")
    campaign = draft(group)
    do("start", campaign)
    campaign_feed.feed()
    become("delivered", campaign)
    with inside(acme):
        contacts.remove(Contact.objects.get(pk=campaign.recipients.get(outcome="waiting").contact_id))
    campaign_feed.feed()
    campaign_feed.feed()
    assert (fresh(campaign).state, counts(campaign)) == ("done", {"delivered": 1, "skipped": 1})


def test_a_conversation_that_was_closed_is_left_so_and_another_lies_aside(acme, sales, rich, crowd, draft, do, inside):
    group = crowd(1)
    with inside(acme):
        groups.add(group, [sales.contact])
        conversations.change(sales.conversation, by=rich, status="CLOSED")
    campaign = draft(group)
    do("start", campaign)
    campaign_feed.feed()
    with inside(acme):
        states = Counter(Conversation.objects.filter(contact=sales.contact).values_list("status", flat=True))
        assert states == {"CLOSED": 1, "PENDING": 1}


def test_no_more_are_queued_ahead_than_pausing_can_hold(acme, crowd, draft, do, counts, monkeypatch):
    monkeypatch.setattr(campaign_feed, "AHEAD", 3)
    campaign = draft(crowd(8))
    do("start", campaign)
    while campaign_feed.feed():
        pass
    assert counts(campaign) == {"queued": 3, "waiting": 5}


def test_what_surely_never_went_goes_out_though_its_campaign_was_over_by_then(acme, crowd, draft, do, counts, fresh):
    """Unknown is not in flight, so the campaign ended; the late answer queued a message that nobody took any more."""
    campaign = draft(crowd(1))
    do("start", campaign)
    campaign_feed.feed()
    held_up = delivery.claim(1)
    with tenancy.system():
        Message.objects.filter(campaign=campaign).update(lease_until=timezone.now() - timedelta(seconds=1))
    delivery.sweep()
    campaign_feed.feed()
    assert (fresh(campaign).state, counts(campaign)) == ("done", {"unknown": 1})
    delivery.settle([(each, NotReached("It was held up here.")) for each in held_up])
    with tenancy.system():
        Message.objects.filter(campaign=campaign).update(not_before=None)
    assert len(delivery.claim(1)) == 1


@pytest.mark.parametrize("state", ["scheduled", "running", "paused"])
def test_what_a_chatroom_that_was_put_away_has_set_aside_comes_back(
    acme, sales, ann, crowd, draft, do, counts, fresh, tokens, inside, monkeypatch, state
):
    """Nobody sees its campaigns any more, so nobody could call them off."""
    monkeypatch.setattr(campaign_feed, "AHEAD", 2)
    campaign = draft(crowd(4), send_at=timezone.now() + timedelta(hours=1) if state == "scheduled" else None)
    do("start", campaign)
    campaign_feed.feed()
    if state == "paused":
        do("pause", campaign)
    with inside(acme):
        rooms.archive(sales.room, by=ann)
    campaign_feed.feed()
    assert (fresh(campaign).state, counts(campaign), tokens()) == ("canceled", {"canceled": 4}, (10, 0))
    assert campaign_feed.feed() == 0


def test_one_that_cannot_be_fed_is_paused_and_does_not_keep_the_others_waiting(
    acme, crowd, draft, do, counts, fresh, tokens, inside
):
    """It ended the worker, and the next one: nobody's messages went out any more."""
    broken, sound = draft(crowd(2)), draft(crowd(1))
    do("start", broken), do("start", sound)
    with inside(acme):  # as after an update that knows a variable no more
        Campaign.objects.filter(pk=broken.pk).update(content="Hi {{nickname}}")
    campaign_feed.feed()
    assert counts(sound) == {"queued": 1}
    assert (fresh(broken).state, fresh(broken).paused_code) == ("paused", "broken")
    assert counts(broken) == {"waiting": 2}
    do("cancel", broken)
    assert tokens() == (9, 0)


# ---------------------------------------------------------------- two at once
@pytest.mark.parametrize(("verb", "path"), [("post", "/start"), ("patch", ""), ("delete", "")])
def test_a_draft_that_is_deleted_meanwhile_is_not_found(
    transactional_db, django_db_blocker, acme, rich, api, crowd, draft, inside, verb, path
):
    campaign = draft(crowd(2))
    with inside(acme):
        campaigns.remove(campaign)
        other = Aside(lambda: getattr(api(rich), verb)(f"/api/campaigns/{campaign.pk}{path}"))
    assert other.result().status_code == 404


def test_a_start_waits_for_another_number_and_takes_it(
    transactional_db, django_db_blocker, acme, sales, rich, api, crowd, draft, inside
):
    campaign = draft(crowd(2))
    with inside(acme):
        spare = factories.SenderNumberFactory(chatroom=sales.room, twilio_account=sales.number.twilio_account)
    with inside(acme):
        campaigns.change(campaign, sender_number=spare)
        other = Aside(lambda: api(rich).post(f"/api/campaigns/{campaign.pk}/start"))
    assert other.result().status_code == 200
    campaign_feed.feed()
    with inside(acme):
        assert set(campaign.messages.values_list("from_address", flat=True)) == {spare.phone}


def test_two_starts_pay_and_write_once(
    transactional_db, django_db_blocker, acme, ann, rich, api, crowd, draft, counts, tokens, inside
):
    campaign = draft(crowd(2))
    with inside(acme):
        campaigns.start(campaign, by=rich)
        other = Aside(lambda: api(ann).post(f"/api/campaigns/{campaign.pk}/start"))
    assert other.result().json()["error"]["code"] == "not_draft"
    assert (counts(campaign), tokens()) == ({"waiting": 2}, (8, 2))


def test_who_is_deleted_during_the_start_is_left_out(
    transactional_db, django_db_blocker, acme, rich, api, crowd, draft, counts, inside
):
    """The start broke at its commit: somebody of its audience was gone by then."""
    group = crowd(2)
    campaign = draft(group)
    with inside(acme):
        gone = group.contacts.first()
        campaigns.start(campaign, by=rich)
        other = Aside(lambda: api(rich).delete(f"/api/contacts/{gone.pk}"))
    assert other.result().status_code == 204
    campaign_feed.feed()
    assert counts(campaign) == {"queued": 1, "skipped": 1}


def test_a_start_during_a_merge_reaches_the_one_that_is_kept(
    transactional_db, django_db_blocker, acme, rich, crowd, draft, do, counts, inside
):
    """The merge had looked for recipients before there were any, and its deletion left them without anybody."""
    campaign = draft(group := crowd(1))
    with inside(acme):
        lost = group.contacts.get()
        kept = factories.ContactFactory(chatroom=lost.chatroom)

    def merge() -> None:
        with inside(acme):
            merging.merge(kept, lost, by=rich)

    with inside(acme):
        list(GroupMember.objects.select_for_update().filter(contact=lost))  # there the merge stands, midway
        merged = Aside(merge)
        started = Aside(lambda: do("start", campaign))
    assert merged.result() is None
    assert started.result().state == "running"
    campaign_feed.feed()
    assert counts(campaign) == {"queued": 1}
    with inside(acme):
        assert campaign.messages.get().contact_id == kept.pk


def test_a_start_after_a_merge_that_is_not_committed_yet_sees_what_it_made(
    transactional_db, django_db_blocker, acme, rich, crowd, draft, do, counts, inside
):
    campaign = draft(group := crowd(1), crowd(1))
    with inside(acme):
        lost = group.contacts.get()
        kept = factories.ContactFactory(chatroom=lost.chatroom)
    with inside(acme):
        merging.merge(kept, lost, by=rich)
        started = Aside(lambda: do("start", campaign))
    assert started.result().audience == 2
    campaign_feed.feed()
    assert counts(campaign) == {"queued": 2}


@pytest.mark.parametrize("first", ["the campaign", "the deletion"])
def test_a_group_that_is_deleted_while_a_campaign_is_drafted_for_it(
    transactional_db, django_db_blocker, acme, sales, rich, api, crowd, inside, first
):
    group = crowd(1)
    given = {"name": "A", "content": "Hi", "group_ids": [str(group.pk)], "chatroom_id": str(sales.room.pk)}
    with inside(acme):
        if first == "the deletion":
            groups.remove(Group.objects.get(pk=group.pk))
            other = Aside(lambda: api(rich).post("/api/campaigns", given))
        else:
            campaigns.create(sales.room, name="A", content="Hi", sender_number=sales.number, groups=[group], by=rich)
            other = Aside(lambda: api(rich).delete(f"/api/groups/{group.pk}"))
    assert other.result().status_code == (201 if first == "the deletion" else 204)
    assert [each["group_ids"] for each in api(rich).get("/api/campaigns").json()["results"]] == [[]]


@pytest.mark.parametrize("statement", ["HOLD", "FREEZE"])
def test_a_start_just_after_an_import_looks_at_each_contact_once(acme, sales, draft, inside, statement):
    """PostgreSQL knows nothing of them yet: with 30,000 it took half a minute, and twice as many four times that."""
    count = 3000
    with inside(acme):
        group = groups.create(sales.room, "Imported")
        people = (
            Contact(organization=acme.organization, chatroom=sales.room, phone=f"+1666{n:07}") for n in range(count)
        )
        groups.add(group, Contact.objects.bulk_create(people))
    campaign = draft(group)

    def touched(plan: dict) -> int:
        removed = plan.get("Rows Removed by Join Filter", 0) + plan.get("Rows Removed by Filter", 0)
        return (plan["Actual Rows"] + removed) * plan["Actual Loops"] + sum(map(touched, plan.get("Plans", [])))

    with inside(acme), connection.cursor() as cursor:
        whose = {"campaign": campaign.pk, "chatroom": campaign.chatroom_id}
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {getattr(campaigns, statement)}", whose)
        ((plans,),) = cursor.fetchall()
        campaign.recipients.all().delete()
    assert touched(plans[0]["Plan"]) < 20 * count

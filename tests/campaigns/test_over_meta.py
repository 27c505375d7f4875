"""Campaigns over Messenger and Instagram: who can be reached, who still is, and as what it goes out."""

from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from chatrooms import contacts, groups
from chatrooms.models import Contact, Group
from integrations.models import Channel, FacebookPage
from messaging.campaigns import audience, feed, preflight, retrying
from messaging.consent import entries
from messaging.contacts import merging
from messaging.models import Campaign, Conversation
from messaging.sending import delivery
from tests import factories, services
from tests.campaigns.conftest import become
from tokens.models import TokenEntry

pytestmark = pytest.mark.django_db
DAY = timedelta(hours=24, minutes=1)  # of a test, whose transaction stops the clock of the database


@pytest.fixture(params=["MESSENGER"])
def page(request, acme, sales, inside) -> Channel:
    """Sales' page, at three tokens a message."""
    with inside(acme):
        acme.organization.price_messenger = acme.organization.price_instagram = 3
        acme.organization.first_message_footer = "Reply STOP to opt out"  # of an SMS
        acme.organization.save()
        return factories.PageChannelFactory(
            chatroom=sales.room, platform=request.param, address="1770000000000001", name="Northbeam Support"
        )


def let_write(contact: Contact, page: Channel, ago: timedelta | None = timedelta(hours=2)) -> Conversation:
    """Somebody who wrote to the page so long ago; None for who only followed a link to it."""
    exchange = factories.reach_contact(
        contact, page, f"7{contact.pk.int % 10**15:015}", last_word=timezone.now() - (ago or DAY)
    )
    if ago is None:
        Conversation.objects.filter(pk=exchange.pk).update(last_inbound_at=None)
    return exchange


@pytest.fixture
def people(acme, sales, page, inside):
    """A group of so many who wrote to the page so long ago."""

    def gather(count: int, *, ago: timedelta | None = timedelta(hours=2), **values) -> Group:
        with inside(acme):
            group = groups.create_group(sales.room, f"People {Group.objects.count()}")
            values = {"phone": None, **values}
            members = factories.ContactFactory.create_batch(count, chatroom=sales.room, **values)
            groups.add_members(group, members)
            for member in members:
                let_write(member, page, ago)
        return group

    return gather


@pytest.fixture
def check(acme, rich, inside):
    def look(campaign: Campaign) -> dict:
        with inside(acme):
            return preflight.check_campaign(Campaign.objects.get(pk=campaign.pk), by=rich).as_json()

    return look


def age(ago: timedelta) -> None:
    """Everybody wrote so long ago."""
    Conversation.objects.update(last_inbound_at=timezone.now() - ago)


@pytest.mark.parametrize("page", ["MESSENGER", "INSTAGRAM"], indirect=True)
def test_message_goes_to_the_scoped_id_as_a_response_for_the_platforms_price(
    acme, page, people, draft, do, tokens, inside
):
    with inside(acme):
        FacebookPage.objects.update(has_human_agent=True)
    campaign = draft(people(2), channel=page, content="ł" * 100)
    do("start", campaign)
    assert tokens() == (4, 6)
    assert feed.feed_campaigns() == 2
    assert tokens() == (4, 0)
    with inside(acme):
        known = set(Contact.objects.values_list("addresses__address", flat=True))
        made = set(campaign.messages.values_list("platform", "segments", "tokens", "content", "conversation__status"))
    assert made == {(page.platform, 1, 3, "ł" * 100, "OPEN")}
    sent = [claim.text for claim in delivery.claim_messages(5)]
    assert {text.to_address for text in sent} <= known
    assert {(text.provider, text.from_address, text.tag) for text in sent} == {("meta", page.address, "")}


def test_figures_are_those_of_what_happens(acme, sales, rich, page, people, draft, do, check, inside):
    """Every kind of exclusion at once, one who sleeps, and one who may not be written to once they are awake."""
    now = timezone.now().astimezone(ZoneInfo("Europe/London"))
    with inside(acme):
        Organization.objects.update(
            quiet_from=(now - timedelta(hours=1)).time(),
            quiet_until=(now + timedelta(hours=1)).time(),
            time_zone="Pacific/Auckland",  # of people without a number; there it is noon at midnight
        )
    group = people(8)
    late, asleep = people(1, ago=DAY), people(1, phone="+442071838750")
    too_late, referred = people(1, phone="+442071838751", ago=timedelta(hours=23, minutes=30)), people(1, ago=None)
    with inside(acme):
        blocked, out, nameless, long, recent, again, *_ = group.contacts.order_by("pk")
        contacts.change_contact(blocked, by=rich, blocked=True)
        scoped_id = out.addresses.get().address
        entries.record_provider_opt_out(acme.organization.pk, page.pk, scoped_id, message_id=None, text="STOP")
        Contact.objects.filter(pk=nameless.pk).update(first_name="")
        Contact.objects.filter(pk=long.pk).update(first_name="x" * 80)
        factories.MessageFactory(
            conversation=recent.conversations.get(), platform=page.platform, direction="outbound", status="delivered"
        )
        again.conversations.update(status="CLOSED")
        stranger, elsewhere = factories.ContactFactory.create_batch(2, chatroom=sales.room)
        let_write(elsewhere, factories.PageChannelFactory(chatroom=sales.room))
        groups.add_members(group, [stranger, elsewhere])
    campaign = draft(
        group, late, asleep, too_late, referred, channel=page, contacted_days=7, content="x" * 1950 + "{{first_name}}"
    )

    told = check(campaign)

    assert do("start", campaign).audience == told["audience"] == 14
    feed.feed_campaigns()
    with inside(acme):
        skipped = Counter(campaign.recipients.filter(outcome="skipped").values_list("reason_code", flat=True))
        waiting = Counter(campaign.recipients.filter(outcome="waiting").values_list("not_before", flat=True))
        messages = list(campaign.messages.values_list("contact_id", "tokens", "conversation__status"))
    assert {each["code"]: each["count"] for each in told["skipped"]} == skipped
    assert skipped == {
        "no_address": 2, "recently_contacted": 1, "blocked": 1, "opted_out": 1, "outside_messaging_window": 3,
        "missing_variables": 1, "bad_length": 1,
    }  # fmt: skip
    assert {each["opens_at"]: each["count"] for each in told["later"]} == waiting
    assert [each["time_zone"] for each in told["later"]] == ["Europe/London"]
    assert told["recipients"] == len(messages) + waiting.total() == 4
    assert told["tokens"] == {"needed": 12, "balance": 10, "covered": 3}
    assert {cost for _, cost, _ in messages} == {3}
    assert told["segments"]["total"] == 4
    assert (again.pk, 3, "PENDING") in messages
    assert len(delivery.claim_messages(20)) == len(messages)  # its window goes on from the conversation that was closed


def test_window_that_closes_while_it_is_paused_ends_what_waits(
    acme, rich, page, people, draft, do, counts, fresh, tokens, inside
):
    campaign = draft(people(2), channel=page, per_minute=60)
    do("start", campaign)
    assert feed.feed_campaigns() == 1  # one is queued, one waits
    do("pause", campaign)
    with inside(acme):
        age(DAY)
    do("resume", campaign)

    assert delivery.claim_messages(5) == []
    with inside(acme):
        Campaign.objects.update(next_message_at=None)
    feed.feed_campaigns()
    feed.feed_campaigns()

    assert (fresh(campaign).state, counts(campaign)) == ("done", {"failed": 1, "skipped": 1})
    with inside(acme):
        told = set(campaign.recipients.values_list("outcome", "reason_code", "message__error_code"))
        words = campaign.recipients.get(outcome="skipped").reason
        kinds = TokenEntry.objects.filter(reference__startswith="message:").values_list("kind", "amount")
        assert list(kinds.order_by("pk")) == [("debit", -3), ("refund", 3)]
    assert told == {("skipped", "outside_messaging_window", None), ("messaged", "", "outside_messaging_window")}
    assert words == "Messenger's reply window has closed. You can reply once the customer writes again."
    assert tokens() == (10, 0)
    with inside(acme):
        retrying.retry_failed(fresh(campaign), by=rich)
    feed.feed_campaigns()
    feed.feed_campaigns()
    assert (fresh(campaign).state, counts(campaign)) == ("done", {"skipped": 2})
    assert tokens() == (10, 0)


def test_no_campaign_uses_the_time_that_meta_gives_people(acme, page, people, draft, do, counts, check, inside):
    group = people(2)
    with inside(acme):
        FacebookPage.objects.update(has_human_agent=True)
    campaign, later = draft(group, channel=page), draft(group, channel=page)
    do("start", campaign)
    feed.feed_campaigns()
    with inside(acme):
        age(DAY)
    assert check(later)["recipients"] == 0
    assert delivery.claim_messages(5) == []
    assert counts(campaign) == {"failed": 2}


def test_merged_contact_gets_it_where_they_wrote_last(acme, ann, page, people, draft, do, inside):
    group = people(2)
    with inside(acme):
        contact, twin = group.contacts.order_by("pk")
        wrote = twin.addresses.get().address
        for hours, person in ((2, contact), (1, twin)):
            factories.MessageFactory(
                conversation=person.conversations.get(), platform=page.platform, to_address=page.address,
                from_address=person.addresses.get().address, occurred_at=timezone.now() - timedelta(hours=hours),
            )  # fmt: skip
        merging.merge_contacts(contact, twin, by=ann)
    campaign = draft(group, channel=page)
    assert do("start", campaign).audience == 1
    with inside(acme):
        assert campaign.recipients.get().address == wrote


def test_page_that_left_the_chatroom_pauses_it(acme, support, page, people, draft, do, fresh, inside):
    campaign = draft(people(1), channel=page)
    do("start", campaign)
    with inside(acme):
        Channel.objects.filter(pk=page.pk).update(chatroom=support.room)
    feed.feed_campaigns()
    paused = fresh(campaign)
    assert (paused.state, paused.paused_code) == ("paused", "no_sender")
    assert paused.paused_message.startswith("This chatroom no longer sends over Messenger, Northbeam Support.")


def test_answer_and_opt_out_over_messenger_are_counted(acme, page, people, draft, do, api, rich, inside):
    campaign = draft(people(3), channel=page)
    do("start", campaign)
    feed.feed_campaigns()
    delivery.claim_messages(5)
    become("delivered", campaign)
    with inside(acme):
        for text, message in zip(("Thanks", "STOP"), campaign.messages.order_by("pk"), strict=False):
            answer = factories.MessageFactory(
                conversation=message.conversation, platform=page.platform, content=text,
                from_address=message.to_address, to_address=page.address,
            )  # fmt: skip
            if text == "STOP":
                entries.record_keywords([(answer.pk, "opt_out", "en")])
    feed.feed_campaigns()
    told = api(rich).get(f"/api/campaigns/{campaign.pk}").json()
    assert told["responses"] == {"replied": 2, "opted_out": 1}
    assert (told["state"], told["counts"], told["tokens"]) == ("done", {"delivered": 3}, {"reserved": 0, "spent": 9})


# ---------------------------------------------------------------- large ones
@pytest.mark.parametrize("step", ["check", "start", "feed"])
def test_queries_do_not_grow_with_the_audience(acme, ann, page, people, draft, do, inside, step):
    def count_queries(campaign: Campaign) -> int:
        if step == "feed":
            do("start", campaign, by=ann)
        with CaptureQueriesContext(connection) as queries:
            if step == "feed":
                assert feed.feed_campaigns()
            elif step == "start":
                do("start", campaign, by=ann)
            else:
                with inside(acme):
                    preflight.check_campaign(campaign, by=ann)
        do("cancel" if step != "check" else "start", campaign, by=ann)
        return len(queries)

    few, many = draft(people(1), channel=page, by=ann), draft(people(30), channel=page, by=ann)
    assert count_queries(many) <= count_queries(few)


def test_audience_is_frozen_in_one_statement_that_looks_at_each_contact_once(
    transactional_db, acme, sales, page, people, draft, inside
):
    count = 2000
    campaign = draft(group := people(1), channel=page)
    with services.connect_unchecked() as database:
        database.execute(
            """
            WITH new AS (
                INSERT INTO contacts (organization_id, chatroom_id, phone)
                SELECT organization_id, id, NULL FROM chatrooms, generate_series(2, %s) WHERE id = %s RETURNING *
            ), members AS (
                INSERT INTO group_members (organization_id, group_id, contact_id)
                SELECT organization_id, %s, id FROM new
            )
            INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, channel_id)
            SELECT organization_id, chatroom_id, id, 'MESSENGER', id, %s FROM new
            """,
            [count, sales.room.pk, group.pk, page.pk],
        )
        # Or the plan depends on what earlier tests have left.
        database.execute("VACUUM ANALYZE contacts, contact_addresses, group_members, campaign_groups")

    def touched(plan: dict) -> int:
        removed = plan.get("Rows Removed by Join Filter", 0) + plan.get("Rows Removed by Filter", 0)
        return (plan["Actual Rows"] + removed) * plan["Actual Loops"] + sum(map(touched, plan.get("Plans", [])))

    with inside(acme), connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + audience.FREEZE.format(members=audience.build_members(campaign)),
            audience.build_parameters(campaign, audience.read_groups(campaign)),
        )
        ((plans,),) = cursor.fetchall()
        assert campaign.recipients.filter(outcome="waiting").count() == count
        campaign.recipients.all().delete()
    assert touched(plans[0]["Plan"]) < 20 * count

"""What a campaign would do, told before it starts: its figures are those of what happens then."""

from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from chatrooms import contacts, groups
from chatrooms.models import Contact
from messaging.campaigns import feed, preflight
from messaging.consent import entries
from messaging.models import Campaign
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def check(acme, rich, inside):
    def look(campaign: Campaign) -> dict:
        with inside(acme):
            return preflight.check_campaign(Campaign.objects.get(pk=campaign.pk), by=rich).as_json()

    return look


def test_figures_are_those_of_what_happens(acme, sales, rich, crowd, draft, do, counts, check, inside):
    """Every kind of exclusion at once, and one who sleeps."""
    group, twice, excluded, asleep = crowd(9), crowd(2, first_name="An"), crowd(2), crowd(1, phone="+442071838750")
    with inside(acme):
        blocked, out, none, refused, nameless, recent, form, *_ = group.contacts.order_by("pk")
        contacts.change_contact(blocked, by=rich, blocked=True)
        entries.record_provider_opt_out(acme.organization.pk, sales.number.pk, out.phone, message_id=None, text="STOP")
        Contact.objects.filter(pk=none.pk).update(phone=None)
        Contact.objects.filter(pk=refused.pk).update(phone_refused="21211")
        Contact.objects.filter(pk=nameless.pk).update(first_name="")
        Contact.objects.filter(pk=form.pk).update(phone="+525512345678")
        exchange = factories.ConversationFactory(chatroom=sales.room, contact=recent, channel=sales.number)
        factories.MessageFactory(conversation=exchange, direction="outbound", status="delivered")
        groups.add_members(group, twice.contacts.all()[:1])
        groups.add_members(group, excluded.contacts.all())
        groups.add_members(group, [factories.ContactFactory(chatroom=sales.room, phone="+5215512345678")])
        now = timezone.now().astimezone(ZoneInfo("Europe/London"))
        Organization.objects.update(
            quiet_from=(now - timedelta(hours=1)).time(),
            quiet_until=(now + timedelta(hours=1)).time(),
            time_zone="Pacific/Auckland",  # of numbers without a place; there it is noon at midnight
        )
    campaign = draft(group, twice, asleep, excluded_groups=[excluded], contacted_days=7)

    told = check(campaign)

    assert told["in_several_groups"] == 1
    assert told["left_out"] == 2
    started = do("start", campaign)
    assert started.audience == told["audience"] == 13
    feed.feed_campaigns()
    with inside(acme):
        skipped = Counter(campaign.recipients.filter(outcome="skipped").values_list("reason_code", flat=True))
        waiting = Counter(campaign.recipients.filter(outcome="waiting").values_list("not_before", flat=True))
        messages = list(campaign.messages.values_list("segments", "content", "tokens"))
    assert {each["code"]: each["count"] for each in told["skipped"]} == skipped
    assert skipped.keys() == {
        "no_phone", "recently_contacted", "same_number", "blocked", "opted_out", "invalid_number", "missing_variables",
    }  # fmt: skip
    assert {each["opens_at"]: each["count"] for each in told["later"]} == waiting
    assert [each["time_zone"] for each in told["later"]] == ["Europe/London"]
    assert told["recipients"] == len(messages) + waiting.total()
    assert told["tokens"] == {"needed": told["recipients"], "balance": 10, "covered": told["recipients"]}
    assert told["segments"]["shortest"]["text"] == min((text for _, text, _ in messages), key=len) == "Hello An"
    assert told["segments"]["longest"]["text"] == max((text for _, text, _ in messages), key=len)
    assert told["segments"]["total"] == sum(count for count, *_ in messages) + waiting.total()


def test_end_follows_the_number_s_rate_and_the_last_quiet_hour(acme, sales, crowd, draft, check, inside):
    campaign = draft(crowd(6), content="ł" * 71)
    assert check(campaign)["ends_at"] is None
    with inside(acme):
        type(sales.number).objects.update(segments_per_second=2)
    told = check(campaign)
    assert told["segments"]["total"] == 12
    assert told["ends_at"] - told["starts_at"] == timedelta(seconds=6)


def test_too_few_tokens_are_said_before_the_start(crowd, draft, check):
    told = check(draft(crowd(12)))
    assert told["tokens"] == {"needed": 12, "balance": 10, "covered": 10}


def test_queries_do_not_grow_with_the_audience(acme, rich, crowd, draft, inside):
    def count_queries(campaign: Campaign) -> int:
        with inside(acme):
            campaign = Campaign.objects.select_related("organization", "chatroom", "channel").get(pk=campaign.pk)
            with CaptureQueriesContext(connection) as queries:
                preflight.check_campaign(campaign, by=rich)
        return len(queries)

    assert count_queries(draft(crowd(40))) == count_queries(draft(crowd(1)))

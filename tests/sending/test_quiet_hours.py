"""Quiet hours: whose clock refuses is named, a promised time holds when it comes, and where none fits it ends."""

from datetime import UTC, datetime, time, timedelta
from itertools import product

import phonenumbers
import pytest
from phonenumbers.timezone import time_zones_for_number

from accounts.models import Organization
from chatrooms.models import Chatroom
from messagehub import tenancy
from messaging.campaigns import feed, lifecycle
from messaging.models import Conversation, Message
from messaging.sending import eligibility, number_zones, quiet_hours, sweeping
from tests.campaigns.conftest import counts, crowd, do, draft, fresh

__all__ = ["counts", "crowd", "do", "draft", "fresh"]
pytestmark = pytest.mark.django_db
TOLL_FREE, IDAHO, RUSSIA = "+18005551234", "+12085550123", "+79161234567"  # no place; two zones; sixteen
PHONES = [TOLL_FREE, IDAHO, RUSSIA, "+12125550100", "+34612345678"]
IN_A_PLACE = {
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
}
CLOCKS = [
    (time(21), time(8)),
    (time(20), time(10)),
    (time(9), time(17)),
    (time(0), time(23, 59)),
    (time(2, 30), time(2)),
]


def organize(start: time | None, until: time | None, zone: str = "Europe/London", **more) -> quiet_hours.Hours | None:
    organization = Organization(time_zone=zone, quiet_from=start, quiet_until=until, **more)
    return quiet_hours.choose_hours(organization, Chatroom(), for_campaign=True)


def parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def explain(phone: str, moment: str, hours: quiet_hours.Hours | None) -> eligibility.Reason | None:
    return eligibility.explain_quiet_hours(hours, phone, parse(moment))


@pytest.mark.parametrize(
    ("phone", "moment", "message"),
    [
        (TOLL_FREE, "2026-07-01T21:05", "It's 22:05 in your time zone (London), which is within your quiet hours."),
        (TOLL_FREE, "2026-07-01T17:05", None),
        (
            "+12125550100",
            "2026-01-15T03:05",
            "It's 22:05 in the customer's time zone (New York), which is within your quiet hours.",
        ),
        # Boise is an hour ahead: only there it is past nine.
        (
            IDAHO,
            "2026-01-15T04:30",
            "It's 21:30 in the customer's time zone (Boise), which is within your quiet hours.",
        ),
        # It is still before eight in Los Angeles, and no longer in Boise.
        (
            IDAHO,
            "2026-01-15T15:30",
            "It's 07:30 in the customer's time zone (Los Angeles), which is within your quiet hours.",
        ),
    ],
)
def test_reason_names_the_zone_that_refuses(phone, moment, message):
    reason = explain(phone, moment, organize(time(21), time(8)))
    assert (reason.message if reason else None) == message


@pytest.mark.parametrize(("phone", "hours"), list(product(PHONES, CLOCKS)))
def test_promised_time_holds_when_it_comes(phone, hours):
    """Also on the nights on which clocks are changed."""
    hours = organize(*hours)
    for day, hour in product(("2026-03-07", "2026-03-28", "2026-07-01", "2026-10-24", "2026-10-31"), range(0, 48, 5)):
        at = parse(day) + timedelta(hours=hour)
        quiet = quiet_hours.find_quiet(hours, phone, at)
        if quiet and quiet.opens_at:
            assert quiet.opens_at > at
            assert quiet_hours.find_quiet(hours, phone, quiet.opens_at) is None


def test_where_no_hour_fits_no_time_is_promised():
    reason = explain(RUSSIA, "2026-01-15T12:00", organize(time(20), time(10)))
    assert reason.opens_at is None
    assert "no hour" in reason.fix
    assert explain(TOLL_FREE, "2026-01-15T21:00", organize(time(20), time(10))).opens_at.hour == 10


@pytest.fixture
def never(acme, sales, inside):
    """Every hour is quiet somewhere in the country of this contact."""
    with inside(acme):
        Organization.objects.update(quiet_from=time(12), quiet_until=time(11, 30), quiet_hours_for_people=True)
        sales.contact.phone = RUSSIA
        sales.contact.save()
        Conversation.objects.update(last_inbound_at=None)
    return sales


def test_send_is_refused_without_a_time(api, rich, never):
    answer = api(rich).post("/api/messages/send", {"conversation_id": str(never.conversation.pk), "content": "Hi"})

    assert answer.status_code == 422
    assert [(reason["code"], reason["opens_at"]) for reason in answer.json()["error"]["reasons"]] == [
        ("quiet_hours", None)
    ]


def test_composer_offers_no_time_where_there_is_none(browser, rich, never):
    page = browser(rich).get(f"/inbox/{never.conversation.pk}/").content.decode()
    assert "within your quiet hours" in page
    assert 'id="send" name="send_at"' not in page


def test_due_message_that_may_never_be_sent_fails_and_is_paid_back(acme, rich, never, inside):
    with inside(acme):
        message = Message.objects.create(
            organization=acme.organization, chatroom=never.room, conversation=never.conversation,
            contact=never.contact, channel=never.number, direction="outbound", platform="SMS",
            content="Hi", status="scheduled",
            from_address=never.number.address, to_address=RUSSIA, sent_by=rich,
            send_at=datetime.now(UTC) - timedelta(seconds=5),
        )  # fmt: skip

    sweeping.sweep_overdue()

    with tenancy.system():
        message.refresh_from_db()
    assert (message.status, message.error_code) == ("failed", "quiet_hours")


def test_campaign_to_whom_no_hour_fits_ends_and_gives_its_tokens_back(
    acme, sales, crowd, draft, do, counts, fresh, inside
):
    with inside(acme):
        Organization.objects.update(quiet_from=time(12), quiet_until=time(11, 30))
    campaign = draft(crowd(1, phone=RUSSIA))
    do("start", campaign)

    feed.feed_campaigns(), feed.feed_campaigns()

    assert counts(campaign) == {"skipped": 1}
    assert (fresh(campaign).state, fresh(campaign).reserved) == (lifecycle.State.DONE, 0)
    with inside(acme):
        assert campaign.recipients.get().reason_code == "quiet_hours"


def test_zones_are_those_that_the_library_finds_the_long_way():
    """Of an example of each kind in each country, of what is nearly one, and of North America's area codes."""
    kinds = phonenumbers.PhoneNumberType.values()
    examples = [
        phonenumbers.example_number_for_type(region, kind)
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in kinds
    ]
    numbers = [phonenumbers.format_number(each, phonenumbers.PhoneNumberFormat.E164) for each in examples if each]
    numbers += [each[:place] + digit + each[place + 1 :] for each in numbers for place, digit in ((4, "7"), (6, "0"))]
    numbers += [each[:-1] for each in numbers] + [f"{each}3" for each in numbers[::3]]
    numbers += [f"+1{area}{exchange}0123" for area in range(200, 1000, 3) for exchange in (155, 208, 555)]
    numbers += ["+12125550", "+112125550100", "SUPPORT", ""]
    zones = {number: [zone.key for zone in number_zones.list_zones(number)] for number in numbers}
    assert zones == {number: list_zones_the_long_way(number) for number in numbers}
    assert sum(bool(found) for found in zones.values()) > 500


def list_zones_the_long_way(phone: str) -> list[str]:
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return []
    if phonenumbers.number_type(number) not in IN_A_PLACE:
        return []
    return [name for name in time_zones_for_number(number) if name != "Etc/Unknown"]

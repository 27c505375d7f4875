"""Holidays, a chatroom's own hours and whom they hold: every place that decides says the same."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, product
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Organization, User
from chatrooms.models import Chatroom, Contact
from messaging.campaigns import feed, preflight
from messaging.models import Campaign, Conversation, Message
from messaging.sending import delivery, direct, eligibility, number_zones, quiet_hours, recheck, sweeping
from tests.campaigns.conftest import crowd, do, draft

__all__ = ["crowd", "do", "draft"]
pytestmark = pytest.mark.django_db
NEW_YORK, IDAHO, TOKYO, CAIRO = "+12125550100", "+12085550123", "+81312345678", "+201001234567"
TOLL_FREE, RUSSIA = "+18005551234", "+79161234567"
NIGHT = {"quiet_from": time(21), "quiet_until": time(8)}
UTC_ZONE = ZoneInfo("UTC")
PAGE = "/manage/settings/quiet-hours/"


def parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def declare(*days: str) -> list[dict]:
    return [{"date": day, "name": "Founders' Day"} for day in days]


def organize(*days: str, **hours) -> quiet_hours.Hours | None:
    organization = Organization(time_zone="Europe/London", holidays=declare(*days), **hours)
    return quiet_hours.choose_hours(organization, Chatroom(), for_campaign=True)


# ---------------------------------------------------------------- the rule
@pytest.mark.parametrize(
    ("phone", "moment", "days", "hours", "opens"),
    [
        # The day begins and ends where the recipient is.
        (NEW_YORK, "2026-12-25T04:59", ["2026-12-25"], {}, None),
        (NEW_YORK, "2026-12-25T05:00", ["2026-12-25"], {}, "2026-12-26T05:00"),
        (TOKYO, "2026-12-24T15:00", ["2026-12-25"], {}, "2026-12-25T15:00"),
        (TOKYO, "2026-12-25T15:00", ["2026-12-25"], {}, None),
        (TOLL_FREE, "2026-12-25T00:00", ["2026-12-25"], {}, "2026-12-26T00:00"),  # London's
        # In all zones of a number: Boise is an hour ahead of Los Angeles.
        (IDAHO, "2026-12-25T07:30", ["2026-12-25"], {}, "2026-12-26T08:00"),
        # It goes on in the morning, also where the night before it began earlier.
        (NEW_YORK, "2026-12-25T17:00", ["2026-12-25"], NIGHT, "2026-12-26T13:00"),
        (NEW_YORK, "2026-12-25T03:00", ["2026-12-25"], NIGHT, "2026-12-26T13:00"),
        (NEW_YORK, "2026-12-24T03:00", ["2026-12-25"], NIGHT, "2026-12-24T13:00"),
        (NEW_YORK, "2026-12-25T17:00", ["2026-12-25"], {"quiet_from": time(12), "quiet_until": time(14)},
         "2026-12-26T05:00"),
        # One after the other, and over the weekend between two of them.
        (NEW_YORK, "2026-12-24T13:00", ["2026-12-24", "2026-12-25", "2026-12-26"], NIGHT, "2026-12-27T13:00"),
        (NEW_YORK, "2026-12-25T17:00", ["2026-12-25", "2026-12-27"], NIGHT, "2026-12-26T13:00"),
        (NEW_YORK, "2026-12-24T13:00", [f"2026-12-{day}" for day in range(24, 32)], NIGHT, "2027-01-01T13:00"),
        # The clock goes forward on the holiday, and back.
        (NEW_YORK, "2026-03-08T12:00", ["2026-03-08"], {}, "2026-03-09T04:00"),
        (NEW_YORK, "2026-11-01T12:00", ["2026-11-01"], NIGHT, "2026-11-02T13:00"),
        # In Cairo there is no midnight after it: 23:59 is followed by 01:00.
        (CAIRO, "2026-04-23T12:00", ["2026-04-23"], {}, "2026-04-23T22:00"),
    ],
)  # fmt: skip
def test_holiday_is_the_recipient_s_day(phone, moment, days, hours, opens):
    quiet = quiet_hours.find_quiet(organize(*days, **hours), phone, parse(moment))
    assert (quiet and quiet.opens_at) == (opens and parse(opens))


@pytest.mark.parametrize(("phone", "hours"), list(product([IDAHO, RUSSIA, CAIRO], [{}, NIGHT])))
def test_promised_time_is_the_first_that_is_free(phone, hours):
    """Found once more by asking for every quarter of an hour."""
    days = {"2026-04-22", "2026-04-24", "2026-04-25", "2026-04-27"}
    rule, zones = organize(*sorted(days), **hours), number_zones.list_zones(phone)

    def is_free(at: datetime) -> bool:
        return all(
            (local := at.astimezone(zone)).date().isoformat() not in days
            and (not hours or time(8) <= local.time() < time(21))
            for zone in zones
        )

    for begin in range(0, 7 * 24, 7):
        at = parse("2026-04-21T00:00") + timedelta(hours=begin)
        quarters = (at + timedelta(minutes=15 * n) for n in range(8 * 24 * 4))
        quiet = quiet_hours.find_quiet(rule, phone, at)
        assert (quiet.opens_at if quiet else at) == next(filter(is_free, quarters), None)


class EveryDay(dict):
    def __contains__(self, day: object) -> bool:
        return True


def test_a_long_list_of_holidays_is_looked_at_as_far_as_it_holds():
    """For 42 zones, which is all that the number tells, and never for each message anew."""
    days, caribbean = [str(date(2026, 12, 25) + timedelta(days=5 * n)) for n in range(100)], "+12684641234"
    assert organize(*days) is organize(*days)
    zones, at = number_zones.list_zones(caribbean), parse("2026-12-25T12:00")
    endless = quiet_hours.Hours(UTC_ZONE, holidays=EveryDay({date(2026, 12, 25): "Always"}))
    ends = list(islice(quiet_hours._list_ends(endless, zones, at), 100))
    assert ends == sorted(ends)
    assert ends[-1] < at + timedelta(days=10)
    assert quiet_hours.find_quiet(organize(*days), caribbean, at).opens_at < at + timedelta(days=3)


def test_hours_without_an_opening_are_told_so_at_once_whatever_the_holidays_are():
    endless = quiet_hours.Hours(UTC_ZONE, time(6), time(5), EveryDay({date(2026, 12, 25): "Always"}))
    assert quiet_hours.find_quiet(endless, "+12684641234", parse("2026-12-25T12:00")).opens_at is None


def test_reason_names_the_holiday():
    hours = organize("2026-12-25")
    at = parse("2026-12-25T12:00")
    assert eligibility.explain_quiet_hours(hours, NEW_YORK, at).message == (
        "It's 25 December 2026 in the customer's time zone (New York), which is a holiday of yours (Founders' Day)."
    )
    assert "in your time zone (London), which is a holiday" in str(
        eligibility.explain_quiet_hours(hours, TOLL_FREE, at)
    )


@pytest.mark.parametrize(
    ("for_people", "for_campaign", "own", "moment", "is_held"),
    [
        (False, True, {}, "2026-12-24T22:00", True),
        (False, False, {}, "2026-12-24T22:00", False),
        (True, False, {}, "2026-12-24T22:00", True),
        # The chatroom's own hours take the place of the organization's.
        (True, False, {"quiet_from": time(12), "quiet_until": time(13)}, "2026-12-24T22:00", False),
        (True, False, {"quiet_from": time(12), "quiet_until": time(13)}, "2026-12-24T12:30", True),
        (False, False, {"quiet_from": time(12), "quiet_until": time(13)}, "2026-12-24T12:30", False),
        (False, True, {"quiet_from": time(12), "quiet_until": time(13)}, "2026-12-24T12:30", True),
        # Holidays are the organization's, and hold campaigns alone.
        (True, True, {"quiet_from": time(12), "quiet_until": time(13)}, "2026-12-25T15:00", True),
        (True, False, {}, "2026-12-25T15:00", False),
    ],
)
def test_whom_they_hold(for_people, for_campaign, own, moment, is_held):
    organization = Organization(
        time_zone="UTC", quiet_hours_for_people=for_people, holidays=declare("2026-12-25"), **NIGHT
    )
    hours = quiet_hours.choose_hours(organization, Chatroom(**own), for_campaign=for_campaign)
    assert (quiet_hours.find_quiet(hours, TOLL_FREE, parse(moment)) is not None) == is_held


# ---------------------------------------------------------------- every place that decides
@pytest.fixture
def closed(acme, sales, inside):
    """The chatroom has quiet hours around now, its organization has none, and it is people's too."""
    now = timezone.now().astimezone(ZoneInfo("America/New_York"))
    with inside(acme):
        Organization.objects.update(quiet_hours_for_people=True)
        Chatroom.objects.filter(pk=sales.room.pk).update(
            quiet_from=(now - timedelta(hours=1)).time().replace(second=0),
            quiet_until=(now + timedelta(hours=2)).time().replace(second=0),
        )
        Contact.objects.filter(pk=sales.contact.pk).update(phone=NEW_YORK)
        Conversation.objects.update(last_inbound_at=None)
    return sales


def test_all_places_name_the_same_end(api, browser, ann, acme, rich, closed, crowd, draft, do, inside):
    campaign = draft(crowd(1, phone="+12125550188"))
    with inside(acme):
        told = preflight.check_campaign(Campaign.objects.get(pk=campaign.pk), by=rich).as_json()
        number = type(closed.number).objects.select_related("chatroom__organization").get(pk=closed.number.pk)
        sender = User.objects.select_related("organization").get(pk=rich.pk)
        (letter,) = direct.plan_letters(number, "Hi", numbers=["+12125550199"], by=sender).letters
    do("start", campaign)
    feed.feed_campaigns()
    refused = api(rich).post("/api/messages/send", {"conversation_id": str(closed.conversation.pk), "content": "Hi"})
    composer = browser(rich).get(f"/inbox/{closed.conversation.pk}/").content.decode()
    tried = browser(ann).get(PAGE, {"chatroom": closed.room.pk, "phone": NEW_YORK, **read_hours(api(ann), closed.room)})

    opens_at = datetime.fromisoformat(refused.json()["error"]["reasons"][0]["opens_at"])
    assert [each["opens_at"] for each in told["later"]] == [opens_at]
    with inside(acme):
        assert campaign.recipients.get().not_before == opens_at
    assert "within your quiet hours" in letter.problem
    assert "Schedule for" in composer
    assert "Campaigns go out from" in tried.content.decode()
    # In a chatroom without hours of its own the organization's hold, and there are none.
    with inside(acme):
        Chatroom.objects.update(quiet_from=None, quiet_until=None)
        assert preflight.check_campaign(Campaign.objects.get(pk=campaign.pk), by=rich).as_json()["later"] == []
    assert (
        api(rich).post("/api/messages/send", {"conversation_id": str(closed.conversation.pk), "content": "Hi"})
    ).status_code == 201


def read_hours(client, room) -> dict:
    hours = client.get(f"/api/chatrooms/{room.pk}").json()["quiet_hours"]
    return {"quiet_from": hours["from"], "quiet_until": hours["until"]}


def test_people_write_at_any_time_unless_the_organization_holds_them(api, acme, rich, closed, inside):
    with inside(acme):
        Organization.objects.update(quiet_hours_for_people=False)
    sent = api(rich).post("/api/messages/send", {"conversation_id": str(closed.conversation.pk), "content": "Hi"})
    assert sent.status_code == 201
    (claimed,) = delivery.claim_messages(10)
    assert claimed.text.body == "Hi"


def test_what_waited_into_a_holiday_goes_on_waiting_where_it_is_a_campaign_s(
    api, acme, rich, sales, crowd, draft, do, inside
):
    """Even to somebody who wrote a minute ago, whom people may answer."""
    group = crowd(1, phone="+12125550188")
    campaign = draft(group)
    do("start", campaign)
    feed.feed_campaigns()
    with inside(acme):
        Conversation.objects.update(last_inbound_at=timezone.now())
    api(rich).post("/api/messages/send", {"conversation_id": str(sales.conversation.pk), "content": "Hi"})
    today = timezone.now().astimezone(ZoneInfo("America/New_York")).date()
    with inside(acme):
        # Tomorrow too, for it may be midnight in a moment.
        Organization.objects.update(holidays=declare(*(str(today + timedelta(days=day)) for day in range(2))))
        Message.objects.update(created_at=timezone.now() - timedelta(minutes=5))  # all is asked again by now

    claims = delivery.claim_messages(10)

    assert [claim.text.body for claim in claims] == ["Hi"]
    midnight = datetime.combine(today + timedelta(days=2), time(), ZoneInfo("America/New_York"))
    with inside(acme):
        held = campaign.messages.get()
    assert (held.status, held.not_before) == ("queued", midnight)
    assert "Founders' Day" in held.sendability["reasons"][0]["message"]


def test_due_message_brings_along_what_decides_about_its_hours(acme, rich, closed, inside, django_assert_num_queries):
    """So that no query is made for each of many."""
    with inside(acme):
        message = Message.objects.create(
            organization=acme.organization, chatroom=closed.room, conversation=closed.conversation,
            contact=closed.contact, channel=closed.number, direction="outbound", platform="SMS", content="Hi",
            status="scheduled", from_address=closed.number.address, to_address=NEW_YORK, sent_by=rich,
            send_at=timezone.now() - timedelta(seconds=5),
        )  # fmt: skip
    sweeping.sweep_overdue()
    with inside(acme):
        message.refresh_from_db()
        assert (message.status, message.send_at > timezone.now()) == ("scheduled", True)
        asked = Message.objects.select_related(*recheck.ASKED).get(pk=message.pk)
        with django_assert_num_queries(0):
            quiet_hours.choose_hours(asked.sent_by.organization, asked.conversation.chatroom, for_campaign=False)


# ---------------------------------------------------------------- setting them
def test_holidays_are_set_on_the_page(browser, ann, zed, acme, inside):
    client = browser(ann)
    assert "No holiday yet" in client.get(PAGE).content.decode()
    for day, name in (("2026-12-25", "Christmas"), ("2026-01-01", "New Year")):
        answer = client.post(f"{PAGE}holidays/", {"date": day, "name": name}, follow=True)
        assert f"No campaign goes out on {name}" in answer.content.decode()
    for day, name, words in (
        ("2026-12-25", "Again", "is a holiday already"),
        ("2026-12-26", "\u2800", "letters that can be seen"),
        ("tomorrow", "Soon", "valid date"),
    ):
        answer = client.post(f"{PAGE}holidays/", {"date": day, "name": name})
        assert (answer.status_code, words in answer.content.decode()) == (422, True), answer.content.decode()
    with inside(acme):
        assert Organization.objects.get().holidays == [
            {"date": "2026-01-01", "name": "New Year"}, {"date": "2026-12-25", "name": "Christmas"},
        ]  # fmt: skip
    assert "Christmas" not in browser(zed).get(PAGE).content.decode()

    client.post(f"{PAGE}holidays/delete/", {"date": "2026-01-01"})
    client.post(f"{PAGE}holidays/delete/", {"date": "never"})

    with inside(acme):
        assert [each["name"] for each in Organization.objects.get().holidays] == ["Christmas"]
        entry = AuditEntry.objects.order_by("-pk").first()
    assert (entry.before, entry.after) == (
        {"holidays": ["2026-01-01 New Year", "2026-12-25 Christmas"]},
        {"holidays": ["2026-12-25 Christmas"]},
    )


@pytest.mark.parametrize("path", ["holidays/", "holidays/delete/"])
def test_agents_set_no_holidays(browser, bo, acme, inside, path):
    assert browser(bo).post(f"{PAGE}{path}", {"date": "2026-12-25", "name": "Christmas"}).status_code == 403
    with inside(acme):
        assert Organization.objects.get().holidays == []


def test_chatroom_s_hours_are_set_by_admins(api, browser, ann, bo, sales, acme, inside):
    address = f"/api/chatrooms/{sales.room.pk}"
    own = {"from": "20:00", "until": "09:30"}
    assert api(bo).patch(address, {"quiet_hours": own}).status_code == 403
    assert api(ann).patch(address, {"quiet_hours": own}).json()["quiet_hours"] == own
    assert api(bo).get(address).json()["quiet_hours"] == own
    assert api(ann).patch(address, {"name": "Sales"}).json()["quiet_hours"] == own
    assert api(ann).patch(address, {"quiet_hours": {"from": "20:00"}}).status_code == 400
    form = {"name": "Sales", "color": "petrol", "quiet_from": "22:00", "quiet_until": "22:00"}
    assert browser(ann).post(f"/manage/chatrooms/{sales.room.pk}/change/", form).status_code == 422
    page = (
        browser(ann)
        .post(f"/manage/chatrooms/{sales.room.pk}/change/", form | {"quiet_until": "07:00"}, follow=True)
        .content.decode()
    )
    assert 'value="22:00"' in page
    assert api(ann).patch(address, {"quiet_hours": None}).json()["quiet_hours"] is None
    created = api(ann).post("/api/chatrooms", {"name": "Berlin", "quiet_hours": own}).json()
    assert created["quiet_hours"] == own
    with inside(acme):
        entries = AuditEntry.objects.filter(action="chatroom.quiet_hours").order_by("pk")
        assert [entry.after["quiet_from"] for entry in entries] == ["20:00", "22:00", None, "20:00"]

"""Audiences that are narrowed to who has opted in, or to who wrote lately: the check, the start and the copy agree."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Organization
from chatrooms import groups
from chatrooms.models import Contact
from integrations.models import Channel
from messaging.campaigns import preflight, retrying
from messaging.models import ConsentEntry, Platform
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def choose(acme, rich, do, inside):
    """Who is in the started audience, by first name; the check counts the same before."""

    def start(campaign) -> set[str]:
        with inside(acme):
            checked = preflight.check_campaign(campaign, by=rich)
            chosen = campaign.groups.get().contacts.count()
        started = do("start", campaign)
        assert (checked.audience, checked.left_out) == (started.audience, chosen - started.audience)
        with inside(acme):
            return set(campaign.recipients.values_list("contact__first_name", flat=True))

    return start


@pytest.fixture
def said(acme, sales, support, crowd, inside):
    """Contacts who are called by what they have said, in one group."""
    group = crowd(8)
    names = ("yes", "no", "nothing", "again", "elsewhere", "other form", "other platform", "once")
    words = [
        ("yes", sales.number, "opt_in"),
        ("no", sales.number, "opt_in"), ("no", sales.number, "opt_out"),
        ("again", sales.number, "opt_out"), ("again", sales.number, "opt_in"),
        ("elsewhere", support.number, "opt_in"),
        ("once", sales.number, "opt_in"), ("once", support.number, "opt_out"),
    ]  # fmt: skip
    with inside(acme):
        contacts = dict(zip(names, group.contacts.order_by("pk"), strict=True))
        contacts["other form"].phone = "+5215512345678"
        for name, contact in contacts.items():
            contact.first_name = name
            contact.save()
        page = factories.PageChannelFactory(chatroom=sales.room)
        contacts["other platform"].addresses.create(
            organization=acme.organization, chatroom=sales.room, platform=page.platform, channel=page, address="77001"
        )

        def say(channel: Channel, address: str, kind: str) -> None:
            ConsentEntry.objects.create(
                organization=acme.organization, channel=channel, address=address, kind=kind, source="staff", reason="x"
            )

        for name, channel, kind in words:
            say(channel, contacts[name].phone, kind)
        say(sales.number, "+525512345678", "opt_in")
        say(page, "77001", "opt_in")
    return group


@pytest.mark.parametrize(
    ("scope", "more"), [("channel", {"once"}), ("chatroom", {"once"}), ("organization", {"elsewhere"})]
)
def test_only_who_has_opted_in_on_the_channel(acme, said, draft, choose, inside, scope, more):
    with inside(acme):
        Organization.objects.update(opt_out_scope=scope)
    assert choose(draft(said, only_opted_in=True)) == {"yes", "again", "other form"} | more


@pytest.mark.parametrize(
    ("activity", "expected"),
    [("7_days", {"3"}), ("30_days", {"3", "20"}), ("90_days", {"3", "20", "80"}), ("older", {"100", "never"})],
)
def test_only_who_wrote_then(acme, crowd, draft, choose, inside, activity, expected):
    group = crowd(5)
    with inside(acme):
        for contact, days in zip(group.contacts.all(), (3, 20, 80, 100, None), strict=True):
            Contact.objects.filter(pk=contact.pk).update(
                first_name=str(days or "never"), last_activity_at=days and timezone.now() - timedelta(days=days)
            )
    assert choose(draft(group, only_active=activity)) == expected


def test_both_and_excluded_groups_narrow_it_together(acme, said, crowd, draft, do, inside):
    excluded = crowd(0)
    with inside(acme):
        yes, again = (said.contacts.get(first_name=name) for name in ("yes", "again"))
        Contact.objects.filter(pk__in=[yes.pk, again.pk]).update(last_activity_at=timezone.now())
        groups.add_members(excluded, [yes])
    campaign = draft(said, excluded_groups=[excluded], only_opted_in=True, only_active="7_days")
    assert do("start", campaign).audience == 1
    with inside(acme):
        assert campaign.recipients.get().contact == again


def test_a_copy_is_narrowed_too(acme, rich, crowd, draft, inside):
    with inside(acme):
        copy = retrying.duplicate_campaign(draft(crowd(1), only_opted_in=True, only_active="older"), by=rich)
    assert (copy.only_opted_in, copy.only_active) == (True, "older")


def test_api_and_page_narrow_it(api, browser, bo, crowd, sales):
    group, client = crowd(3), api(bo)
    wanted = {"name": "Spring", "content": "Hi", "chatroom_id": str(sales.room.pk), "group_ids": [str(group.pk)]}
    made = client.post("/api/campaigns", {**wanted, "only_opted_in": True, "only_active": "30_days"}).json()
    assert (made["only_opted_in"], made["only_active"]) == (True, "30_days")
    address = f"/api/campaigns/{made['id']}"
    assert client.patch(address, {"only_active": "sometime"}).status_code == 400
    changed = client.patch(address, {"only_opted_in": False, "only_active": None}).json()
    assert (changed["only_opted_in"], changed["only_active"]) == (False, None)

    page, form = browser(bo), {
        "name": "Spring", "content": "Hi", "channel": sales.number.pk, "groups": group.pk, "only_opted_in": "on",
    }  # fmt: skip
    checked = page.post(f"/campaigns/new/preflight/?chatroom={sales.room.pk}", form).content.decode()
    assert "of 0 contacts" in checked
    assert "In its groups, but left out" in checked
    assert page.post(f"/campaigns/{made['id']}/", form).status_code == 302
    assert client.get(address).json()["only_opted_in"]
    shown = page.get(f"/campaigns/{made['id']}/").content.decode()
    assert 'name="only_opted_in"' in shown
    assert client.patch(address, {"channel_id": None}).status_code == 400


def test_a_started_campaign_says_whom_it_was_for(browser, api, acme, bo, crowd, draft, do, inside):
    group, excluded = crowd(2), crowd(1)
    with inside(acme):
        Contact.objects.update(last_activity_at=timezone.now())
    campaign = draft(group, excluded_groups=[excluded], only_active="7_days", contacted_days=3)
    do("start", campaign)
    page = browser(bo).get(f"/campaigns/{campaign.pk}/").content.decode()
    told = page.partition('id="audience-title"')[2].partition("</section>")[0]
    for words in (group.name, "But not to", excluded.name, "In the last 7 days", "Days since your last message"):
        assert words in told
    assert "opted in" not in told
    assert api(bo).delete(f"/api/groups/{group.pk}").status_code == 204
    assert "Groups that were deleted since" in browser(bo).get(f"/campaigns/{campaign.pk}/").content.decode()


def test_platforms_and_pages_are_told_apart(acme, sales, said, draft, choose, inside):
    """Somebody whom a merge gave the ids of two pages has opted in to one of them only."""
    with inside(acme):
        Organization.objects.update(opt_out_scope="organization")
        page = Channel.objects.get(platform=Platform.MESSENGER)
        other_page = factories.PageChannelFactory(chatroom=sales.room)
        merged = said.contacts.get(first_name="nothing")
        for channel, address in ((page, "77002"), (other_page, "77003")):
            merged.addresses.create(
                organization=acme.organization, chatroom=sales.room, platform="MESSENGER", channel=channel,
                address=address,
            )  # fmt: skip
        ConsentEntry.objects.create(
            organization=acme.organization, channel=other_page, address="77003", kind="opt_in", source="staff",
            reason="x",
        )  # fmt: skip
    assert choose(draft(said, channel=page, only_opted_in=True)) == {"other platform"}

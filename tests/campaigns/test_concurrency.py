"""Two who do something with a campaign at the same time."""

import pytest

from chatrooms import groups
from chatrooms.models import Group, GroupMember
from messaging.campaigns import feed, lifecycle
from messaging.contacts import merging
from tests import factories
from tests.meanwhile import Aside

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("verb", "path", "body"), [("post", "/start", {}), ("patch", "", {"name": "Summer"}), ("delete", "", {})]
)
def test_a_draft_that_is_deleted_meanwhile_is_not_found(
    transactional_db, django_db_blocker, acme, rich, api, crowd, draft, inside, verb, path, body
):
    campaign = draft(crowd(2))
    with inside(acme):
        lifecycle.delete_campaign(campaign)
        other = Aside(lambda: getattr(api(rich), verb)(f"/api/campaigns/{campaign.pk}{path}", body))
    assert other.result().status_code == 404


def test_a_page_that_changes_a_draft_during_its_start_says_so(
    transactional_db, django_db_blocker, acme, rich, browser, crowd, draft, sales, inside
):
    campaign = draft(group := crowd(2))
    form = {"name": "Summer", "groups": [group.pk], "channel": sales.number.pk, "content": "Hi"}
    with inside(acme):
        lifecycle.start_campaign(campaign, by=rich)
        other = Aside(lambda: browser(rich).post(f"/campaigns/{campaign.pk}/", form, follow=True).content.decode())
    page = str(other.result())
    assert "This campaign was started meanwhile." in page
    assert "Summer" not in page


def test_a_start_waits_for_another_number_and_takes_it(
    transactional_db, django_db_blocker, acme, sales, rich, api, crowd, draft, inside
):
    campaign = draft(crowd(2))
    with inside(acme):
        spare = factories.ChannelFactory(chatroom=sales.room, account=sales.number.account)
    with inside(acme):
        lifecycle.change_campaign(campaign, channel=spare)
        other = Aside(lambda: api(rich).post(f"/api/campaigns/{campaign.pk}/start"))
    assert other.result().status_code == 200
    feed.feed_campaigns()
    with inside(acme):
        assert set(campaign.messages.values_list("from_address", flat=True)) == {spare.address}


def test_two_starts_pay_and_write_once(
    transactional_db, django_db_blocker, acme, ann, rich, api, crowd, draft, counts, tokens, inside
):
    campaign = draft(crowd(2))
    with inside(acme):
        lifecycle.start_campaign(campaign, by=rich)
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
        lifecycle.start_campaign(campaign, by=rich)
        other = Aside(lambda: api(rich).delete(f"/api/contacts/{gone.pk}"))
    assert other.result().status_code == 204
    feed.feed_campaigns()
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
            merging.merge_contacts(kept, lost, by=rich)

    with inside(acme):
        list(GroupMember.objects.select_for_update().filter(contact=lost))  # there the merge stands, midway
        merged = Aside(merge)
        started = Aside(lambda: do("start", campaign))
    assert merged.result() is None
    assert started.result().state == "running"
    feed.feed_campaigns()
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
        merging.merge_contacts(kept, lost, by=rich)
        started = Aside(lambda: do("start", campaign))
    assert started.result().audience == 2
    feed.feed_campaigns()
    assert counts(campaign) == {"queued": 2}


@pytest.mark.parametrize("first", ["the campaign", "the deletion"])
def test_a_group_that_is_deleted_while_a_campaign_is_drafted_for_it(
    transactional_db, django_db_blocker, acme, sales, rich, api, crowd, inside, first
):
    group = crowd(1)
    given = {"name": "A", "content": "Hi", "group_ids": [str(group.pk)], "chatroom_id": str(sales.room.pk)}
    with inside(acme):
        if first == "the deletion":
            groups.delete_group(Group.objects.get(pk=group.pk))
            other = Aside(lambda: api(rich).post("/api/campaigns", given))
        else:
            lifecycle.create_campaign(sales.room, name="A", content="Hi", channel=sales.number, groups=[group], by=rich)
            other = Aside(lambda: api(rich).delete(f"/api/groups/{group.pk}"))
    assert other.result().status_code == (201 if first == "the deletion" else 204)
    assert [each["group_ids"] for each in api(rich).get("/api/campaigns").json()["results"]] == [[]]

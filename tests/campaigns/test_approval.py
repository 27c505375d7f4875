"""A second person's approval, where the organization wants it: who may give it, who is told, and what takes it back."""

import re

import pytest
from django.core import mail

from accounts.models import AuditEntry, Organization
from messagehub import tenancy
from messaging.campaigns import lifecycle
from messaging.models import Campaign, Notification
from messaging.notifications import notices
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _wanted(acme, inside):
    with inside(acme):
        Organization.objects.update(approve_campaigns=True)


@pytest.fixture
def eve(acme, inside):
    """Another admin of Acme."""
    with inside(acme):
        return factories.UserFactory(organization=acme.organization, name="Eve", role="admin")


def read_seen(page, campaign) -> str:
    """What the button to approve stands for."""
    return re.search(r'name="seen" value="(\w+)"', page.get(f"/campaigns/{campaign.pk}/").content.decode())[1]


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def test_only_an_admin_who_did_not_write_it_lets_it_start(api, browser, bo, ann, eve, acme, crowd, draft, inside):
    campaign = draft(crowd(2), by=ann)
    path = f"/api/campaigns/{campaign.pk}"
    assert refusal(api(ann).post(f"{path}/start")) == (409, "approval_missing")
    for writer_or_agent in (ann, bo):
        assert refusal(api(writer_or_agent).post(f"{path}/approve")) == (409, "not_approver")
    assert "Ask for approval" in browser(ann).get(f"/campaigns/{campaign.pk}/").content.decode()
    asked = api(ann).post(f"{path}/ask-approval").json()
    assert asked["approval_asked_at"]
    with inside(acme):
        assert list(Notification.objects.values_list("user", "kind")) == [(eve.pk, "approval")]
        assert notices.count_unseen(eve) == 1
    page = browser(eve)
    assert "asks you to approve the campaign" in page.get("/notifications/").content.decode()
    seen = read_seen(page, campaign)
    with inside(acme):
        assert notices.count_unseen(eve) == 0  # she has looked at it
    done = page.post(
        f"/campaigns/{campaign.pk}/move/", {"action": "approve", "seen": seen}, follow=True
    ).content.decode()
    assert "Campaign approved. It can be started now." in done
    assert api(ann).get(path).json()["approved_by"]["name"] == "Eve"
    assert api(ann).post(f"{path}/start").status_code == 200
    with inside(acme):
        actions = AuditEntry.objects.filter(action__startswith="campaign.").order_by("pk")
        assert list(actions.values_list("action", "actor__name")) == [
            ("campaign.ask_approval", "Ann"), ("campaign.approve", "Eve"), ("campaign.start", "Ann"),
        ]  # fmt: skip


@pytest.mark.parametrize("by_page", [False, True])
def test_a_change_takes_it_back_and_makes_its_author_a_writer(
    api, browser, bo, ann, eve, acme, sales, crowd, draft, inside, by_page
):
    group = crowd(1)
    campaign = draft(group)
    path = f"/api/campaigns/{campaign.pk}"
    assert api(eve).post(f"{path}/approve").status_code == 200
    if by_page:
        form = {"name": "A", "groups": [group.pk], "channel": sales.number.pk, "content": "Buy more"}
        browser(eve).post(f"/campaigns/{campaign.pk}/", form)
    else:
        api(eve).patch(path, {"content": "Buy more"})
    shown = api(bo).get(path).json()
    assert (shown["content"], shown["approved_at"], shown["approved_by"]) == ("Buy more", None, None)
    assert refusal(api(bo).post(f"{path}/start")) == (409, "approval_missing")
    assert refusal(api(eve).post(f"{path}/approve")) == (409, "not_approver")
    assert api(ann).post(f"{path}/approve").status_code == 200


def test_where_nobody_else_could_approve_that_is_said(api, ann, acme, crowd, draft):
    assert refusal(api(ann).post(f"/api/campaigns/{draft(crowd(1), by=ann).pk}/ask-approval")) == (
        409, "nobody_approves",
    )  # fmt: skip


def test_where_it_is_not_wanted_nothing_changes(api, bo, acme, crowd, draft, inside):
    with inside(acme):
        Organization.objects.update(approve_campaigns=False)
    path = f"/api/campaigns/{draft(crowd(1)).pk}"
    assert api(bo).post(f"{path}/start").status_code == 200


def test_who_has_not_looked_is_mailed_and_a_deleted_draft_is_forgotten(ann, bo, acme, rich, api, crowd, draft, inside):
    campaign = draft(crowd(1))
    for _ in range(2):
        api(bo).post(f"/api/campaigns/{campaign.pk}/ask-approval")
    with tenancy.system():
        assert Notification.objects.count() == 1
        Notification.objects.update(created_at="2026-01-01T00:00:00Z")
    assert notices.mail_unseen_notifications() == 1
    assert "Bo asks you to approve the campaign Spring\n  http" in mail.outbox[-1].body
    assert f"/campaigns/{campaign.pk}/" in mail.outbox[-1].body
    with inside(acme):
        lifecycle.delete_campaign(Campaign.objects.get(pk=campaign.pk))
        assert not Notification.objects.exists()


# ---------------------------------------------------------------- what was looked at is what is approved
def test_what_changed_since_it_was_looked_at_is_not_approved(browser, api, bo, eve, crowd, draft):
    campaign = draft(crowd(2))
    path, page = f"/api/campaigns/{campaign.pk}", browser(eve)
    seen = read_seen(page, campaign)
    api(bo).patch(path, {"content": "Something else"})

    for given in ({"seen": seen}, {}):
        answer = page.post(f"/campaigns/{campaign.pk}/move/", {"action": "approve", **given}, follow=True)
        assert "changed since you opened it" in answer.content.decode()
    assert api(bo).get(path).json()["approved_at"] is None


def test_who_wrote_some_of_it_does_not_approve_it_after_somebody_else_changed_it(api, bo, eve, crowd, draft):
    path = f"/api/campaigns/{draft(crowd(2)).pk}"
    api(eve).patch(path, {"content": "Eve's own text"})
    api(bo).patch(path, {"name": "Renamed"})

    assert refusal(api(eve).post(f"{path}/approve")) == (409, "not_approver")


def test_an_approver_sees_the_files_that_go_along(browser, eve, crowd, draft):
    campaign = draft(crowd(2), media_urls=["https://shop.example/picture.jpg"])
    assert "https://shop.example/picture.jpg" in browser(eve).get(f"/campaigns/{campaign.pk}/").content.decode()


def test_a_program_is_no_second_person(by_key, eve, crowd, draft):
    path = f"/api/campaigns/{draft(crowd(2)).pk}/approve"
    assert by_key(eve, "read", "send", "contacts", "admin").post(path).status_code == 403

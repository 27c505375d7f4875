"""A second person's approval, where the organization wants it: who may give it, who is told, and what takes it back."""

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
    assert 'value="approve"' in page.get(f"/campaigns/{campaign.pk}/").content.decode()
    with inside(acme):
        assert notices.count_unseen(eve) == 0  # she has looked at it
    done = page.post(f"/campaigns/{campaign.pk}/move/", {"action": "approve"}, follow=True).content.decode()
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

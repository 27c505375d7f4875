"""/manage/settings/labels/: labels, and bringing a deleted one back. And what quiet hours mean for a number."""

import re
from datetime import time

import pytest

from accounts.models import AuditEntry, Organization
from messagehub import tenancy
from messaging.conversations import labels
from messaging.models import ConversationLabel, Label

pytestmark = pytest.mark.django_db
PAGE, QUIET = "/manage/settings/labels/", "/manage/settings/quiet-hours/"


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def urgent(acme, sales, inside) -> Label:
    """On one conversation."""
    with inside(acme):
        label = labels.create_label(acme.organization, name="Urgent", color="magenta")
        ConversationLabel.objects.create(organization=acme.organization, conversation=sales.conversation, label=label)
    return label


def names(world, inside) -> list[str]:
    with inside(world):
        return list(Label.objects.order_by("name").values_list("name", flat=True))


@pytest.mark.parametrize(
    ("ask", "path"),
    [("get", PAGE), ("post", f"{PAGE}create/"), ("post", f"{PAGE}{{pk}}/delete/"), ("get", QUIET)],
)
def test_agents_and_strangers_get_nothing(browser, bo, olga, urgent, ask, path):
    address = path.format(pk=urgent.pk)
    assert getattr(browser(bo), ask)(address).status_code == 403
    assert getattr(browser(), ask)(address).status_code == 302
    assert getattr(browser(olga), ask)(address).status_code in (302, 403)


@pytest.mark.parametrize("action", ["change", "delete"])
def test_label_of_another_organization_does_not_exist(browser, zed, urgent, acme, inside, action):
    answer = browser(zed).post(f"{PAGE}{urgent.pk}/{action}/", {"name": "Taken", "color": "blue"})
    assert answer.status_code == 404
    assert "No label yet" in text(browser(zed).get(PAGE))
    assert names(acme, inside) == ["Urgent"]


def test_label_is_created_and_changed(browser, ann, acme, inside):
    client = browser(ann)
    assert "No label yet" in text(client.get(PAGE))
    assert "can be used" in text(client.post(f"{PAGE}create/", {"name": "VIP", "color": "blue"}, follow=True))
    again = client.post(f"{PAGE}create/", {"name": "vip", "color": "blue"})
    assert (again.status_code, "already a label" in text(again)) == (422, True)
    with inside(acme):
        label = Label.objects.get()
    client.post(f"{PAGE}{label.pk}/change/", {"name": "Important", "color": "green"})
    refused = client.post(f"{PAGE}{label.pk}/change/", {"name": "", "color": "green"})
    assert (refused.status_code, "required" in text(refused)) == (422, True)
    with inside(acme):
        label.refresh_from_db()
        actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert (label.name, label.color, actions) == ("Important", "green", ["label.create", "label.change"])


def test_deleted_label_comes_back_on_the_same_conversations(browser, ann, acme, sales, urgent, inside):
    client = browser(ann)
    answer = client.post(f"{PAGE}{urgent.pk}/delete/", follow=True)
    assert "“Urgent” was taken off all conversations. Undo" in text(answer)
    assert names(acme, inside) == []
    assert "Urgent is back" in text(client.post(f"{PAGE}{urgent.pk}/restore/", follow=True))
    with inside(acme):
        assert list(sales.conversation.labels.values_list("pk", "color")) == [(urgent.pk, "magenta")]
    again = client.post(f"{PAGE}{urgent.pk}/restore/")
    assert (again.status_code, "can&#x27;t be undone any more" in text(again)) == (422, True)
    assert "Undo" not in text(client.get(f"{PAGE}?deleted={urgent.pk}"))


def test_deletion_is_undone_by_its_own_organization_only(browser, ann, zed, urgent, acme, globex, inside):
    browser(ann).post(f"{PAGE}{urgent.pk}/delete/")
    assert browser(zed).post(f"{PAGE}{urgent.pk}/restore/").status_code == 422
    assert "Undo" not in text(browser(zed).get(f"{PAGE}?deleted={urgent.pk}"))
    assert (names(acme, inside), names(globex, inside)) == ([], [])


def test_name_that_was_taken_meanwhile_keeps_the_deletion(browser, ann, urgent, acme, inside):
    browser(ann).post(f"{PAGE}{urgent.pk}/delete/")
    browser(ann).post(f"{PAGE}create/", {"name": "Urgent", "color": "blue"})
    answer = browser(ann).post(f"{PAGE}{urgent.pk}/restore/")
    assert (answer.status_code, "already a label" in text(answer)) == (422, True)


def test_deletion_that_can_not_be_undone_asks_first(browser, ann, acme, sales, support, urgent, inside, monkeypatch):
    monkeypatch.setattr(labels, "MOST_UNDONE", 1)
    with inside(acme):
        ConversationLabel.objects.create(
            organization=acme.organization, conversation=support.conversation, label=urgent
        )
    assert "can't be undone" in text(browser(ann).post(f"{PAGE}{urgent.pk}/delete/"))
    assert names(acme, inside) == ["Urgent"]
    answer = browser(ann).post(f"{PAGE}{urgent.pk}/delete/", {"sure": 1}, follow=True)
    assert "Undo" not in text(answer)
    assert names(acme, inside) == []


def test_deletion_by_the_api_is_written_down_too(api, ann, acme, urgent, inside):
    assert api(ann).delete(f"/api/labels/{urgent.pk}").status_code == 204
    with inside(acme):
        entry = AuditEntry.objects.get(action="label.delete")
    assert (entry.actor_id, entry.before["name"]) == (ann.pk, "Urgent")


# ---------------------------------------------------------------- quiet hours
ALL_DAY = {"quiet_from": "00:00", "quiet_until": "23:59:59.999999", "quiet_hours_for_people": "on"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"phone": "+1 415 555 0123", **ALL_DAY}, ["Los Angeles", "within your quiet hours", "First messages go out"]),
        ({"phone": "+1 415 555 0123", "quiet_from": "", "quiet_until": ""}, ["Without quiet hours"]),
        ({"phone": "020 7946 0000", **ALL_DAY}, ["London"]),
        (
            {"phone": "+1 800 555 0123", "time_zone": "Asia/Tokyo", **ALL_DAY},
            ["has no place", "your time zone (Tokyo)"],
        ),
        ({"phone": "nonsense", **ALL_DAY}, ["valid phone number"]),
        ({"phone": "+14155550123", "quiet_from": "21:00"}, ["Set both from and until"]),
        ({"phone": "+14155550123", "quiet_from": "21:00", "quiet_until": "21:00"}, ["differs from the start"]),
    ],
)
def test_preview_tells_what_unsaved_hours_mean(browser, ann, acme, query, words):
    with tenancy.organization(ann.organization_id):
        Organization.objects.filter(pk=ann.organization_id).update(default_country="GB")
    answer = browser(ann, part=True).get(QUIET, query)
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    for each in words:
        assert each in text(answer), each
    assert all(each in text(browser(ann).get(QUIET, query)) for each in words)


def test_page_without_scripts_begins_with_the_saved_hours(browser, ann):
    with tenancy.organization(ann.organization_id):
        Organization.objects.update(quiet_from=time(21), quiet_until=time(8))
    shown = browser(ann).get(QUIET).content.decode()
    assert 'value="21:00' in shown

"""What a campaign would do, told beside its form while it is written, and before anything of it is saved."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from chatrooms import groups
from messaging.campaigns import approval
from messaging.models import Campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def write(sales):
    """The form of a draft as a browser sends it."""

    def fill_in(*chosen, **changed) -> dict:
        values = {
            "name": "Spring", "groups": [group.pk for group in chosen], "channel": sales.number.pk,
            "content": "Hi {{first_name|there}}", "canary_minutes": 10, "most_failures": 10, "most_opt_outs": 2,
        }  # fmt: skip
        return {**values, **changed}

    return fill_in


@pytest.fixture
def check(browser, bo, sales):
    """The part of the page, as Bo gets it for a draft or for what is no draft yet."""

    def ask(form: dict, campaign: Campaign | None = None, by=None, status: int = 200) -> str:
        new = f"/campaigns/new/preflight/?chatroom={sales.room.pk}"
        answer = browser(by or bo, part=True).post(f"/campaigns/{campaign.pk}/preflight/" if campaign else new, form)
        assert answer.status_code == status, answer.content
        return " ".join(answer.content.decode().split())

    return ask


def test_an_unsaved_form_has_the_figures_of_the_saved_draft_and_stores_nothing(
    acme, browser, bo, rich, sales, crowd, write, check, inside
):
    group, twice, excluded = crowd(9), crowd(1), crowd(2)
    with inside(acme):
        groups.add_members(group, [*twice.contacts.all(), *excluded.contacts.all()])
        type(sales.number).objects.update(segments_per_second=2)
    form = write(group, twice, excluded_groups=[excluded.pk])
    with CaptureQueriesContext(connection) as queries:
        told = check(form)
    written = re.findall(r"(?:INSERT INTO|UPDATE|DELETE FROM) \"?(\w+)", " ".join(each["sql"] for each in queries))
    assert set(written) <= {"django_session", "users", "sign_ins"}
    for words in (
        '<b class="num">10</b>',
        "of 10 contacts",
        "2 contacts",
        "of your 10",
        "All sent by",
        "Save the draft.",
    ):
        assert words in told
    assert 'value="start"' not in told
    browser(bo).post(f"/campaigns/new/?chatroom={sales.room.pk}", form)
    with inside(acme):
        campaign = Campaign.objects.get()
    saved = " ".join(browser(bo).get(f"/campaigns/{campaign.pk}/preflight/").content.decode().split())

    def read_figures(part: str) -> list[str]:
        return re.findall(r"<d[td][^>]*>(.*?)</d[td]>", part.partition("All sent by")[0])

    assert len(read_figures(told)) == 10
    assert read_figures(told) == read_figures(saved)


def test_a_draft_is_checked_with_what_is_typed_and_stays_as_it_is(acme, crowd, draft, write, check, inside):
    campaign = draft(crowd(1), content="Short")
    told = check(write(crowd(3), content="ł" * 71), campaign)
    assert "of 3 contacts" in told
    assert "2 segments" in told
    with inside(acme):
        assert Campaign.objects.get().content == "Short"
        assert "of 1 contacts" in check(write(campaign.audience_groups.get().group), campaign)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"content": ""}, "<b>Text</b>: This field is required."),
        ({"content": "Hi {{nobody}}"}, "<b>Text</b>: There is no variable"),
        ({"groups": []}, "<b>Send to</b>: Choose at least one group."),
        ({"send_at": "2020-01-01T00:00"}, "<b>Start</b>: Choose a time in the future"),
        ({"per_minute": "none"}, "<b>Messages per minute</b>: Enter a whole number."),
    ],
)
def test_what_is_missing_is_said_instead_of_figures(crowd, write, check, wrong, words):
    told = check(write(crowd(1), **wrong))
    assert words in told
    assert "Recipients" not in told


def test_a_missing_name_hides_no_figures(crowd, write, check):
    assert "of 2 contacts" in check(write(crowd(2), name=""))


def test_others_learn_nothing(acme, support, cy, zed, crowd, draft, write, check, inside):
    campaign, form = draft(crowd(1)), write(crowd(1))
    for outsider in (cy, zed):
        check(form, by=outsider, status=404)
        check(form, campaign, by=outsider, status=404)
    with inside(acme):
        foreign = groups.create_group(support.room, "Elsewhere")
    assert "Select a valid choice." in check(write(foreign))
    assert "Select a valid choice." in check(write(foreign), campaign)


def test_figures_that_were_seen_are_started_and_others_only_saved(
    acme, browser, bo, crowd, draft, write, check, inside
):
    campaign, group = draft(crowd(1)), crowd(3)
    told = check(write(group, content="Hello"), campaign)
    checked = re.search(r'name="checked" value="(\w+)" form="draft"', told)[1]
    path, form = f"/campaigns/{campaign.pk}/", {"action": "start", "checked": checked}
    typed_since = browser(bo).post(path, write(group, content="Hello you", **form), follow=True).content.decode()
    assert "Look at the new figures, then start." in typed_since
    answer = browser(bo).post(path, write(group, content="Hello", **form, name="Renamed"), follow=True)
    assert "Campaign started." in answer.content.decode()
    with inside(acme):
        started = Campaign.objects.get()
    assert (started.name, started.content, started.audience) == ("Renamed", "Hello", 3)


def test_what_is_typed_takes_an_approval_back_in_the_figures_too(acme, ann, crowd, draft, write, check, inside):
    group = crowd(1)
    campaign = draft(group, content="Hello")
    with inside(acme):
        Organization.objects.update(approve_campaigns=True)
        approval.approve_campaign(campaign, by=ann)
    assert 'value="start"' in check(write(group, content="Hello"), campaign)
    changed = check(write(group, content="Hello you"), campaign)
    assert "once another admin has approved it" in changed
    assert 'value="start"' not in changed

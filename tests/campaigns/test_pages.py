"""/campaigns/: a draft with what it would do, and a started campaign with what becomes of it."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatrooms import groups
from messaging.campaigns import feed
from messaging.models import Campaign, Message
from tests.campaigns.conftest import become

pytestmark = pytest.mark.django_db


def read(client, path: str, status: int = 200, **query) -> str:
    answer = client.get(path, query)
    assert answer.status_code == status, answer.content
    return " ".join(answer.content.decode().split())


def fill_in(sales, group, **changed) -> dict:
    values = {"name": "Spring", "groups": [group.pk], "channel": sales.number.pk, "content": "Hi {{first_name|there}}"}
    return {**values, "canary_minutes": 10, "most_failures": 10, "most_opt_outs": 2, **changed}


def move(client, campaign, action: str) -> str:
    answer = client.post(f"/campaigns/{campaign.pk}/move/", {"action": action}, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_draft_is_written_checked_and_started(browser, bo, rich, acme, sales, crowd, inside):
    client, group = browser(bo), crowd(3)
    made = client.post(f"/campaigns/new/?chatroom={sales.room.pk}", fill_in(sales, group))
    with inside(acme):
        campaign = Campaign.objects.get()
    assert made.headers["Location"] == f"/campaigns/{campaign.pk}/"
    assert "Hi {{first_name|there}}" in read(client, f"/campaigns/{campaign.pk}/")
    told = read(client, f"/campaigns/{campaign.pk}/preflight/")
    for words in ("of 3 contacts", "of your 10", "Send to 3 recipients", "Hi Nina"):
        assert words in told
    path, values = f"/campaigns/{campaign.pk}/", {**fill_in(sales, group), "action": "start"}
    changed = client.post(path, {**values, "content": "Hello {{first_name|there}}"}, follow=True)
    assert "Look at the new figures, then start." in changed.content.decode()
    values["content"] = "Hello {{first_name|there}}"
    assert "Campaign started." in client.post(path, values, follow=True).content.decode()
    assert "This campaign was started meanwhile." in client.post(path, values, follow=True).content.decode()
    feed.feed_campaigns()
    page = read(client, f"/campaigns/{campaign.pk}/")
    assert "0 of 3" in page
    assert page.count("Queued") >= 3
    assert "Paused by Bo." in move(client, campaign, "pause")
    assert "Campaign resumed." in move(client, campaign, "resume")
    become("delivered", campaign)
    feed.feed_campaigns()
    part = read(client, f"/campaigns/{campaign.pk}/progress/")
    assert "3 of 3" in part
    assert "every 20s" not in part  # it is done: only what the feed tells draws it anew
    assert 'id="actions"' in part
    assert 'value="pause"' not in part
    assert 'id="actions"' not in read(client, f"/campaigns/{campaign.pk}/progress/", shown="done")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"content": "Hi {{nobody}}"}, "There is no variable"),
        ({"content": " "}, "Write a text."),
        ({"groups": []}, "Choose at least one group."),
        ({"send_at": "2020-01-01T00:00"}, "Choose a time in the future"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_a_bad_draft_is_drawn_again_with_what_was_typed(browser, bo, acme, sales, crowd, inside, wrong, words):
    values = fill_in(sales, crowd(1), name="Kept")
    answer = browser(bo).post(f"/campaigns/new/?chatroom={sales.room.pk}", {**values, **wrong})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert ("Kept" in page) == (wrong.get("name") != "")
    with inside(acme):
        assert not Campaign.objects.exists()


def test_groups_are_offered_with_their_sizes_from_one_statement(browser, bo, acme, sales, crowd, inside):
    with inside(acme):
        groups.create_group(sales.room, "<b>")
    crowd(1)
    crowd(2)
    client = browser(bo)
    with CaptureQueriesContext(connection) as queries:
        page = read(client, "/campaigns/new/")
    sizes = re.findall(r"<bdi>([^/]+)</bdi>, (\d+ contacts?)<", page)
    assert sizes == [("&lt;b&gt;", "0 contacts"), ("Crowd 1", "1 contact"), ("Crowd 2", "2 contacts")] * 2
    assert len([each for each in queries if "group_members" in each["sql"]]) == 1
    with CaptureQueriesContext(connection) as queries:
        client.post(f"/campaigns/new/preflight/?chatroom={sales.room.pk}", {})
    assert not [each for each in queries if "group_members" in each["sql"]]


def test_a_test_is_sent_once_for_each_form(browser, bo, acme, crowd, draft, inside):
    campaign = draft(crowd(1))
    form = {"to": "+15550107777", "key": "0196c000-0000-7000-8000-000000000000"}
    for _ in range(2):
        assert browser(bo).post(f"/campaigns/{campaign.pk}/test/", form).status_code == 302
    with inside(acme):
        assert Message.objects.filter(to_address="+15550107777").count() == 1
    assert browser(bo).post(f"/campaigns/{campaign.pk}/test/", {**form, "to": "nobody"}).status_code == 422


def test_a_test_form_that_is_sent_again_with_another_number_is_another_test(
    browser, bo, rich, acme, crowd, draft, inside
):
    campaign, key = draft(crowd(1)), "0196c000-0000-7000-8000-000000000000"
    numbers = ["+15550107777", "+15550107778"]
    for number in numbers:
        answer = browser(bo).post(f"/campaigns/{campaign.pk}/test/", {"to": number, "key": key})
        assert answer.status_code == 302
    with inside(acme):
        assert Message.objects.filter(to_address__in=numbers).count() == 2


@pytest.mark.parametrize("part", [True, False])
def test_the_check_of_a_draft_that_was_started_meanwhile_leads_to_the_campaign(browser, bo, crowd, draft, do, part):
    campaign = draft(crowd(1))
    do("start", campaign)
    answer = browser(bo, part=part).get(f"/campaigns/{campaign.pk}/preflight/")
    assert answer.headers["HX-Redirect" if part else "Location"] == f"/campaigns/{campaign.pk}/"


def test_others_see_nothing_of_it(browser, cy, zed, ann, crowd, draft):
    campaign = draft(crowd(1))
    for outsider in (cy, zed):
        client = browser(outsider)
        assert "Spring" not in read(client, "/campaigns/")
        for path in ("", "preflight/", "progress/", "recipients.csv"):
            assert client.get(f"/campaigns/{campaign.pk}/{path}").status_code == 404
        for path in ("", "test/", "move/"):
            assert client.post(f"/campaigns/{campaign.pk}/{path}", {"action": "pause"}).status_code == 404
    assert "Spring" in read(browser(ann), "/campaigns/")


def test_lists_say_what_to_do_when_they_are_empty(browser, bo, sales):
    assert "No campaigns yet" in read(browser(bo), "/campaigns/")
    assert "Nothing matches" in read(browser(bo), "/campaigns/", state="done")
    assert "No groups in this chatroom" in read(browser(bo), "/campaigns/new/", chatroom=str(sales.room.pk))


def test_recipients_are_exported_with_safe_cells(browser, bo, acme, crowd, draft, do, inside):
    campaign = draft(crowd(2, first_name="=1+1", last_name=""))
    do("start", campaign)
    feed.feed_campaigns()
    answer = browser(bo).get(f"/campaigns/{campaign.pk}/recipients.csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].startswith("Name,Phone,Outcome")
    assert [line.split(",")[0] for line in lines[1:]] == ["'=1+1", "'=1+1"]
    assert [line.split(",")[2] for line in lines[1:]] == ["queued", "queued"]
    skipped = browser(bo).get(f"/campaigns/{campaign.pk}/recipients.csv", {"outcome": "skipped"})
    assert b"".join(skipped.streaming_content).count(b"\n") == 1


def test_queries_do_not_grow_with_recipients(browser, bo, crowd, draft, do):
    def count_queries(campaign) -> int:
        do("start", campaign)
        client = browser(bo)
        read(client, f"/campaigns/{campaign.pk}/")
        with CaptureQueriesContext(connection) as queries:
            read(client, f"/campaigns/{campaign.pk}/")
        return len(queries)

    assert count_queries(draft(crowd(1))) == count_queries(draft(crowd(8)))

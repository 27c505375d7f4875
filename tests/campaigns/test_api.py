"""/api/campaigns: drafts, what is refused, and what moving one on answers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatrooms import groups
from messaging.campaigns import feed
from messaging.message_templates import templates
from messaging.models import Campaign, Message
from tests import factories
from tokens import ledger

HELLO = {"name": "Spring", "content": "Hello {{first_name}}"}


@pytest.fixture
def group(acme, sales, bo, ann, inside) -> str:
    """Three contacts of Sales; Bo has ten tokens."""
    with inside(acme):
        made = groups.create_group(sales.room, "Regulars")
        groups.add_members(made, factories.ContactFactory.create_batch(3, chatroom=sales.room))
        ledger.adjust(bo, 10, actor=ann, reason="Start")
    return str(made.pk)


@pytest.fixture
def address(api, bo, group) -> str:
    answer = api(bo).post("/api/campaigns", {**HELLO, "group_ids": [group]})
    assert answer.status_code == 201, answer.content
    assert answer["Location"].endswith(f"/api/campaigns/{answer.json()['id']}")
    return f"/api/campaigns/{answer.json()['id']}"


def test_a_draft_is_made_changed_and_deleted(api, bo, cy, zed, sales, group, address):
    draft = api(bo).get(address).json()
    assert (draft["state"], draft["audience"], draft["counts"], draft["paused"]) == ("draft", None, {}, None)
    assert draft["sender_number_id"] == str(sales.number.pk)
    assert (draft["group_ids"], draft["created_by"]["name"], draft["started_by"]) == ([group], "Bo", None)
    assert api(bo).patch(address, {"name": "Summer"}).json()["name"] == "Summer"
    assert [each["name"] for each in api(bo).get("/api/campaigns").json()["results"]] == ["Summer"]
    for outsider in (cy, zed):
        assert api(outsider).get("/api/campaigns").json()["results"] == []
        assert api(outsider).post(f"{address}/start").status_code == 404
    assert api(bo).delete(address).status_code == 204
    assert api(bo).get(address).status_code == 404


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"content": "Hello {{nobody}}"}, "content"),
        ({"content": " "}, "content"),
        ({"group_ids": []}, "group_ids"),
        ({"group_ids": ["x"]}, "group_ids.0"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "send_at"),
        ({"name": ""}, "name"),
    ],
)
def test_a_bad_draft_is_refused_in_words(api, bo, group, change, place):
    answer = api(bo).post("/api/campaigns", {**HELLO, "group_ids": [group], **change})
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"].keys() == {place}
    assert api(bo).get("/api/campaigns").json()["results"] == []


def test_a_template_gives_its_text(api, acme, sales, bo, group, inside):
    with inside(acme):
        template = templates.create_template(acme.organization.pk, sales.room, name="T", body="Dear {{first_name}}")
    made = api(bo).post("/api/campaigns", {"name": "A", "template_id": str(template.pk), "group_ids": [group]})
    assert made.json()["content"] == "Dear {{first_name}}"


def test_from_start_to_the_last_answer(api, acme, bo, address, inside):
    client = api(bo)
    started = client.post(f"{address}/start")
    assert started.status_code == 200, started.content
    assert started.json()["counts"] == {"waiting": 3}
    assert started.json()["tokens"] == {"reserved": 3, "spent": 0}
    assert client.get("/api/auth/me").json()["token_balance"] == 7
    feed.feed_campaigns()
    shown = client.get(address).json()
    assert (shown["state"], shown["audience"], shown["counts"]) == ("running", 3, {"queued": 3})
    assert shown["tokens"] == {"reserved": 0, "spent": 3}
    messages = client.get(f"/api/messages?campaign_id={shown['id']}").json()["results"]
    assert {message["campaign_id"] for message in messages} == {shown["id"]}
    assert {message["content"] for message in messages} == {"Hello Nina"}
    recipients = client.get(f"{address}/recipients?outcome=messaged").json()["results"]
    assert {each["message_id"] for each in recipients} == {message["id"] for message in messages}
    assert client.post(f"{address}/pause").json()["paused"] == {"code": "by_hand", "message": "Paused by Bo."}
    assert client.post(f"{address}/resume").json()["state"] == "running"
    ended = client.post(f"{address}/cancel").json()
    assert (ended["state"], ended["counts"]) == ("canceled", {"canceled": 3})
    assert client.get("/api/auth/me").json()["token_balance"] == 10
    with inside(acme):
        assert set(Message.objects.filter(campaign_id=shown["id"]).values_list("status", "refunded_as")) == {
            ("canceled", "canceled")
        }


def test_started_once_however_often_it_is_asked(api, bo, address):
    client, key = api(bo), {"headers": {"Idempotency-Key": "one"}}
    first = client.post(f"{address}/start", **key)
    again = client.post(f"{address}/start", **key)
    assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (200, 200, "true")
    assert again.json() == first.json()
    assert client.post(f"{address}/start").json()["error"]["code"] == "not_draft"
    assert client.get("/api/auth/me").json()["token_balance"] == 7


@pytest.mark.parametrize(
    ("acts", "code"),
    [
        (["pause"], "not_running"),
        (["resume"], "not_paused"),
        (["cancel"], "not_started"),
        (["start", "resume"], "not_paused"),
        (["start", "cancel", "cancel"], "not_started"),
        (["start", "cancel", "resume"], "not_paused"),
        (["start", "pause", "pause"], "not_running"),
    ],
)
def test_what_does_not_fit_its_state_is_refused_in_words(api, bo, address, acts, code):
    *before, last = acts
    for act in before:
        assert api(bo).post(f"{address}/{act}").status_code == 200
    refused = api(bo).post(f"{address}/{last}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, code)


def test_a_started_one_stays_as_it_is(api, bo, address):
    api(bo).post(f"{address}/start")
    for refused in (api(bo).patch(address, {"name": "Other"}), api(bo).delete(address)):
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_draft")


def test_without_tokens_it_is_402_and_still_a_draft(api, acme, ann, bo, address, inside):
    with inside(acme):
        ledger.set_balance(bo, 0, actor=ann, reason="None")
    refused = api(bo).post(f"{address}/start")
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "insufficient_tokens")
    assert api(bo).get(address).json()["state"] == "draft"


def test_groups_without_a_number_to_write_to(api, acme, sales, bo, group, inside):
    with inside(acme):
        empty = groups.create_group(sales.room, "Nobody")
    made = api(bo).post("/api/campaigns", {**HELLO, "group_ids": [str(empty.pk)]}).json()
    refused = api(bo).post(f"/api/campaigns/{made['id']}/start")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no_recipients")


def test_a_time_that_has_passed_before_it_was_started(api, acme, bo, group, address, inside):
    with inside(acme):
        Campaign.objects.update(send_at=timezone.now() - timedelta(days=1))
    assert api(bo).post(f"{address}/start").json()["error"]["code"] == "too_late"
    assert api(bo).patch(address, {"send_at": None}).json()["send_at"] is None
    assert api(bo).post(f"{address}/start").status_code == 200


def test_a_number_with_a_campaign_stays(api, ann, acme, sales, support, bo, inside):
    with inside(acme):
        spare = factories.ChannelFactory(chatroom=sales.room, account=sales.number.account)
        group = groups.create_group(sales.room, "Regulars")
    given = {**HELLO, "group_ids": [str(group.pk)], "sender_number_id": str(spare.pk)}
    assert api(bo).post("/api/campaigns", given).status_code == 201
    assert api(ann).delete(f"/api/sender-numbers/{spare.pk}").json()["error"]["code"] == "in_use"


def test_queries_do_not_grow(api, acme, bo, group, address, assert_constant_queries):
    def add():
        assert api(bo).post("/api/campaigns", {**HELLO, "group_ids": [group]}).status_code == 201

    assert_constant_queries(api(bo), "/api/campaigns", add)


# ---------------------------------------------------------------- before the start, and after the end
def test_preflight_tells_and_changes_nothing(api, bo, cy, zed, address):
    told = api(bo).post(f"{address}/preflight")
    assert told.status_code == 200, told.content
    assert (told.json()["audience"], told.json()["recipients"], told.json()["skipped"]) == (3, 3, [])
    assert told.json()["tokens"] == {"needed": 3, "balance": 10, "covered": 3}
    assert api(bo).get(address).json()["state"] == "draft"
    for outsider in (cy, zed):
        assert api(outsider).post(f"{address}/preflight").status_code == 404
    api(bo).post(f"{address}/start")
    assert api(bo).post(f"{address}/preflight").json()["error"]["code"] == "not_draft"


def test_test_goes_to_one_number_as_a_message(api, bo, cy, address):
    client = api(bo)
    sent = client.post(f"{address}/test", {"to": "+15550107777"}, headers={"Idempotency-Key": "t"})
    assert sent.status_code == 201, sent.content
    assert sent.json()["message"]["content"] == "Hello {{first_name}}"  # nothing is known of them
    assert (sent.json()["message"]["campaign_id"], sent.json()["remaining_tokens"]) == (None, 9)
    again = client.post(f"{address}/test", {"to": "+15550107777"}, headers={"Idempotency-Key": "t"})
    assert again.json() == sent.json()
    assert client.post(f"{address}/test", {"to": "nobody"}).json()["error"]["fields"].keys() == {"to"}
    assert api(cy).post(f"{address}/test", {"to": "+15550107777"}).status_code == 404
    assert client.get(address).json()["counts"] == {}


def test_duplicate_is_made_once_for_each_key(api, bo, cy, address):
    key = {"headers": {"Idempotency-Key": "d"}}
    made = api(bo).post(f"{address}/duplicate", **key)
    assert (made.status_code, made.json()["state"], made.json()["name"]) == (201, "draft", "Spring (copy)")
    assert made["Location"] == f"/api/campaigns/{made.json()['id']}"
    assert api(bo).post(f"{address}/duplicate", **key).json()["id"] == made.json()["id"]
    assert api(cy).post(f"{address}/duplicate").status_code == 404


def test_retry_failed_waits_for_the_end(api, bo, cy, address):
    api(bo).post(f"{address}/start")
    assert api(bo).post(f"{address}/retry-failed").json()["error"]["code"] == "not_done"
    assert api(cy).post(f"{address}/retry-failed").status_code == 404


def test_excluded_groups_belong_to_the_chatroom_and_not_to_the_audience(api, bo, group, address):
    client = api(bo)
    refused = client.patch(address, {"group_ids": [group], "excluded_group_ids": [group]})
    assert refused.json()["error"]["fields"].keys() == {"excluded_group_ids"}
    foreign = client.patch(address, {"excluded_group_ids": ["0196c000-0000-7000-8000-000000000000"]})
    assert foreign.json()["error"]["fields"].keys() == {"excluded_group_ids.0"}
    changed = client.patch(address, {"contacted_days": 7, "excluded_group_ids": []}).json()
    assert (changed["contacted_days"], changed["excluded_group_ids"], changed["group_ids"]) == (7, [], [group])
    assert client.patch(address, {"contacted_days": 0}).status_code == 400

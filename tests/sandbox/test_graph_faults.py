"""Every fault of Meta's side as a client sees it, and what the oracle then holds."""

import json
import time

import pytest
import requests

from tests.sandbox.meta import AppWebhook, Meta


@pytest.fixture
def ready(meta: Meta) -> Meta:
    """Somebody wrote, so that they can be answered."""
    meta.write(webhook=False)
    return meta


@pytest.mark.parametrize(
    ("kind", "options", "error", "accepted"),
    [
        ("accept_then_hang", {"seconds": 30}, requests.ReadTimeout, 1),
        ("accept_then_reset", {}, requests.exceptions.ChunkedEncodingError, 1),
        ("truncated_json", {}, json.JSONDecodeError, 1),
        ("html", {}, json.JSONDecodeError, 0),
    ],
)
def test_answer_that_never_comes_whole(ready: Meta, kind, options, error, accepted):
    ready.sandbox.graph_fault(kind, page_id=ready.page_id, **options)

    with pytest.raises(error):
        ready.ask(
            "POST", "/me/messages", json={"recipient": {"id": ready.psid}, "message": {"text": "x"}}, timeout=2
        ).json()

    assert len(ready.sandbox.accepted_by_graph(ready.page_id)) == accepted
    assert ready.send().status_code == 200  # the fault is used up


@pytest.mark.parametrize(
    ("kind", "options", "status", "code", "subcode", "accepted"),
    [
        ("accept_then_500", {}, 500, 2, None, 1),
        ("500", {}, 500, 2, None, 0),
        ("503", {}, 503, 2, None, 0),
        ("429", {}, 429, 613, None, 0),
        ("400", {}, 400, 100, None, 0),
        ("400", {"code": 200}, 400, 200, None, 0),
        ("401", {}, 401, 190, None, 0),
        ("190", {"subcode": 463}, 401, 190, 463, 0),
        ("10", {}, 400, 10, 2018278, 0),
        ("100", {"subcode": 2018001}, 400, 100, 2018001, 0),
        ("368", {}, 400, 368, None, 0),
        ("551", {}, 400, 551, None, 0),
        ("613", {}, 400, 613, None, 0),
        ("1200", {}, 500, 1200, None, 0),
        ("10904", {}, 400, 10904, None, 0),
    ],
)
def test_refusal(ready: Meta, kind, options, status, code, subcode, accepted):
    ready.sandbox.graph_fault(kind, page_id=ready.page_id, **options)

    answer = ready.send()

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
    assert len(ready.sandbox.accepted_by_graph(ready.page_id)) == accepted
    assert ready.send().status_code == 200


@pytest.mark.parametrize("kind", ["502", "504"])
def test_proxy_in_between_fails_with_a_web_page(ready: Meta, kind):
    ready.sandbox.graph_fault(kind, page_id=ready.page_id)

    answer = ready.send()

    assert (answer.status_code, answer.headers["Content-Type"]) == (int(kind), "text/html")
    assert ready.sandbox.accepted_by_graph(ready.page_id) == []


@pytest.mark.parametrize("kind", ["429", "613", "4", "80006"])
def test_rate_limit_says_when_it_ends(ready: Meta, kind):
    ready.sandbox.graph_fault(kind, page_id=ready.page_id, retry_after=7, regain_minutes=3)

    answer = ready.send()

    [usage] = json.loads(answer.headers["X-Business-Use-Case-Usage"])[ready.page_id]
    assert usage["estimated_time_to_regain_access"] == 3
    assert answer.headers["Retry-After"] == "7"


def test_answer_without_an_id_and_about_somebody_else(ready: Meta):
    ready.sandbox.graph_fault("no_id", page_id=ready.page_id)
    ready.sandbox.graph_fault("foreign_recipient", page_id=ready.page_id)

    assert ready.send().json() == {"recipient_id": ready.psid}
    assert ready.send().json()["recipient_id"] != ready.psid
    assert len(ready.sandbox.accepted_by_graph(ready.page_id)) == 2


def test_slow_answer_arrives(ready: Meta):
    ready.sandbox.graph_fault("slow", seconds=0.3)
    started = time.monotonic()

    assert ready.send().status_code == 200
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("ok", {}, ["echo", "delivery"]),
        ("duplicate_callbacks", {}, ["echo", "echo", "delivery", "delivery"]),
        ("reorder_callbacks", {}, ["delivery", "echo"]),
        ("delay_callbacks", {"seconds": 0.3}, ["echo", "delivery"]),
        ("no_callbacks", {}, []),
    ],
)
def test_webhooks_that_go_astray(ready: Meta, webhook: AppWebhook, kind, options, told):
    ready.sandbox.graph_fault(kind, page_id=ready.page_id, **options)

    ready.send()

    ready.sandbox.wait_until_quiet()
    kinds = ["echo" if "message" in item else "delivery" for item in webhook.items]
    assert kinds == told if kind == "reorder_callbacks" else sorted(kinds) == sorted(told)
    assert ready.sandbox.accepted_by_graph(ready.page_id)[0]["status"] == "delivered"


@pytest.mark.parametrize("reported", [0, 1])
def test_lost_answer_may_lose_its_echo_too(ready: Meta, webhook: AppWebhook, reported: int):
    ready.sandbox.graph_fault("accept_then_500", page_id=ready.page_id, reported=reported)

    assert ready.send().status_code == 500

    ready.sandbox.wait_until_quiet()
    assert len(webhook.items) == 2 * reported
    assert ready.sandbox.accepted_by_graph(ready.page_id)[0]["status"] == "delivered"


def test_echo_comes_before_the_response(ready: Meta, webhook: AppWebhook):
    ready.sandbox.graph_fault("callback_before_response", page_id=ready.page_id)

    mid = ready.send().json()["message_id"]

    assert webhook.items[0]["message"]["mid"] == mid


def test_faults_are_used_up_in_order_by_valid_sends_of_their_page_and_provider(ready: Meta, sandbox):
    sandbox.fault("500")
    sandbox.graph_fault("551", to="1")
    sandbox.graph_fault("613", page_id="another")
    sandbox.graph_fault("500", count=2, page_id=ready.page_id)
    sandbox.graph_fault("368", page_id=ready.page_id)

    ready.send("1")
    ready.get("/me")
    outcomes = [ready.send().json().get("error", {}).get("code") for _ in range(4)]

    assert outcomes == [2, 2, 368, None]
    assert [(fault["provider"], fault["kind"]) for fault in sandbox.get("/faults")["faults"]] == [
        ("twilio", "500"),
        ("meta", "551"),
        ("meta", "613"),
    ]


def test_faults_of_one_provider_are_cleared(sandbox):
    sandbox.fault("500")
    sandbox.graph_fault("551")

    requests.delete(f"{sandbox.base_url}/faults?provider=meta", timeout=5)

    assert [fault["provider"] for fault in sandbox.get("/faults")["faults"]] == ["twilio"]


@pytest.mark.parametrize("kind", ["401", "190"])
def test_while_the_token_is_refused_everything_else_is_too(ready: Meta, kind):
    ready.sandbox.graph_fault(kind, page_id=ready.page_id)

    assert ready.ask("GET", "/me").json()["error"]["code"] == 190
    asked = ready.get("/debug_token", input_token=ready.token)
    assert asked["data"]["is_valid"] is False
    ready.send()
    assert ready.get("/me")["id"] == ready.page_id


@pytest.mark.parametrize(
    "payload",
    [{"kind": "explode"}, {"kind": "0"}, {"kind": "slow", "seconds": "long"}, {"kind": "500", "account_sid": "AC1"}],
)
def test_nonsense_is_answered_with_one_sentence(sandbox, payload):
    answer = requests.post(f"{sandbox.base_url}/faults", json={"provider": "meta", **payload}, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")

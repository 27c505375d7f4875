"""The Send API of the sandbox: what it takes, what it refuses, and in which shape."""

import hashlib
import hmac
import time

import pytest
import requests

from tests.sandbox.meta import SECRET, Meta, add_meta


def refusal(answer: requests.Response) -> tuple[int, int, int | None]:
    """HTTP status, code and subcode."""
    error = answer.json()["error"]
    assert set(error) >= {"message", "type", "code", "fbtrace_id"}
    return answer.status_code, error["code"], error.get("error_subcode")


def test_message_is_taken_and_kept(meta: Meta):
    meta.write()

    answer = meta.send(text="It is.", message={"metadata": "our id"})

    assert answer.status_code == 200
    assert answer.json()["recipient_id"] == meta.psid
    [kept] = meta.sandbox.accepted_by_graph(meta.page_id)
    assert (kept["mid"], kept["text"], kept["metadata"]) == (answer.json()["message_id"], "It is.", "our id")


@pytest.mark.parametrize("node", ["page", "me"])
@pytest.mark.parametrize("encoding", ["json", "data"])
def test_page_is_named_or_me_and_the_body_is_json_or_a_form(meta: Meta, node, encoding):
    meta.write()
    path = "/me/messages" if node == "me" else f"/{meta.page_id}/messages"
    nested = {"recipient": {"id": meta.psid}, "message": {"text": "Hi"}}
    flat = {"recipient": f'{{"id":"{meta.psid}"}}', "message": '{"text":"Hi"}'}

    answer = meta.ask("POST", path, **{encoding: nested if encoding == "json" else flat})

    assert answer.status_code == 200
    assert len(meta.sandbox.accepted_by_graph(meta.page_id)) == 1


def test_page_sends_for_its_instagram_account(meta: Meta):
    meta.write_on_instagram()

    assert meta.send(meta.igsid).status_code == 200

    assert len(meta.sandbox.accepted_by_graph(meta.instagram_id)) == 1
    assert meta.sandbox.accepted_by_graph(meta.page_id) == []


def test_picture_is_taken(meta: Meta):
    meta.write()
    attachment = {"type": "image", "payload": {"url": "https://files.example/board.png"}}

    answer = meta.send(message={"text": "", "attachment": attachment})

    assert answer.status_code == 200
    assert meta.sandbox.accepted_by_graph(meta.page_id)[0]["attachments"] == [attachment]


def test_version_of_the_address_is_ignored(meta: Meta):
    for version in ("", "/v23.0", "/v19.0"):
        url = f"{meta.sandbox.base_url}/graph{version}/me"
        assert requests.get(url, params={"access_token": meta.token}, timeout=5).json()["id"] == meta.page_id


@pytest.mark.parametrize(
    ("changes", "code", "subcode"),
    [
        ({"recipient": {"id": "1"}}, 100, 2018001),
        ({"recipient": {}}, 100, None),
        ({"recipient": "nonsense"}, 100, None),
        ({"message": {}}, 100, None),
        ({"message": {"text": "x" * 2001}}, 100, None),
        ({"message": {"text": 5}}, 100, None),
        ({"message": {"text": "x", "metadata": "x" * 1000}}, 100, None),
        ({"message": {"attachment": {"type": "template", "payload": {"url": "https://a.example/"}}}}, 100, None),
        ({"message": {"attachment": {"type": "image", "payload": {"url": "ftp://a.example/"}}}}, 100, 2018047),
        ({"messaging_type": "SHOUT"}, 100, None),
        ({"messaging_type": "MESSAGE_TAG"}, 100, None),
        ({"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"}, 100, None),
    ],
)
def test_invalid_parameters_are_refused(meta: Meta, changes, code, subcode):
    meta.write()
    payload = {"recipient": {"id": meta.psid}, "message": {"text": "x"}, "messaging_type": "RESPONSE", **changes}

    answer = meta.ask("POST", "/me/messages", json=payload)

    assert refusal(answer) == (400, code, subcode)
    assert meta.sandbox.accepted_by_graph(meta.page_id) == []


def test_text_may_be_longer_on_messenger_than_on_instagram(meta: Meta):
    meta.write()
    meta.write_on_instagram()

    assert meta.send(text="x" * 2000).status_code == 200
    assert meta.send(meta.igsid, "x" * 1000).status_code == 200
    assert refusal(meta.send(meta.igsid, "x" * 1001)) == (400, 100, None)


@pytest.mark.parametrize(
    ("hours_ago", "tag", "approved", "outcome"),
    [
        (23.9, "", False, 200),
        (24.1, "", False, (400, 10, 2018278)),
        (24.1, "HUMAN_AGENT", False, (400, 10, None)),
        (24.1, "HUMAN_AGENT", True, 200),
        (167.9, "HUMAN_AGENT", True, 200),
        (168.1, "HUMAN_AGENT", True, (400, 10, 2018278)),
    ],
)
def test_window_is_counted_from_the_last_word_of_the_person(sandbox, webhook, hours_ago, tag, approved, outcome):
    meta = add_meta(sandbox, webhook, human_agent=approved)
    meta.write(hours_ago=400, webhook=False)
    meta.write(hours_ago=hours_ago, webhook=False)
    tagged = {"messaging_type": "MESSAGE_TAG", "tag": tag} if tag else {}

    answer = meta.send(**tagged)

    assert (answer.status_code if answer.ok else refusal(answer)) == outcome


def test_who_never_wrote_cannot_be_written_to(meta: Meta):
    assert refusal(meta.send()) == (400, 10, 2018278)


def test_reaction_and_echo_do_not_open_the_window(meta: Meta):
    mid = meta.write(hours_ago=30, webhook=False)
    meta.sandbox.act_as(meta.page_id, meta.psid, "react", mid=mid, emoji="👍")
    meta.sandbox.post(f"/meta/threads/{meta.page_id}/{meta.psid}/inbox", text="Typed by hand")

    assert refusal(meta.send()) == (400, 10, 2018278)


@pytest.mark.parametrize(("reachable", "code"), [("unavailable", 551), ("disabled", 10904)])
def test_person_who_does_not_want_messages(meta: Meta, reachable, code):
    meta.write()
    meta.sandbox.post(f"/meta/threads/{meta.page_id}/{meta.psid}", reachable=reachable)

    assert refusal(meta.send()) == (400, code, None)


def test_token_is_needed_and_has_to_be_good(meta: Meta):
    url = f"{meta.sandbox.base_url}/graph/me"
    assert refusal(requests.get(url, timeout=5)) == (400, 104, None)
    assert refusal(meta.ask("GET", "/me", token="EAAsomebodyelse")) == (401, 190, None)

    meta.sandbox.post(f"/meta/pages/{meta.page_id}", token_valid=False)
    assert refusal(meta.send()) == (401, 190, 460)

    meta.sandbox.add_page(meta.page_id, "Northbeam", meta.token, meta.app_id, expires_at=time.time() - 5)
    assert refusal(meta.ask("GET", "/me")) == (401, 190, 463)


def test_proof_is_checked_where_it_is_given(meta: Meta):
    proof = hmac.new(SECRET.encode(), meta.token.encode(), hashlib.sha256).hexdigest()

    assert meta.get("/me", appsecret_proof=proof)["id"] == meta.page_id
    assert refusal(meta.ask("GET", "/me", params={"appsecret_proof": proof[::-1]})) == (400, 100, None)


def test_token_opens_no_other_page(meta: Meta, sandbox, webhook):
    other = add_meta(sandbox, webhook)
    other.write()

    answer = meta.ask("POST", f"/{other.page_id}/messages", json={"recipient": {"id": other.psid}, "message": {}})

    assert refusal(answer) == (400, 100, 33)
    assert refusal(meta.send(other.psid)) == (400, 100, 2018001)
    assert refusal(meta.ask("GET", f"/{other.psid}")) == (400, 100, 33)


def test_requests_are_counted_refused_ones_too(meta: Meta, sandbox):
    meta.write()
    before = sandbox.get("/requests")

    meta.send()
    meta.send("1")
    meta.get("/me")

    after = sandbox.get("/requests")
    assert (after["creates"] - before["creates"], after["accepted"] - before["accepted"]) == (2, 1)
    assert [(entry["status"], entry["code"]) for entry in after["last"][:3]] == [(200, None), (400, 100), (200, None)]
    assert all(meta.token not in entry["path"] for entry in after["last"])

"""What is asked of the Graph for a message, and what its answers mean. Over HTTP, from a server on loopback."""

import asyncio
import hashlib
import hmac
import json
import socket
from typing import Any
from uuid import UUID

import pytest

from integrations import failures
from integrations.events import Accepted, Busy, NotReached, Outcome, OutgoingText, Refused, ShutOut, Unclear
from integrations.meanings import Meaning
from integrations.meta import errors, limits
from integrations.meta.graph import GraphTransport
from integrations.meta.limits import fits_text
from integrations.meta.metadata import message_of_metadata
from integrations.meta.sending import send_text
from integrations.twilio import errors as twilio_errors
from tests.integrations.meta.conftest import APP_SECRET
from tests.integrations.meta.graph_server import GraphServer
from tests.integrations.meta.payloads import ACCOUNT, FOLLOWER, PAGE, PERSON

OURS = UUID("0190a0b0-1111-7222-8333-444455556666")
TOKEN = "EAAGtoken0of0the0page"
ANSWER = {"recipient_id": PERSON, "message_id": "m_new"}


def compose(**more: Any) -> OutgoingText:
    values = {
        "message_id": OURS, "account": PAGE, "secret": TOKEN, "from_address": PAGE, "to_address": PERSON, "body": "Hi",
        "callback_url": "", "platform": "MESSENGER",
    }  # fmt: skip
    return OutgoingText(**(values | more))


def send(text: OutgoingText) -> Outcome:
    async def call() -> Outcome:
        transport = GraphTransport(1)
        try:
            return await send_text(transport, text)
        finally:
            await transport.close()

    return asyncio.run(call())


# ---------------------------------------------------------------- what is asked
def test_text_is_posted_once_with_our_id_and_its_proof(graph: GraphServer):
    graph.answer(200, ANSWER)

    assert send(compose(body="Grüße 😀")) == Accepted("m_new")

    (call,) = graph.calls
    assert (call.method, call.path) == ("POST", f"/facebook/v23.0/{PAGE}/messages")
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    proof = hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    assert call.query == {"appsecret_proof": proof}
    metadata = call.json["message"].pop("metadata")
    assert message_of_metadata(metadata) == OURS
    assert call.json | {"message": {"text": "Grüße 😀", "metadata": metadata}} == call.json
    assert call.json["recipient"] == {"id": PERSON}
    assert call.json["messaging_type"] == "RESPONSE"
    assert "tag" not in call.json


def test_answer_of_a_person_after_the_window_carries_its_tag(graph: GraphServer):
    graph.answer(200, ANSWER)

    send(compose(tag="HUMAN_AGENT"))

    assert graph.calls[0].json["messaging_type"] == "MESSAGE_TAG"
    assert graph.calls[0].json["tag"] == "HUMAN_AGENT"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://hub.example/m/cat.PNG?x=1", "image"),
        ("https://hub.example/m/cat.gif", "image"),
        ("https://hub.example/m/voice.mp3", "audio"),
        ("https://hub.example/m/film.mp4", "video"),
        ("https://hub.example/m/offer.pdf", "file"),
        ("https://hub.example/m/nothing", "file"),
        ("https://hub.example/m?name=cat.png", "file"),
    ],
)
def test_attachment_is_sent_as_its_kind(graph: GraphServer, url: str, kind: str):
    graph.answer(200, ANSWER)

    assert send(compose(body="", media_urls=(url,))) == Accepted("m_new")

    message = graph.calls[0].json["message"]
    assert message["attachment"] == {"type": kind, "payload": {"url": url, "is_reusable": False}}
    assert message_of_metadata(message["metadata"]) == OURS
    assert "text" not in message


def test_instagram_account_of_a_page_is_asked_through_the_page(graph: GraphServer):
    graph.answer(200, {"recipient_id": FOLLOWER, "message_id": "m_ig"})

    outcome = send(compose(platform="INSTAGRAM", from_address=ACCOUNT, to_address=FOLLOWER))

    assert outcome == Accepted("m_ig")
    assert graph.calls[0].path == f"/facebook/v23.0/{PAGE}/messages"


def test_instagram_account_without_a_page_is_asked_at_instagram(graph: GraphServer):
    graph.answer(200, {"recipient_id": FOLLOWER, "message_id": "m_ig"})

    send(compose(platform="INSTAGRAM", account=ACCOUNT, from_address=ACCOUNT, to_address=FOLLOWER))

    assert graph.calls[0].path == f"/instagram/v23.0/{ACCOUNT}/messages"
    assert graph.calls[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert graph.calls[0].query == {}


def test_no_proof_is_sent_without_the_secret_of_the_app(graph: GraphServer, settings):
    settings.META_APP_SECRET = ""
    graph.answer(200, ANSWER)

    send(compose())

    assert graph.calls[0].query == {}


@pytest.mark.parametrize(
    ("body", "media_urls"), [("Hi", ("https://a.example/1.png",)), ("", ("https://a.example/1.png",) * 2), ("", ())]
)
def test_what_is_not_one_text_or_one_attachment_is_refused_unasked(
    graph: GraphServer, body: str, media_urls: tuple[str, ...]
):
    outcome = send(compose(body=body, media_urls=media_urls))

    assert isinstance(outcome, Refused)
    assert outcome.code == "text_and_media"
    assert graph.calls == []


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Other: 1", "schlüssel"])
def test_token_that_fits_into_no_header_shuts_the_account_out(graph: GraphServer, token: str):
    assert send(compose(secret=token)) == ShutOut("190", "The access token is malformed.")
    assert graph.calls == []


# ---------------------------------------------------------------- errors
ERRORS: list[tuple[int, int, int, type, str]] = [
    # HTTP status, code, subcode; outcome and its code
    (401, 190, 463, ShutOut, "190"),
    (400, 190, 0, ShutOut, "190"),
    (400, 102, 0, ShutOut, "102"),
    (400, 104, 0, ShutOut, "104"),
    (400, 368, 1390008, ShutOut, "368"),
    (400, 10, 2018278, Refused, "10/2018278"),
    (400, 10, 2018065, Refused, "10/2018065"),
    (403, 10, 2534022, Refused, "10/2534022"),
    (403, 10, 0, Refused, "10"),
    (400, 10, 999, Refused, "10"),
    (400, 3, 0, Refused, "3"),
    (400, 100, 2018001, Refused, "100/2018001"),
    (400, 100, 2534014, Refused, "100/2534014"),
    (400, 100, 2018109, Refused, "100/2018109"),
    (400, 100, 0, Refused, "100"),
    (403, 200, 0, Refused, "200"),
    (403, 200, 2018028, Refused, "200/2018028"),
    (403, 200, 1545041, Refused, "200/1545041"),
    (403, 230, 0, Refused, "230"),
    (400, 551, 1545041, Refused, "551/1545041"),
    (400, 551, 0, Refused, "551"),
    (400, 10904, 0, Refused, "10904"),
    (404, 2500, 0, Refused, "2500"),
    (500, 1, 0, Unclear, ""),
    (400, 1, 99, Unclear, ""),
    (400, 2, 0, Unclear, ""),
    (503, 2, 2018344, Unclear, ""),
    (400, 1200, 0, Unclear, ""),
    (400, -1, 0, Unclear, ""),
    (500, 100, 0, Unclear, ""),
]


@pytest.mark.parametrize(("status", "code", "subcode", "outcome", "name"), ERRORS)
def test_error_has_its_consequence(graph: GraphServer, status: int, code: int, subcode: int, outcome: type, name: str):
    graph.refuse(status, code, subcode)

    answer = send(compose())

    assert type(answer) is outcome
    assert getattr(answer, "code", "") == name
    assert len(graph.calls) == 1


def test_transient_error_is_unclear(graph: GraphServer):
    graph.refuse(400, 100, is_transient=True)

    assert isinstance(send(compose()), Unclear)


def test_wrong_secret_of_the_app_shuts_out_and_costs_no_message(graph: GraphServer):
    graph.answer(400, {"error": {"message": "Invalid appsecret_proof provided in the API argument", "code": 100}})

    outcome = send(compose())

    assert isinstance(outcome, ShutOut)
    assert outcome.code == "app_secret"


@pytest.mark.parametrize("code", [4, 17, 32, 341, 613, 80001, 80002, 80006])
@pytest.mark.parametrize("status", [400, 403, 500])
def test_limit_of_rate_takes_nothing_and_waits(graph: GraphServer, code: int, status: int):
    graph.refuse(status, code, is_transient=True)

    assert send(compose()) == Busy(f"(#{code}) No.", 60, whole_account=code not in (80002, 80006))


def usage(*minutes: Any) -> str:
    return json.dumps(
        {PAGE: [{"type": "messenger", "call_count": 100, "estimated_time_to_regain_access": each} for each in minutes]}
    )


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "7", "X_Business_Use_Case_Usage": usage(5)}, 7),
        ({"X_Business_Use_Case_Usage": usage(5)}, 300),
        ({"X_Business_Use_Case_Usage": usage(0, 2)}, 120),
        ({"X_Business_Use_Case_Usage": usage(0)}, 60),
        ({"X_Business_Use_Case_Usage": usage(-5)}, 60),
        ({"X_Business_Use_Case_Usage": usage(100_000)}, 3600),
        ({"X_Business_Use_Case_Usage": usage("soon")}, 60),
        ({"X_Business_Use_Case_Usage": "[]"}, 60),
        ({"X_Business_Use_Case_Usage": "{}"}, 60),
        ({"X_Business_Use_Case_Usage": '{"1": {"a": 1}}'}, 60),
        ({"X_Business_Use_Case_Usage": '{"1": [{"a": 1}]}'}, 60),
        ({"X_Business_Use_Case_Usage": "what"}, 60),
        ({"Retry_After": "Sat, 28 Nov 2026 12:00:00 GMT"}, 60),
        ({"Retry_After": "99999999"}, 3600),
    ],
)
def test_wait_is_as_long_as_meta_says(graph: GraphServer, headers: dict[str, str], seconds: float):
    graph.refuse(400, 613, **headers)

    outcome = send(compose())

    assert isinstance(outcome, Busy)
    assert outcome.retry_after == seconds


def test_429_of_a_proxy_waits_too(graph: GraphServer):
    graph.answer(429, b"Slow down", Retry_After="9")

    assert send(compose()) == Busy("Meta answered 429.", 9, whole_account=True)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, {"recipient_id": PERSON}),
        (200, {"recipient_id": PERSON, "message_id": ""}),
        (200, {"recipient_id": PERSON, "message_id": 5}),
        (200, {"recipient_id": "somebody else", "message_id": "m_1"}),
        (200, {"message_id": "m_1", "error": {"code": 100, "message": "What?"}}),
        (200, b""),
        (200, b"[1]"),
        (200, b'{"recipient_id": "72318900'),
        (200, b"<html>Welcome</html>"),
        (201, ANSWER),
        (302, b""),
        (400, b"<html>Bad gateway</html>"),
        (400, {"error": "no"}),
        (400, {"error": {"code": "100"}}),
        (404, b""),
        (500, b""),
        (502, b"<html>Bad gateway</html>"),
        (504, {}),
    ],
)
def test_answer_that_may_stand_for_a_success_is_unclear(graph: GraphServer, status: int, body: Any):
    graph.answer(status, body)

    assert isinstance(send(compose()), Unclear)
    assert len(graph.calls) == 1


def test_redirect_is_not_followed_and_gets_no_token(graph: GraphServer):
    graph.answer(307, b"", Location="/elsewhere")
    graph.answer(200, ANSWER)

    assert isinstance(send(compose()), Unclear)
    assert len(graph.calls) == 1


def test_answer_without_the_recipient_is_still_a_success(graph: GraphServer):
    graph.answer(200, {"message_id": "m_1"})

    assert send(compose()) == Accepted("m_1")


def test_unclear_answers_are_logged_without_ids(graph: GraphServer):
    graph.answer(200, {"recipient_id": PERSON, "token": TOKEN * 3})

    outcome = send(compose())

    assert isinstance(outcome, Unclear)
    assert PERSON not in outcome.reason
    assert TOKEN not in outcome.reason


# ---------------------------------------------------------------- connections
@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://nowhere.invalid", "https://127.0.0.1:{port}"])
def test_what_reaches_nobody_was_surely_not_sent(graph: GraphServer, settings, address: str):
    """Refused, no such name, no TLS."""
    settings.META_GRAPH_BASE_URL = address.format(port=graph.port)

    assert isinstance(send(compose()), NotReached)
    assert graph.calls == []


def test_connection_that_is_cut_after_the_request_is_unclear(graph: GraphServer):
    graph.is_cut = True

    assert isinstance(send(compose()), Unclear)
    assert len(graph.calls) == 1


def test_answer_that_does_not_come_is_unclear(settings, monkeypatch):
    monkeypatch.setattr("integrations.meta.graph.TOTAL_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes connections and never answers
        settings.META_GRAPH_BASE_URL = f"http://127.0.0.1:{listener.getsockname()[1]}"

        assert isinstance(send(compose()), Unclear)


# ---------------------------------------------------------------- words and limits
@pytest.mark.parametrize("code", errors.MEANINGS)
def test_code_has_a_sentence_and_fits_into_its_column(code: str):
    meaning = errors.MEANINGS[code]

    assert isinstance(meaning, Meaning)
    assert str(meaning.text).endswith(".")
    assert str(meaning.fix).endswith(".")
    assert len(code) <= 16


def test_codes_are_explained_to_staff_and_mean_nothing_else_at_twilio():
    assert set(errors.MEANINGS).isdisjoint(twilio_errors.MEANINGS)
    assert failures.explain_code("10/2018278") == errors.MEANINGS["10/2018278"]


def test_unknown_subcode_is_explained_by_its_code():
    assert errors.name_code(100, 2018001) == "100/2018001"
    assert errors.name_code(100, 5) == "100"
    assert errors.name_code(4242, 0) == "4242"


@pytest.mark.parametrize(
    ("platform", "text", "fits"),
    [
        ("MESSENGER", "é" * 2000, True),
        ("MESSENGER", "é" * 2001, False),
        ("INSTAGRAM", "é" * 500, True),
        ("INSTAGRAM", "é" * 500 + "e", False),
        ("INSTAGRAM", "e" * 1000, True),
    ],
)
def test_length_is_counted_as_the_platform_counts(platform: str, text: str, fits: bool):
    assert fits_text(platform, text) is fits


def test_call_ends_long_before_the_lease(settings):
    assert limits.TOTAL_SECONDS * 2 < settings.SEND_LEASE_SECONDS

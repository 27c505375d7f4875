"""Pages, tokens, subscriptions and profiles, as a server on loopback tells of them."""

import hashlib
import hmac
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.meta import pages
from integrations.meta.pages import Page, Profile, TokenState
from integrations.refusals import Away, Refusal
from tests.integrations.meta.conftest import APP_ID, APP_SECRET
from tests.integrations.meta.graph_server import GraphServer
from tests.integrations.meta.payloads import ACCOUNT, FOLLOWER, PAGE, PERSON

TOKEN = "EAAGcanary0of0the0page"
PICTURE = "https://platform-lookaside.fbsbx.com/platform/profilepic/?psid=1"


def prove(token: str) -> str:
    return hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()


# ---------------------------------------------------------------- who the token is of
def test_page_is_fetched_with_its_instagram_account(graph: GraphServer):
    account = {"id": ACCOUNT, "username": "acme.shop"}
    graph.answer(200, {"id": PAGE, "name": "Acme", "instagram_business_account": account})

    assert pages.fetch_page(TOKEN) == Page(PAGE, "Acme", ACCOUNT, "acme.shop")

    (call,) = graph.calls
    assert (call.method, call.path) == ("GET", "/facebook/v23.0/me")
    assert call.query == {
        "fields": "id,name,instagram_business_account{id,username}",
        "appsecret_proof": prove(TOKEN),
    }
    assert call.headers["authorization"] == f"Bearer {TOKEN}"


def test_page_without_an_instagram_account(graph: GraphServer):
    graph.answer(200, {"id": PAGE, "name": "Ac\0me " + "x" * 500})

    assert pages.fetch_page(TOKEN) == Page(PAGE, "Acme " + "x" * 195)


def test_token_of_a_person_is_refused(graph: GraphServer):
    message = "(#100) Tried accessing nonexisting field (instagram_business_account) on node type (User)"
    graph.answer(400, {"error": {"message": message, "type": "OAuthException", "code": 100}})

    with pytest.raises(Refusal, match="node type"):
        pages.fetch_page(TOKEN)


def test_account_of_instagram_login_is_known_by_the_id_of_its_webhooks(graph: GraphServer):
    graph.answer(200, {"id": "26001", "user_id": ACCOUNT, "username": "acme.shop", "name": "Acme"})

    assert pages.fetch_instagram_account(TOKEN) == Page("", "Acme", ACCOUNT, "acme.shop")

    assert graph.calls[0].path == "/instagram/v23.0/me"
    assert graph.calls[0].query == {"fields": "user_id,username,name"}


# ---------------------------------------------------------------- tokens
END = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"is_valid": True, "expires_at": 0, "data_access_expires_at": 0, "scopes": ["pages_messaging", 5]},
            TokenState(True, None, None, ("pages_messaging",)),
        ),
        (
            {"is_valid": True, "expires_at": int(END.timestamp()), "data_access_expires_at": int(END.timestamp()) + 1},
            TokenState(True, END, END + timedelta(seconds=1), ()),
        ),
        (
            {"is_valid": False, "error": {"code": 190, "message": "The session was invalidated."}, "scopes": []},
            TokenState(False, None, None, (), "The session was invalidated."),
        ),
        ({"is_valid": True, "expires_at": 10**30}, TokenState(True, None, None, ())),
        ({"is_valid": True, "expires_at": True}, TokenState(True, None, None, ())),
    ],
)
def test_token_is_checked_by_the_app(graph: GraphServer, data: dict[str, Any], expected: TokenState):
    graph.answer(200, {"data": data})

    assert pages.check_token(TOKEN) == expected

    (call,) = graph.calls
    assert call.path == "/facebook/v23.0/debug_token"
    assert call.query == {"input_token": TOKEN}
    assert call.headers["authorization"] == f"Bearer {APP_ID}|{APP_SECRET}"


@pytest.mark.parametrize("name", ["META_APP_ID", "META_APP_SECRET"])
def test_token_is_not_checked_without_an_app(graph: GraphServer, settings, name: str):
    setattr(settings, name, "")

    with pytest.raises(Refusal) as caught:
        pages.check_token(TOKEN)

    assert caught.value.code == "app_secret"
    assert graph.calls == []


def test_token_of_instagram_login_is_refreshed(graph: GraphServer):
    graph.answer(200, {"access_token": "IGnew", "token_type": "bearer", "expires_in": 5_184_000})

    token, end = pages.refresh_instagram_token(TOKEN)

    assert token == "IGnew"
    assert timedelta(days=59) < end - timezone.now() <= timedelta(days=60)
    (call,) = graph.calls
    assert (call.path, call.query) == ("/instagram/refresh_access_token", {"grant_type": "ig_refresh_token"})
    assert call.headers["authorization"] == f"Bearer {TOKEN}"


# ---------------------------------------------------------------- subscriptions
def test_page_is_subscribed_to_everything_that_is_read(graph: GraphServer):
    graph.answer(200, {"success": True})

    pages.subscribe_page(PAGE, TOKEN)

    (call,) = graph.calls
    assert (call.method, call.path, call.query) == ("POST", f"/facebook/v23.0/{PAGE}/subscribed_apps", {})
    fields = set(call.form["subscribed_fields"].split(","))
    assert fields >= {"messages", "message_echoes", "message_deliveries", "message_reads", "message_reactions"}
    assert call.form["appsecret_proof"] == prove(TOKEN)


def test_account_of_instagram_login_is_subscribed_at_instagram(graph: GraphServer):
    graph.answer(200, {"success": True})

    pages.subscribe_instagram(ACCOUNT, TOKEN)

    assert graph.calls[0].path == f"/instagram/v23.0/{ACCOUNT}/subscribed_apps"
    assert {"messages", "messaging_seen"} <= set(graph.calls[0].form["subscribed_fields"].split(","))


def app(app_id: str, *fields: str) -> dict[str, Any]:
    return {"id": app_id, "name": "Hub", "subscribed_fields": list(fields)}


@pytest.mark.parametrize(
    ("apps", "missing"),
    [
        ([app(APP_ID, *pages.PAGE_FIELDS, "feed")], ()),
        ([app(APP_ID, *pages.PAGE_FIELDS[1:])], ("messages",)),
        ([app("another", *pages.PAGE_FIELDS)], pages.PAGE_FIELDS),
        ([app("another"), app(APP_ID, *pages.PAGE_FIELDS)], ()),
        ([{"id": APP_ID}, "what"], pages.PAGE_FIELDS),
        ([], pages.PAGE_FIELDS),
    ],
)
def test_missing_fields_of_a_subscription_are_named(graph: GraphServer, apps: list[Any], missing: tuple[str, ...]):
    graph.answer(200, {"data": apps})

    assert pages.check_subscription(PAGE, TOKEN) == missing
    assert graph.calls[0].path == f"/facebook/v23.0/{PAGE}/subscribed_apps"


def test_missing_fields_of_instagram_login_are_asked_at_instagram(graph: GraphServer):
    graph.answer(200, {"data": [app(APP_ID, "messages")]})

    assert pages.check_instagram_subscription(ACCOUNT, TOKEN) == pages.INSTAGRAM_FIELDS[1:]
    assert graph.calls[0].path == f"/instagram/v23.0/{ACCOUNT}/subscribed_apps"


# ---------------------------------------------------------------- profiles
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"id": PERSON, "first_name": "Ada", "last_name": "Byron", "name": "Ada Byron", "profile_pic": PICTURE},
            Profile("Ada Byron", "Ada", "Byron", "", PICTURE),
        ),
        ({"id": PERSON, "name": "Ada Byron"}, Profile("Ada Byron")),
        ({"id": PERSON, "first_name": "Ada"}, Profile("Ada", "Ada")),
        ({"id": PERSON, "name": " Ada\0 ", "profile_pic": "javascript:x"}, Profile("Ada")),
        ({"id": PERSON}, None),
    ],
)
def test_profile_of_messenger_is_as_much_as_meta_tells(
    graph: GraphServer, values: dict[str, Any], expected: Profile | None
):
    graph.answer(200, values)

    assert pages.fetch_profile(PERSON, "MESSENGER", TOKEN) == expected
    assert graph.calls[0].path == f"/facebook/v23.0/{PERSON}"
    assert graph.calls[0].query["fields"] == "first_name,last_name,name,profile_pic"


def test_profile_of_instagram_has_a_username(graph: GraphServer):
    graph.answer(200, {"id": FOLLOWER, "name": "Ada", "username": "ada.b", "profile_pic": PICTURE})

    profile = pages.fetch_profile(FOLLOWER, "INSTAGRAM", TOKEN, account=PAGE, channel=ACCOUNT)

    assert profile == Profile("Ada", username="ada.b", picture_url=PICTURE)
    assert graph.calls[0].path == f"/facebook/v23.0/{FOLLOWER}"
    assert graph.calls[0].query["fields"] == "name,username,profile_pic"


def test_profile_of_instagram_login_is_asked_at_instagram(graph: GraphServer):
    graph.answer(200, {"id": FOLLOWER, "username": "ada.b"})

    assert pages.fetch_profile(FOLLOWER, "INSTAGRAM", TOKEN, account=ACCOUNT, channel=ACCOUNT)
    assert graph.calls[0].path == f"/instagram/v23.0/{FOLLOWER}"


@pytest.mark.parametrize(
    ("status", "code", "subcode"), [(400, 100, 2018218), (403, 230, 0), (400, 9010, 0), (400, 100, 33)]
)
def test_person_without_a_profile_has_none(graph: GraphServer, status: int, code: int, subcode: int):
    graph.refuse(status, code, subcode)

    assert pages.fetch_profile(PERSON, "MESSENGER", TOKEN) is None


# ---------------------------------------------------------------- failures, the same for all calls
CALLS: dict[str, Callable[[], Any]] = {
    "fetch_page": lambda: pages.fetch_page(TOKEN),
    "fetch_instagram_account": lambda: pages.fetch_instagram_account(TOKEN),
    "subscribe_page": lambda: pages.subscribe_page(PAGE, TOKEN),
    "subscribe_instagram": lambda: pages.subscribe_instagram(ACCOUNT, TOKEN),
    "check_subscription": lambda: pages.check_subscription(PAGE, TOKEN),
    "check_instagram_subscription": lambda: pages.check_instagram_subscription(ACCOUNT, TOKEN),
    "check_token": lambda: pages.check_token(TOKEN),
    "refresh_instagram_token": lambda: pages.refresh_instagram_token(TOKEN),
    "fetch_profile": lambda: pages.fetch_profile(PERSON, "MESSENGER", TOKEN),
}
EVERY_CALL = pytest.mark.parametrize("name", CALLS)


@EVERY_CALL
@pytest.mark.parametrize(
    ("status", "code", "subcode", "expected"),
    [(401, 190, 463, "190"), (400, 102, 0, "102"), (403, 10, 0, "10"), (403, 200, 0, "200"), (400, 3, 0, "3")],
)
def test_refusal_carries_its_code(graph: GraphServer, name: str, status: int, code: int, subcode: int, expected: str):
    graph.refuse(status, code, subcode)

    with pytest.raises(Refusal) as caught:
        CALLS[name]()

    assert caught.value.code == expected


@EVERY_CALL
@pytest.mark.parametrize("answer", [(400, 4), (400, 613), (400, 80006), (400, 2), (500, 1), (503, 190), (200, 2)])
def test_error_that_passes_means_away(graph: GraphServer, name: str, answer: tuple[int, int]):
    graph.refuse(*answer)

    with pytest.raises(Away):
        CALLS[name]()


@EVERY_CALL
@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b""), (200, b"<html>"), (200, b"[]"), (200, {}), (302, {"id": "1"}), (502, b"<html>"),
     (400, {"error": "?"})],
)  # fmt: skip
def test_answer_that_says_nothing_means_away(graph: GraphServer, name: str, status: int, body: Any):
    graph.answer(status, body)

    with pytest.raises(Away):
        CALLS[name]()


@pytest.mark.parametrize("name", [name for name in CALLS if name != "fetch_profile"])
@pytest.mark.parametrize(
    "body", [{"data": None}, {"data": 5}, {"success": False}, {"id": ""}, {"access_token": "x"}, {"expires_in": 60}]
)
def test_success_without_what_was_asked_for_means_away(graph: GraphServer, name: str, body: Any):
    """Of a profile, on the other hand, nothing has to be there."""
    graph.answer(200, body)

    with pytest.raises(Away):
        CALLS[name]()


@EVERY_CALL
@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "http://nowhere.invalid", "no address"])
def test_nobody_there_means_away(settings, name: str, base_url: str):
    settings.META_GRAPH_BASE_URL = settings.META_INSTAGRAM_BASE_URL = base_url
    settings.META_APP_ID, settings.META_APP_SECRET = APP_ID, APP_SECRET

    with pytest.raises(Away):
        CALLS[name]()


def test_connection_that_is_cut_means_away(graph: GraphServer):
    graph.is_cut = True

    with pytest.raises(Away):
        pages.fetch_page(TOKEN)


def test_redirect_is_not_followed_and_gets_no_token(graph: GraphServer):
    graph.answer(307, b"", Location="/elsewhere")
    graph.answer(200, {"id": PAGE, "name": "Acme"})

    with pytest.raises(Away):
        pages.fetch_page(TOKEN)

    assert len(graph.calls) == 1


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Other: 1", "schlüssel"])
def test_malformed_token_is_refused_unasked(graph: GraphServer, token: str):
    with pytest.raises(Refusal) as caught:
        pages.fetch_page(token)

    assert caught.value.code == "190"
    assert graph.calls == []


@EVERY_CALL
def test_token_is_in_no_log_and_no_error(settings, caplog, name: str):
    """Errors of requests name the whole address, and the token that is asked about stands in one."""
    settings.META_GRAPH_BASE_URL = settings.META_INSTAGRAM_BASE_URL = "http://127.0.0.1:1"
    settings.META_APP_ID, settings.META_APP_SECRET = APP_ID, APP_SECRET
    caplog.set_level(logging.INFO)

    try:
        CALLS[name]()
    except Away:
        logging.getLogger("test").exception("What is told of it")

    assert "What is told of it" in caplog.text
    assert TOKEN not in caplog.text
    assert APP_SECRET not in caplog.text

"""Pages about what went wrong: the right status, in words, whatever else is broken."""

import pytest
from django.db import OperationalError
from django.test import RequestFactory
from django.utils.html import escape

from accounts import team
from chatrooms import rooms
from messagehub import errors, limits
from tokens import ledger


@pytest.fixture
def asked():
    """A request of somebody who chose the dark look; `path` decides who answers it."""

    def build(path: str):
        request = RequestFactory().get(path)
        request.COOKIES["theme"] = "dark"
        return request

    return build


@pytest.mark.parametrize(
    ("error", "status", "wait", "words"),
    [
        (limits.TooMany(7), 429, "7", "Too many requests"),
        (limits.Unavailable("Valkey is away."), 503, "5", "not available right now"),
    ],
)
def test_what_no_page_caught_is_a_page(asked, error, status, wait, words):
    answer = errors.PageErrorsMiddleware(lambda request: None).process_exception(asked("/inbox/"), error)

    assert (answer.status_code, answer["Retry-After"]) == (status, wait)
    assert words in answer.content.decode()
    assert 'data-theme="dark"' in answer.content.decode()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (rooms.ChatroomHasNumbers(["+15550100100"]), 409),
        (ledger.InsufficientTokens(3), 402),
        (team.OwnRole(), 409),
    ],
)
def test_a_refusal_that_no_page_caught_is_said_in_its_own_words(asked, error, status):
    request = asked("/inbox/")
    page = errors.PageErrorsMiddleware(lambda request: None).process_exception(request, error)
    request.META["HTTP_HX_REQUEST"] = "true"
    del request.headers
    text = errors.PageErrorsMiddleware(lambda request: None).process_exception(request, error)

    assert (page.status_code, text.status_code) == (status, status)
    assert "Nothing was changed" in page.content.decode()
    assert escape(str(error)) in page.content.decode()
    assert (text.content.decode(), text["Content-Type"]) == (str(error), "text/plain; charset=utf-8")


@pytest.mark.parametrize(("path", "error"), [("/api/x", limits.TooMany(7)), ("/inbox/", ValueError("A bug"))])
def test_the_rest_is_left_to_others(asked, path, error):
    assert errors.PageErrorsMiddleware(lambda request: None).process_exception(asked(path), error) is None


@pytest.mark.parametrize(("error", "status"), [(OperationalError("away"), 503), (ValueError("A bug"), 500)])
def test_a_broken_page_says_so_without_a_database(asked, error, status):
    try:
        raise error
    except type(error):
        answer = errors.server_error(asked("/inbox/"))

    assert answer.status_code == status
    assert "<h1>" in answer.content.decode()


@pytest.mark.parametrize("debug", [False, True])
def test_the_styleguide_is_for_builders(browser, settings, debug):
    settings.DEBUG = debug
    assert browser().get("/styleguide/").status_code == (200 if debug else 404)


def test_the_policy_is_the_strict_one(browser, db):
    said = browser().get("/login/")["Content-Security-Policy"]
    assert {rule.strip() for rule in said.split(";")} == {
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob:", "font-src 'self'",
        "connect-src 'self'", "media-src 'self'", "manifest-src 'self'", "form-action 'self'", "base-uri 'none'",
        "frame-ancestors 'none'",
    }  # fmt: skip

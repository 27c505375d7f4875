"""What stands between the ASGI server and Django: whole bodies, honest headers, and the client's address."""

import asyncio
import threading

import orjson
import pytest
from django.core.exceptions import ImproperlyConfigured

from messagehub import web
from messagehub.web import HeldBytes, Pages, Proxies


class Probe:
    """A WSGI application that answers with what it was asked."""

    def __call__(self, environ, start_response):
        self.environ = environ
        self.body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]


def ask(
    pages: Pages, *messages: dict, headers=(), client=("192.0.2.1", 1), path="/api/auth/login", query=b"", send=None
):
    """Sends these parts of a body, and nothing after them; returns the answer's status and body."""
    answers: list[dict] = []
    parts = list(messages) or [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict:
        if parts:
            return parts.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def keep(message: dict) -> None:
        answers.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": query, "http_version": "1.1",
        "scheme": "http", "client": client, "server": ("127.0.0.1", 80), "headers": list(headers),
    }  # fmt: skip
    asyncio.run(pages(scope, receive, send or keep))
    if not answers:
        return None, b""
    return answers[0]["status"], b"".join(each.get("body", b"") for each in answers[1:])


def part(body: bytes, *, more: bool = False) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.fixture
def probe() -> Probe:
    return Probe()


# ---------------------------------------------------------------- headers
def test_underscored_header_is_dropped(probe):
    ask(
        Pages(probe, proxies="*"),
        headers=[(b"x_forwarded_for", b"203.0.113.9"), (b"x-forwarded-for", b"198.51.100.7"), (b"x_real", b"1")],
    )

    assert probe.environ["HTTP_X_FORWARDED_FOR"] == "198.51.100.7"
    assert probe.environ["REMOTE_ADDR"] == "198.51.100.7"
    assert "HTTP_X_REAL" not in probe.environ


def test_underscored_header_alone_is_no_address(probe):
    ask(Pages(probe, proxies="*"), headers=[(b"x_forwarded_for", b"203.0.113.9")])

    assert probe.environ["REMOTE_ADDR"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("allowed", "forwarded", "client"),
    [
        ("*", "198.51.100.7", "198.51.100.7"),
        ("*", "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # the first is what the client says of itself
        ("*", "2001:db8::7", "2001:db8::7"),
        ("*", "::ffff:198.51.100.7", "198.51.100.7"),
        ("*", "junk", "192.0.2.1"),
        ("*", "junk, 198.51.100.7", "198.51.100.7"),
        ("*", "198.51.100.7, junk", "192.0.2.1"),
        ("*", "", "192.0.2.1"),
        ("*", "fe80::1%eth0", "192.0.2.1"),
        ("*", "198.51.100.7:4711", "192.0.2.1"),
        ("*", "'; DROP TABLE users; --", "192.0.2.1"),
        ("", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.0/8", "198.51.100.7", "192.0.2.1"),
        ("192.0.2.0/24", "198.51.100.7", "198.51.100.7"),
        ("192.0.2.1, 198.51.100.7", "203.0.113.9, 198.51.100.7", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
    ],
)
def test_client_is_whom_a_trusted_proxy_names(allowed, forwarded, client):
    assert Proxies(allowed).find_client("192.0.2.1", [(b"x-forwarded-for", forwarded.encode())]) == client


def test_client_is_read_from_repeated_headers():
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"198.51.100.7")]

    assert Proxies("*").find_client("192.0.2.1", headers) == "198.51.100.7"


@pytest.mark.django_db
def test_sign_in_behind_a_proxy_that_passes_junk_on_is_no_error():
    """The page and the API both count attempts for an address, and record it."""
    headers = [(b"x-forwarded-for", b"junk"), (b"host", b"testserver"), (b"content-type", b"application/json")]
    given = b'{"email": "nobody@acme.example", "password": "wrong"}'

    status, body = ask(
        Pages(proxies="*"), part(given), headers=[*headers, (b"content-length", str(len(given)).encode())]
    )

    assert (status, orjson.loads(body)["error"]["code"]) == (401, "wrong_credentials")


def test_query_that_is_no_ascii_is_passed_on_quoted(probe):
    assert ask(Pages(probe), query="search=é%20&x=1".encode())[0] == 200
    assert probe.environ["QUERY_STRING"] == "search=%C3%A9%20&x=1"


# ---------------------------------------------------------------- bodies
def test_body_is_read_whole_before_the_application_is_asked(probe):
    status, _ = ask(Pages(probe), part(b"ab", more=True), part(b"c"), headers=[(b"content-length", b"3")])

    assert (status, probe.body) == (200, b"abc")


@pytest.mark.parametrize(
    "headers", [[(b"transfer-encoding", b"chunked")], [], [(b"content-length", b"3"), (b"content-length", b"3")]]
)
def test_body_gets_the_length_with_which_it_arrived(probe, headers):
    status, _ = ask(Pages(probe), part(b"ab", more=True), part(b"c"), headers=headers)

    assert (status, probe.body, probe.environ["CONTENT_LENGTH"]) == (200, b"abc", "3")


@pytest.mark.parametrize("path", ["/api/auth/login", "/login/"])
def test_body_that_does_not_arrive_in_time_is_a_408(probe, monkeypatch, path):
    monkeypatch.setattr(web, "BODY_SECONDS", 0)

    status, body = ask(Pages(probe), part(b"{", more=True), path=path, headers=[(b"content-length", b"99")])

    assert status == 408
    assert b"did not arrive in time" in body
    assert not hasattr(probe, "environ")
    if path.startswith("/api/"):
        assert orjson.loads(body)["error"]["code"] == "request_timeout"


@pytest.mark.parametrize("headers", [[(b"content-length", b"2000000")], [(b"transfer-encoding", b"chunked")], []])
def test_body_over_the_limit_is_a_413(probe, headers):
    half = b"x" * 600_000

    status, body = ask(Pages(probe), part(half, more=True), part(half), headers=headers)

    assert (status, orjson.loads(body)["error"]["code"]) == (413, "too_large")
    assert not hasattr(probe, "environ")


@pytest.mark.parametrize(
    ("path", "mebibytes", "expected"),
    [
        ("/api/contacts/import", 4, 200),
        ("/api/contacts/import", 5, 413),
        ("/api/media", 26, 200),
        ("/api/media", 27, 413),
        ("/api/media/", 2, 413),
    ],
)
@pytest.mark.parametrize("has_length", [True, False])
def test_files_may_be_larger(probe, path, mebibytes, expected, has_length):
    body = b"x" * (mebibytes * 1024 * 1024)
    headers = [(b"content-length", str(len(body)).encode())] if has_length else []

    status, _ = ask(Pages(probe), part(body), path=path, headers=[*headers, (b"authorization", b"Bearer x")])

    assert status == expected


def test_strangers_send_no_files(probe):
    body = b"x" * (2 * 1024 * 1024)

    assert ask(Pages(probe), part(body), path="/api/media")[0] == 413
    assert ask(Pages(probe), part(body), path="/api/media", headers=[(b"cookie", b"sessionid=x")])[0] == 200


def test_all_bodies_together_have_a_limit_and_give_back_what_they_took(probe):
    pages, body = Pages(probe), b"x" * 600_000
    pages.held = HeldBytes(1_000_000)

    with pages.held.take_part() as take:
        take(500_000)
        status, answer = ask(pages, part(body))
    assert (status, orjson.loads(answer)["error"]["code"]) == (503, "unavailable")

    assert ask(pages, part(body))[0] == 200
    assert ask(pages, part(body))[0] == 200
    assert pages.held.total == 0


@pytest.mark.parametrize("length", [b"9" * 5000, b"9" * 19, b"\xb2", b"-1", b"1e3", b"+3", b""])
def test_length_that_is_no_number_is_a_400(probe, length):
    status, body = ask(Pages(probe), part(b"abc"), headers=[(b"content-length", length)])

    assert (status, orjson.loads(body)["error"]["code"]) == (400, "invalid")
    assert not hasattr(probe, "environ")


def test_client_that_leaves_before_its_body_is_whole_is_not_answered(probe):
    assert ask(Pages(probe), part(b"{", more=True), {"type": "http.disconnect"}) == (None, b"")
    assert not hasattr(probe, "environ")


# ---------------------------------------------------------------- answers
def test_thread_is_free_while_the_client_reads_slowly(monkeypatch):
    """An answer of many parts is done with before the client has taken the first."""
    monkeypatch.setattr(web, "SEND_SECONDS", 5)
    written = threading.Event()

    def long_answer(environ, start_response):
        start_response("200 OK", [])
        yield from [b"x" * 4096] * 500
        written.set()

    async def read_nothing_until_all_is_written(message: dict) -> None:
        await asyncio.to_thread(written.wait, 5)
        assert written.is_set()

    ask(Pages(long_answer), send=read_nothing_until_all_is_written)
    assert written.is_set()


def test_client_that_takes_nothing_is_let_go(monkeypatch):
    monkeypatch.setattr(web, "SEND_SECONDS", 0)

    async def block(message: dict) -> None:
        await asyncio.Event().wait()

    assert ask(Pages(Probe()), send=block) == (None, b"")


@pytest.mark.parametrize("allowed", ["caddy", "10.0.0.0/99", "192.0.2.1, proxy.internal"])
def test_proxy_that_is_no_address_stops_the_start(allowed):
    with pytest.raises(ImproperlyConfigured, match="FORWARDED_ALLOW_IPS"):
        Proxies(allowed)

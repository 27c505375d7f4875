"""Nothing that lets somebody in stands in a log, whichever page is opened and whichever server writes it."""

import io
import logging
import time

import pytest
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from granian.log import DEFAULT_ACCESSLOG_FMT
from uvicorn.logging import AccessFormatter

from accounts import invitations, keys, team
from messagehub import redaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def log():
    """All that is logged, by a handler that is not ours."""
    text = io.StringIO()
    handler, root = logging.StreamHandler(text), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def invitation(acme, ann, inside) -> str:
    with inside(acme):
        user = team.invite_user(acme.organization, "new@acme.example", name="New", role="agent", by=ann)
    return invitations.make_link_part(user)


@pytest.fixture
def reset(bo) -> tuple[str, str]:
    return urlsafe_base64_encode(force_bytes(bo.pk)), default_token_generator.make_token(bo)


def walk(path: str) -> None:
    """Everything that can be answered at this link: a page, refusals, a page that isn't there, and a failure."""
    client = Client(raise_request_exception=False)
    client.get(path)
    client.post(path, {"password": "123", "name": "N"})
    client.put(path)
    client.get(path.rstrip("/"))
    client.get(f"{path}more/")
    client.get(f"/https://elsewhere.example{path}")
    client.get("/login/", {"next": path})
    client.get("/nowhere/", {"next": path, "token": path})
    Client(enforce_csrf_checks=True).post(path, {"password": "123"})


def test_pages_leave_no_link_of_an_invitation_in_the_log(log, invitation):
    walk(reverse("invitation", args=[invitation]))

    assert "/invitation/[redacted]" in log.getvalue()
    assert invitation not in log.getvalue()
    assert invitation.split(":")[2] not in log.getvalue()


def test_pages_leave_no_link_of_a_password_reset_in_the_log(log, reset):
    uid, token = reset

    walk(reverse("password-new", args=[uid, token]))

    assert "/password/reset/[redacted]" in log.getvalue()
    assert token not in log.getvalue()


def test_failure_of_a_page_leaves_no_link_in_the_log(log, reset, monkeypatch):
    from accounts import sessions

    path = reverse("password-new", args=reset)
    monkeypatch.setattr(sessions, "find_user_of_reset_link", lambda uid, token: {}[f"{uid}/{token}"])
    handler = logging.StreamHandler(ours := io.StringIO())
    handler.setFormatter(redaction.RedactingFormatter("{message}", style="{"))
    logging.getLogger().addHandler(handler)

    Client(raise_request_exception=False).get(path)

    logging.getLogger().removeHandler(handler)
    assert "KeyError" in ours.getvalue()
    assert reset[1] not in ours.getvalue()


def test_console_of_every_process_redacts_tracebacks():
    assert settings.LOGGING["formatters"]["line"]["()"] is redaction.RedactingFormatter


def written(name: str, formatter: logging.Formatter, message: str, *args) -> str:
    """What a logger of a server writes, by the server's own handler."""
    text = io.StringIO()
    handler, logger = logging.StreamHandler(text), logging.getLogger(name)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        logger.info(message, *args)
    finally:
        logger.removeHandler(handler)
    return text.getvalue()


@pytest.mark.parametrize("query", ["", "?page=2"])
def test_access_logs_of_servers_redact_links(reset, invitation, query):
    for path in (reverse("password-new", args=reset), reverse("invitation", args=[invitation])):
        uvicorn = written(
            "uvicorn.access",
            AccessFormatter('%(client_addr)s - "%(request_line)s" %(status_code)s', use_colors=False),
            '%s - "%s %s HTTP/%s" %d',
            "127.0.0.1:1", "GET", path + query, "1.1", 200,
        )  # fmt: skip
        asked = {"time": "", "addr": "127.0.0.1", "method": "GET", "path": path, "protocol": "1.1", "status": 200}
        granian = written(
            "granian.access", logging.Formatter("%(message)s"), DEFAULT_ACCESSLOG_FMT, asked | {"dt_ms": 0.1}
        )
        daphne = written("daphne.access", logging.Formatter("%(message)s"), f"127.0.0.1 - - GET {path}{query} 200")
        for line in (uvicorn, granian, daphne):
            assert "[redacted]" in line
            assert reset[1] not in line
            assert invitation not in line
        assert asked["path"] == path  # the server's own values are left alone


def test_token_in_the_address_of_a_socket_is_redacted(bo):
    _, secret = keys.create_key(bo, "Report", ["read"])
    line = written("uvicorn.error", logging.Formatter("%(message)s"), '%s - "WebSocket %s" [accepted]', "127.0.0.1",
                   f"/ws/inbox?hello&token={secret}")  # fmt: skip

    assert line.strip() == '127.0.0.1 - "WebSocket /ws/inbox?hello&token=[redacted]" [accepted]'


@pytest.mark.parametrize("part", ["a", "-", "a%3A", "aaaaaaaa:", "aaaaaaaa:bbbbbb:", "/password/reset", "?key"])
def test_long_address_of_a_stranger_is_redacted_at_once(part):
    began = time.perf_counter()

    redaction.redact("/" + part * (30_000 // len(part)))

    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "line",
    [
        "Bad Request: /password/reset/",
        "Not Found: /api/conversations/0199-aa?search=tokens&page_size=2",
        '"GET /inbox/?next=/me/ HTTP/1.1" 200',
    ],
)
def test_other_lines_are_left_as_they_are(line):
    assert redaction.redact(line) == line

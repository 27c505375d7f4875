"""Requests that no client of ours makes are refused with 400."""

import base64

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tests.cast import create_tenant


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


@pytest.fixture
def agent(acme) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(User.objects.get(email="agent@acme.example"))
    return client


@pytest.mark.parametrize("depth", [100, 400, 900, 1100, 100_000])
def test_json_of_any_depth_is_answered_400(agent, depth: int):
    for body in (b'{"a":' * depth + b"1" + b"}" * depth, b'{"a":' + b"[" * depth + b"]" * depth + b"}"):
        for path in ("/api/messages/send", "/api/auth/login"):
            answer = agent.post(path, body, content_type="application/json")
            assert answer.status_code == 400


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01", "x"])
@pytest.mark.parametrize("path", ["/api/conversations", "/api/messages", "/api/contacts", "/api/chatrooms"])
def test_a_cursor_that_was_tampered_with_is_answered_400(agent, path: str, moment: str):
    cursor = base64.urlsafe_b64encode(f"a|{moment}|01900000-0000-7000-8000-000000000000".encode()).decode()
    assert agent.get(path, {"cursor": cursor}).status_code == 400


def test_events_take_no_paging(agent):
    assert agent.get("/api/events", {"page_size": 0}).status_code == 400

"""Session cookies that no browser of ours sends, and signing in twice."""

import json

import pytest
from rest_framework.test import APIClient

from tests.cast import create_tenant


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


@pytest.mark.parametrize("key", ['"\\000aaaaaaaaaaa"', "é" * 12, "' OR 1=1 --", "x" * 5000])
def test_a_session_cookie_that_can_be_none_is_nobody(db, key: str):
    client = APIClient(raise_request_exception=False)
    client.cookies.load(f"sessionid={key}")
    client.cookies["sessionid"] = json.loads(key.replace("\\000", "\\u0000")) if key.startswith('"') else key
    assert client.get("/api/auth/me").status_code == 401


def test_signing_in_twice_in_one_browser_gives_two_sign_ins(acme):
    client = APIClient(raise_request_exception=False)
    body = {"email": "agent@acme.example", "password": "x"}
    tokens = [client.post("/api/auth/login", body, format="json").json()["token"] for _ in range(2)]
    for token in tokens:
        assert APIClient().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 200

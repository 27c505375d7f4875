"""/metrics, and the limit on requests."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from messagehub import bus
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db


def test_metrics_count_what_waits(client, settings):
    settings.METRICS_TOKEN = "for-prometheus"
    settings.METRICS_ADDRESSES = []
    create_tenant("acme", "+15550100100")

    answer = client.get("/metrics", HTTP_AUTHORIZATION="Bearer for-prometheus")

    assert answer.status_code == 200
    assert "messagehub_messages_queued 1.0" in answer.content.decode()
    for wrong in ("", "Bearer ", "Bearer for-prometheu"):
        assert client.get("/metrics", HTTP_AUTHORIZATION=wrong).status_code == 403


def test_metrics_are_nobodys_without_a_token(client, settings):
    settings.METRICS_TOKEN, settings.METRICS_ADDRESSES = "", []
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 403
    settings.METRICS_ADDRESSES = ["127.0.0.1"]
    assert client.get("/metrics").status_code == 200


def test_too_many_requests_are_told_when_to_come_again(settings):
    create_tenant("acme", "+15550100100")
    settings.LIMITS = {**settings.LIMITS, "requests_per_user": 3}
    client = APIClient()
    client.force_login(User.objects.get(email="agent@acme.example"))

    answers = [client.get("/api/auth/me") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["error"]["code"] == "throttled"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_reading_goes_on_uncounted_without_valkey(settings):
    create_tenant("acme", "+15550100100")
    client = APIClient()
    client.force_login(User.objects.get(email="agent@acme.example"))
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    bus.client.cache_clear()
    try:
        assert client.get("/api/auth/me").status_code == 200
    finally:
        bus.client.cache_clear()

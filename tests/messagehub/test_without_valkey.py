"""Valkey is away: nobody gets in uncounted, and everything else goes on."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from messagehub import bus, tenancy
from messaging.models import Event
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


@pytest.fixture
def no_valkey(settings):
    """Nothing listens on this port."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    bus.client.cache_clear()
    yield
    bus.client.cache_clear()


def test_login_is_refused_with_503(acme, no_valkey):
    answer = APIClient().post("/api/auth/login", {"email": "agent@acme.example", "password": "x"}, format="json")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert answer.headers["Retry-After"]


def test_sending_goes_on(acme, no_valkey, django_capture_on_commit_callbacks):
    client = APIClient()
    client.force_login(User.objects.get(email="agent@acme.example"))

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            "/api/messages/send",
            {"conversation_id": str(acme["conversation"].pk), "content": "Still here"},
            format="json",
        )

    assert answer.status_code == 201
    with tenancy.organization(acme["organization"].pk):
        assert Event.objects.filter(message_id=answer.json()["message"]["id"]).count() == 1


def test_readyz_names_what_is_missing(no_valkey, client, caplog):
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "valkey": "no answer", "worker": "no answer"}
    assert client.get("/healthz").status_code == 200
    assert [each for each in caplog.records if each.name == "django.request"] == []  # an answer, not an error of ours

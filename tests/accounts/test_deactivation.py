"""What ends with a person's deactivation and does not come back when they do."""

from collections.abc import Callable

import pytest
from django.urls import get_resolver

from accounts import keys, sessions, team
from accounts.models import ApiKey, AuditEntry
from tests.accounts.test_keys import routes

pytestmark = pytest.mark.django_db


@pytest.fixture
def set_active(acme, ann, bo, inside) -> Callable[[bool], None]:
    def change(is_active: bool) -> None:
        with inside(acme):
            team.change_user(bo, by=ann, is_active=is_active)

    return change


def test_deactivation_revokes_keys_for_good(set_active, bearer, bo):
    _, secret = keys.create_key(bo, "Report", ["read"])
    set_active(False)
    assert bearer(secret).get("/api/auth/me").status_code == 401

    set_active(True)

    assert bearer(secret).get("/api/auth/me").status_code == 401
    assert sessions.find_signed_in_user(sessions.Identity(token=secret)) is None


def test_key_revoked_by_deactivation_still_tells_a_socket_why(set_active, bo):
    _, secret = keys.create_key(bo, "Report", ["read"])

    set_active(False)

    assert sessions.find_signed_in_user(sessions.Identity(token=secret)) == bo  # whom the consumer closes with 4403
    assert keys.find_key(secret).user.is_active is False


def test_deactivation_records_each_revoked_key(set_active, bo, acme, ann, inside):
    key, _ = keys.create_key(bo, "Report", ["read"])

    set_active(False)

    with inside(acme):
        entry = AuditEntry.objects.get(action="key.revoke")
    assert (entry.actor_id, entry.target_id, entry.before["name"]) == (ann.pk, str(key.pk), "Report")


def test_key_created_while_its_owner_was_being_deactivated_ends_at_reactivation(set_active, bearer, bo):
    set_active(False)
    _, secret = keys.create_key(bo, "Too late", ["read"])

    set_active(True)

    assert bearer(secret).get("/api/auth/me").status_code == 401


def test_new_role_leaves_keys_alone(acme, ann, bo, inside, bearer):
    _, secret = keys.create_key(bo, "Report", ["read"])

    with inside(acme):
        team.change_user(bo, by=ann, role="admin")

    assert bearer(secret).get("/api/auth/me").status_code == 200
    assert ApiKey.objects.get().expires_at is None


# ---------------------------------------------------------------- what no cache may keep
NOTHING = "00000000-0000-4000-8000-000000000000"
PUBLIC = {"api/schema", "api/docs"}


def test_every_answer_of_the_api_is_private(api, ann):
    client, kept = api(ann), {}
    for route, _view in routes(get_resolver().url_patterns):
        if not route.startswith("api/") or route in PUBLIC or route == "api/auth/logout":
            continue
        path = "/" + route.replace("<uuid:pk>", NOTHING).replace("<uuid:id>", NOTHING)
        for method in ("get", "post", "patch", "delete", "options"):
            answer = getattr(client, method)(path)
            if "no-store" not in answer.get("Cache-Control", ""):
                kept[(route, method, answer.status_code)] = answer.get("Cache-Control")

    assert kept == {}


@pytest.mark.parametrize("path", ["/api/auth/me", "/inbox/", "/me/", "/admin/", "/nowhere"])
def test_answer_to_nobody_is_private_too(browser, path):
    assert "no-store" in browser().get(path)["Cache-Control"]

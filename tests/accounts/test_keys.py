"""API keys: what they may, who they are, and when they end."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from accounts import keys, sessions
from accounts.api.permissions import find_own_scopes, scope_of
from accounts.models import ApiKey, AuditEntry

pytestmark = pytest.mark.django_db


def test_a_key_is_shown_once_and_works_at_once(api, bearer, bo):
    made = api(bo).post("/api/keys", {"name": "Report", "scopes": ["read"]})

    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("mhk_")
    assert bearer(secret).get("/api/auth/me").json()["id"] == str(bo.pk)
    listed = api(bo).get("/api/keys").json()["results"]
    assert [key["id"] for key in listed] == [made.json()["id"]]
    assert secret not in str(listed)
    assert secret.startswith(listed[0]["prefix"])
    assert listed[0]["last_used_at"]
    assert secret not in str(ApiKey.objects.values())


def test_keys_are_ones_own(api, bo, ann):
    key, _ = keys.create_key(bo, "Report", ["read"])

    assert api(ann).get("/api/keys").json()["results"] == []
    assert api(ann).get(f"/api/keys/{key.pk}").status_code == 404
    assert api(ann).delete(f"/api/keys/{key.pk}").status_code == 404
    assert api(bo).delete(f"/api/keys/{key.pk}").status_code == 204
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "scopes": ["admin"]},  # bo is no admin
        {"name": "x", "scopes": "read"},
        {"scopes": ["read"]},
        {"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_what_is_no_key(api, bo, body):
    assert api(bo).post("/api/keys", body).status_code == 400


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [
        (["send"], "get", "/api/conversations"),
        (["read"], "post", "/api/messages/send"),
        (["read", "send"], "post", "/api/contacts"),
        (["read", "send", "contacts"], "get", "/api/tokens/list"),
        (["read", "send", "contacts"], "post", "/api/chatrooms"),
        (["read", "send", "contacts", "admin"], "post", "/api/keys"),
        (["read", "send", "contacts", "admin"], "get", "/api/keys"),
        (["read", "send", "contacts", "admin"], "patch", "/api/auth/me"),
        (["read", "send", "contacts", "admin"], "post", "/api/auth/logout"),
    ],
)
def test_a_key_without_the_scope_is_refused(by_key, ann, scopes, method, path):
    answer = getattr(by_key(ann, *scopes), method)(path, {} if method != "get" else None)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_missing")


def test_a_key_with_the_scope_may_do_what_its_person_may(by_key, ann, bo, sales):
    assert by_key(ann, "read").get("/api/conversations").status_code == 200
    assert by_key(ann, "admin").get("/api/tokens/list").status_code == 200
    assert by_key(bo, "contacts").post("/api/contacts", {}).status_code == 400
    assert by_key(bo, "admin").get("/api/tokens/list").status_code == 403


def test_a_key_ends(bearer, bo):
    key, secret = keys.create_key(bo, "Report", ["read"], timezone.now() + timedelta(hours=1))
    client = bearer(secret)
    assert client.get("/api/auth/me").status_code == 200

    ApiKey.objects.update(expires_at=timezone.now())
    answer = client.get("/api/auth/me")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    ApiKey.objects.update(expires_at=None)
    bo.is_active = False
    bo.save()
    assert client.get("/api/auth/me").status_code == 401


def test_signing_out_and_a_new_password_leave_keys_alone(by_key, login, bearer, bo):
    client = by_key(bo, "read")
    bearer(login(bo).json()["token"]).post("/api/auth/logout")

    assert client.get("/api/auth/me").status_code == 200


def test_a_socket_signs_in_with_a_key_that_may_read(bo):
    _, reading = keys.create_key(bo, "One", ["read"])
    _, sending = keys.create_key(bo, "Two", ["send"])

    assert sessions.find_signed_in_user(sessions.Identity(token=reading)) == bo
    assert sessions.find_signed_in_user(sessions.Identity(token=sending)) is None
    ApiKey.objects.all().delete()
    assert sessions.find_signed_in_user(sessions.Identity(token=reading)) is None


def test_a_request_by_key_takes_one_query_to_know_whose_it_is(by_key, bo):
    for _ in range(5):
        keys.create_key(bo, "Another", ["read"])
    client = by_key(bo, "read")
    client.get("/api/auth/me")
    with CaptureQueriesContext(connection) as captured:
        client.get("/api/auth/me")

    assert len([query for query in captured if '"api_keys"' in query["sql"]]) == 1
    assert not [query for query in captured if "django_session" in query["sql"]]


def test_making_and_deleting_keys_is_recorded_without_the_secret(api, bo, acme, inside):
    made = api(bo).post("/api/keys", {"name": "Report", "scopes": ["read"]}).json()
    api(bo).delete(f"/api/keys/{made['id']}")

    with inside(acme):
        written = list(AuditEntry.objects.order_by("pk"))
        assert [(entry.action, entry.actor_id, entry.target_id) for entry in written] == [
            ("key.create", bo.pk, made["id"]),
            ("key.delete", bo.pk, made["id"]),
        ]
        assert made["secret"] not in str(AuditEntry.objects.values())
        assert written[0].address == "127.0.0.1"
        assert written[0].request_id


# ---------------------------------------------------------------- every route has an answer
def routes(patterns, prefix=""):
    for pattern in patterns:
        here = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield here, pattern.callback
        else:
            yield from routes(pattern.url_patterns, here)


WITHOUT_A_KEY = {
    ("api/auth/logout", "POST"),
    ("api/campaigns/<uuid:pk>/approve", "POST"),
    ("api/auth/me", "PATCH"),
    ("api/keys", "GET"),
    ("api/keys", "POST"),
    ("api/keys/<uuid:pk>", "GET"),
    ("api/keys/<uuid:pk>", "DELETE"),
}


def test_every_route_of_the_api_says_which_scope_it_takes():
    unanswered = set()
    for route, view in routes(get_resolver().url_patterns):
        made = getattr(view, "view_class", None) or getattr(view, "cls", None)
        if not route.startswith("api/") or made is None or made.__module__.split(".")[0] == "drf_spectacular":
            continue
        if [guard.__name__ for guard in made.permission_classes] == ["AllowAny"]:
            continue
        guards = view.initkwargs.get("permission_classes", made.permission_classes)
        for verb in getattr(view, "actions", None) or ("post",):  # signing out, without a router, is POST only
            if verb != "head" and scope_of(route, verb.upper(), guards, find_own_scopes(made)) is None:
                unanswered.add((route, verb.upper()))

    assert unanswered == WITHOUT_A_KEY

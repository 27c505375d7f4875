"""A thousand requests of mixed bad input, by an admin and an agent: no 500, and not a changed row."""

import json
import random
import re
from collections import Counter
from uuid import UUID

import pytest
from django.db import connection
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

from messagehub import tenancy

pytestmark = pytest.mark.django_db
REQUESTS = 1000
MADE_UP = UUID("01900000-0000-7000-8000-000000000000")
VERBS = ("get", "post", "patch", "delete", "put")
# Signing out is valid whatever the body says, and so it ends the caller.
LEFT_OUT = {"/api/auth/logout"}
LONG = "9" * 401
BODIES = [
    b"",
    b"[]",
    b"null",
    b"5",
    b'"text"',
    b"{",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"content": NaN}',
    b'{"content": Infinity}',
    b'{"delta": ' + LONG.encode() + b"}",
    b'{"delta": 1e400}',
    b'{"a": 1, "a": 2}',
    b'{"content": "\\u0000"}',
    b'{"name": "\\ud800"}',
    b'{"\\u0000": 1}',
    b"\xff\xfe",
    b'{"x": "' + b"x" * (5 * 1024 * 1024) + b'"}',
]
# Nowhere a value that is fine: a text field takes a number as its digits, so numbers go where no text is meant.
WRONG = [None, True, "", " ", "x" * 5000, [], [[]], {}, {"a": {}}]
NUMBERS = [-1, 1.5, 10**400, -(10**30)]
NOT_TEXT = (
    "user_id chatroom_id contact_id conversation_id template_id sender_number_id client_id up_to contact_ids "
    "instagram_chatroom_id".split()
)
FIELDS = (
    "email password code name current_password user_id balance delta reason chatroom_id to contact_id conversation_id "
    "content template_id variables sender_number_id media send_at client_id up_to status assigned_to labels "
    "snoozed_until first_name last_name phone blocked contact_ids body color role is_active scopes expires_at "
    "account_sid auth_token page_access_token page_id page_name has_human_agent instagram_chatroom_id time_zone "
    "default_country organization organization_id is_staff is_superuser id created_at provider_id tokens direction"
).split()
HEADERS = [
    *[{}] * 9,
    {"HTTP_IDEMPOTENCY_KEY": "x" * 201},
    {"HTTP_IDEMPOTENCY_KEY": "\x01"},
    {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
    {"HTTP_ACCEPT": "text/csv"},
    {"CONTENT_LENGTH": "0"},
]
TYPES = [*["application/json"] * 9, "text/plain", "multipart/form-data", "x", ""]


def wrong(chance: random.Random, name: str):
    return chance.choice([*WRONG, *NUMBERS] if name in NOT_TEXT else WRONG)


def routes(resolver: URLResolver | None = None, prefix: str = "/") -> list[tuple[str, list[str]]]:
    """Every address below /api/ with made-up ids, and the verbs it takes."""
    found = []
    for each in (resolver or get_resolver()).url_patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            found += routes(each, route)
        elif route.startswith("/api/"):
            verbs = getattr(each.callback, "actions", None) or dir(getattr(each.callback, "cls", None))
            path = re.sub("<uuid:[a-z_]+>", str(MADE_UP), route)
            found.append((path, [verb for verb in VERBS if verb in verbs]))
    return [(path, verbs) for path, verbs in found if path not in LEFT_OUT]


def rows() -> dict[str, tuple]:
    """How many rows each table has, and a hash of all of them."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
            "AND relname !~ '^(django|auth|procrastinate|knox)' ORDER BY 1"
        )
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t")
            found[table] = cursor.fetchone()
        return found


def bad_request(chance: random.Random, path: str, verbs: list[str]) -> tuple[str, str, bytes, dict]:
    """A verb, an address, a body and headers that no client of ours would send."""
    verb = chance.choice(VERBS if chance.random() < 0.1 else verbs or VERBS)
    if chance.random() < 0.35:
        body = chance.choice(BODIES)
    else:
        body = json.dumps({name: wrong(chance, name) for name in chance.sample(FIELDS, 12)}).encode()
    query = ""
    if chance.random() < 0.4:
        name = chance.choice([*FIELDS, "cursor", "page_size", "after", "since", "search", "unread", "from"])
        value = chance.choice(["", "%00", "%ff", "-1", "0", "1e9", "9" * 30, "x" * 3000, "%F0%9F%92%A9", str(MADE_UP)])
        query = f"?{name}={value}"
    headers = {**chance.choice(HEADERS), "content_type": chance.choice(TYPES)}
    return verb, path + query, body, headers


@pytest.mark.parametrize("caller", ["ann", "bo"])
def test_bad_input_leaves_no_500_and_no_changed_row(caller: str, request, settings):
    settings.LIMITS = dict.fromkeys(settings.LIMITS, 100_000)
    client = APIClient(raise_request_exception=False)
    client.force_login(request.getfixturevalue(caller))
    chance, every, answers, broken = random.Random(2026), routes(), Counter(), []
    before = rows()

    for number in range(REQUESTS // 2):
        verb, address, body, headers = bad_request(chance, *every[number % len(every)])
        answer = client.generic(verb.upper(), address, body, **headers)
        answers[answer.status_code] += 1
        if answer.status_code == 500:
            broken.append((verb, address[:120], body[:200], headers))

    assert broken == []
    assert answers[400] > 50, answers
    assert rows() == before
    assert len(every) > 30

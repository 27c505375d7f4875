"""The first wall by machine: every route and verb, every caller, every kind of id, in the path and wherever one is
written. See `permission_table` for the rows; what is expected follows from who may see what."""

from collections.abc import Iterator
from http.cookies import SimpleCookie
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import ApiKey, User
from chatrooms import groups
from messagehub import tenancy
from messaging.campaigns import lifecycle
from messaging.contacts import imports
from messaging.conversations import labels
from messaging.message_templates import templates
from tests import factories
from tests.api.permission_table import ADMINS, ADMINS_OF_SEEN, EVERYBODY, MADE_UP, OPEN, TABLE, Row
from tests.cast import build_acme, build_globex, build_operator
from tokens import ledger

STAFF = ("ann", "bo", "cy", "zed")
CALLERS = (*STAFF, "olga", "nobody")
KINDS = ("own", "other_room", "other_org", "made_up")
# What each caller may see of each kind of thing; a thing of a chatroom unless it is named.
SEEN = {"ann": {"own", "other_room"}, "bo": {"own"}, "cy": set(), "zed": {"other_org"}}
SEEN_BY_NAME = {
    "label": {"ann": {"own"}, "bo": {"own"}, "cy": {"own"}, "zed": {"other_org"}},
    "key": {"ann": {"own"}, "bo": set(), "cy": set(), "zed": {"other_org"}},
    "user": dict.fromkeys(("ann", "bo", "cy"), {"own", "other_room"}) | {"zed": {"other_org"}},
    "holder": {"ann": {"own", "other_room"}, "bo": {"own"}, "cy": {"other_room"}, "zed": {"other_org"}},
    "assignee": {"ann": {"own"}, "bo": {"own"}, "cy": {"own"}, "zed": {"other_org"}},
}


def api_routes(patterns=None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every (route, verb) below /api/ that the router made, and those of views without one."""
    for entry in patterns or get_resolver().url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from api_routes(entry.url_patterns, route)
        elif isinstance(entry, URLPattern) and route.startswith("api/") and hasattr(entry.callback, "cls"):
            verbs = ("get", "post", "put", "patch", "delete")
            handlers = getattr(entry.callback, "actions", None) or dir(entry.callback.cls)
            yield from ((route, verb) for verb in verbs if verb in handlers)


@pytest.fixture(scope="module")
def stage(django_db_setup, django_db_blocker) -> Iterator[SimpleNamespace]:
    """Two organizations, everything in them, and the cookies of everybody: made once, around all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        acme, globex = build_acme(), build_globex()
        people = {**acme.people, **globex.people, "olga": build_operator()}
        cookies = {who: cookies_of(people.get(who)) for who in CALLERS}
        yield SimpleNamespace(people=people, cookies=cookies, things=furnish_both(acme, globex))
        transaction.set_rollback(True)


def cookies_of(user: User | None) -> SimpleCookie:
    client = APIClient()
    if user:
        client.force_login(user)
    return client.cookies


def furnish_both(acme: SimpleNamespace, globex: SimpleNamespace) -> dict[str, dict[str, str]]:
    """Each kind of thing in Sales, in Support and at Globex, and an id that nothing has."""
    made: dict[str, dict] = {}
    places = {"own": (acme, "Sales"), "other_room": (acme, "Support"), "other_org": (globex, "Spare parts")}
    for kind, (world, room) in places.items():
        admin = world.people.get("ann") or world.people["zed"]
        with tenancy.organization(world.organization.pk):
            for name, row in furnished(world, world.rooms[room], kind).items():
                made.setdefault(name, {"made_up": MADE_UP})[kind] = str(row.pk)
            if kind != "other_room":
                made.setdefault("key", {"made_up": MADE_UP})[kind] = str(keys.create_key(admin, "Key", ["read"])[0].pk)
                label = labels.create_label(world.organization, name="Label")
                made.setdefault("label", {"made_up": MADE_UP})[kind] = str(label.pk)
    ann, bo, cy, zed = (str({**acme.people, **globex.people}[who].pk) for who in STAFF)
    with tenancy.organization(acme.organization.pk):
        for agent in ("bo", "cy"):
            ledger.adjust(acme.people[agent], 100, actor=acme.people["ann"], reason="")
    people = {"own": bo, "other_room": cy, "other_org": zed, "made_up": MADE_UP}
    return {**made, **dict.fromkeys(("user", "holder", "assignee"), people)}


@pytest.fixture
def things(stage, db, settings) -> dict[str, dict[str, str]]:
    settings.TWILIO_API_BASE_URL = settings.META_GRAPH_BASE_URL = "http://127.0.0.1:9"  # nobody is there
    return stage.things


@pytest.fixture
def clients(stage, db) -> dict[str, APIClient]:
    return {who: client_with(cookies) for who, cookies in stage.cookies.items()}


def client_with(cookies: SimpleCookie) -> APIClient:
    client = APIClient()
    client.cookies = SimpleCookie(cookies)
    return client


def furnished(world: SimpleNamespace, held: SimpleNamespace, kind: str) -> dict:
    group = groups.create_group(held.room, "Regulars")
    groups.add_members(group, [held.contact])
    writer = next(iter(world.people.values()))
    campaign = lifecycle.create_campaign(
        held.room, name="Spring", content="Hi", channel=held.number, groups=[group], by=writer
    )
    channel = factories.PageChannelFactory(chatroom=held.room)
    return {
        "campaign": campaign,
        "room": held.room,
        "number": held.number,
        "page": channel.account,
        "channel": channel,
        "contact": held.contact,
        "conversation": held.conversation,
        "message": held.message,
        "group": group,
        "offer": factories.OptOutOfferFactory(message=held.message),
        "upload": factories.UploadFactory(chatroom=held.room),
        "import": imports.import_file(held.room, group, "people.csv", b"Phone\n+14155550177\n", by=writer),
        "template": templates.create_template(world.organization.pk, held.room, name=f"T {kind}", body="Hi"),
    }


def sees(who: str, name: str, kind: str) -> bool:
    return kind in SEEN_BY_NAME.get(name, SEEN)[who]


def base(who: str) -> str:
    return "other_org" if who == "zed" else "own"


def ask(client: APIClient, row: Row, things: dict, path_kind: str, id_kinds: dict[str, str]):
    """Make the request, and undo what it changed."""
    address = f"/api/{row.route}"
    if row.path:
        address = address.replace("<uuid:pk>", things[row.path][path_kind])
    given = dict(row.body)
    for place, kind in id_kinds.items():
        value = things[row.ids[place]][kind]
        name, is_list, inner = place.partition("[]")
        given[name] = [{inner.removeprefix("."): value} if inner else value] if is_list else value
    with transaction.atomic():
        if row.verb == "get":
            answer = client.get(address, given)
        elif row.in_query:
            answer = client.delete(address + "?" + "&".join(f"{name}={value}" for name, value in given.items()))
        elif row.file:
            given["file"] = SimpleUploadedFile("people.txt", row.file.encode())
            answer = client.post(address, given, "multipart")
        else:
            answer = getattr(client, row.verb)(address, given)
        transaction.set_rollback(True)
    return answer


def expected(row: Row, who: str, path_kind: str, id_kinds: dict[str, str]) -> set[int]:
    """What follows from the rules: 401, 403, 404 for what is not seen in the path, 400 elsewhere, or what is good."""
    if who == "nobody":
        return {401}
    admin = who in ("ann", "zed")
    if who == "olga" or (row.who == ADMINS and not admin):
        return {403}
    if row.path and not sees(who, row.path, path_kind):
        return {404}
    if row.who == ADMINS_OF_SEEN and not admin:
        return {403}
    if any(not sees(who, row.ids[place], kind) for place, kind in id_kinds.items()):
        return {400}
    kinds = {kind for place, kind in id_kinds.items() if place in row.linked} | ({path_kind} if row.path else set())
    if row.linked and len(kinds) > 1:
        return {row.elsewhere}
    return row.good


def probes(row: Row, who: str, things: dict) -> Iterator[tuple[str, dict[str, str]]]:
    """Each kind of id in each place, one at a time; the others are the caller's own."""
    mine = dict.fromkeys(row.ids, base(who))
    yield base(who), mine
    if row.path:
        for kind in KINDS:
            if kind in things[row.path]:
                yield kind, {place: kind if kind in things[name] else base(who) for place, name in row.ids.items()}
    for place, name in row.ids.items():
        for kind in KINDS:
            if kind in things[name]:
                yield base(who), {**mine, place: kind}


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_caller_with_every_id(row: Row, things, clients):
    wrong = []
    for who in CALLERS:
        for path_kind, id_kinds in probes(row, who, things):
            answer = ask(clients[who], row, things, path_kind, id_kinds)
            wanted = expected(row, who, path_kind, id_kinds)
            if answer.status_code not in wanted:
                said = answer.getvalue()[:200].decode()
                wrong.append(f"{who} {path_kind} {id_kinds}: {answer.status_code}, not {wanted}: {said}")
            if row.route == "auth/logout" and answer.status_code == 204:
                break
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("row", [row for row in TABLE if row.path or row.ids], ids=str)
def test_another_organizations_id_is_answered_like_a_made_up_one(row: Row, things, clients):
    for who in ("ann", "bo", "cy"):
        mine = dict.fromkeys(row.ids, "own")
        pairs = [((kind, mine), kind) for kind in ("other_org", "made_up")] if row.path else []
        answers = {kind: ask(clients[who], row, things, *probe).getvalue() for probe, kind in pairs}
        assert len(set(answers.values())) <= 1, answers
        for place in row.ids:
            answers = {
                kind: ask(clients[who], row, things, "own", {**mine, place: kind}).getvalue()
                for kind in ("other_org", "made_up")
            }
            assert len(set(answers.values())) == 1, answers


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_a_key_does_what_its_scopes_say(row: Row, things, stage):
    others = [scope for scope in ApiKey.Scope.values if scope != row.scope]
    ann = stage.people["ann"]
    with tenancy.organization(ann.organization_id):
        without = keys.create_key(ann, "Without", others)[1]
        having = keys.create_key(ann, "Having", [row.scope])[1] if row.scope else None
    client, mine = APIClient(), dict.fromkeys(row.ids, "own")

    refused = ask_by_key(client, without, row, things, mine)
    assert refused.status_code == 403, refused.content
    if having:
        taken = ask_by_key(client, having, row, things, mine)
        assert taken.status_code in row.good, taken.getvalue()


def ask_by_key(client: APIClient, secret: str, row: Row, things: dict, mine: dict):
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return ask(client, row, things, "own", mine)


def test_the_table_is_complete(things, capsys):
    missing = set(api_routes()) - {(f"api/{row.route}", row.verb) for row in TABLE} - OPEN
    unknown = {(f"api/{row.route}", row.verb) for row in TABLE} - set(api_routes())
    assert not missing, f"routes without a row: {sorted(missing)}"
    assert not unknown, f"rows without a route: {sorted(unknown)}"
    size = sum(1 for row in TABLE for who in CALLERS for _ in probes(row, who, things))
    with capsys.disabled():
        print(f"\npermission table: {len(TABLE)} rows, {len(CALLERS)} callers and a key, {size} probes")  # noqa: T201
    assert {row.who for row in TABLE} == {EVERYBODY, ADMINS, ADMINS_OF_SEEN}

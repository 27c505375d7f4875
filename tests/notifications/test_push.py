"""Web Push: what rings in which browser, over a push service that is reached by HTTP."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from accounts import sessions, team
from accounts.models import SignIn, User
from chatrooms import membership
from messagehub import tenancy
from messaging.models import Conversation, Notification, PushSubscription
from messaging.notifications import notices, push
from tests import factories
from tests.notifications.push_service import PushService, push_service


@pytest.fixture
def service(settings) -> Iterator[PushService]:
    settings.SANDBOX, settings.PUSH_HOSTS = True, ["127.0.0.1"]
    with push_service() as service:
        yield service


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    """A browser in which this person signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        answer = client.post("/login/", {"email": user.email, "password": factories.PASSWORD})
        assert answer.status_code == 302
        return client

    return sign_in


@pytest.fixture
def turn_on(service, browser_of, sales) -> Callable:
    def on(user: User, name: str = "browser", chatrooms: list | None = None) -> Client:
        client = browser_of(user)
        chosen = [sales.room] if chatrooms is None else chatrooms
        assert client.post("/notifications/browser/", service.subscription(name, chosen)).status_code == 204
        return client

    return on


def begin_waiting(world, ago: timedelta = timedelta(0), **changes) -> None:
    """A customer waits for an answer since then."""
    with tenancy.organization(world.conversation.organization_id):
        Conversation.objects.filter(pk=world.conversation.pk).update(
            status="OPEN", waiting_since=timezone.now() - ago, **changes
        )


def subscriptions() -> int:
    with tenancy.system():
        return PushSubscription.objects.count()


# ---------------------------------------------------------------- what rings
def test_a_waiting_customer_rings_once_and_says_nothing_of_them(service, turn_on, bo, sales):
    turn_on(bo)
    begin_waiting(sales)

    assert (push.ring_browsers(), push.ring_browsers()) == (1, 0)

    url = f"/inbox/{sales.conversation.pk}/"
    assert service.read() == [{"words": "A customer is waiting.", "url": url, "tag": str(sales.conversation.pk)}]
    [(_, headers, body)] = service.taken
    assert headers["authorization"].startswith("vapid t=")
    assert (headers["content-encoding"], headers["ttl"], headers["urgency"]) == ("aes128gcm", "3600", "high")
    assert b"waiting" not in body


def test_who_waits_again_rings_again(service, turn_on, bo, sales):
    turn_on(bo)
    for _ in range(2):
        begin_waiting(sales)
        push.ring_browsers()

    assert len(service.read()) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "CLOSED"},
        {"waiting_since": None},
        {"waiting_since": Now() - push.RINGS_WITHIN - timedelta(minutes=1)},
    ],
    ids=["closed", "answered", "long ago"],
)
def test_what_waits_no_more_or_is_no_news_does_not_ring(service, turn_on, bo, sales, changes):
    turn_on(bo)
    with tenancy.system():
        PushSubscription.objects.update(created_at=F("created_at") - timedelta(days=1))
    begin_waiting(sales)
    with tenancy.system():
        Conversation.objects.filter(pk=sales.conversation.pk).update(**changes)

    assert push.ring_browsers() == 0


def test_what_waited_before_notifications_were_turned_on_does_not_ring(service, turn_on, bo, sales):
    begin_waiting(sales, ago=timedelta(seconds=5))
    turn_on(bo)

    assert push.ring_browsers() == 0


def test_only_the_chosen_chatrooms_ring(service, turn_on, ann, sales, support):
    turn_on(ann, chatrooms=[support.room])
    begin_waiting(sales)
    begin_waiting(support)

    push.ring_browsers()

    assert [ring["tag"] for ring in service.read()] == [str(support.conversation.pk)]


def test_a_conversation_of_a_colleague_rings_theirs_alone(service, turn_on, ann, bo, sales):
    turn_on(ann, "anns"), turn_on(bo, "bos")
    begin_waiting(sales, assigned_to=bo)

    push.ring_browsers()

    assert (len(service.read("anns")), len(service.read("bos"))) == (0, 1)


def test_mentions_and_assignments_ring_without_a_chosen_chatroom(service, turn_on, ann, bo, sales, inside, acme):
    turn_on(bo, chatrooms=[])
    with inside(acme):
        for kind in (Notification.Kind.MENTION, Notification.Kind.ASSIGNMENT):
            notices.notify_users([bo.pk], sales.conversation, kind=kind, by=ann)

    push.ring_browsers()

    assert [ring["words"] for ring in service.read()] == [
        "A colleague mentioned you.",
        "A conversation was assigned to you.",
    ]


def test_it_rings_in_the_language_of_its_user(service, turn_on, bo, sales):
    with tenancy.system():
        User.objects.filter(pk=bo.pk).update(language="de")
    turn_on(bo)
    begin_waiting(sales)

    push.ring_browsers()

    assert [ring["words"] for ring in service.read()] == ["Ein Kunde wartet."]


def test_many_at_once_are_one_ring(service, turn_on, ann, bo, sales, inside, acme):
    turn_on(bo, chatrooms=[])
    with inside(acme):
        for _ in range(push.MOST_RINGS + 1):
            notices.notify_users([bo.pk], sales.conversation, kind=Notification.Kind.MENTION, by=ann)

    push.ring_browsers()

    assert service.read() == [{"words": "4 conversations are waiting for you.", "url": "/inbox/", "tag": "inbox"}]


# ---------------------------------------------------------------- whose
def test_who_lost_the_chatroom_is_not_rung(service, turn_on, ann, bo, sales, inside, acme):
    turn_on(bo)
    with inside(acme):
        membership.unassign_user(bo, sales.room, by=ann)
        notices.notify_users([bo.pk], sales.conversation, kind=Notification.Kind.MENTION, by=ann)
    begin_waiting(sales)

    assert push.ring_browsers() == 0
    assert service.taken == []


def test_another_organization_rings_nobody_here(service, turn_on, browser_of, bo, zed, elsewhere, sales):
    turn_on(bo)
    foreign = browser_of(zed).post("/notifications/browser/", service.subscription("zeds", [sales.room]))
    assert foreign.status_code == 422
    begin_waiting(elsewhere)

    assert push.ring_browsers() == 0
    assert subscriptions() == 1


@pytest.mark.parametrize("end", ["signed out", "ended elsewhere", "deactivated", "new password"])
def test_it_ends_with_the_sign_in(service, turn_on, ann, bo, sales, inside, acme, end):
    client = turn_on(bo)
    if end == "signed out":
        client.post("/logout/")
    elif end == "ended elsewhere":
        sessions.end_sign_in(SignIn.objects.get(user=bo), by=bo)
    elif end == "deactivated":
        with inside(acme):
            team.change_user(bo, by=ann, is_active=False)
    else:
        with inside(acme):
            sessions.change_password(bo, "another long password")
    begin_waiting(sales)

    assert push.ring_browsers() == 0
    assert subscriptions() == 0


def test_turning_it_off_and_choosing_anew(service, turn_on, bo, sales):
    client = turn_on(bo)
    assert client.post("/notifications/browser/", service.subscription("moved", [sales.room])).status_code == 204
    begin_waiting(sales)
    push.ring_browsers()
    assert (len(service.read()), len(service.read("moved"))) == (0, 1)

    assert client.post("/notifications/browser/off/").status_code == 204
    assert subscriptions() == 0


def test_operators_have_none(service, browser_of, olga):
    client = Client()
    client.force_login(olga)
    assert client.post("/notifications/browser/", service.subscription()).status_code in (302, 403)
    assert subscriptions() == 0


# ---------------------------------------------------------------- what a browser may give
@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "https://10.0.0.1/x"},
        {"endpoint": "https://evil.example/x"},
        {"endpoint": "https://127.0.0.1.evil.example/x"},
        {"endpoint": "https://user@127.0.0.1/x"},
        {"endpoint": "ftp://127.0.0.1/x"},
        {"endpoint": "127.0.0.1"},
        {"endpoint": "https://169.254.169.254\\.127.0.0.1/latest"},
        {"endpoint": "https://a..127.0.0.1/x"},
        {"endpoint": "https://127.0.0.1:8443/x"},
        {"endpoint": "https://127.0.0.1/a b"},
        {"p256dh": "AAAA"},
        {"p256dh": "B" + "A" * 86},
        {"p256dh": "é"},
        {"auth": "short"},
        {"auth": ""},
        {"chatrooms": ["x"]},
    ],
)
def test_what_is_no_subscription_is_refused_in_a_sentence(service, browser_of, bo, changes):
    answer = browser_of(bo).post("/notifications/browser/", {**service.subscription(), **changes})

    assert (answer.status_code, answer["Content-Type"]) == (422, "text/plain; charset=utf-8")
    assert answer.content.decode().endswith(("try again.", "known here."))
    assert subscriptions() == 0


def test_plain_http_is_for_the_sandbox_only(service, browser_of, bo, settings):
    settings.SANDBOX = False
    assert browser_of(bo).post("/notifications/browser/", service.subscription()).status_code == 422


# ---------------------------------------------------------------- what a push service may answer
@pytest.mark.parametrize(("status", "left"), [(404, 0), (410, 0), (429, 1), (500, 1), (302, 1), (413, 1)])
def test_only_what_is_gone_is_forgotten_at_once(service, turn_on, bo, sales, status, left):
    service.statuses["/browser"] = status
    turn_on(bo)
    begin_waiting(sales)

    assert push.ring_browsers() == 0

    assert [path for path, _, _ in service.taken] == ["/browser"]  # and not where it leads
    assert subscriptions() == left


def test_a_browser_that_fails_for_days_is_given_up_and_one_that_works_again_is_not(service, turn_on, ann, bo, sales):
    turn_on(ann, "works"), turn_on(bo, "broken")
    service.statuses["/broken"] = 500
    with tenancy.system():
        PushSubscription.objects.update(failing_since=timezone.now() - push.GIVEN_UP_AFTER - timedelta(minutes=1))
    begin_waiting(sales)

    assert push.ring_browsers() == 1

    with tenancy.system():
        assert [each.failing_since for each in PushSubscription.objects.all()] == [None]


def test_a_broken_row_keeps_no_other_browser_from_ringing(service, turn_on, ann, bo, sales):
    turn_on(ann, "broken"), turn_on(bo, "whole")
    with tenancy.system():
        PushSubscription.objects.filter(user=ann).update(p256dh="nonsense", rung=[])
    begin_waiting(sales)

    assert push.ring_browsers() == 1
    assert len(service.read("whole")) == 1


@pytest.mark.parametrize("endpoint", ["http://a..127.0.0.1/x", "http://169.254.169.254\\.127.0.0.1/", "nonsense"])
def test_a_refused_address_takes_no_ring_from_others(service, turn_on, zed, elsewhere, bo, sales, endpoint):
    turn_on(zed, "odd", [elsewhere.room]), turn_on(bo, "whole")
    with tenancy.system():
        PushSubscription.objects.filter(user=zed).update(endpoint=endpoint)
    begin_waiting(elsewhere), begin_waiting(sales)

    assert push.ring_browsers() == 1
    assert len(service.read("whole")) == 1
    assert subscriptions() == 1  # the odd one is given up


# ---------------------------------------------------------------- what a phone installs
def test_the_app_can_be_installed_and_keeps_no_page_of_anybody(client):
    manifest = client.get("/manifest.webmanifest")
    assert manifest["Content-Type"] == "application/manifest+json"
    assert {icon["purpose"] for icon in manifest.json()["icons"]} == {"any", "maskable"}

    worker = client.get("/service-worker.js")
    assert worker["Content-Type"] == "text/javascript; charset=utf-8"
    shell = json.loads(worker.content.decode().splitlines()[0].removeprefix("const SHELL = ").rstrip(";"))
    assert "/offline/" in shell
    assert all(path == "/offline/" or path.startswith("/static/") for path in shell)
    assert client.get("/offline/").status_code == 200

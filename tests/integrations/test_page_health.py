"""The hourly look at pages, with the sandbox as Meta over a real socket."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEntry
from integrations.meta.pages import PAGE_FIELDS
from integrations.models import Channel, ChannelAlert, FacebookPage
from integrations.sandbox import store
from messagehub import tenancy
from messaging import tasks
from tests import factories
from tests.integrations.meta.conftest import APP_ID, graph
from tests.meta_events import build_text
from tests.receiving.meta.conftest import come_in, thread
from tests.sandbox_server import SandboxServer, sandbox_server

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("facebook pages")]
APP, SECRET = "9911", "5e" * 16
PAGE, TOKEN, LOGIN = "10760001", "EAAof0the0checked0page", "17860009"
__all__ = ["come_in", "graph", "thread"]  # fixtures of other folders


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as sandbox:
        sandbox.add_app(APP, SECRET, "http://127.0.0.1:9/api/webhooks/facebook")
        yield sandbox


@pytest.fixture
def meta(server, settings) -> SandboxServer:
    settings.META_GRAPH_BASE_URL = settings.META_INSTAGRAM_BASE_URL = f"{server.base_url}/graph"
    settings.META_APP_ID, settings.META_APP_SECRET = APP, SECRET
    server.add_page(PAGE, "The shop", TOKEN, APP, subscribed_fields=PAGE_FIELDS)
    server.post(f"/meta/pages/{PAGE}", token_valid=True)
    server.clear_faults()
    return server


@pytest.fixture
def page(acme, sales, inside, meta) -> FacebookPage:
    with inside(acme):
        account = factories.FacebookPageFactory(
            organization=acme.organization, external_id=PAGE, name="The shop", secret=TOKEN
        )
        factories.PageChannelFactory(chatroom=sales.room, account=account, name="The shop")
    return account


@pytest.fixture
def login(acme, sales, inside, meta) -> Callable[..., FacebookPage]:
    """An Instagram account without a page, whose token Meta gave out so many days ago."""

    def connect(token: str, *, days_old: float, days_left: float | None) -> FacebookPage:
        names = {"instagram_account_id": LOGIN, "instagram_username": "the.gallery"}
        meta.add_page(LOGIN, "The gallery", token, APP, **names)
        with closing(store.connect(meta.database)) as db:
            issued_at = time.time() - days_old * 86400
            db.execute("UPDATE graph_tokens SET issued_at = ? WHERE token = ?", (issued_at, token))
        expires_at = None if days_left is None else timezone.now() + timedelta(days=days_left)
        with inside(acme):
            account = factories.FacebookPageFactory(
                organization=acme.organization, external_id=LOGIN, secret=token, secret_expires_at=expires_at
            )
            factories.PageChannelFactory(chatroom=sales.room, account=account, platform="INSTAGRAM", address=LOGIN)
        return account

    return connect


def look_again(page: FacebookPage) -> FacebookPage:
    tasks.check_pages.func(0)
    with tenancy.system():
        return FacebookPage.objects.get(pk=page.pk)


def list_alerts(page: FacebookPage) -> dict[str, str]:
    """The open ones: code and message."""
    with tenancy.system():
        return dict(ChannelAlert.objects.filter(subject_id=page.pk, closed_at=None).values_list("code", "message"))


def list_actions(page: FacebookPage) -> list[str]:
    with tenancy.system():
        return list(AuditEntry.objects.filter(target_id=str(page.pk)).order_by("pk").values_list("action", flat=True))


def count_mails() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'accounts.tasks.mail_admins'")
        return cursor.fetchone()[0]


def test_page_that_is_well_is_checked_without_a_word(page, meta):
    meta.add_page(PAGE, "The shop", TOKEN, APP, expires_at=time.time() + 86400 * 40)

    checked_page = look_again(page)

    assert checked_page.checked_at
    assert timedelta(days=39) < checked_page.secret_expires_at - timezone.now()
    assert (checked_page.paused_at, list_alerts(page), list_actions(page)) == (None, {}, [])


def test_token_that_meta_withdrew_pauses_the_page_and_its_admins_are_told_once(page, meta, api, ann):
    meta.post(f"/meta/pages/{PAGE}", token_valid=False)

    for _ in range(2):
        checked_page = look_again(page)

    assert (checked_page.paused_code, list_actions(page), count_mails()) == ("190", ["page.fail"], 1)
    assert "update its token under Facebook and Instagram" in list_alerts(page)["190"]
    shown = api(ann).get(f"/api/facebook-pages/{page.pk}").json()["health"]
    assert (shown["state"], [alert["code"] for alert in shown["alerts"]]) == ("paused", ["190"])


def test_paused_page_still_takes_what_customers_write(page, meta, come_in, thread):
    meta.post(f"/meta/pages/{PAGE}", token_valid=False)
    look_again(page)
    with tenancy.system():
        channel = Channel.objects.get(account=page)

    come_in(channel, build_text(PAGE, "Are you there?"))

    assert [message.content for message in thread(channel)] == ["Are you there?"]


def test_subscription_that_meta_dropped_is_made_again(page, meta):
    meta.post(f"/meta/pages/{PAGE}", subscribed=False)

    look_again(page)

    (shown,) = [each for each in meta.get("/meta/pages")["pages"] if each["account_id"] == PAGE]
    assert set(shown["subscribed_fields"]) == set(PAGE_FIELDS)
    assert (list_actions(page), list_alerts(page)) == (["page.subscribe"], {})


def test_subscription_that_meta_refuses_is_told_until_it_is_there(page, graph, settings):
    """Answered by hand: the sandbox knows no token without permissions."""
    graph.answer(200, {"data": {"is_valid": True, "expires_at": 0}})
    graph.answer(200, {"data": []})
    graph.refuse(403, 200)
    checked_page = look_again(page)
    assert (checked_page.paused_at, list(list_alerts(page)), count_mails()) == (None, ["not_subscribed"], 1)
    assert "pages_manage_metadata" in list_alerts(page)["not_subscribed"]
    assert list_actions(page) == ["page.fail"]

    graph.answers.clear()
    graph.answer(200, {"data": {"is_valid": True, "expires_at": 0}})
    graph.answer(200, {"data": [{"id": APP_ID, "subscribed_fields": list(PAGE_FIELDS)}]})
    look_again(page)
    assert list_alerts(page) == {}


@pytest.mark.parametrize("is_taken", [False, True])
def test_page_that_is_linked_to_another_instagram_account_is_followed(
    page, meta, sales, support, elsewhere, acme, globex, inside, is_taken: bool
):
    """The former one was in another chatroom than its page. What another organization has stays there."""
    former_id, new_id = ("17860021", "17860022") if is_taken else ("17860011", "17860012")
    with inside(acme):
        former = factories.PageChannelFactory(
            chatroom=support.room, account=page, platform="INSTAGRAM", address=former_id, name="the.old"
        )
    if is_taken:
        with inside(globex):
            factories.PageChannelFactory(chatroom=elsewhere.room, platform="INSTAGRAM", address=new_id)
    names = {"instagram_account_id": new_id, "instagram_username": "the.new"}
    meta.add_page(PAGE, "The shop", TOKEN, APP, subscribed_fields=PAGE_FIELDS, **names)

    for _ in range(2):
        look_again(page)

    with inside(acme):
        assert Channel.every.get(pk=former.pk).retired_at
        new_channels = Channel.objects.filter(account=page, platform="INSTAGRAM")
        expected = [] if is_taken else [(new_id, "the.new", support.room.pk)]
        assert list(new_channels.values_list("address", "name", "chatroom_id")) == expected
    assert list(list_alerts(page)) == ["instagram_changed"]
    assert ("connected elsewhere" in list_alerts(page)["instagram_changed"]) == is_taken
    assert list_actions(page) == ["page.change_instagram"]


def test_instagram_account_that_meta_does_not_name_stays(page, meta, sales, acme, inside):
    """The token may not be allowed to see it."""
    with inside(acme):
        factories.PageChannelFactory(chatroom=sales.room, account=page, platform="INSTAGRAM", address="17860031")
    meta.add_page(PAGE, "The shop", TOKEN, APP, subscribed_fields=PAGE_FIELDS)

    look_again(page)

    with inside(acme):
        assert Channel.objects.filter(address="17860031").exists()


def test_page_token_that_ends_soon_is_told_once(page, meta):
    meta.add_page(PAGE, "The shop", TOKEN, APP, expires_at=time.time() + 86400 * 3)

    for _ in range(2):
        look_again(page)

    assert (list(list_alerts(page)), count_mails()) == (["token_expiring"], 1)
    assert "Create a new one" in list_alerts(page)["token_expiring"]


@pytest.mark.parametrize(("days_left", "is_renewed"), [(9, True), (None, True), (11, False)])
def test_token_of_instagram_login_is_renewed_in_its_last_ten_days(login, days_left, is_renewed: bool):
    account = login(f"IGAAof{days_left}", days_old=50, days_left=days_left)

    checked_account = look_again(account)

    assert (checked_account.secret != account.secret) == is_renewed
    assert (checked_account.secret_expires_at - timezone.now() > timedelta(days=59)) == is_renewed
    assert list_actions(account).count("page.refresh") == is_renewed
    assert list_alerts(account) == {}


def test_token_that_meta_does_not_renew_yet_stays_and_its_end_is_told(login):
    account = login("IGAAofToday", days_old=0.5, days_left=5)

    checked_account = look_again(account)

    assert checked_account.secret == account.secret
    assert list(list_alerts(account)) == ["token_expiring"]


def test_meta_that_is_away_changes_nothing(page, settings):
    settings.META_GRAPH_BASE_URL = "http://127.0.0.1:9/graph"

    checked_page = look_again(page)

    assert (checked_page.paused_at, checked_page.checked_at) == (None, None)
    assert (list_alerts(page), list_actions(page)) == ({}, [])


def test_wrong_secret_of_our_own_is_no_fault_of_the_page(page, settings):
    settings.META_APP_SECRET = "another"

    checked_page = look_again(page)

    assert (checked_page.paused_at, list_alerts(page)) == (None, {})


def test_one_page_keeps_no_other_from_being_looked_at(page, globex, inside, meta):
    """The other organization's page is the older one, and its token can't be decrypted."""
    with inside(globex):
        broken_page = factories.FacebookPageFactory(
            id="01990000-0000-7000-8000-000000000001", organization=globex.organization
        )
        factories.PageChannelFactory(chatroom=globex.rooms["Spare parts"].room, account=broken_page)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE provider_accounts SET secret = 'x' WHERE id = %s", [broken_page.pk])

    assert look_again(page).checked_at
    assert "can't be read any more" in list_alerts(broken_page)["token_unreadable"]

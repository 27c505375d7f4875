"""/manage/pages/, with the sandbox as Meta over a real socket."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry
from integrations import health, pages
from integrations.models import Channel, FacebookPage
from tests import factories
from tests.sandbox_server import SandboxServer, sandbox_server

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("facebook pages")]
APP, SECRET = "9911", "5e" * 16
PAGE_ID, ACCOUNT, TOKEN, NEW = "10790001", "17890001", "EAAfirst0of0the0bakery", "EAAsecond0of0the0bakery"
OTHER, OTHER_TOKEN = "10790002", "EAAof0the0mill"
LOGIN, LOGIN_TOKEN = "17890009", "IGAAof0the0studio"
PAGE = "/manage/pages/"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as sandbox:
        sandbox.add_app(APP, SECRET, "http://127.0.0.1:9/api/webhooks/facebook")
        yield sandbox


@pytest.fixture
def meta(server, settings) -> SandboxServer:
    settings.META_GRAPH_BASE_URL = settings.META_INSTAGRAM_BASE_URL = f"{server.base_url}/graph"
    settings.META_APP_ID, settings.META_APP_SECRET = APP, SECRET
    bakery = {"instagram_account_id": ACCOUNT, "instagram_username": "the.bakery"}
    for token in (TOKEN, NEW):
        server.add_page(PAGE_ID, "The bakery", token, APP, **bakery)
    server.add_page(OTHER, "The mill", OTHER_TOKEN, APP)
    studio = {"instagram_account_id": LOGIN, "instagram_username": "the.studio"}
    server.add_page(LOGIN, "The studio", LOGIN_TOKEN, APP, **studio)
    server.post(f"/meta/pages/{PAGE_ID}", token_valid=True)
    server.clear_faults()
    return server


@pytest.fixture
def page(acme, ann, sales, meta, inside) -> FacebookPage:
    with inside(acme):
        return pages.connect_page(sales.room, TOKEN, by=ann)


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def of(page, action: str = "") -> str:
    return f"{PAGE}{page.pk}/{action}"


def rooms_of(world, page, inside) -> dict[str, str]:
    with inside(world):
        return dict(Channel.objects.filter(account=page.pk).values_list("platform", "chatroom__name"))


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        ("get", ""), ("post", "connect/"), ("get", "{pk}/"), ("get", "{pk}/doctor/"), ("post", "{pk}/check/"),
        ("post", "{pk}/change/"), ("post", "{pk}/token/"), ("post", "{pk}/disconnect/"),
    ],
)  # fmt: skip
def test_only_admins_of_the_organization_get_it(browser, bo, zed, olga, acme, sales, inside, ask, path):
    with inside(acme):
        account = factories.FacebookPageFactory(organization=acme.organization)
        factories.PageChannelFactory(chatroom=sales.room, account=account)
    address = PAGE + path.format(pk=account.pk)
    assert getattr(browser(bo), ask)(address).status_code == 403
    assert getattr(browser(), ask)(address).status_code == 302
    assert getattr(browser(olga), ask)(address).status_code in (302, 403)
    if path not in ("", "connect/"):
        assert getattr(browser(zed), ask)(address).status_code == 404
    else:
        assert str(account.pk) not in browser(zed).get(PAGE).content.decode()


def test_page_is_connected_once_with_its_instagram_account(browser, ann, acme, sales, meta, inside):
    client, form = browser(ann), {"page_access_token": TOKEN, "chatroom": sales.room.pk}
    wrong = client.post(f"{PAGE}connect/", form | {"page_access_token": "EAAwrong"})
    assert (wrong.status_code, "Meta rejected this page access token" in text(wrong)) == (422, True)
    assert "EAAwrong" not in wrong.content.decode()
    assert "No page yet" in text(client.get(PAGE))
    for _ in range(2):
        answer = client.post(f"{PAGE}connect/", form, follow=True)
        assert "The bakery is connected. Its messages arrive in Sales" in text(answer)
        assert TOKEN not in answer.content.decode()
    with inside(acme):
        account = FacebookPage.objects.get(external_id=PAGE_ID)
    assert rooms_of(acme, account, inside) == {"MESSENGER": "Sales", "INSTAGRAM": "Sales"}
    assert "The bakery Working Sales Sales Token without end" in text(client.get(PAGE))


@pytest.mark.parametrize("change", [{"page_access_token": "with space"}, {"page_access_token": ""}, {"chatroom": ""}])
def test_malformed_form_is_not_tried(browser, ann, sales, meta, change):
    form = {"page_access_token": TOKEN, "chatroom": sales.room.pk, **change}
    assert browser(ann).post(f"{PAGE}connect/", form).status_code == 422
    assert not FacebookPage.objects.exists()


def test_page_of_another_organization_is_claimed(browser, zed, elsewhere, page):
    form = {"page_access_token": NEW, "chatroom": elsewhere.room.pk}
    answer = browser(zed).post(f"{PAGE}connect/", form)
    assert (answer.status_code, "connected already" in text(answer)) == (422, True)


def test_chatrooms_are_chosen_for_each_channel(browser, ann, acme, sales, support, page, inside):
    client = browser(ann)
    form = {"name": "Bakery", "chatroom": support.room.pk, "instagram_chatroom": sales.room.pk}
    assert "Bakery is saved" in text(client.post(of(page, "change/"), form | {"has_human_agent": "on"}, follow=True))
    assert rooms_of(acme, page, inside) == {"MESSENGER": "Support", "INSTAGRAM": "Sales"}
    assert "people may answer for seven days" in text(client.get(of(page, "doctor/")))
    refused = client.post(of(page, "change/"), form | {"name": ""})
    assert refused.status_code == 422


def test_new_token_has_to_be_the_same_pages(browser, ann, acme, page, inside):
    client = browser(ann)
    answer = client.post(of(page, "token/"), {"page_access_token": OTHER_TOKEN})
    assert (answer.status_code, "another page&#x27;s" in text(answer)) == (422, True)
    assert OTHER_TOKEN not in answer.content.decode()
    with inside(acme):
        health.pause_account(page.pk, "190", "Expired")
    assert "Paused" in text(client.get(PAGE))
    assert "Meta accepts it" in text(client.post(of(page, "token/"), {"page_access_token": NEW}, follow=True))
    with inside(acme):
        fresh = FacebookPage.objects.get(pk=page.pk)
        assert (fresh.secret, fresh.paused_at) == (NEW, None)
        assert AuditEntry.objects.filter(action="page.change").exists()


def test_used_page_stays_and_an_unused_one_goes(browser, ann, acme, sales, page, inside):
    with inside(acme):
        unused = pages.connect_page(sales.room, OTHER_TOKEN, by=ann)
        channel = Channel.objects.get(account=page.pk, platform="MESSENGER")
        factories.ConversationFactory(chatroom=sales.room, channel=channel, platform="MESSENGER")
    answer = browser(ann).post(of(page, "disconnect/"))
    assert (answer.status_code, "can&#x27;t be disconnected" in text(answer)) == (422, True)
    assert "The mill is disconnected" in text(browser(ann).post(of(unused, "disconnect/"), follow=True))
    assert str(unused.pk) not in browser(ann).get(PAGE).content.decode()


# ---------------------------------------------------------------- the doctor
def examine(browser, ann, page) -> str:
    answer = browser(ann, part=True).get(of(page, "doctor/"))
    assert answer.status_code == 200
    return text(answer)


def test_healthy_page_is_fine(browser, ann, page):
    shown = examine(browser, ann, page)
    for words in (
        "Meta accepts the token",
        "The token has no end",
        "pages_messaging, pages_manage_metadata, instagram_manage_messages",
        "Meta sends us the page&#x27;s messages",
        "Messages go out at once",
        "Nobody has written yet",
        "for 24 hours after the customer&#x27;s last message",
    ):
        assert words in shown, words
    assert TOKEN not in shown


def test_lost_subscription_is_named_and_mended(browser, ann, page, meta):
    meta.post(f"/meta/pages/{PAGE_ID}", subscribed=False)
    shown = examine(browser, ann, page)
    assert "Meta doesn&#x27;t send us: messages, " in shown
    assert "Subscribe again" in shown
    assert "Meta sends us the messages of The bakery" in text(browser(ann).post(of(page, "check/"), follow=True))
    assert "Meta sends us the page&#x27;s messages" in examine(browser, ann, page)


def test_rejected_token_says_to_enter_another(browser, ann, page, meta):
    meta.post(f"/meta/pages/{PAGE_ID}", token_valid=False)
    shown = examine(browser, ann, page)
    assert "Meta rejects the token: " in shown
    assert "Enter token" in shown
    answer = browser(ann).post(of(page, "check/"))
    assert (answer.status_code, "It is not well yet" in text(answer)) == (422, True)


def test_days_left_are_counted_and_few_are_warned_of(browser, ann, acme, sales, meta, inside):
    with inside(acme):
        account = pages.connect_page(sales.room, LOGIN_TOKEN, by=ann)
        FacebookPage.objects.filter(pk=account.pk).update(secret_expires_at=timezone.now() + timedelta(days=6, hours=3))
    assert "6 days left" in text(browser(ann).get(PAGE))
    shown = examine(browser, ann, account)
    assert "The token ends in 6 days" in shown
    assert "Create a new token" in shown


def test_silent_meta_a_wrong_app_and_an_unreadable_token_are_told_apart(browser, ann, acme, page, settings, inside):
    settings.META_APP_SECRET = "wrong"
    assert "Ask the operator to check META_APP_ID" in examine(browser, ann, page)
    settings.META_GRAPH_BASE_URL = "http://127.0.0.1:9"
    assert "Meta can&#x27;t be reached right now" in examine(browser, ann, page)
    with inside(acme), connection.cursor() as cursor:
        cursor.execute("UPDATE provider_accounts SET secret = 'damaged' WHERE id = %s", [page.pk])
    assert "token that we keep can&#x27;t be read" in examine(browser, ann, page)
    assert browser(ann).get(PAGE).status_code == 200
    assert browser(ann).get(of(page)).status_code == 200


def test_list_takes_as_many_queries_with_more_pages(browser, ann, acme, sales, inside):
    def add() -> None:
        with inside(acme):
            account = factories.FacebookPageFactory(organization=acme.organization, name="Shop")
            factories.PageChannelFactory(chatroom=sales.room, account=account)

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser(ann).get(PAGE).status_code == 200
        return len(captured)

    add()
    before = count()
    for _ in range(55):
        add()
    assert count() == before
    assert "More pages" in text(browser(ann).get(PAGE))

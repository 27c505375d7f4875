"""A page's token stands in no answer, page, log, mail and table, whatever happens with it."""

import io
import logging
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse

from integrations import health
from integrations.meta.pages import PAGE_FIELDS
from integrations.models import FacebookPage
from messagehub import tenancy
from messaging import tasks
from messaging.contacts import profiles
from tests import factories
from tests.integrations.meta.conftest import APP_ID, graph
from tests.integrations.meta.graph_server import GraphServer

pytestmark = pytest.mark.django_db
TOKEN = "EAAcanary0of0a0page0token"
PAGE, PLACE = "10780001", "/api/facebook-pages"
MALFORMED = {"error": {"message": f"Malformed access token {TOKEN}", "type": "OAuthException", "code": 190}}
APPS = {"data": [{"id": APP_ID, "subscribed_fields": list(PAGE_FIELDS)}]}
__all__ = ["graph"]  # a fixture of another folder


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged, down to what libraries say of their connections, by a handler that is not ours."""
    text = io.StringIO()
    handler, root = logging.StreamHandler(text), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def page(acme, sales, inside) -> FacebookPage:
    with inside(acme):
        account = factories.FacebookPageFactory(
            organization=acme.organization, external_id=PAGE, name="The shop", secret=TOKEN
        )
        channel = factories.PageChannelFactory(chatroom=sales.room, account=account)
        sales.contact.addresses.create(
            organization=acme.organization, chatroom=sales.room, platform="MESSENGER", address="7713", channel=channel
        )
    return account


def answer_in_turn(graph: GraphServer, *answers: tuple[int, dict]) -> None:
    graph.answers.clear()
    for status, body in answers:
        graph.answer(status, body)


def list_tables_with(text: str) -> list[str]:
    """Tables in which it stands in plain sight, jobs and mails to be sent among them."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found_tables = []
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" AS row WHERE row::text LIKE %s', [f"%{text}%"])
            if cursor.fetchone()[0]:
                found_tables.append(table)
        return found_tables


def test_token_stands_in_no_answer_of_the_api_and_in_no_log(api, ann, zed, sales, elsewhere, graph, settings, log):
    good = {"data": {"is_valid": True, "expires_at": 0}}
    me, success = {"id": PAGE, "name": "The shop"}, {"success": True}
    body = {"chatroom_id": str(sales.room.pk), "page_access_token": TOKEN}
    answer_in_turn(graph, (400, MALFORMED))
    refused = api(ann).post(PLACE, body)
    answer_in_turn(graph, (200, me), (200, {"data": {"is_valid": False, **MALFORMED}}))
    withdrawn = api(ann).post(PLACE, body)
    answer_in_turn(graph, (200, me), (200, good), (400, MALFORMED))
    unsubscribed = api(ann).post(PLACE, body)
    answer_in_turn(graph, (500, MALFORMED))
    away = api(ann).post(PLACE, body)
    wrong = api(ann).post(PLACE, {**body, "page_access_token": f"{TOKEN} {TOKEN}"})
    answer_in_turn(graph, (200, me), (200, good), (200, success))
    made = api(ann).post(PLACE, body)
    answer_in_turn(graph, (200, me), (200, good), (200, me))  # the last is for the token of who has it
    claimed = api(zed).post(PLACE, {**body, "chatroom_id": str(elsewhere.room.pk)})
    place = f"{PLACE}/{made.json()['id']}"
    answer_in_turn(graph, (200, me), (200, good), (200, success))
    changed = api(ann).patch(place, {"page_access_token": TOKEN})
    answers = [refused, withdrawn, unsubscribed, away, wrong, made, claimed, changed]
    answers += [api(ann).get(PLACE), api(ann).get(place), api(ann).get("/api/chatrooms"), api(ann).options(place)]

    statuses = [answer.status_code for answer in answers]
    assert statuses == [400, 400, 400, 503, 400, 201, 409, 200, 200, 200, 200, 200]
    assert [answer.content for answer in answers if TOKEN in answer.content.decode()] == []
    assert "debug_token" in log.getvalue()
    assert TOKEN not in log.getvalue()
    assert list_tables_with(TOKEN) == []


def test_token_stands_in_no_alert_mail_and_audit_entry(page, sales, graph, log):
    for answers in (
        [(200, {"data": {"is_valid": False, **MALFORMED}})],
        [(200, {"data": {"is_valid": True}}), (400, MALFORMED)],
        [(500, MALFORMED)],
        [(200, {"data": {"is_valid": True}}), (200, APPS)],
    ):
        answer_in_turn(graph, *answers)
        tasks.check_pages.func(0)
        assert list_tables_with(TOKEN) == []
        with tenancy.system():
            health.resume_account(page)
    answer_in_turn(graph, (400, MALFORMED))
    with pytest.raises(profiles.ProfilePostponed) as caught:
        tasks.fetch_profile.func(str(sales.contact.pk))

    assert TOKEN not in str(caught.value)
    assert TOKEN not in log.getvalue()
    assert "channel_alerts" in list_tables_with("Malformed access token …")
    assert list_tables_with(TOKEN) == []


def test_token_stands_on_no_page_of_the_back_office(page, api, ann, olga, inside, acme, graph):
    graph.answer(400, MALFORMED)
    tasks.check_pages.func(0)
    client = Client()
    client.force_login(ann)
    with inside(acme):
        channel = page.channels.get()
    pages = [client.get("/inbox/"), client.get("/manage/tokens/")]
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        pages.append(client.get(reverse(f"admin:{name}_changelist")))
    pages.append(client.get(reverse("admin:integrations_facebookpage_change", args=[page.pk])))
    pages.append(client.get(reverse("admin:integrations_channel_change", args=[channel.pk])))
    graph.answers.clear()
    graph.answer(400, MALFORMED)
    renewal = {"action": "renew", "_selected_action": [str(channel.pk)], "apply": "1", "auth_token": TOKEN}
    pages.append(client.post(reverse("admin:integrations_channel_changelist"), renewal, follow=True))

    assert "Meta rejected this page access token" in pages[-1].content.decode()
    assert {answer.status_code for answer in pages} <= {200, 403}
    assert [answer.request["PATH_INFO"] for answer in pages if TOKEN in answer.content.decode()] == []


def test_admin_updates_the_token_of_a_page(page, ann, inside, acme, graph):
    client = Client()
    client.force_login(ann)
    with inside(acme):
        channel = page.channels.get()
    answer_in_turn(
        graph,
        (200, {"id": PAGE, "name": "The shop"}),
        (200, {"data": {"is_valid": True, "expires_at": 0}}),
        (200, {"success": True}),
    )

    renewal = {"action": "renew", "_selected_action": [str(channel.pk)], "apply": "1", "auth_token": f"{TOKEN}2"}
    shown = client.post(reverse("admin:integrations_channel_changelist"), renewal, follow=True).content.decode()

    assert "its account is let in" in shown
    with inside(acme):
        assert FacebookPage.objects.get(pk=page.pk).secret == f"{TOKEN}2"

"""Everybody is spoken to in their own language: on pages, in mails and by the API."""

import re
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone, translation

from accounts import tasks
from messagehub.ui.templatetags import ui
from messaging.conversations import notes
from messaging.models import Notification
from messaging.notifications import notices
from tests import factories

pytestmark = pytest.mark.django_db
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}


def choose(user, language: str | None) -> None:
    type(user).objects.filter(pk=user.pk).update(language=language)
    user.refresh_from_db()


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("en-US,en;q=0.9,de;q=0.1", "en-gb"),
        ("fr", "en-gb"),
        ("*", "en-gb"),
        ("", "en-gb"),
    ],
)
def test_page_speaks_what_the_browser_asks_for(asked, language):
    answer = Client().get("/login/", headers={"Accept-Language": asked} if asked else {})
    page = answer.content.decode()
    assert re.search(r'<html lang="(.*?)"\s+dir="ltr"', page)[1] == answer["Content-Language"] == language
    assert ("Passwort vergessen?" in page) == (language == "de")
    assert "Accept-Language" in answer["Vary"]


def test_own_choice_goes_before_the_browsers(browser, bo):
    client = browser(bo)
    assert '<option value="" selected>As the browser asks</option>' in client.get("/me/").content.decode()
    assert client.post("/me/language/", {"language": "de"}).status_code == 302
    answer = client.get("/me/", headers={"Accept-Language": "en"})
    assert answer["Content-Language"] == "de"
    assert '<option value="de" selected>Deutsch</option>' in answer.content.decode()

    assert client.post("/me/language/", {"language": ""}).status_code == 302
    assert client.get("/me/", headers={"Accept-Language": "en"})["Content-Language"] == "en-gb"
    assert client.get("/me/", headers={"Accept-Language": "de"})["Content-Language"] == "de"


@pytest.mark.parametrize("language", ["fr", "de-at", "../en"])
def test_language_that_there_is_not_is_refused(browser, bo, language):
    assert browser(bo).post("/me/language/", {"language": language}).status_code == 400
    bo.refresh_from_db()
    assert bo.language is None


def test_language_of_a_request_ends_with_it(browser, bo):
    browser(bo).get("/inbox/", **GERMAN)
    assert translation.get_language() == settings.LANGUAGE_CODE


def test_refusals_before_a_page_are_in_its_language(browser):
    assert "Seite nicht gefunden" in browser().get("/nowhere/", **GERMAN).content.decode()
    client = Client(enforce_csrf_checks=True)
    assert "Diese Seite ist abgelaufen" in client.post("/login/", {}, **GERMAN).content.decode()


def test_programs_are_answered_in_english_unless_they_ask(by_key, bo):
    choose(bo, "de")
    client = by_key(bo, "read")
    question = "/api/conversations?colour=blue"
    assert "Unknown query parameter." in client.get(question).json()["error"]["message"]
    assert (
        "Unbekannter Parameter." in client.get(question, headers={"Accept-Language": "de"}).json()["error"]["message"]
    )


def test_own_scripts_are_answered_in_the_viewers_language(api, bo):
    choose(bo, "de")
    answer = api(bo).get("/api/conversations?colour=blue", headers={"Accept-Language": "en"})
    assert "Unbekannter Parameter." in answer.json()["error"]["message"]


def test_back_office_is_english(browser, olga):
    choose(olga, "de")
    assert browser(olga).get("/admin/", **GERMAN)["Content-Language"] == "en-gb"


# ---------------------------------------------------------------- what is read later
def test_each_admin_is_mailed_in_their_language(acme, ann, inside):
    with inside(acme):
        other = factories.UserFactory(organization=acme.organization, role="admin", email="dora@acme.example")
    choose(other, "de")
    context = {"person": "Bo", "balance": 3, "limit": 10}
    tasks.mail_admins.func(str(acme.organization.pk), "tokens/mail/low_balance.txt", "/manage/tokens/", context)
    assert {sent.to[0]: sent.subject for sent in mail.outbox} == {
        ann.email: "Bo is running low on tokens",
        "dora@acme.example": "Bo hat nur noch wenige Tokens",
    }


@pytest.mark.parametrize(
    ("chosen", "asked", "words"),
    [(None, "de", "zurücksetzen"), ("en-gb", "de", "Reset"), ("de", "", "zurücksetzen"), (None, "", "Reset")],
)
def test_password_mail_is_in_the_language_it_was_asked_in(bo, chosen, asked, words):
    choose(bo, chosen)
    tasks.mail_password_reset.func(bo.email, asked)
    assert words in mail.outbox[0].subject


def test_invited_person_is_written_to_in_the_language_of_who_invites(acme, ann, inside):
    choose(ann, "de")
    with inside(acme):
        invited = type(ann).objects.create_user(
            "eva@acme.example", name="Eva", role="agent", organization=acme.organization
        )
    tasks.mail_invitation.func(str(invited.pk), str(ann.pk))
    assert mail.outbox[0].subject == "Ann hat Sie zu Acme auf MessageHub eingeladen"


def test_unseen_notifications_are_mailed_in_the_readers_language(acme, sales, ann, bo, inside):
    choose(bo, "de")
    with inside(acme):
        notes.add_note(sales.conversation, "Bo?", author=ann, mentions=[bo])
        Notification.objects.update(created_at=timezone.now() - timedelta(hours=1))
    with translation.override("en-gb"):
        assert notices.mail_unseen_notifications() == 1
    assert mail.outbox[0].subject == "Ein Teammitglied wartet auf MessageHub auf Sie"
    assert "Ann hat Sie in einer Notiz zu" in mail.outbox[0].body


# ---------------------------------------------------------------- dates and numbers
MOMENT = datetime(2024, 3, 5, 14, 5, 9, tzinfo=timezone.get_default_timezone())


@pytest.mark.parametrize(
    ("form", "english", "german"),
    [
        (ui.day, "5 March 2024", "5. März 2024"),
        (ui.short_time, "5 Mar 2024", "5. Mär 2024"),
        (ui.near_time, "5 March 2024 at 14:05", "5. März 2024 um 14:05"),
        (ui.full_time, "5 March 2024 at 14:05", "5. März 2024 um 14:05"),
        (ui.brief_time, "5 Mar 2024, 14:05", "5. Mär 2024, 14:05"),
        (ui.exact_time, "5 March 2024, 14:05:09", "5. März 2024, 14:05:09"),
        (ui.month, "March 2024", "März 2024"),
    ],
)
def test_dates_follow_the_language(form, english, german):
    for language, words in (("en-gb", english), ("de", german)):
        with translation.override(language):
            assert form(MOMENT) == words


@pytest.mark.parametrize(("value", "english", "german"), [(1234567, "1,234,567", "1.234.567"), (2.5, "2.5", "2,5")])
def test_numbers_follow_the_language(value, english, german):
    for language, words in (("en-gb", english), ("de", german)):
        with translation.override(language):
            assert ui.amount(value) == words

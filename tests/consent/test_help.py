"""HELP is answered where the provider does not answer it: once in an hour, paid by nobody, through the outbox."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Organization
from integrations.models import Channel, ProviderAccount
from messagehub import tenancy
from messaging.consent import footers
from messaging.models import ConsentEntry, Conversation, Event, Message
from tests import factories
from tests.consent.exchange import arrive, list_answers, set_rules, store
from tests.desk import Desk

pytestmark = pytest.mark.django_db
TEXT = "Acme: call 555-0100 or write to us here. Reply STOP to opt out."


def move_to_short_code(desk: Desk) -> None:
    """Twilio answers nothing for these."""
    with tenancy.system():
        Channel.objects.filter(pk=desk.tenant["number"].pk).update(address="24365")
        desk.tenant["number"].refresh_from_db()


def test_help_is_answered_once_by_nobody_and_for_free(either_desk):
    desk = either_desk
    set_rules(desk, help_text=TEXT, help_on_long_codes=True)
    balance = desk.balance
    with tenancy.system():
        Conversation.objects.update(waiting_since=None)

    asked = arrive(desk, "Help!", "info")
    arrive(desk, "HELP")
    store(asked)  # the webhook comes again
    desk.fly()

    assert desk.at_provider[-1:] == [TEXT]
    assert desk.at_provider.count(TEXT) == 1
    (answer,) = list_answers(desk)
    assert (answer.automatic, answer.sent_by, answer.tokens, answer.status) == ("help", None, 0, "accepted")
    assert desk.balance == balance
    with tenancy.organization(desk.tenant["organization"].pk):
        conversation = Conversation.objects.get(pk=desk.tenant["conversation"].pk)
        events = list(Event.objects.filter(message_id=answer.pk).order_by("seq").values_list("type", flat=True))
        assert Message.objects.filter(direction="inbound").count() == 3
    assert events == ["message.created", "message.updated"]
    assert conversation.waiting_since is not None  # nobody has helped yet


def test_after_an_hour_it_is_answered_again(desk):
    set_rules(desk, help_text=TEXT, help_on_long_codes=True)
    arrive(desk, "HELP")
    with tenancy.system():
        Message.objects.filter(automatic="help").update(occurred_at=timezone.now() - timedelta(minutes=59))
    arrive(desk, "HELP")
    assert len(list_answers(desk)) == 1
    with tenancy.system():
        Message.objects.filter(automatic="help").update(occurred_at=timezone.now() - timedelta(minutes=61))
    arrive(desk, "HELP")
    assert len(list_answers(desk)) == 2


@pytest.mark.parametrize(
    ("rules", "text", "keyword", "is_short", "is_answered"),
    [
        ({"help_text": ""}, "HELP", "", True, False),
        ({}, "HELP", "", False, False),  # Twilio answers these two to long codes
        ({}, " info ", "", False, False),
        ({}, "Hilfe", "", False, True),  # but in English only, and the whole text
        ({}, "¡Ayuda!", "", False, True),
        ({}, "Help!!", "", False, True),
        ({"help_on_long_codes": True}, "HELP", "", False, True),
        ({"help_on_long_codes": True}, "HELP", "HELP", False, False),  # Advanced Opt-Out has answered
        ({}, "Aidez-moi", "HELP", True, False),
        ({}, "HELP", "", True, True),
        ({"keyword_languages": ["en", "es"]}, "Hilfe", "", False, False),
        ({"keyword_languages": []}, "Help", "", True, True),
        ({}, "I need help", "", True, False),
        ({}, "STOP", "", True, False),
    ],
)
def test_it_is_answered_only_where_the_provider_does_not(desk, rules, text, keyword, is_short, is_answered):
    set_rules(desk, **{"help_text": TEXT, **rules})
    if is_short:
        move_to_short_code(desk)
    arrive(desk, text, keyword=keyword)
    assert [answer.content for answer in list_answers(desk)] == [TEXT] * is_answered


@pytest.mark.parametrize(
    ("source", "is_short", "is_answered"),
    [("keyword", False, False), ("provider", False, False), ("staff", False, True), ("keyword", True, True)],
)
def test_the_opted_out_get_help_unless_twilio_has_blocked_them(desk, source, is_short, is_answered):
    set_rules(desk, help_text=TEXT, help_on_long_codes=True)
    if is_short:
        move_to_short_code(desk)
    with tenancy.organization(desk.tenant["organization"].pk):
        ConsentEntry.objects.create(
            organization=desk.tenant["organization"], channel=desk.tenant["number"], kind="opt_out", source=source,
            address=desk.tenant["contact"].phone, reason="By phone",
        )  # fmt: skip
    arrive(desk, "HELP")
    assert len(list_answers(desk)) == is_answered
    if is_answered and not is_short:  # the sandbox knows the long code alone
        desk.fly()
        assert desk.at_provider[-1:] == [TEXT]


def test_the_blocked_and_whoever_wrote_long_ago_get_none(desk):
    set_rules(desk, help_text=TEXT, help_on_long_codes=True)
    arrive(desk, "HELP", at=datetime.now(UTC) - timedelta(hours=2))  # fetched late
    with tenancy.organization(desk.tenant["organization"].pk):
        type(desk.tenant["contact"]).objects.update(blocked_at=timezone.now())
    arrive(desk, "HELP")
    assert list_answers(desk) == []


def test_who_is_blocked_before_it_goes_gets_none(desk):
    set_rules(desk, help_text=TEXT, help_on_long_codes=True)
    arrive(desk, "HELP")
    with tenancy.organization(desk.tenant["organization"].pk):
        type(desk.tenant["contact"]).objects.update(blocked_at=timezone.now())
    desk.fly()
    (answer,) = list_answers(desk)
    assert (answer.status, answer.error_code) == ("failed", "blocked")


def test_an_answer_that_waited_long_still_goes(desk):
    set_rules(desk, help_text=TEXT, help_on_long_codes=True)
    arrive(desk, "HELP")
    with tenancy.system():
        Message.objects.filter(automatic="help").update(created_at=timezone.now() - timedelta(minutes=5))
    desk.fly()
    assert desk.at_provider[-1:] == [TEXT]


def test_an_answer_that_waited_for_an_hour_does_not_go(either_desk):
    desk = either_desk
    set_rules(desk, help_text=TEXT, help_on_long_codes=True)
    arrive(desk, "HELP")
    with tenancy.system():
        Message.objects.filter(automatic="help").update(created_at=timezone.now() - timedelta(hours=1))
    desk.fly()
    (answer,) = list_answers(desk)
    assert (answer.status, answer.error_code) == ("failed", "too_late")
    assert TEXT not in desk.at_provider


@pytest.mark.parametrize("either_desk", ["MESSENGER"], indirect=True)
def test_an_answer_uses_no_human_agents_window(either_desk):
    desk = either_desk
    set_rules(desk, help_text=TEXT)
    arrive(desk, "HELP")
    with tenancy.system():
        ProviderAccount.objects.update(has_human_agent=True)
        Conversation.objects.update(last_inbound_at=timezone.now() - timedelta(hours=25))
    desk.fly()
    (answer,) = list_answers(desk)
    assert (answer.status, answer.error_code) == ("failed", "outside_messaging_window")
    assert TEXT not in desk.at_provider


def test_nobody_retries_an_answer(browser, api, ann, acme, sales, inside):
    """Or a person would pay for it, and say it in their name."""
    with inside(acme):
        message = factories.MessageFactory(
            conversation=sales.conversation, direction="outbound", status="failed", content=TEXT, automatic="help"
        )
    answer = api(ann).post(f"/api/messages/{message.pk}/retry")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "automatic")
    for path in (f"/inbox/{sales.conversation.pk}/", f"/messages/{message.pk}/"):
        page = browser(ann).get(path).content.decode()
        assert TEXT in page
        assert f'action="/messages/{message.pk}/' not in page
    with inside(acme):
        assert not Message.objects.filter(retry_of=message).exists()


def test_it_is_not_the_first_message_of_the_organization(desk):
    set_rules(desk, help_text=TEXT, help_on_long_codes=True, first_message_footer="Reply STOP to opt out.")
    with tenancy.organization(desk.tenant["organization"].pk):
        Message.objects.update(status="not_sent")
        organization = Organization.objects.get()
    arrive(desk, "HELP")
    with tenancy.organization(organization.pk):
        assert len(list_answers(desk)) == 1
        assert footers.find_footer("SMS", organization, desk.tenant["contact"].pk) != ""


def test_pages_call_it_automatic(browser, api, ann, acme, sales, inside):
    with inside(acme):
        factories.MessageFactory(
            conversation=sales.conversation, direction="outbound", status="sent", content=TEXT, automatic="help"
        )
        message = Message.objects.get(automatic="help")
        Conversation.objects.filter(pk=sales.conversation.pk).update(last_message=message)
    for path, words in (
        (f"/inbox/{sales.conversation.pk}/", "Automatic answer"),
        ("/inbox/", "Automatic:"),
        ("/messages/", "Automatic answer"),
        (f"/messages/{message.pk}/", "Answered automatically."),
        (f"/contacts/{sales.contact.pk}/", "Automatic answer"),
    ):
        assert words in browser(ann).get(path).content.decode(), path
    told = api(ann).get(f"/api/messages/{message.pk}").json()
    assert (told["automatic"], told["sent_by"]) == ("help", None)
    assert api(ann).get(f"/api/messages/{sales.message.pk}").json()["automatic"] is None

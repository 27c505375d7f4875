"""Double opt-in: a keyword is asked about, and only a YES to that very question is consent, with its evidence."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from chatrooms import contacts
from messagehub import tenancy
from messaging.models import ConsentEntry, Message
from tests.consent.exchange import arrive, list_answers, set_rules, store
from tests.desk import Desk

pytestmark = pytest.mark.django_db
QUESTION = "Reply YES to get offers from Acme. STOP ends it."
RULES = {"join_keywords": ["join", "rabatt"], "join_question": QUESTION}


@pytest.fixture
def asked(desk) -> Desk:
    """A desk whose contact wrote JOIN and was asked."""
    set_rules(desk, **RULES)
    arrive(desk, "Join")
    desk.fly()
    assert desk.at_provider[-1:] == [QUESTION]
    return desk


def list_entries(desk: Desk) -> list[ConsentEntry]:
    with tenancy.organization(desk.tenant["organization"].pk):
        return list(ConsentEntry.objects.select_related("message").order_by("pk"))


def opt_out(desk: Desk) -> None:
    with tenancy.organization(desk.tenant["organization"].pk):
        ConsentEntry.objects.create(
            organization=desk.tenant["organization"], channel=desk.tenant["number"], kind="opt_out", source="staff",
            address=desk.tenant["contact"].phone, reason="By phone",
        )  # fmt: skip


def change_question(**values) -> None:
    with tenancy.system():
        Message.objects.filter(automatic="join").update(**values)


def test_a_keyword_is_asked_about_and_yes_is_consent_with_its_evidence(either_desk):
    desk = either_desk
    set_rules(desk, **RULES)
    balance = desk.balance
    joining = arrive(desk, "Join!")
    store(joining)  # the webhook comes again
    desk.fly()
    assert desk.at_provider.count(QUESTION) == 1
    (question,) = list_answers(desk)
    assert (question.automatic, question.sent_by, question.tokens) == ("join", None, 0)
    assert list_entries(desk) == []

    confirming = arrive(desk, "Yes, ")
    store(confirming)

    (entry,) = list_entries(desk)
    assert (entry.kind, entry.source, entry.text) == ("opt_in", "keyword", "Yes, ")
    assert entry.message.provider_id == confirming[0].provider_id
    assert entry.reason == "Wrote “Join!”, was asked, and confirmed it."
    told = desk.client().get(f"/api/contacts/{desk.tenant['contact'].pk}/consent").json()
    assert [(each["kind"], each["text"], each["reason"]) for each in told["results"]] == [
        ("opt_in", "Yes, ", entry.reason)
    ]
    assert {each["consent"] for each in told["channels"] if each["channel_id"] == str(entry.channel_id)} == {"opted_in"}
    assert desk.balance == balance
    desk.fly()
    assert desk.at_provider.count(QUESTION) == 1


@pytest.mark.parametrize(
    ("languages", "text", "is_consent"),
    [
        (["en", "de"], "JA!", True), (["en"], "Ja", False), (["en", "es"], "Sí", True), ([], "y", True),
        (["en", "de"], "ok", False), (["en", "de"], "Yes please", False), (["en", "de"], "No", False),
    ],
)  # fmt: skip
def test_only_yes_in_the_organizations_languages_is_consent(asked, languages, text, is_consent):
    set_rules(asked, keyword_languages=languages)
    arrive(asked, text)
    assert len(list_entries(asked)) == is_consent


def test_yes_without_the_question_is_an_ordinary_answer(desk):
    set_rules(desk, **RULES)
    arrive(desk, "Yes")
    assert list_entries(desk) == []
    assert list_answers(desk) == []


def test_yes_is_about_what_was_said_just_before(asked):
    arrive(asked, "What do I get?", "Yes")
    assert list_entries(asked) == []
    arrive(asked, "join")  # and is asked again
    asked.fly()
    asked.send("Shall I book a table?")
    arrive(asked, "Yes")
    assert list_entries(asked) == []
    arrive(asked, "join")
    asked.fly()
    arrive(asked, "Yes")
    assert len(list_entries(asked)) == 1
    arrive(asked, "Yes")
    assert len(list_entries(asked)) == 1


@pytest.mark.parametrize(
    ("values", "is_consent"),
    [
        ({"occurred_at": timedelta(hours=23)}, True),
        ({"occurred_at": timedelta(hours=25)}, False),
        ({"status": "queued"}, False),
        ({"status": "undelivered"}, False),
        ({"status": "unknown"}, True),
    ],
)
def test_the_question_was_sent_within_a_day(asked, values, is_consent):
    if "occurred_at" in values:
        at = timezone.now() - values["occurred_at"]
        with tenancy.system():
            Message.objects.exclude(automatic="join").update(occurred_at=at - timedelta(minutes=1))
        change_question(occurred_at=at)
    else:
        change_question(**values)
    arrive(asked, "Yes")
    change_question(status="delivered")  # for the proof
    assert len(list_entries(asked)) == is_consent


def test_yes_lifts_no_opt_out(asked):
    opt_out(asked)
    arrive(asked, "Yes")
    assert [entry.kind for entry in list_entries(asked)] == ["opt_out"]


def test_what_the_provider_calls_an_opt_in_is_recorded_once(asked):
    arrive(asked, "Yes", keyword="START")
    assert [(entry.kind, entry.reason) for entry in list_entries(asked)] == [("opt_in", "")]


@pytest.mark.parametrize(
    ("rules", "text", "is_asked"),
    [
        ({}, "JOIN", True),
        ({}, "«Rabatt!»", True),
        ({"join_question": ""}, "join", False),
        ({"join_keywords": []}, "join", False),
        ({}, "Join us", False),
        ({}, "joining", False),
        ({"join_keywords": ["stop"]}, "stop", False),  # stays what it is
    ],
)
def test_only_a_keyword_is_asked_about(desk, rules, text, is_asked):
    set_rules(desk, **{**RULES, **rules})
    arrive(desk, text)
    assert [answer.content for answer in list_answers(desk)] == [QUESTION] * is_asked


def test_the_opted_out_the_blocked_and_the_late_are_not_asked(desk):
    set_rules(desk, **RULES)
    arrive(desk, "join", at=datetime.now(UTC) - timedelta(hours=2))
    opt_out(desk)
    arrive(desk, "join")
    assert list_answers(desk) == []
    arrive(desk, "START")
    with tenancy.organization(desk.tenant["organization"].pk):
        type(desk.tenant["contact"]).objects.update(blocked_at=timezone.now())
    arrive(desk, "join")
    assert list_answers(desk) == []


def test_an_opt_out_counts_in_every_form_of_the_number(desk):
    """A Mexican mobile number has one with a 1 after its country, and one without."""
    set_rules(desk, **RULES)
    with tenancy.organization(desk.tenant["organization"].pk):
        contacts.change_contact(desk.tenant["contact"], phone="+525512345678")
        desk.tenant["contact"].refresh_from_db()
    arrive(desk, "join")
    desk.fly()
    with tenancy.organization(desk.tenant["organization"].pk):
        ConsentEntry.objects.create(
            organization=desk.tenant["organization"], channel=desk.tenant["number"], kind="opt_out", source="staff",
            address="+5215512345678", reason="By phone",
        )  # fmt: skip
    arrive(desk, "Yes")
    arrive(desk, "join")
    assert [entry.kind for entry in list_entries(desk)] == ["opt_out"]
    assert len(list_answers(desk)) == 1


def test_a_start_in_another_form_of_the_number_lifts_the_stop(desk):
    set_rules(desk, **RULES)
    with tenancy.organization(desk.tenant["organization"].pk):
        contacts.change_contact(desk.tenant["contact"], phone="+525512345678")
        desk.tenant["contact"].refresh_from_db()
        for kind, address in (("opt_out", "+5215512345678"), ("opt_in", "+525512345678")):
            ConsentEntry.objects.create(
                organization=desk.tenant["organization"], channel=desk.tenant["number"], kind=kind, source="staff",
                address=address, reason="By phone",
            )  # fmt: skip
    arrive(desk, "join")
    desk.fly()
    arrive(desk, "Yes")
    assert len(list_answers(desk)) == 1
    assert [entry.kind for entry in list_entries(desk)] == ["opt_out", "opt_in", "opt_in"]


def test_who_opts_out_before_the_question_goes_is_not_asked(desk):
    set_rules(desk, **RULES)
    arrive(desk, "join")
    opt_out(desk)
    desk.fly()
    (question,) = list_answers(desk)
    assert (question.status, question.error_code) == ("failed", "opted_out")


def test_a_machine_that_answers_join_is_asked_three_times_in_an_hour(desk):
    set_rules(desk, **RULES)
    for _ in range(5):
        arrive(desk, "join")
    assert len(list_answers(desk)) == 3
    change_question(occurred_at=timezone.now() - timedelta(hours=2))
    arrive(desk, "join")
    assert len(list_answers(desk)) == 4

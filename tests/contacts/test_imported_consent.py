"""What a file says about consent is recorded with the file and the row, and lifts no STOP."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from chatrooms.models import Contact
from integrations.models import Channel
from messaging.consent import entries
from messaging.contacts import csv_files, imports
from messaging.models import ConsentEntry
from messaging.sending import eligibility
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
FILE = """Name,Phone,Consent,Opted out
Ada,+1 415 555 0101,yes,
Bea,+1 415 555 0102,NO,
Cem,+1 415 555 0103,,x
Dov,+1 415 555 0104,unknown,no
Eva,+1 415 555 0105,perhaps,
Fay,+1 415 555 0106,yes,
Gil,+1 415 555 0107,yes,yes
"""


@pytest.fixture
def bring(api, bo):
    """Import the file as Bo; the answer about it."""

    def run(content: str = FILE) -> dict:
        file = SimpleUploadedFile("list.csv", content.encode())
        answer = api(bo).post("/api/contacts/import", {"file": file}, "multipart")
        assert answer.status_code == 202, answer.content
        imports.run_import(answer.json()["import_id"])
        return api(bo).get(f"/api/contacts/imports/{answer.json()['import_id']}").json()

    return run


def test_contact_s_consent_tells_the_file_and_the_row(api, bo, acme, sales, inside, bring):
    with inside(acme):
        entries.record_provider_opt_out(
            acme.organization.pk, sales.number.pk, "+14155550106", message_id=None, text="STOP"
        )

    done = bring()

    assert [(row["line"], "neither yes nor no" in row["reason"]) for row in done["errors"]] == [(6, True)]
    with inside(acme):
        told = {
            contact.first_name: api(bo).get(f"/api/contacts/{contact.pk}/consent").json()
            for contact in Contact.objects.filter(phone__startswith="+1415555010")
        }
    said = {
        name: [(entry["kind"], entry["source"], entry["text"], entry["reason"]) for entry in answer["results"]]
        for name, answer in told.items()
    }
    assert said == {
        "Ada": [("opt_in", "import", "yes", "Imported from list.csv, row 2.")],
        "Bea": [("opt_out", "import", "NO", "Imported from list.csv, row 3.")],
        "Cem": [("opt_out", "import", "x", "Imported from list.csv, row 4.")],
        "Dov": [],
        "Fay": [("opt_out", "provider", "STOP", "")],
        "Gil": [("opt_out", "import", "yes", "Imported from list.csv, row 8.")],
    }
    assert {name: answer["channels"][0]["may_send"] for name, answer in told.items()} == {
        "Ada": True, "Bea": False, "Cem": False, "Dov": True, "Fay": False, "Gil": False,
    }  # fmt: skip
    assert told["Bea"]["results"][0]["recorded_by"]["name"] == bo.name


def test_file_that_comes_again_says_nothing_twice(acme, inside, bring):
    bring()
    with inside(acme):
        before = ConsentEntry.objects.count()
    bring()
    with inside(acme):
        assert ConsentEntry.objects.count() == before == 5


def test_who_was_there_already_is_not_written_to_any_more(acme, sales, bo, inside, bring):
    with inside(acme):
        known = factories.ContactFactory(chatroom=sales.room, phone="+14155550102")
        exchange = factories.ConversationFactory(chatroom=sales.room, contact=known, channel=sales.number)
    bring()
    with inside(acme):
        assert eligibility.may_send(bo, exchange).reasons[0].code == "opted_out"


def test_row_whose_consent_can_be_recorded_nowhere_is_not_imported(acme, inside, bring):
    """A contact without the opt-out that its row has would be written to once there is a number."""
    with inside(acme):
        Channel.objects.update(retired_at=timezone.now())
    done = bring()
    assert [row["line"] for row in done["errors"]] == [2, 3, 4, 6, 7, 8]
    assert "no number yet" in done["errors"][0]["reason"]
    assert done["created"] == 1


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Opted out", "opt_out"), ("SMS opt-out", "opt_out"), ("Unsubscribed", "opt_out"), ("Abgemeldet", "opt_out"),
        ("Consent", "consent"), ("opt_in", "consent"), ("Subscribed", "consent"), ("Einwilligung", "consent"),
        ("Options", ""),
    ],
)  # fmt: skip
def test_columns_about_consent_are_known_by_their_headings(heading, kind):
    assert csv_files.guess_columns(["Phone", heading]) == ["phone", kind]


def test_an_opt_out_in_any_row_of_a_number_counts(acme, inside, bring):
    """Also in a row that is skipped: because the number stood above already, or because its address is none."""
    bring(
        "Name,Phone,Email,Consent\n"
        "Ada,+1 415 555 0101,,yes\nAda,(415) 555-0101,,no\n"
        "Bea,+1 415 555 0102,,\nBea,+1 415 555 0102,nobody,no\n"
        "Cem,+1 415 555 0103,,yes\n"
    )
    with inside(acme):
        said = set(ConsentEntry.objects.values_list("address", "kind", "text", "reason"))
    assert said == {
        ("+14155550101", "opt_out", "no", "Imported from list.csv, row 3."),
        ("+14155550102", "opt_out", "no", "Imported from list.csv, row 5."),
        ("+14155550103", "opt_in", "yes", "Imported from list.csv, row 6."),
    }

"""Contacts from a CSV file: what is read from it, what would happen, what happens in the worker, and undoing it."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from chatrooms import contacts, groups
from chatrooms.models import Contact
from messaging import retention
from messaging.contacts import csv_files, imports
from messaging.models import ContactImport
from tests import factories
from tests.meanwhile import Aside

UPLOAD = "/contacts/imports/"
FILE = """Full name;Mobile;E-mail;Notes
Ada Lovelace;(415) 555-0101;ada@example.com;x
Grace;+1 415 555 0102;;
;12;;too short
Twice;4155550101;;same as Ada
Bad mail;4155550103;nobody;
No number;;a@example.com;
Known;4155550199;;
"""
COLUMNS = ["name", "phone", "email", ""]


@pytest.fixture
def upload(browser, bo):
    """Send a file as Bo; the answer."""

    def send(content: str | bytes = FILE, name: str = "people.csv"):
        content = content.encode() if isinstance(content, str) else content
        return browser(bo).post(UPLOAD, {"file": SimpleUploadedFile(name, content)})

    return send


@pytest.fixture
def known(acme, sales, inside) -> Contact:
    """Somebody of the file whom the chatroom has."""
    with inside(acme):
        return factories.ContactFactory(chatroom=sales.room, first_name="Old", phone="+14155550199")


@pytest.fixture
def uploaded(upload, known, acme, inside) -> ContactImport:
    assert upload().status_code == 302
    with inside(acme):
        return ContactImport.objects.get()


@pytest.fixture
def imported(browser, bo, uploaded, acme, inside, transactional_db) -> ContactImport:
    start(browser(bo), uploaded, new_group="Spring")
    imports.run_import(uploaded.pk)
    with inside(acme):
        uploaded.refresh_from_db()
    return uploaded


def start(client, contact_import: ContactImport, columns=COLUMNS, **more):
    return client.post(f"{UPLOAD}{contact_import.pk}/start/", {"column": columns, **more})


# ---------------------------------------------------------------- reading
@pytest.mark.parametrize(
    ("content", "first"),
    [
        ("Phone,Name\n1,Zoë\n", ["1", "Zoë"]),
        ("\ufeffPhone\tName\n1\tZoë\n\n", ["1", "Zoë"]),
        ("Phone;Name\n1;Zoë\n".encode("cp1252"), ["1", "Zoë"]),
        ("Phone;Name\n1;Zoë\n".encode("utf-16"), ["1", "Zoë"]),
        ('Phone,Name\n1,"Zoë, the first"\n', ["1", "Zoë, the first"]),
        ("Phone,Name,\n1\n", ["1", "", ""]),
    ],
)
def test_files_of_spreadsheets_are_read(content, first):
    content = content.encode() if isinstance(content, str) else content
    assert csv_files.read_table(csv_files.decode_file(content)).rows == [first]


@pytest.mark.parametrize(
    "content",
    [b"", b"Phone\n", b"\x89PNG\x0d\x81\x8d", b"Phone\n" + b"1\n" * 2_100_000, b",".join([b"a"] * 99) + b"\nb"],
)
def test_what_is_no_list_is_refused_in_words(content):
    with pytest.raises(csv_files.BadFile):
        csv_files.read_table(csv_files.decode_file(content))


@pytest.mark.parametrize(
    ("headings", "columns"),
    [
        (["First name", "Last Name", "Phone", "Email"], ["first_name", "last_name", "phone", "email"]),
        (["Vorname", "Nachname", "Handy", "E-Mail", "Notiz"], ["first_name", "last_name", "phone", "email", ""]),
        (["Name", "Mobile", "Telephone"], ["name", "phone", ""]),
    ],
)
def test_columns_are_guessed_by_their_headings(headings, columns):
    assert csv_files.guess_columns(headings) == columns


def test_a_cell_of_our_own_export_is_read_back():
    table = csv_files.Table(["Name", "Phone"], [["'=Ada", "'+14155550101"]])
    [row] = csv_files.parse_rows(table, ["name", "phone"], "US")
    assert (row.values["first_name"], row.values["phone"]) == ("=Ada", "+14155550101")


# ---------------------------------------------------------------- the pages
def test_the_preview_says_what_would_happen_and_changes_nothing(browser, bo, uploaded, acme, inside):
    page = browser(bo).get(f"{UPLOAD}{uploaded.pk}/").content.decode()
    for words in ("7 rows", "2 new contacts", "1 contact exists already", "4 rows will be skipped"):
        assert words in page
    for reason in ("valid phone number", "Row 2 has the same phone number", "No phone number", "valid email"):
        assert reason in page
    with inside(acme):
        assert Contact.objects.filter(phone__startswith="+1415").count() == 1


def test_the_preview_says_how_numbers_are_read(browser, bo, upload, acme, inside):
    """Who forgot the country code sees what becomes of it, before anybody is written to."""
    american, british = "(415) 555-0101", "020 7946 0018"
    with inside(acme):
        acme.organization.default_country = "GB"
        acme.organization.save()
    upload(f"Name,Mobile\nAda,{american}\nGrace,+1 212 456 1414\nMary,{british}\n")
    with inside(acme):
        uploaded = ContactImport.objects.get()
    page = browser(bo).get(f"{UPLOAD}{uploaded.pk}/").content.decode()
    assert "2 numbers have no country code." in page
    assert "<bdi>(415) 555-0101</bdi> becomes <bdi>+44 4155550101</bdi>" in page
    assert "1 number looks wrong" in page


def test_numbers_are_read_as_of_the_country_that_was_chosen(browser, bo, upload, acme, inside):
    upload("Name,Mobile\nMary,020 7946 0018\n")
    with inside(acme):
        uploaded = ContactImport.objects.get()
    assert uploaded.country == acme.organization.default_country == "US"
    columns = {"column": ["name", "phone"], "country": "GB"}
    page = browser(bo).get(f"{UPLOAD}{uploaded.pk}/", columns).content.decode()
    assert "<bdi>020 7946 0018</bdi> becomes <bdi>+44 20 7946 0018</bdi>" in page
    assert '<option value="GB" selected>GB +44</option>' in page
    refused = browser(bo).post(f"{UPLOAD}{uploaded.pk}/start/", columns | {"country": "UK"})
    assert refused.status_code == 422
    browser(bo).post(f"{UPLOAD}{uploaded.pk}/start/", columns)
    imports.run_import(uploaded.pk)
    with inside(acme):
        assert Contact.objects.filter(phone="+442079460018").count() == 1


def test_the_preview_says_whose_consent_the_file_tells(browser, bo, upload, sales, acme, inside):
    upload("Phone,Opted in,Opted out\n4155550101,yes,\n4155550102,,yes\n4155550103,,\n4155550104,no,\n")
    with inside(acme):
        uploaded = ContactImport.objects.get()
    page = browser(bo).get(f"{UPLOAD}{uploaded.pk}/").content.decode()
    assert "1 contact has agreed to get messages" in page
    assert "2 contacts have opted out and get no messages" in page


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["name", "", "email", ""], "Choose the column with the phone numbers"),
        (["phone", "phone", "", ""], "Two columns are the same"),
        (["phone"], "Choose what each column is"),
        (["phone", "spouse", "", ""], "Choose what each column is"),
    ],
)
def test_columns_that_make_no_contacts_are_refused(browser, bo, uploaded, acme, inside, columns, words):
    answer = start(browser(bo), uploaded, columns)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    with inside(acme):
        assert ContactImport.objects.get().state == "uploaded"


def test_a_bad_file_is_refused_with_the_form(upload, acme, inside):
    answer = upload("Phone\n")
    assert answer.status_code == 422
    assert "The file has no rows" in answer.content.decode()
    with inside(acme):
        assert not ContactImport.objects.exists()


@pytest.mark.parametrize("outsider", ["cy", "zed"])
def test_an_import_of_others_does_not_exist(browser, uploaded, outsider, request):
    client = browser(request.getfixturevalue(outsider))
    assert client.get(f"{UPLOAD}{uploaded.pk}/").status_code == 404
    assert client.get(f"{UPLOAD}{uploaded.pk}/skipped/").status_code == 404
    assert start(client, uploaded).status_code == 404
    assert client.post(f"{UPLOAD}{uploaded.pk}/undo/").status_code == 404


@pytest.mark.parametrize(
    ("state", "days", "is_kept"), [("uploaded", 6, True), ("uploaded", 8, False), ("done", 8, True)]
)
def test_a_file_that_nobody_imports_is_kept_for_a_week(browser, bo, uploaded, acme, inside, state, days, is_kept):
    with inside(acme):
        made_at = timezone.now() - timedelta(days=days)
        ContactImport.objects.update(state=state, created_at=made_at)
    retention.delete_expired()
    assert browser(bo).get(f"{UPLOAD}{uploaded.pk}/").status_code == (200 if is_kept else 404)


def test_a_file_whose_import_begins_meanwhile_is_kept(uploaded, acme, bo, inside, transactional_db):
    with inside(acme):
        ContactImport.objects.update(created_at=timezone.now() - timedelta(days=8))
    with inside(acme):
        ContactImport.objects.filter(pk=uploaded.pk).update(state="queued")
        aside = Aside(retention.delete_expired)  # waits for the row
    aside.result()
    with inside(acme):
        assert ContactImport.objects.get().state == "queued"


# ---------------------------------------------------------------- importing
def test_good_rows_become_contacts_and_bad_ones_are_named(browser, bo, imported, acme, known, inside):
    page = browser(bo).get(f"{UPLOAD}{imported.pk}/").content.decode()
    assert "7 of 7 rows" in page
    assert "Row 2 has the same phone number" in page
    with inside(acme):
        counts = (imported.state, imported.created_count, imported.existing_count, imported.skipped_count)
        assert counts == ("done", 2, 1, 4)
        assert imported.content == ""
        ada = Contact.objects.get(phone="+14155550101")
        assert (ada.first_name, ada.last_name, ada.email) == ("Ada", "Lovelace", "ada@example.com")
        assert ada.activities.get().actor_id == bo.pk
        assert ada.addresses.get().address == ada.phone
        known.refresh_from_db()
        assert known.first_name == "Old"
        assert set(imported.group.contacts.values_list("first_name", flat=True)) == {"Ada", "Grace", "Old"}
    skipped = browser(bo).get(f"{UPLOAD}{imported.pk}/skipped/").content.decode().splitlines()
    assert [line.partition(",")[0] for line in skipped] == ["Row", "4", "5", "6", "7"]


def test_a_second_press_imports_nothing_twice(browser, bo, imported, acme, inside):
    assert start(browser(bo), imported).status_code == 302
    imports.run_import(imported.pk)
    with inside(acme):
        assert imported.rows.count() == 7
        assert Contact.objects.filter(phone__startswith="+1415").count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_run_that_broke_goes_on_behind_its_last_batch(browser, bo, uploaded, acme, inside, monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 2)
    start(browser(bo), uploaded)
    rows = csv_files.parse_rows(csv_files.read_table(uploaded.content), COLUMNS, "US")
    with inside(acme):
        uploaded.refresh_from_db()
    imports._import_batch(uploaded, [next(rows), next(rows)])
    imports.run_import(uploaded.pk)
    with inside(acme):
        uploaded.refresh_from_db()
        assert (uploaded.handled, uploaded.created_count, uploaded.rows.count()) == (7, 2, 7)


# ---------------------------------------------------------------- undoing
def test_undo_leaves_who_was_there_and_who_is_in_use(browser, bo, imported, acme, sales, known, inside):
    with inside(acme):
        grace = Contact.objects.get(phone="+14155550102")
        factories.ConversationFactory(chatroom=sales.room, contact=grace, channel=sales.number)
    for _ in range(2):
        assert browser(bo).post(f"{UPLOAD}{imported.pk}/undo/").status_code == 302
    imports.run_undo(imported.pk)
    with inside(acme):
        imported.refresh_from_db()
        assert (imported.state, imported.kept_count) == ("undone", 1)
        left = Contact.objects.filter(phone__startswith="+1415").values_list("first_name", flat=True)
        assert set(left) == {"Grace", "Old"}
        assert not imported.group.members.exists()
    assert "1 was kept" in browser(bo).get(f"{UPLOAD}{imported.pk}/").content.decode()


def test_undo_keeps_a_contact_that_somebody_changed(browser, bo, imported, acme, inside):
    with inside(acme):
        contacts.change_contact(Contact.objects.get(phone="+14155550101"), by=bo, email="new@example.com")
    browser(bo).post(f"{UPLOAD}{imported.pk}/undo/")
    imports.run_undo(imported.pk)
    with inside(acme):
        assert Contact.objects.filter(phone="+14155550101").exists()
        assert not Contact.objects.filter(phone="+14155550102").exists()


def test_a_member_of_before_stays_in_the_group(browser, bo, uploaded, acme, sales, known, inside, transactional_db):
    with inside(acme):
        group = groups.create_group(sales.room, "Spring")
        groups.add_members(group, [known])
    start(browser(bo), uploaded, group=group.pk)
    imports.run_import(uploaded.pk)
    browser(bo).post(f"{UPLOAD}{uploaded.pk}/undo/")
    imports.run_undo(uploaded.pk)
    with inside(acme):
        assert list(group.contacts.values_list("first_name", flat=True)) == ["Old"]

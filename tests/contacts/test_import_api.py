"""/api/contacts/import and /api/contacts/imports: a file in, its progress and the errors of its rows."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatrooms import groups
from chatrooms.models import Chatroom, Contact, Group
from messagehub.web import largest_body
from messaging.contacts import csv_files, imports
from messaging.models import ContactImport, ImportRow
from tests import factories
from tests.api.permission_table import MADE_UP

IMPORT = "/api/contacts/import"
FILE = """Vorname;Nachname;Handy;Notiz
Ada;Lovelace;(415) 555-0101;x
;;12;too short
Twice;;4155550101;same as Ada
Known;;4155550199;
"""


@pytest.fixture
def group(acme, sales, inside) -> Group:
    with inside(acme):
        factories.ContactFactory(chatroom=sales.room, phone="+14155550199")
        return groups.create_group(sales.room, "Regulars")


def send(client, content: str | bytes = FILE, **fields):
    content = content.encode() if isinstance(content, str) else content
    return client.post(IMPORT, {"file": SimpleUploadedFile("people.csv", content), **fields}, "multipart")


def test_a_file_is_imported_and_its_bad_rows_are_told(api, bo, acme, sales, group, inside, transactional_db):
    answer = send(api(bo), group_id=str(group.pk))
    assert (answer.status_code, list(answer.json())) == (202, ["import_id"])
    address = f"/api/contacts/imports/{answer.json()['import_id']}"
    assert answer["Location"].endswith(address)
    waiting = api(bo).get(address).json()
    assert (waiting["state"], waiting["total"], waiting["handled"], waiting["errors"]) == ("queued", 4, 0, [])

    imports.run_import(answer.json()["import_id"])

    done = api(bo).get(address).json()
    counts = [done[name] for name in ("total", "handled", "created", "existing", "skipped")]
    assert (done["state"], counts) == ("done", [4, 4, 1, 1, 2])
    assert (done["chatroom_id"], done["group_id"]) == (str(sales.room.pk), str(group.pk))
    assert [row["line"] for row in done["errors"]] == [3, 4]
    assert "valid phone number" in done["errors"][0]["reason"]
    assert [row["line"] for row in api(bo).get(address, {"errors_after": 3}).json()["errors"]] == [4]
    with inside(acme):
        ada = Contact.objects.get(phone="+14155550101")
        assert (ada.first_name, ada.last_name, ada.chatroom_id) == ("Ada", "Lovelace", sales.room.pk)
        assert group.members.count() == 2


def test_numbers_are_read_as_of_the_country_that_is_given(api, bo, acme, sales, inside, transactional_db):
    refused = send(api(bo), "Phone\n020 7946 0018\n", chatroom_id=str(sales.room.pk), country="UK")
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (400, ["country"])

    answer = send(api(bo), "Phone\n020 7946 0018\n", chatroom_id=str(sales.room.pk), country="GB")
    imports.run_import(answer.json()["import_id"])

    with inside(acme):
        assert Contact.objects.filter(phone="+442079460018").count() == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Phone\n", "The file has no rows"),
        ("Name,City\nAda,London\n", "No column has a title such as Phone"),
        (b"\x89PNG\x0d\x81\x8d", "This isn't a text file"),
        ("", "empty"),
        ("Phone\n" + "1\n" * 2_100_000, "larger than 4,000 KB"),
    ],
)
def test_a_file_that_makes_no_contacts_is_refused_in_words(api, bo, acme, inside, content, words):
    answer = send(api(bo), content)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["fields"]["file"][0]
    with inside(acme):
        assert not ContactImport.objects.exists()


@pytest.mark.parametrize("fields", [{}, {"file": "Phone\n+14155550101\n"}])
def test_a_request_without_a_file_is_refused(api, bo, fields):
    answer = api(bo).post(IMPORT, fields, "multipart")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["file"])


def test_json_and_broken_forms_are_refused(api, bo):
    assert api(bo).post(IMPORT, {"file": FILE}).status_code == 415
    assert api(bo).generic("POST", IMPORT, b"x", content_type="multipart/form-data").status_code == 400


@pytest.mark.parametrize("field", ["chatroom_id", "group_id"])
def test_ids_of_others_are_refused_like_made_up_ones(api, bo, acme, globex, support, elsewhere, inside, field):
    with inside(acme):
        other = {"chatroom_id": support.room.pk, "group_id": groups.create_group(support.room, "Others").pk}
    with inside(globex):
        foreign = {"chatroom_id": elsewhere.room.pk, "group_id": groups.create_group(elsewhere.room, "Others").pk}
    answers = [send(api(bo), **{field: str(pk)}) for pk in (other[field], foreign[field], MADE_UP, "x")]
    assert {answer.status_code for answer in answers} == {400}
    assert {answer.getvalue() for answer in answers} == {answers[0].getvalue()}
    assert answers[0].json()["error"]["fields"] == {field: ["Not found."]}


def test_the_group_must_be_of_the_chatroom(api, ann, support, group):
    answer = send(api(ann), chatroom_id=str(support.room.pk), group_id=str(group.pk))
    assert answer.json()["error"]["fields"] == {"group_id": ["This belongs to another chatroom."]}
    assert list(send(api(ann)).json()["error"]["fields"]) == ["chatroom_id"]  # an admin sees several


@pytest.mark.parametrize("outsider", ["cy", "zed"])
def test_an_import_of_others_does_not_exist(api, bo, group, outsider, request):
    pk = send(api(bo)).json()["import_id"]
    assert api(request.getfixturevalue(outsider)).get(f"/api/contacts/imports/{pk}").status_code == 404


@pytest.mark.parametrize(("query", "field"), [("errors_after=x", "errors_after"), ("errors_after=-1", "errors_after"),
                                              ("page=2", "page")])  # fmt: skip
def test_bad_queries_are_refused(api, bo, group, query, field):
    pk = send(api(bo)).json()["import_id"]
    answer = api(bo).get(f"/api/contacts/imports/{pk}?{query}")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [field])


def test_queries_do_not_grow_with_rows_and_the_file_is_not_read(api, bo, acme, sales, group, inside):
    client = api(bo)
    pk = send(client, "Phone\n+14155550101\n").json()["import_id"]
    with CaptureQueriesContext(connection) as of_few:
        client.get(f"/api/contacts/imports/{pk}")
    with inside(acme):
        ImportRow.objects.bulk_create(
            ImportRow(organization=acme.organization, contact_import_id=pk, number=number, outcome="skipped")
            for number in range(2, 1204)
        )
    with CaptureQueriesContext(connection) as of_many:
        answer = client.get(f"/api/contacts/imports/{pk}")
    assert [row["line"] for row in answer.json()["errors"]] == list(range(2, 1002))
    assert len(of_few) == len(of_many)
    assert not any('"content"' in query["sql"] for query in of_many)
    with CaptureQueriesContext(connection) as few:
        send(client, "Phone\n+14155550101\n")
    with CaptureQueriesContext(connection) as many:
        send(client, "Phone\n" + "".join(f"+1415555{number:04}\n" for number in range(300)))
    assert len(few) == len(many)


def test_a_hundred_thousand_rows_are_within_the_limits(acme, sales, bo, inside):
    content = ("First name,Last name,Phone\n" + "".join(f"Ada,Lovelace,+1415{n:07}\n" for n in range(100_000))).encode()
    assert len(content) < csv_files.MOST_BYTES < largest_body(IMPORT, [(b"authorization", b"")]) - 64 * 1024
    with inside(acme):
        room = Chatroom.objects.get(pk=sales.room.pk)
        assert imports.import_file(room, None, "people.csv", content, by=bo).total == 100_000

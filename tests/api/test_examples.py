"""The examples of the OpenAPI document, sent: each succeeds, with an answer of the shape that is shown.

After a change of what the API answers: RECORD_EXAMPLES=1 pytest tests/api/test_examples.py
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts import keys
from chatrooms import groups
from messagehub import tenancy
from messagehub.api.examples import FILE, read_examples
from messaging.campaigns import lifecycle
from messaging.contacts import imports
from messaging.conversations import labels
from messaging.message_templates import templates
from messaging.models import Campaign, ConsentEntry, ContactImport, ImportRow
from tests import factories
from tests.sandbox_server import SandboxServer
from tokens import ledger

SID, TOKEN, OTHER_SID = "AC" + "c" * 32, "c" * 32, "AC" + "d" * 32
NEW_PAGE, PAGE_TOKEN = "107700000000002", "EAAGm0PX4ZCpsBO5ZC"
LIST = b"First name,Last name,Phone\nLiam,Chen,+14155550133\nMaja,Lind,12\n"
THINGS = (
    "room agent admin contact conversation message number label template group draft running paused scheduled failed "
    "unknown stranger empty_room spare_number key organization page done offer list upload"
).split()
IDS = {thing: str(UUID(f"01990000-0000-7000-8000-{number:012d}")) for number, thing in enumerate(THINGS, 1)}
EXAMPLES = read_examples()
RECORD = os.environ.get("RECORD_EXAMPLES") == "1"
# What is different in each run -> what is shown instead.
SHOWN = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "2026-11-28T09:30:00Z"),
    (re.compile(r"\b(SM|MM|PN)[0-9a-f]{32}"), r"\g<1>0123456789abcdef0123456789abcdef"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "5a0c" * 16),
    (re.compile(r"mhk_[\w-]+"), "mhk_Yk3vTqX9"),
]


@pytest.fixture(scope="module")
def stage(django_db_setup, django_db_blocker) -> Iterator[SimpleNamespace]:
    """The organization of the examples: made once, around all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build_stage()
        transaction.set_rollback(True)


def build_stage() -> SimpleNamespace:
    organization = factories.OrganizationFactory(name="Acme", slug="acme")
    with tenancy.organization(organization.pk):
        person = {"organization": organization}
        admin = factories.UserFactory(name="Noa Adams", email="noa@acme.example", role="admin", **person)
        agent = factories.UserFactory(name="Robin Lee", email="robin@acme.example", **person)
        room = factories.ChatroomFactory(name="Front desk", **person)
        factories.UserChatroomFactory(user=agent, chatroom=room)
        ledger.adjust(agent, 50, actor=admin, reason="Start")
        rows = {"organization": organization, "admin": admin, "agent": agent, "room": room}
        rows |= furnish_room(organization, room, admin)
        rows |= make_campaigns(room, rows, admin)
        rows["list"] = make_import(room, rows["group"], admin)
        rows["key"] = keys.create_key(admin, "Booking system", ["read", "send"])[0]
    return SimpleNamespace(admin=admin, ids={thing: str(rows[thing].pk) for thing in THINGS})


def furnish_room(organization, room, admin) -> dict[str, Any]:
    account = factories.TwilioAccountFactory(organization=organization, external_id=SID, secret=TOKEN)
    number = factories.ChannelFactory(chatroom=room, account=account, address="+15550300100", name="Front desk")
    spare = factories.ChannelFactory(chatroom=room, account=account, address="+15550300101", name="Spare")
    page = factories.FacebookPageFactory(organization=organization, external_id="107700000000001", name="Acme")
    messenger = factories.PageChannelFactory(chatroom=room, account=page)
    factories.PageChannelFactory(
        chatroom=room, account=page, platform="INSTAGRAM", address="17841400000000001", name="acme.shop"
    )
    contact = factories.ContactFactory(chatroom=room, phone="+14155550132")
    conversation = factories.ConversationFactory(chatroom=room, contact=contact, channel=number)
    sent = {"conversation": conversation, "direction": "outbound", "sent_by": admin}
    wish = factories.MessageFactory(
        conversation=conversation, content="Take me off the list, please.", from_address=contact.phone,
        to_address=number.address,
    )  # fmt: skip
    ConsentEntry.objects.create(
        organization=organization, channel=number, address=contact.phone, kind="opt_in", source="staff", actor=admin,
        reason="Signed up at the counter", asked_by="The customer",
    )  # fmt: skip
    label = labels.create_label(organization, name="Urgent", color="magenta")
    template = templates.create_template(
        organization.pk, room, name="Delivery", body="Hi {{first_name|there}}, your table is ready. {{agent}}."
    )
    group = groups.create_group(room, "Regulars")
    groups.add_members(group, [contact])
    return {
        "number": number,
        "spare_number": spare,
        "page": messenger.account,
        "contact": contact,
        "conversation": conversation,
        "stranger": factories.ContactFactory(
            chatroom=room, phone="+14155550135", first_name="Maja", last_name="Lind"
        ),
        "empty_room": factories.ChatroomFactory(organization=organization, name="Billing"),
        "scheduled": factories.MessageFactory(
            **sent, status="scheduled", send_at="2036-01-31T09:00:00Z", content="See you tomorrow."
        ),
        "failed": factories.MessageFactory(
            **sent, status="failed", error_code="30003", error_message="The phone is unreachable.", content="Ready."
        ),
        "unknown": factories.MessageFactory(**sent, status="unknown", content="Thank you!"),
        "message": factories.MessageFactory(
            conversation=conversation, content="When will my table arrive?", from_address=contact.phone,
            to_address=number.address,
        ),
        "label": label,
        "upload": factories.UploadFactory(chatroom=room, uploaded_by=admin),
        "offer": factories.OptOutOfferFactory(message=wish),
        "template": template,
        "group": group,
    }  # fmt: skip


def make_import(room, group, admin) -> ContactImport:
    """One that is done, with a row that was skipped."""
    contact_import = imports.import_file(room, group, "customers.csv", LIST, by=admin)
    ContactImport.objects.filter(pk=contact_import.pk).update(
        state="done", handled=2, created_count=1, skipped_count=1, content=""
    )
    ImportRow.objects.create(
        organization=room.organization, contact_import=contact_import, number=3, outcome="skipped",
        reason="This isn't a valid phone number.",
    )  # fmt: skip
    return contact_import


def make_campaigns(room, rows: dict, admin) -> dict[str, Any]:
    campaigns = {
        state: lifecycle.create_campaign(
            room, name=name, content="Hi {{first_name|there}}, our sale starts on Friday.",
            channel=rows["number"], groups=[rows["group"]], by=admin,
        )
        for state, name in {"draft": "Spring sale", "running": "Check-up due", "paused": "New hours"}.items()
    }  # fmt: skip
    for state in ("running", "paused"):
        lifecycle.start_campaign(campaigns[state], by=admin)
    lifecycle.pause_campaign(campaigns["paused"], by=admin)
    return {**campaigns, "done": make_failed_campaign(room, rows, admin)}


def make_failed_campaign(room, rows: dict, admin) -> Campaign:
    """One that is done, and whose only message failed."""
    campaign = lifecycle.create_campaign(
        room, name="Winter hours", content="We close at four.", channel=rows["number"], groups=[rows["group"]], by=admin
    )
    lifecycle.start_campaign(campaign, by=admin)
    message = factories.MessageFactory(
        conversation=rows["conversation"], direction="outbound", status="failed", sent_by=admin, campaign=campaign,
        content="We close at four.", occurred_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    campaign.recipients.update(outcome="messaged", message=message)
    lifecycle.end_campaign(campaign, "done")
    return campaign


@pytest.fixture
def client(stage, db, sandbox: SandboxServer, settings) -> APIClient:
    settings.TWILIO_API_BASE_URL = sandbox.base_url
    for sid, token in ((SID, TOKEN), (OTHER_SID, "e" * 32)):
        sandbox.add_account(sid, token)
    settings.META_GRAPH_BASE_URL = settings.META_INSTAGRAM_BASE_URL = f"{sandbox.base_url}/graph"
    sandbox.add_app("4711", settings.META_APP_SECRET, "http://127.0.0.1:9/api/webhooks/facebook")
    sandbox.add_page(NEW_PAGE, "Acme Outlet", PAGE_TOKEN, "4711")
    sandbox.add_number(SID, "+15550300100", friendly_name="Front desk")
    sandbox.add_number(SID, "+15550300101", friendly_name="Spare")
    sandbox.add_number(OTHER_SID, "+15550300102", friendly_name="Second line")
    client = APIClient()
    client.force_login(stage.admin)
    return client


def replace_ids(value: Any, ids: dict[str, str]) -> Any:
    text = json.dumps(value)
    return json.loads(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", lambda found: ids.get(found[0], found[0]), text))


def send_example(client: APIClient, operation: str, example: dict):
    """As the document shows it, and undone again."""
    verb, path = operation.split(" ")
    path = path.replace("{id}", example.get("id", ""))
    if query := example.get("query"):
        path += "?" + urlencode(query)
    if operation == "POST /api/auth/login":
        client = APIClient()
    with transaction.atomic():
        if form := example.get("form"):
            file = SimpleUploadedFile(example.get("file_name", "list.csv"), form["file"].encode())
            answer = client.post(path, {**form, "file": file}, "multipart")
        else:
            answer = client.generic(
                verb, path, json.dumps(example["body"]) if "body" in example else "", content_type="application/json"
            )
        transaction.set_rollback(True)
    return answer


def write_for_readers(answer: Any, real_ids: dict[str, str]) -> Any:
    """With the ids of the examples, and the same in every run."""
    text = json.dumps(replace_ids(answer, real_ids))
    for pattern, shown in SHOWN:
        text = pattern.sub(shown, text)
    text = text.replace("http://testserver", "https://hub.example.com")
    fresh = {}
    for found in re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", text):
        if found not in IDS.values():
            fresh.setdefault(found, str(UUID(f"01990000-0000-7000-8000-{101 + len(fresh):012d}")))
    return replace_ids(json.loads(text), fresh)


def describe_shape(value: Any) -> Any:
    """Names and kinds, without the values; of a list its first item. Both kinds of numbers are one."""
    if isinstance(value, dict):
        return {name: describe_shape(inner) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        return [describe_shape(inner) for inner in value[:1]]
    return "number" if type(value) in (int, float) else type(value).__name__


@pytest.mark.parametrize("operation", EXAMPLES)
def test_example_succeeds_with_the_answer_that_is_shown(operation, client, stage):
    example = EXAMPLES[operation]
    real = {IDS[thing]: pk for thing, pk in stage.ids.items()}

    answer = send_example(client, operation, replace_ids(example, real))

    content = answer.getvalue()
    assert answer.status_code == example["status"], content
    if content:
        name = "csv" if answer["Content-Type"].startswith("text/csv") else "answer"
        given = content.decode() if name == "csv" else answer.json()
        shown = write_for_readers(given, {pk: IDS[thing] for thing, pk in stage.ids.items()})
        if RECORD:
            recorded = orjson.loads(FILE.read_bytes())
            recorded[operation][name] = shown
            FILE.write_text(json.dumps(recorded, indent=2, ensure_ascii=False) + "\n")
        elif name == "csv":
            assert shown.splitlines()[0] == example["csv"].splitlines()[0]
        else:
            assert describe_shape(shown) == describe_shape(example["answer"])
    else:
        assert not {"answer", "csv"} & example.keys()


@pytest.fixture(scope="module")
def document() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


def list_operations(document: dict) -> dict[str, dict]:
    return {
        f"{verb.upper()} {path}": operation
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }


def test_every_operation_has_an_example_and_each_example_an_operation(document):
    assert set(EXAMPLES) == set(list_operations(document))


def test_no_two_operations_share_a_summary(document):
    summaries = [operation["summary"] for operation in list_operations(document).values()]
    assert sorted(summaries) == sorted(set(summaries))


def test_document_shows_what_the_test_sends(document):
    for name, operation in list_operations(document).items():
        example = EXAMPLES[name]
        request = operation.get("requestBody", {}).get("content", {})
        response = operation["responses"][str(example["status"])].get("content", {})
        for content, kind, media_type in (
            (request, "body", "application/json"),
            (request, "form", "multipart/form-data"),
            (response, "answer", "application/json"),
            (response, "csv", "text/csv"),
        ):
            assert content.get(media_type, {}).get("example") == example.get(kind), name
        parameters = {each["name"]: each.get("example") for each in operation.get("parameters", [])}
        assert {**({"id": example["id"]} if "id" in example else {}), **example.get("query", {})}.items() <= (
            parameters.items()
        ), name

"""A text may be as long as its platform takes, also when it is changed or written by a template."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from messagehub import tenancy
from messaging.models import Conversation, Message
from tests import factories
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


@pytest.fixture
def agent(acme) -> APIClient:
    client = APIClient()
    client.force_login(acme["agent"])
    return client


def open_thread(acme: dict, platform: str) -> Conversation:
    with tenancy.organization(acme["organization"].pk):
        if platform == "SMS":
            return acme["conversation"]
        address = {"MESSENGER": "100000000000077", "INSTAGRAM": "17840000000077"}[platform]
        channel = factories.PageChannelFactory(chatroom=acme["room"], platform=platform, address=address)
        contact = factories.ContactFactory(chatroom=acme["room"], phone=None)
        contact.addresses.create(
            organization=acme["organization"], chatroom=acme["room"], platform=platform, address="7700000000000077",
            channel=channel, is_primary=True,
        )  # fmt: skip
        return factories.ConversationFactory(
            chatroom=acme["room"], contact=contact, channel=channel, platform=platform, last_inbound_at=timezone.now()
        )


def schedule(agent: APIClient, conversation: Conversation) -> str:
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    values = {"conversation_id": str(conversation.pk), "content": "Later", "send_at": later}
    answer = agent.post("/api/messages/send", values, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()["message"]["id"]


# Instagram counts bytes: 500 of these letters have 1,000.
@pytest.mark.parametrize(
    ("platform", "longest", "too_long", "parts"),
    [
        ("SMS", "x" * 1600, "x" * 1601, 11),
        ("MESSENGER", "x" * 2000, "x" * 2001, 1),
        ("INSTAGRAM", "ä" * 500, "ä" * 501, 1),
    ],
)
def test_changed_text_is_as_long_as_the_platform_takes(acme, agent, platform, longest, too_long, parts):
    pk = schedule(agent, open_thread(acme, platform))
    path = f"/api/messages/{pk}"

    refused = agent.patch(path, {"content": too_long}, format="json")
    in_inbox = agent.post(f"/messages/{pk}/schedule/", {"content": too_long}, HTTP_HX_REQUEST="true")
    changed = agent.patch(path, {"content": longest}, format="json")

    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (400, ["content"])
    assert in_inbox.status_code == 422
    assert changed.status_code == 200, changed.content
    with tenancy.system():
        message = Message.objects.get(pk=pk)
    assert (message.content, message.segments) == (longest, parts)


@pytest.mark.parametrize(("platform", "status"), [("MESSENGER", 201), ("INSTAGRAM", 400)])
def test_template_is_as_long_as_the_platform_takes(acme, agent, platform, status):
    conversation = open_thread(acme, platform)
    body = {"name": "Long", "body": "x" * 1580 + "{{first_name}}"}
    with tenancy.organization(acme["organization"].pk):
        template = factories.MessageTemplateFactory(organization=acme["organization"], chatroom=acme["room"], **body)

    answer = agent.post(
        "/api/messages/send",
        {
            "conversation_id": str(conversation.pk),
            "template_id": str(template.pk),
            "variables": {"first_name": "A" * 30},
        },
        format="json",
    )

    assert answer.status_code == status, answer.content

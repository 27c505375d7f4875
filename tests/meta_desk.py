"""A desk that answers over Messenger: the same tests, another provider."""

import itertools
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from chatrooms.models import Chatroom, Contact, ContactAddress
from integrations.models import Channel
from integrations.sandbox import store
from integrations.sandbox.graph import tables
from messagehub import tenancy
from messaging.models import Conversation, Message
from tests import factories
from tests.cast import create_tenant
from tests.desk import Desk, give_tokens
from tests.sandbox_server import SandboxServer

PAGES = (f"10{n:013}" for n in itertools.count(1))
TOKEN = "EAAtoken"
PERSON = "7700000000000001"
# The sandbox's names where Meta's answers have other fields than Twilio's.
FAULTS = {"no_sid": "no_id", "foreign_account": "foreign_recipient", "401": "190", "20003": "190"}


@dataclass
class MetaDesk(Desk):
    """One organization's agent who answers a person on Messenger."""

    def fault(self, kind: str, count: int = 1, **options: Any) -> None:
        self.sandbox.graph_fault(FAULTS.get(kind, kind), count, **options)

    @property
    def at_provider(self) -> list[str]:
        return [each["text"] for each in reversed(self.sandbox.accepted_by_graph(self.account))]


def create_meta_desk(sandbox: SandboxServer, slug: str) -> MetaDesk:
    page_id = next(PAGES)
    tenant = create_tenant(slug, f"+1555{int(page_id) % 10_000_000:07}")
    organization = tenant["organization"]
    channel = connect_page(sandbox, tenant["room"], page_id)
    add_people(sandbox, channel, [PERSON])
    with tenancy.organization(organization.pk):
        tenant["conversation"] = channel.conversations.select_related("contact", "channel", "chatroom").get()
        tenant["number"], tenant["contact"] = channel, tenant["conversation"].contact
    with tenancy.system():
        Message.objects.filter(organization_id=organization.pk).update(status="delivered")
    give_tokens(tenant)
    return MetaDesk(sandbox, tenant, page_id)


def connect_page(sandbox: SandboxServer, room: Chatroom, page_id: str = "") -> Channel:
    """A page at the sandbox, and its Messenger in the chatroom."""
    page_id = page_id or next(PAGES)
    app_id = settings.META_APP_ID
    sandbox.add_app(app_id, settings.META_APP_SECRET, "http://127.0.0.1:1/api/webhooks/facebook")
    sandbox.add_page(page_id, "Acme", TOKEN + page_id, app_id)
    with tenancy.organization(room.organization_id):
        account = factories.FacebookPageFactory(
            organization_id=room.organization_id, external_id=page_id, secret=TOKEN + page_id
        )
        return factories.PageChannelFactory(chatroom=room, account=account)


def add_people(sandbox: SandboxServer, page: Channel, ids: Sequence[str]) -> list[Contact]:
    """People who just wrote to the page, here and at the sandbox."""
    room = page.chatroom
    with closing(store.connect(sandbox.database)) as database:
        database.execute("BEGIN IMMEDIATE")
        for person in ids:
            tables.save_person(database, page.address, person, first_name="", last_name="", username="")
            tables.save_message(database, page.address, person, "inbound", text="Hello?")
        database.execute("COMMIT")
    own = {"organization_id": room.organization_id, "chatroom": room}
    with tenancy.organization(room.organization_id):
        people = Contact.objects.bulk_create(Contact(**own, first_name=f"N{person[-5:]}") for person in ids)
        ContactAddress.objects.bulk_create(
            ContactAddress(**own, contact=contact, platform="MESSENGER", address=person, channel=page, is_primary=True)
            for contact, person in zip(people, ids, strict=True)
        )
        Conversation.objects.bulk_create(
            Conversation(**own, contact=contact, channel=page, platform="MESSENGER", last_inbound_at=timezone.now())
            for contact in people
        )
    return people

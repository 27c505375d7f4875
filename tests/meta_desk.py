"""A desk that answers over Messenger: the same tests, another provider."""

import itertools
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from messagehub import tenancy
from messaging.models import Message
from tests import factories
from tests.cast import create_tenant
from tests.desk import Desk, give_tokens
from tests.sandbox_server import SandboxServer

PAGES = (f"10{n:013}" for n in itertools.count(1))
APP, TOKEN = "770011223344", "EAAtoken"
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
    sandbox.add_app(APP, settings.META_APP_SECRET, "http://127.0.0.1:1/api/webhooks/facebook")
    sandbox.add_page(page_id, "Acme", TOKEN + page_id, APP)
    sandbox.add_person(page_id, PERSON)
    sandbox.write_as(page_id, PERSON, text="Hello?", webhook=False)
    tenant = create_tenant(slug, f"+1555{int(page_id) % 10_000_000:07}")
    organization = tenant["organization"]
    with tenancy.organization(organization.pk):
        account = factories.FacebookPageFactory(organization=organization, external_id=page_id, secret=TOKEN + page_id)
        channel = factories.PageChannelFactory(chatroom=tenant["room"], account=account)
        contact = factories.ContactFactory(chatroom=tenant["room"], phone=None)
        contact.addresses.create(
            organization=organization, chatroom=tenant["room"], platform="MESSENGER", address=PERSON,
            channel=channel, is_primary=True,
        )  # fmt: skip
        tenant["conversation"] = factories.ConversationFactory(
            chatroom=tenant["room"], contact=contact, channel=channel, platform="MESSENGER",
            last_inbound_at=timezone.now(),
        )  # fmt: skip
        tenant["number"], tenant["contact"] = channel, contact
    with tenancy.system():
        Message.objects.filter(organization_id=organization.pk).update(status="delivered")
    give_tokens(tenant)
    return MetaDesk(sandbox, tenant, page_id)

"""Forgetting people who ask their provider for it: names, pictures, addresses, and what they wrote."""

from collections.abc import Sequence
from functools import partial

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Coalesce, Now

from accounts import audit
from chatrooms.models import Contact, ContactActivity, ContactAddress
from integrations import providers
from integrations.events import ErasureRequested
from messaging.conversations import changes
from messaging.live import event_log
from messaging.models import Message
from messaging.receiving import message_changes
from messaging.sending import states

ABOUT_THEM = (
    ContactActivity.Kind.CHANGED,
    ContactActivity.Kind.REFERRED,
)  # former names, and what led them here


def erase_people(requests: Sequence[ErasureRequested]) -> list[event_log.Change]:
    """Forget everybody with these addresses, in every organization; returns the changes of their messages."""
    found_changes: list[event_log.Change] = []
    for request in requests:
        addresses = ContactAddress.objects.filter(platform__in=request.platforms, address=request.address)
        contacts = Contact.objects.select_for_update(no_key=True).filter(pk__in=addresses.values("contact_id"))
        for contact in contacts.order_by("pk"):
            own_addresses = contact.addresses.filter(platform__in=request.platforms, address=request.address)
            platforms = list(own_addresses.values_list("platform", flat=True))
            own_addresses.delete()
            found_changes += _erase_messages(contact, platforms, request.address)
            found_changes += _erase_person(contact)
    return found_changes


def _erase_messages(contact: Contact, platforms: Sequence[str], address: str) -> list[event_log.Change]:
    """Empty what the contact wrote from this address. The rows stay, as those of unsent messages do."""
    messages = Message.objects.filter(
        contact=contact, direction=Message.Direction.INBOUND, platform__in=platforms, from_address=address
    )
    columns = ("id", "organization_id", "chatroom_id", "conversation_id", "platform", "to_address", "provider_id")
    rows = list(messages.select_for_update(no_key=True).order_by("pk").values(*columns))
    message_ids = [row["id"] for row in rows]
    Message.objects.filter(pk__in=message_ids).update(
        content="", reactions=[], from_address="", deleted_at=Coalesce("deleted_at", Now())
    )
    message_changes.forget_files(message_ids)
    message_changes.forget_webhooks(
        [
            origin
            for row in rows
            if row["provider_id"]
            for origin in providers.find_origins(row["platform"], row["to_address"], row["provider_id"])
        ]
    )
    return [states.message_updated(row) for row in rows]


def _erase_person(contact: Contact) -> list[event_log.Change]:
    """Forget what the provider told of the contact, and everything of one who can't be reached elsewhere."""
    is_known_elsewhere = contact.addresses.exists()
    values = {"profile_picture_url": ""}
    if not is_known_elsewhere or contact.name_source == Contact.NameSource.PROVIDER:
        values |= {"first_name": "", "last_name": "", "name_source": Contact.NameSource.NONE}
    if not is_known_elsewhere:
        values |= {"email": ""}
    Contact.objects.filter(pk=contact.pk).update(**values)
    contact.activities.filter(kind__in=ABOUT_THEM).update(about="")
    if contact.profile_picture_url:
        transaction.on_commit(partial(default_storage.delete, contact.profile_picture_url))
    audit.record_action("contact.erase", actor=None, target=contact)
    # Recorded by the caller with all the others: the chatrooms' event counters are locked last.
    return changes.list_contact_changes(contact)

"""Forgetting people who ask their provider for it: names, pictures, addresses, and what was written."""

from collections.abc import Sequence

from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from accounts import audit
from chatrooms.models import Contact, ContactActivity, ContactAddress
from integrations.events import ErasureRequested
from messagehub import sentences, stored_files
from messaging.conversations import changes
from messaging.live import event_log
from messaging.models import CampaignRecipient, Message, Note, OptOutOffer
from messaging.receiving import message_changes
from messaging.sending import states

ABOUT_THEM = (
    ContactActivity.Kind.CHANGED,
    ContactActivity.Kind.REFERRED,
)  # former names, and what led them here
NOT_GONE = (Message.Status.SCHEDULED, Message.Status.QUEUED)
UNCERTAIN = (Message.Status.SENDING, Message.Status.UNKNOWN)


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
            _erase_recipients(contact, request.address)
            found_changes += _erase_person(contact)
        message_changes.forget_webhooks_about(request.webhook_source, request.address)
    return found_changes


def _erase_messages(contact: Contact, platforms: Sequence[str], address: str) -> list[event_log.Change]:
    """Empty what the contact wrote from this address and was written there, and the notes beside it.

    The rows stay, as those of unsent messages do: ids, states and tokens are what the ledger refers to.
    """
    written = Q(direction=Message.Direction.INBOUND, from_address=address)
    answered = Q(direction=Message.Direction.OUTBOUND, to_address=address)
    messages = Message.objects.filter(written | answered, contact=contact, platform__in=platforms)
    columns = (
        "id", "organization_id", "chatroom_id", "conversation_id", "direction", "status", "tokens", "sent_by_id",
    )  # fmt: skip
    rows = list(messages.select_for_update(no_key=True).order_by("pk").values(*columns))
    _cancel_messages([row for row in rows if row["status"] in NOT_GONE])
    message_ids = [row["id"] for row in rows]
    erased = Message.objects.filter(pk__in=message_ids)
    erased.update(content="", reactions=[], media_urls=[], deleted_at=Coalesce("deleted_at", Now()))
    erased.filter(direction=Message.Direction.INBOUND).update(from_address="")
    # Reconciliation asks the provider by the address whether these were sent and have to be paid for.
    erased.filter(direction=Message.Direction.OUTBOUND).exclude(status__in=UNCERTAIN).update(to_address="")
    message_changes.forget_files(message_ids)
    OptOutOffer.objects.filter(message__in=message_ids).delete()
    Note.objects.filter(conversation__contact=contact, conversation__platform__in=platforms).delete()
    return [states.message_updated(row) for row in rows]


def _erase_recipients(contact: Contact, address: str) -> None:
    """Forget where campaigns wrote to the locked contact, and leave them out of those that have yet to."""
    found = CampaignRecipient.objects.filter(address=address)
    # A merge takes the contact from one of two recipients of the same campaign. Each is found by an index of its own.
    for recipients in (found.filter(contact=contact), found.filter(contact=None, campaign__chatroom=contact.chatroom)):
        recipients.filter(outcome=CampaignRecipient.Outcome.WAITING).update(
            outcome=CampaignRecipient.Outcome.SKIPPED,
            reason_code="contact_gone",
            reason=sentences.DATA_DELETED,
            not_before=None,
        )
        recipients.update(address=None)


def _cancel_messages(rows: Sequence[dict]) -> None:
    """Cancel and refund locked messages that have not gone: there is nobody to send them to."""
    Message.objects.filter(pk__in=[row["id"] for row in rows]).update(status=Message.Status.CANCELED, not_before=None)
    for row in rows:
        states.refund_message(row, state=Message.Status.CANCELED, reason=sentences.DATA_DELETED)


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
        stored_files.delete_after_commit([contact.profile_picture_url])
    audit.record_action("contact.erase", actor=None, target=contact)
    # Recorded by the caller with all the others: the chatrooms' event counters are locked last.
    return changes.list_contact_changes(contact)

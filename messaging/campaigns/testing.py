"""The text of a campaign to one number, to see how it looks there."""

from uuid import UUID

from django.db import transaction

from accounts.models import User
from chatrooms import contacts
from messaging.conversations import changes
from messaging.media import links, uploads
from messaging.message_templates import templates
from messaging.models import Campaign
from messaging.sending import eligibility, enqueue


@transaction.atomic
def send_test(campaign: Campaign, number: str, *, by: User, client_id: UUID | None = None) -> enqueue.Sent:
    """Send the text as a message of `by` to a number (E.164), filled in for the contact who has it.

    What nothing is known for stays as it is written. Raises SendRefused and InsufficientTokens.
    """
    if reason := eligibility.may_feed(by, campaign.chatroom_id, campaign.channel):
        raise eligibility.SendRefused(eligibility.Verdict((reason,)))
    contact = contacts.find_or_create_contact(campaign.chatroom, number)
    text, _missing_names = templates.fill_in_sample(campaign.content, contact, sender=by)
    conversation = changes.open_conversation(contact, campaign.channel)
    return enqueue.send_message(
        conversation,
        text,
        sent_by=by,
        media_urls=links.list_elsewhere(campaign.media_urls),
        uploads=uploads.find_uploads(campaign.media_urls),
        client_id=client_id,
    )

"""The text of a campaign to one number, to see how it looks there."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms import contacts
from integrations import providers
from messaging.campaigns import lifecycle
from messaging.conversations import changes
from messaging.media import links, uploads
from messaging.message_templates import templates
from messaging.models import Campaign, Platform
from messaging.sending import eligibility, enqueue


@transaction.atomic
def send_test(campaign: Campaign, number: str, *, by: User, client_id: UUID | None = None) -> enqueue.Sent:
    """Send the text as a message of `by` to a number (E.164), filled in for the contact who has it.

    What nothing is known for stays as it is written. Raises WrongCampaignState where the campaign does not go to
    numbers, SendRefused and InsufficientTokens.
    """
    if campaign.channel.platform != Platform.SMS:
        words = _("A test goes to a phone number, and this campaign goes out over {platform}.")
        platform = providers.name_platform(campaign.channel.platform)
        raise lifecycle.WrongCampaignState("no_test", words.format(platform=platform))
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

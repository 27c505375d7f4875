"""Tables of messaging, a room for each subject."""

from messaging.models.campaigns import ACTIVITY, Campaign, CampaignGroup, CampaignRecipient
from messaging.models.consent import ConsentEntry, OptOutOffer
from messaging.models.contact_lists import ContactImport, GroupChange, ImportRow
from messaging.models.conversations import (
    Conversation,
    ConversationActivity,
    ConversationLabel,
    Note,
    Platform,
    ReadMarker,
)
from messaging.models.log import Event, IdempotencyKey
from messaging.models.messages import UNSUCCESSFUL, Attachment, Message, MessageReceipt
from messaging.models.notifications import Notification, PushSubscription
from messaging.models.statistics import CountChange, CountedZone, DailyCount
from messaging.models.uploads import UPLOAD_SCHEME, Upload
from messaging.models.wording import Color, Label, MessageTemplate

__all__ = [
    "ACTIVITY",
    "UNSUCCESSFUL",
    "UPLOAD_SCHEME",
    "Attachment",
    "Campaign",
    "CampaignGroup",
    "CampaignRecipient",
    "Color",
    "ConsentEntry",
    "ContactImport",
    "Conversation",
    "ConversationActivity",
    "ConversationLabel",
    "CountChange",
    "CountedZone",
    "DailyCount",
    "Event",
    "GroupChange",
    "IdempotencyKey",
    "ImportRow",
    "Label",
    "Message",
    "MessageReceipt",
    "MessageTemplate",
    "Note",
    "Notification",
    "OptOutOffer",
    "Platform",
    "PushSubscription",
    "ReadMarker",
    "Upload",
]

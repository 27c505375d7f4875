"""The time in which Meta takes messages: replies to a customer's last one, and no first messages."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max
from django.utils.translation import gettext as _

from integrations import providers
from integrations.models import Channel, ProviderAccount
from messagehub import sentences
from messaging.models import Conversation


def find_last_words(channel: Channel, contact_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """When each contact last wrote to the channel, in whichever conversation; asks nothing where no window depends on
    it."""
    if providers.read_limits(channel.platform).window is None:
        return {}
    heard = Conversation.objects.filter(channel=channel, contact__in=list(contact_ids), last_inbound_at__isnull=False)
    return dict(heard.order_by().values_list("contact_id").annotate(at=Max("last_inbound_at")))


def open_until(conversation: Conversation, *, for_campaign: bool = False) -> datetime | None:
    """When the reply window closes; None for SMS, which has none, and before the customer's first message.

    Meta lets a person answer for longer where it has approved that for the page. A campaign is no person
    (https://developers.facebook.com/docs/messenger-platform/policy/policy-overview#human_agent).
    """
    limits = providers.read_limits(conversation.platform)
    if limits.window is None or not conversation.last_inbound_at:
        return None
    channel = conversation.channel
    has_human_agent = (
        not for_campaign
        and channel is not None
        and ProviderAccount.objects.filter(pk=channel.account_id, has_human_agent=True).exists()
    )
    return conversation.last_inbound_at + (has_human_agent and limits.human_window or limits.window)


def is_window_closed(window: timedelta | None, last_word: datetime | None, at: datetime) -> bool:
    """Whether a platform with this window takes nothing at the time `at` for whom wrote last at `last_word`."""
    return window is not None and (last_word is None or at >= last_word + window)


def explain_window(
    conversation: Conversation, at: datetime, opens_at: datetime | None, *, for_campaign: bool
) -> tuple[str, str, str] | None:
    """Code, words and remedy where the window is closed at the time `at`, or at the end of quiet hours (`opens_at`)."""
    if providers.read_limits(conversation.platform).window is None:
        return None
    end = open_until(conversation, for_campaign=for_campaign)
    if end is None or at >= end:
        words = _(sentences.WINDOW_CLOSED)
    elif opens_at and opens_at >= end:
        words = _(sentences.WINDOW_TOO_SHORT)
    else:
        return None
    explanation = words.format(platform=providers.name_platform(conversation.platform))
    return "outside_messaging_window", explanation, _("You can reply once the customer writes again.")

"""Whether a message may be sent now; if not, every reason why, when each ends, and how to fix it.

The composer, the API, scheduled messages and campaigns share this check, so pages and refusals use the same words. The
verdict is stored with the message. The balance is only read here; the ledger's own update decides who can pay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from chatrooms import contacts
from chatrooms.models import Chatroom, Contact
from integrations import providers
from integrations.models import Channel
from messagehub import languages, sentences
from messaging.consent import entries, footers
from messaging.media import fitting
from messaging.models import UNSUCCESSFUL, Conversation, Message, Platform, Upload
from messaging.sending import quiet_hours, reply_windows
from tokens import ledger

# Within this time of the customer's last message ours is a reply, which quiet hours do not hold back.
ANSWERING = timedelta(hours=24)
ANSWERED_LATE = timedelta(hours=1)  # for automatic answers
DUPLICATE = timedelta(seconds=60)  # the composer's guard against sending twice; API clients choose


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message is refused or delayed. `opens_at` is when that ends by itself; `fix` is what to do about it."""

    code: str
    message: str
    fix: str = ""
    opens_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()

    def as_json(self) -> dict:
        opens_at = self.opens_at.isoformat().replace("+00:00", "Z") if self.opens_at else None
        return {"code": self.code, "message": self.message, "fix": self.fix, "opens_at": opens_at}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Any of `reasons` refuses the message, the most important first; `warnings` announce delays."""

    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def waits_until(self) -> datetime | None:
        """When quiet hours end, where they alone refuse and do end."""
        return self.reasons[0].opens_at if [reason.code for reason in self.reasons] == ["quiet_hours"] else None

    def as_json(self) -> dict:
        return {
            "reasons": [reason.as_json() for reason in self.reasons],
            "warnings": [reason.as_json() for reason in self.warnings],
        }


class SendRefused(Exception):
    """The message may not be sent now. Nothing was changed."""

    def __init__(self, verdict: Verdict):
        self.verdict = verdict
        self.code = verdict.reasons[0].code
        self.reasons = [reason.as_json() for reason in verdict.reasons]
        super().__init__(str(verdict.reasons[0]))


def price_of(user: User, platform: str, *, has_media: bool = False) -> int:
    """Tokens that one message costs this sender, whatever its length. Admins send for free."""
    if user.is_admin:
        return 0
    organization = user.organization
    price = getattr(organization, f"price_{platform.lower()}", organization.price_sms if organization else 0)
    return price + (settings.MMS_EXTRA_TOKENS if has_media and platform == Platform.SMS else 0)


def may_send(
    user: User,
    conversation: Conversation,
    *,
    content: str = "",
    media_count: int = 0,
    uploads: Sequence[Upload] = (),
    at: datetime | None = None,
    paid: bool = False,
    seen_message: Message | None = None,
    allow_duplicate: bool = True,
    to: str | None = None,
    for_campaign: bool = False,
) -> Verdict:
    """Whether `user` may send `content` into the conversation at the time `at` (now, if None).

    `media_count` is the number of files, `uploads` are those of them that we store. `paid` skips the balance check,
    `seen_message` is the newest message that the sender has seen, and without `allow_duplicate` the same text is
    refused within a minute. `to` is the recipient's number if it differs from the contact's current one. What is
    sent `for_campaign` keeps to holidays and is no reply.
    """
    at = at or timezone.now()
    to = to or find_recipient(conversation)
    sender = conversation.channel
    opt_out = entries.find_opt_out(sender.pk, to) if sender and to else None
    hours = _choose_hours(user, conversation, at, for_campaign=for_campaign)
    checks = (
        check_access(user, conversation.chatroom_id),
        *_check_recipient(conversation, to, at, opt_out, hours, for_campaign=for_campaign),
        check_content(conversation.platform, content, media_count),
        *check_uploads(conversation.platform, uploads),
        None if paid else _check_tokens(user, conversation.platform, has_media=media_count > 0),
        None if seen_message is None else _find_newer(conversation, seen_message),
        None if allow_duplicate or not content else _find_duplicate(user.organization, conversation, content),
    )
    return Verdict(tuple(check for check in checks if check), tuple(_list_delays(sender)))


def find_recipient(conversation: Conversation) -> str:
    """Where the contact is answered: a scoped id that wrote last, or the contact's own; empty where there is none."""
    address = contacts.find_address(conversation.contact, conversation.platform, conversation.channel_id)
    if conversation.platform == Platform.SMS or not address:
        return address
    # A merged contact may have two on one channel, and only who wrote can be answered.
    addresses = conversation.contact.addresses.filter(platform=conversation.platform, channel=conversation.channel)
    inbound = Message.objects.filter(conversation=conversation, direction=Message.Direction.INBOUND)
    inbound = inbound.filter(from_address__in=addresses.values("address")).order_by("-occurred_at", "-pk")
    return inbound.values_list("from_address", flat=True).first() or address


def may_answer(message: Message) -> Verdict:
    """Whether what answers by itself may go: within an hour, at any time of the day, HELP also to the opted out."""
    if (now := timezone.now()) >= message.created_at + ANSWERED_LATE:
        return Verdict((Reason("too_late", _(sentences.LATE_ANSWER), _(sentences.ANSWER_YOURSELF)),))
    is_help = message.automatic == Message.Automatic.HELP
    opt_out = None if is_help else entries.find_opt_out(message.channel_id, message.to_address)
    # `for_campaign`, since no person writes: the human agent's longer window is not for them.
    checks = _check_recipient(message.conversation, message.to_address, now, opt_out, None, for_campaign=True)
    return Verdict(tuple(check for check in checks if check))


def may_send_to_each(
    user: User,
    sender: Channel,
    recipients: Sequence[tuple[Contact, str]],
    at: datetime | None = None,
    *,
    for_campaign: bool,
) -> list[Verdict]:
    """Check many contacts for one text. Access and payment are checked once, by the caller.

    The number of queries does not depend on the number of recipients.
    """
    # Conversations are built in memory: the feed opens them only for recipients who get a message.
    at, warnings = at or timezone.now(), tuple(_list_delays(sender))
    opt_outs = entries.find_opt_outs(sender.pk, [to for _, to in recipients])
    last_words = reply_windows.find_last_words(sender, [contact.pk for contact, _ in recipients])
    hours = None
    if user.organization and has_quiet_hours(sender.platform, for_campaign=for_campaign):
        hours = quiet_hours.choose_hours(user.organization, sender.chatroom, for_campaign=for_campaign)
    verdicts = []
    for contact, to in recipients:
        exchange = Conversation(
            contact=contact,
            channel=sender,
            chatroom_id=contact.chatroom_id,
            platform=sender.platform,
            last_inbound_at=last_words.get(contact.pk),
        )
        checks = _check_recipient(exchange, to, at, opt_outs.get(to), hours, for_campaign=for_campaign)
        verdicts.append(Verdict(tuple(check for check in checks if check), warnings))
    return verdicts


def may_feed(user: User, chatroom_id: UUID, sender: Channel) -> Reason | None:
    """Why this person may not run a campaign in this chatroom over this channel, if so."""
    if reason := check_access(user, chatroom_id):
        return reason
    if _serves(sender, chatroom_id):
        return None
    if sender.platform == Platform.SMS:
        return no_sender()
    text = _("This chatroom no longer sends over {channel}.").format(channel=providers.name_channel(sender))
    return Reason("no_sender", text, _("Ask an admin to connect one."))


def check_access(user: User, chatroom_id: UUID) -> Reason | None:
    """Why the user may not work in this chatroom, if so."""
    if user.is_active and Chatroom.objects.visible_to(user).filter(pk=chatroom_id).exists():
        return None
    return no_access()


def _check_recipient(
    conversation: Conversation,
    to: str,
    at: datetime,
    opt_out: entries.Decision | None,
    hours: quiet_hours.Hours | None,
    *,
    for_campaign: bool,
) -> tuple[Reason | None, ...]:
    """Reasons that depend on the recipient and the channel."""
    contact = conversation.contact
    # A scoped id has no place; the contact's phone number may have one.
    quiet = explain_quiet_hours(hours, to if conversation.platform == Platform.SMS else contact.phone or "", at)
    opens_at = quiet.opens_at if quiet else None
    window = reply_windows.explain_window(conversation, at, opens_at, for_campaign=for_campaign)
    return (
        *_check_contact(contact, to, opt_out),
        _check_sender(conversation, to),
        Reason(*window) if window else None,
        quiet,
    )


def no_access() -> Reason:
    """The sender lost access to the chatroom, or no longer exists."""
    return Reason("no_access", _("The sender no longer has access to this chatroom."), _("Ask an admin."))


def _check_contact(contact: Contact, to: str, opt_out: entries.Decision | None) -> list[Reason]:
    """Block, consent and a number that the provider refused. `opt_out` is the consent entry in force."""
    reasons = []
    if contact.blocked_at:
        reasons.append(Reason("blocked", _("This contact is blocked."), _("Unblock to reply.")))
    if opt_out:
        reasons.append(_explain_opt_out(opt_out))
    if contact.phone_refused and to == contact.phone:
        text = _("The provider reports that this number can't receive messages ({code}).")
        fix = _("Correct the contact's phone number.")
        reasons.append(Reason("invalid_number", text.format(code=contact.phone_refused), fix))
    return reasons


def _explain_opt_out(opt_out: entries.Decision) -> Reason:
    day = languages.format_day(timezone.localtime(opt_out.said_at), "j F Y")
    fix = _("You can't message this contact from this number until they text START.")
    if opt_out.is_own:
        return Reason("opted_out", _("Opted out on {day}.").format(day=day), fix)
    text = _("Opted out of {channel} on {day}, which holds for this channel too.")
    return Reason("opted_out", text.format(channel=opt_out.channel_address, day=day), fix)


def _check_sender(conversation: Conversation, to: str) -> Reason | None:
    sender = conversation.channel
    if sender and _serves(sender, conversation.chatroom_id) and to:
        return None
    return no_sender(conversation.platform)


def _serves(sender: Channel, chatroom_id: UUID) -> bool:
    """Whether the chatroom sends from this channel: it may have moved to another chatroom, or to somebody else."""
    return sender.chatroom_id == chatroom_id and sender.retired_at is None


def no_sender(platform: str = Platform.SMS) -> Reason:
    if platform == Platform.SMS:
        text = _("This chatroom has no number to send from.")
    else:
        text = _("This chatroom can't send to this contact over {platform}.").format(
            platform=providers.name_platform(platform)
        )
    return Reason("no_sender", text, _("Ask an admin to connect one."))


def check_content(platform: str, content: str, media_count: int) -> Reason | None:
    """What the platform does not take in one message."""
    limits, label = providers.read_limits(platform), providers.name_platform(platform)
    if not limits.fits(content):
        text = _("This is longer than {platform} takes in one message.")
        return Reason("too_long", text.format(platform=label), _("Shorten it, or send two messages."))
    if media_count > limits.most_media > 1:
        return Reason("text_and_media", fitting.say_too_many(), _("Send them in two messages."))
    if media_count > limits.most_media or (media_count and content.strip() and not limits.text_with_media):
        text = _("{platform} takes either text or one attachment in a message.")
        return Reason("text_and_media", text.format(platform=label), _("Send them one after the other."))
    return None


def check_uploads(platform: str, uploads: Sequence[Upload]) -> list[Reason]:
    """Files that the platform does not take."""
    return [Reason(*unfit) for unfit in fitting.list_unfit(platform, uploads)]


def _check_tokens(user: User, platform: str, *, has_media: bool) -> Reason | None:
    needed = price_of(user, platform, has_media=has_media)
    if not needed or (ledger.balance(user) or 0) >= needed:
        return None
    return Reason("insufficient_tokens", *ledger.InsufficientTokens(needed).words)


def _find_newer(conversation: Conversation, seen_message: Message) -> Reason | None:
    newer_messages = Message.objects.filter(conversation=conversation, direction=Message.Direction.INBOUND)
    newer_messages = newer_messages.filter(occurred_at__gte=seen_message.occurred_at).exclude(
        occurred_at=seen_message.occurred_at, pk__lte=seen_message.pk
    )
    if not newer_messages.exists():
        return None
    return Reason(
        "newer_messages",
        _("New message since you started typing."),
        _("Review it before sending."),
    )


def _find_duplicate(organization: Organization | None, conversation: Conversation, content: str) -> Reason | None:
    same_messages = Message.objects.filter(
        conversation=conversation,
        direction=Message.Direction.OUTBOUND,
        content__in={content, footers.add_footer(content, organization)},
        occurred_at__gt=timezone.now() - DUPLICATE,
    )
    if not same_messages.exclude(status__in=UNSUCCESSFUL).exists():
        return None
    return Reason(
        "duplicate",
        _("This customer got exactly this message less than a minute ago."),
        _("Edit it, or send it anyway."),
    )


def _list_delays(sender: Channel | None) -> list[Reason]:
    """What delays an accepted message. It stays queued and is sent once the delay ends."""
    if sender is None:
        return []
    # Only these columns, so that the account's encrypted token is neither read nor decrypted.
    columns = ("account__provider", "account__paused_at", "account__paused_code", "account__held_until", "held_until")
    provider, paused_at, paused_code, *held_until = Channel.every.values_list(*columns).get(pk=sender.pk)
    warnings = []
    if paused_at:
        warnings.append(
            Reason(
                "channel_paused",
                _("{provider} rejected this account's credentials ({code}).").format(
                    provider=providers.find_provider(provider).label, code=paused_code
                ),
                _("Messages are queued and will send once an admin updates the token."),
            )
        )
    ends = [moment for moment in held_until if moment and moment > timezone.now()]
    if ends:
        warnings.append(
            Reason(
                "channel_slow",
                _("{provider} is throttling this channel. Messages will be delayed.").format(
                    provider=providers.find_provider(provider).label
                ),
                opens_at=max(ends),
            )
        )
    return warnings


def _choose_hours(
    user: User, conversation: Conversation, at: datetime, *, for_campaign: bool
) -> quiet_hours.Hours | None:
    """Quiet hours stop first messages, not replies to a customer who wrote within the last day."""
    if user.organization is None or not has_quiet_hours(conversation.platform, for_campaign=for_campaign):
        return None
    if not for_campaign and conversation.last_inbound_at and at < conversation.last_inbound_at + ANSWERING:
        return None
    return quiet_hours.choose_hours(user.organization, conversation.chatroom, for_campaign=for_campaign)


def has_quiet_hours(platform: str, *, for_campaign: bool) -> bool:
    """Whether they hold there. People only answer on platforms that take no first messages."""
    return for_campaign or platform == Platform.SMS


def explain_quiet_hours(hours: quiet_hours.Hours | None, to: str, at: datetime) -> Reason | None:
    """Why this number may not be written to first at that time, if so. Without `opens_at` where no hour is allowed."""
    quiet = quiet_hours.find_quiet(hours, to, at)
    return Reason("quiet_hours", *quiet_hours.describe_quiet(quiet, at), quiet.opens_at) if quiet else None


def recheck_message(message: Message, at: datetime | None = None) -> Verdict:
    """Check a message that is already paid for once more, at the time `at` (now, if None).

    The sender may have lost the chatroom since. The contact may have another number since, by a merge; the message
    still goes to the one that it was written to, so that one's consent counts.
    """
    if message.sent_by is None:
        return Verdict((no_access(),))
    is_bulk = message.campaign_id is not None
    return may_send(
        message.sent_by, message.conversation, at=at, paid=True, to=message.to_address, for_campaign=is_bulk
    )

"""May this be sent now, and if not: every reason why, when that ends, and what would change it.

One answer for the composer, the API, what was scheduled and what goes to many; so the page and the refusal say the same
words. The answer is stored with the message. Tokens are only looked at here: what pays is the ledger's own update.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from chatrooms.models import Chatroom, Contact
from integrations.models import SenderNumber
from messaging.models import UNSUCCESSFUL, ConsentEntry, Conversation, Message, Platform
from messaging.sending import consent, quiet_hours
from tokens import ledger

META_WINDOW = timedelta(hours=24)
ANSWERING = timedelta(hours=24)  # so long after somebody wrote, writing to them is an answer
DUPLICATE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not, or what to expect. `opens_at` is when it ends by itself; `fix` is what somebody can do."""

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
    """`reasons` refuse, the one to name first at the front; `warnings` say what will happen on the way."""

    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.reasons

    def as_json(self) -> dict:
        return {
            "reasons": [reason.as_json() for reason in self.reasons],
            "warnings": [reason.as_json() for reason in self.warnings],
        }


class SendRefused(Exception):
    """This may not be sent now. Nothing was changed."""

    def __init__(self, verdict: Verdict):
        self.verdict = verdict
        self.code = verdict.reasons[0].code
        self.reasons = [reason.as_json() for reason in verdict.reasons]
        super().__init__(str(verdict.reasons[0]))


def price_of(user: User, platform: str) -> int:
    """Tokens that a message costs this sender, whatever its length; admins send without."""
    if user.is_admin:
        return 0
    return getattr(user.organization, f"price_{platform.lower()}")


def may_send(
    user: User,
    conversation: Conversation,
    *,
    content: str = "",
    at: datetime | None = None,
    paid: bool = False,
    seen_message: Message | None = None,
    allow_duplicate: bool = True,
    to: str | None = None,
) -> Verdict:
    """Whether `user` may send `content` into the conversation at the time `at` (now, if None).

    `paid` leaves the tokens out, `seen_message` is the newest one that the sender has looked at, and without
    `allow_duplicate` the same text may not go to the same person twice within a minute. Different texts always may.
    `to` is the number that it goes to, where that is not the contact's own of now.
    """
    at = at or timezone.now()
    to = to or conversation.contact.phone or ""
    sender = conversation.sender_number
    checks = (
        check_access(user, conversation.chatroom_id),
        *_recipient(user, conversation, to, at, consent.find_opt_out(sender.pk, to) if sender and to else None),
        None if paid else _tokens(user, conversation.platform),
        None if seen_message is None else _newer(conversation, seen_message),
        None if allow_duplicate or not content else _duplicate(conversation, content),
    )
    return Verdict(tuple(check for check in checks if check), tuple(_holds(sender)))


def may_send_to_each(
    user: User, sender: SenderNumber, recipients: Sequence[tuple[Contact, str]], at: datetime | None = None
) -> list[Verdict]:
    """The same for many contacts and their addresses who are written to first, by somebody who has access and has paid.

    Their conversations need not exist yet. A few queries for all of them.
    """
    at, warnings = at or timezone.now(), tuple(_holds(sender))
    out = consent.find_opt_outs(sender.pk, [to for _, to in recipients])
    verdicts = []
    for contact, to in recipients:
        exchange = Conversation(
            contact=contact, sender_number=sender, chatroom_id=contact.chatroom_id, platform=Platform.SMS
        )
        checks = _recipient(user, exchange, to, at, out.get(to))
        verdicts.append(Verdict(tuple(check for check in checks if check), warnings))
    return verdicts


def may_feed(user: User, chatroom_id: UUID, sender: SenderNumber) -> Reason | None:
    """Why this person may not write to many out of this chatroom with this number, if so."""
    return check_access(user, chatroom_id) or (no_sender() if sender.chatroom_id != chatroom_id else None)


def check_access(user: User, chatroom_id: UUID) -> Reason | None:
    """Why the user may not work in this chatroom, if so."""
    if user.is_active and Chatroom.objects.visible_to(user).filter(pk=chatroom_id).exists():
        return None
    return no_access()


def _recipient(
    user: User, conversation: Conversation, to: str, at: datetime, out: ConsentEntry | None
) -> tuple[Reason | None, ...]:
    """What lies with whom it goes to, and with the channel."""
    return (
        *_doors(conversation.contact, to, out),
        _sender(conversation),
        _window(conversation, at),
        _quiet(user.organization, conversation, at, to),
    )


def no_access() -> Reason:
    """For somebody who lost the chatroom, or is gone."""
    return Reason("no_access", _("The sender may not work in this chatroom any more."), _("Ask an admin."))


def _doors(contact: Contact, to: str, out: ConsentEntry | None) -> list[Reason]:
    """Block and consent: one door each. `out` is by what they opted out."""
    found = []
    if contact.blocked_at:
        found.append(
            Reason("blocked", _("This contact is blocked, so nothing is sent to them."), _("Unblock them first."))
        )
    if out:
        said = _("They asked on {day} for no more messages from this number, so nothing is sent to them.")
        day = date_format(timezone.localtime(out.created_at), "j F Y")
        found.append(Reason("opted_out", said.format(day=day), _("They can lift this by texting START to it.")))
    if contact.phone_refused and to == contact.phone:
        said = _("The provider says that no message can reach this number ({code}).")
        found.append(
            Reason("invalid_number", said.format(code=contact.phone_refused), _("Correct the contact's phone number."))
        )
    return found


def _sender(conversation: Conversation) -> Reason | None:
    if conversation.platform == Platform.SMS and not (conversation.sender_number and conversation.contact.phone):
        return no_sender()
    return None


def no_sender() -> Reason:
    """For a chatroom without a number."""
    return Reason("no_sender", _("This chatroom has no number to send from."), _("Ask an admin to connect one."))


def open_until(conversation: Conversation) -> datetime | None:
    """When the time for answers ends that Meta gives; None over SMS, which has no such time, and before they wrote."""
    if conversation.platform == Platform.SMS or not conversation.last_inbound_at:
        return None
    return conversation.last_inbound_at + META_WINDOW


def _window(conversation: Conversation, at: datetime) -> Reason | None:
    """Meta lets a business answer, not begin."""
    end = open_until(conversation)
    if conversation.platform == Platform.SMS or (end and at < end):
        return None
    return Reason(
        "outside_messaging_window",
        _("Meta allows answers for 24 hours after somebody's last message, and these have passed."),
        _("Wait until they write again."),
    )


def _tokens(user: User, platform: str) -> Reason | None:
    needed = price_of(user, platform)
    if not needed or (ledger.balance(user) or 0) >= needed:
        return None
    return Reason("insufficient_tokens", *ledger.InsufficientTokens(needed).words)


def _newer(conversation: Conversation, seen: Message) -> Reason | None:
    newer = Message.objects.filter(conversation=conversation, direction=Message.Direction.INBOUND)
    newer = newer.filter(occurred_at__gte=seen.occurred_at).exclude(occurred_at=seen.occurred_at, pk__lte=seen.pk)
    if not newer.exists():
        return None
    return Reason(
        "newer_messages",
        _("Something new came in since you looked."),
        _("Read it first, then send or change your text."),
    )


def _duplicate(conversation: Conversation, content: str) -> Reason | None:
    same = Message.objects.filter(
        conversation=conversation,
        direction=Message.Direction.OUTBOUND,
        content=content,
        occurred_at__gt=timezone.now() - DUPLICATE,
    )
    if not same.exclude(status__in=UNSUCCESSFUL).exists():
        return None
    return Reason(
        "duplicate", _("The same text went to them within the last minute."), _("Send it anyway, or change it.")
    )


def _holds(sender: SenderNumber | None) -> list[Reason]:
    """What keeps a message waiting after it was taken on: it is not lost, and goes out by itself."""
    if sender is None:
        return []
    # By columns: the account's token stays where it is.
    columns = ("twilio_account__paused_at", "twilio_account__paused_code", "twilio_account__held_until", "held_until")
    paused_at, code, *holds = SenderNumber.objects.values_list(*columns).get(pk=sender.pk)
    found = []
    if paused_at:
        found.append(
            Reason(
                "channel_paused",
                _("Twilio does not let this number's account in ({code}). Messages wait, and none is lost.").format(
                    code=code
                ),
                _("An admin has to renew the account's token; then they go out by themselves."),
            )
        )
    waits = [until for until in holds if until and until > timezone.now()]
    if waits:
        found.append(
            Reason(
                "channel_slow", _("Twilio asked this number to wait, so messages go out later."), opens_at=max(waits)
            )
        )
    return found


def _quiet(organization: Organization | None, conversation: Conversation, at: datetime, to: str) -> Reason | None:
    """Nobody is written to first at night. Whoever wrote to us within a day is answered at any time."""
    if organization is None or organization.quiet_from is None or conversation.platform != Platform.SMS:
        return None
    if conversation.last_inbound_at and at < conversation.last_inbound_at + ANSWERING:
        return None
    opens_at = quiet_hours.quiet_until(organization, to, at)
    if opens_at is None:
        return None
    return Reason(
        "quiet_hours",
        _("It is {time} where they are, within your quiet hours.").format(
            time=f"{at.astimezone(quiet_hours.zones(organization, to)[0]):%H:%M}"
        ),
        _("Send it later."),
        opens_at,
    )


def recheck_message(message: Message, at: datetime | None = None) -> Verdict:
    """What was paid for: the answer for `at` (now, if None).

    The sender may have lost the chatroom meanwhile, and the contact got another number by an edit or a merge: what was
    addressed to the old one still goes there, so it is the old one that must want it.
    """
    if message.sent_by is None:
        return Verdict((no_access(),))
    return may_send(message.sent_by, message.conversation, at=at, paid=True, to=message.to_address)

"""One text to a few people at once, each checked before anything is sent. For more of them there are campaigns."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms import contacts, phones
from chatrooms.models import Chatroom, Contact, ContactAddress, Group
from integrations import segments
from integrations.models import Channel, Platform
from messaging.consent import footers
from messaging.conversations import changes
from messaging.media import links, uploads
from messaging.message_templates import templates
from messaging.models import Conversation
from messaging.sending import eligibility, enqueue
from tokens import ledger

MOST_RECIPIENTS = 200


class TooManyRecipients(Exception):
    def __init__(self) -> None:
        words = _("You can send to at most {n} people at once. Use a campaign for more.")
        super().__init__(words.format(n=MOST_RECIPIENTS))


@dataclass(frozen=True, slots=True)
class Letter:
    """What one recipient would get. `problem` says why they would not; `contact` is unsaved for a new number."""

    address: str
    contact: Contact | None
    text: str = ""
    problem: str = ""

    @property
    def segments(self) -> int:
        return max(1, segments.count_segments(self.text))


@dataclass(frozen=True, slots=True)
class Plan:
    letters: Sequence[Letter]
    price: int  # tokens for each
    balance: int | None  # None for admins
    media_urls: Sequence[str] = ()  # what each carries along
    extra: int = 0  # tokens of the price that its files cost

    @property
    def ready(self) -> list[Letter]:
        return [letter for letter in self.letters if not letter.problem]

    @property
    def skipped(self) -> list[Letter]:
        return [letter for letter in self.letters if letter.problem]

    @property
    def segments(self) -> int:
        return sum(letter.segments for letter in self.ready)

    @property
    def tokens(self) -> int:
        return self.price * len(self.ready)

    @property
    def fingerprint(self) -> str:
        """The same for the same people and price. Texts may differ: a footer goes with the first message only."""
        addresses = sorted(letter.address for letter in self.ready)
        return hashlib.sha256(repr((self.price, addresses)).encode()).hexdigest()

    @property
    def is_covered(self) -> bool:
        return self.balance is None or self.balance >= self.tokens


def split_numbers(text: str) -> list[str]:
    """What was typed or pasted, a number a line or between commas or semicolons."""
    parts = text.replace(",", "\n").replace(";", "\n").replace("\t", "\n").splitlines()
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def plan_letters(
    channel: Channel,
    content: str,
    *,
    numbers: Iterable[str],
    groups: Iterable[Group] = (),
    by: User,
    at: datetime | None = None,
    media_urls: Sequence[str] = (),
) -> Plan:
    """Whom the text would reach from this channel at the time `at`, and who is left out for which reason.

    `numbers` are as people write them, of the organization's country. Raises TooManyRecipients.
    """
    recipients, letters = _find_recipients(channel, numbers, groups)
    if len(recipients) + len(letters) > MOST_RECIPIENTS:
        raise TooManyRecipients
    pairs = [(contact, address) for address, contact in recipients.items()]
    greeted_ids = footers.find_greeted(by.organization, [contact.pk for contact, _address in pairs])
    verdicts = eligibility.may_send_to_each(by, channel, pairs, at, for_campaign=False)
    for (contact, address), verdict in zip(pairs, verdicts, strict=True):
        is_first = contact.pk not in greeted_ids
        letters.append(_write_letter(contact, address, content, verdict, by, is_first=is_first))
    price = eligibility.price_of(by, Platform.SMS, has_media=bool(media_urls))
    extra = price - eligibility.price_of(by, Platform.SMS)
    return Plan(letters, price, ledger.balance(by), media_urls, extra)


@transaction.atomic
def send_letters(
    plan: Plan,
    channel: Channel,
    *,
    by: User,
    key: UUID,
    send_at: datetime | None = None,
    template_id: UUID | None = None,
) -> list[UUID]:
    """Send all that is ready, or nothing; returns the conversations.

    With the same key each number gets one message, however often this is called. Raises SendRefused, ClientIdTaken,
    InsufficientTokens, UploadGone and ContactGone.
    """
    attached = uploads.find_uploads(plan.media_urls)
    return [
        enqueue.send_message(
            conversation,
            letter.text,
            sent_by=by,
            media_urls=links.list_elsewhere(plan.media_urls),
            uploads=attached,
            send_at=send_at,
            client_id=uuid5(key, letter.address),
            template_id=template_id,
        ).message.conversation_id
        for letter, conversation in _open_conversations(plan.ready, channel)
    ]


def _open_conversations(letters: Sequence[Letter], channel: Channel) -> list[tuple[Letter, Conversation]]:
    """Each letter with its open conversation, locked until the commit."""
    # Lock order: all contacts, all conversations, and only then the first message, whose sending locks the wallet and
    # the chatroom's event counter. Whoever holds the second conversation may wait for that counter.
    contact_of: dict[str, Contact] = {}
    for letter in sorted(letters, key=lambda letter: letter.address):
        contact = letter.contact
        if contact is None or contact._state.adding:
            contact = contacts.find_or_create_contact(channel.chatroom, letter.address)
        contact_of[letter.address] = contact
    people = sorted(contact_of.values(), key=lambda contact: contact.pk)
    list(Contact.objects.select_for_update(no_key=True).filter(pk__in=[each.pk for each in people]).order_by("pk"))
    still_open = Conversation.objects.exclude(status=Conversation.Status.CLOSED).filter(
        contact__in=people, channel=channel
    )
    list(still_open.select_for_update(no_key=True).order_by("pk"))
    conversations = {contact.pk: changes.open_conversation(contact, channel) for contact in people}
    return [(letter, conversations[contact_of[letter.address].pk]) for letter in letters]


def _find_recipients(
    channel: Channel, numbers: Iterable[str], groups: Iterable[Group]
) -> tuple[dict[str, Contact], list[Letter]]:
    """Contacts by address, in the order in which they were named, and the numbers that are none."""
    room = channel.chatroom
    addresses, wrong = [], []
    for number in numbers:
        try:
            addresses.append(phones.normalize_phone(number, room.organization.default_country))
        except phones.ImpossibleNumber as error:
            wrong.append(Letter(number, None, problem=str(error)))
    known = ContactAddress.objects.select_related("contact").filter(
        chatroom=room, platform=Platform.SMS, address__in=addresses
    )
    contact_of = {each.address: each.contact for each in known}
    recipients = {address: contact_of.get(address) or _build_contact(room, address) for address in addresses}
    members = Contact.objects.filter(memberships__group__in=list(groups), chatroom=room).distinct().order_by("pk")
    for contact in members[: MOST_RECIPIENTS + 1]:
        if contact.phone:
            recipients.setdefault(contact.phone, contact)
        else:
            wrong.append(Letter("", contact, problem=_("This contact has no phone number.")))
    for contact in recipients.values():
        contact.chatroom, contact.organization = room, room.organization
    return recipients, wrong


def _build_contact(room: Chatroom, address: str) -> Contact:
    """Of a number that is new: unsaved, and nothing is known of it."""
    # What the database would fill in stays an expression until it is saved.
    empty = dict.fromkeys(("first_name", "last_name", "email", "phone_refused"), "")
    return Contact(chatroom=room, organization=room.organization, phone=address, **empty)


def _write_letter(
    contact: Contact, address: str, content: str, verdict: eligibility.Verdict, by: User, *, is_first: bool
) -> Letter:
    """`is_first` adds the organization's footer, as sending does."""
    if not verdict.allowed:
        return Letter(address, contact, problem=" ".join(str(reason) for reason in verdict.reasons))
    try:
        text = templates.fill_in_template(content, contact, sender=by)
    except templates.MissingVariables as error:
        return Letter(address, contact, problem=str(error))
    if not text.strip() or len(text) > segments.LONGEST_TEXT:
        return Letter(address, contact, problem=_("The text is empty or too long."))
    return Letter(address, contact, footers.add_footer(text, by.organization) if is_first else text)

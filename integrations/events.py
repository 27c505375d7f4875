"""One vocabulary for what providers tell us. Wire formats end here; everything above speaks in these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Media:
    """Something that came with a message, kept by the provider at `url`."""

    url: str
    content_type: str
    kind: str = ""  # image, video, audio, file, sticker, story, share or location, where the provider says it
    title: str = ""  # what the provider calls it: a file's name, a shared post's title


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer wrote to one of our channels."""

    account: str  # whose signature was verified; empty where one app signs for all accounts, as Meta's does
    provider_id: str
    from_address: str  # E.164, a short code, a name such as SUPPORT, or a scoped id
    to_address: str  # the channel's: E.164, page id or Instagram account id
    body: str
    occurred_at: datetime
    segments: int = 1
    media: tuple[Media, ...] = ()
    keyword: str = ""  # STOP, START or HELP where the provider took it for one and has answered
    platform: str = "SMS"
    reply_to: str = ""  # the provider's id of the message that is answered
    referral: str = ""  # what led the customer here, such as an ad, in words

    direction: ClassVar[str] = "inbound"

    @property
    def contact_address(self) -> str:
        return self.from_address

    @property
    def channel_address(self) -> str:
        return self.to_address


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """The provider says how far a message of ours has got. `status` is ours, or empty for one we do not know."""

    account: str
    provider_id: str
    status: str
    provider_status: str
    occurred_at: datetime
    error_code: str = ""
    message_id: UUID | None = None  # from the callback's own URL: names the message even if its id was never stored
    platform: str = "SMS"


@dataclass(frozen=True, slots=True)
class Echo:
    """A message that went out from our channel: one of ours, or one that was written in the provider's own inbox."""

    platform: str
    channel_address: str
    contact_address: str
    provider_id: str
    body: str
    occurred_at: datetime
    media: tuple[Media, ...] = ()
    message_id: UUID | None = None  # ours, from the metadata that we sent along
    reply_to: str = ""

    account: ClassVar[str] = ""
    direction: ClassVar[str] = "outbound"
    segments: ClassVar[int] = 1
    referral: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class Watermark:
    """What we sent to a contact until a moment, or until and with one message, was delivered or read."""

    platform: str
    channel_address: str
    contact_address: str
    status: str  # delivered or read
    until: datetime | None = None
    provider_ids: tuple[str, ...] = ()
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reaction:
    """A contact reacted to a message, or took the reaction back (an empty emoji)."""

    platform: str
    channel_address: str
    contact_address: str
    provider_id: str
    emoji: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Unsent:
    """The writer took a message back. Its content has to go, also from the webhook that brought it."""

    platform: str
    channel_address: str
    provider_id: str
    occurred_at: datetime
    webhook_source: str = ""
    webhook_key: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """The writer changed the text of a message."""

    platform: str
    channel_address: str
    provider_id: str
    body: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Referred:
    """A link or an ad led a contact to our channel; they have not written yet."""

    platform: str
    channel_address: str
    contact_address: str
    referral: str  # in words
    occurred_at: datetime

    account: ClassVar[str] = ""
    direction: ClassVar[str] = "inbound"
    segments: ClassVar[int] = 1

    @property
    def provider_id(self) -> str:
        return f"{self.channel_address}:{self.contact_address}:{self.occurred_at.isoformat()}:{self.referral}"

    @property
    def body(self) -> str:
        return self.referral


@dataclass(frozen=True, slots=True)
class ErasureRequested:
    """Somebody wants to be forgotten, by all organizations that know them under this address."""

    platforms: frozenset[str]
    address: str
    webhook_source: str  # of the stored webhooks that may name them


@dataclass(frozen=True, slots=True)
class Ignored:
    """Understood, kept, and shown nowhere, such as a change of the thread's owner."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Well signed, but not of a kind that we handle: kept and not processed."""

    reason: str


Incoming = (
    InboundMessage
    | StatusUpdate
    | Echo
    | Watermark
    | Reaction
    | Unsent
    | Edited
    | Referred
    | ErasureRequested
    | Ignored
    | Unsupported
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person is called, as far as the provider tells. The picture's address is good for some days."""

    name: str
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    picture_url: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One event of a webhook that carries several, as bytes that its provider parses by themselves."""

    dedupe_key: str
    body: bytes


# ---------------------------------------------------------------- what became of a message that we handed over
@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it, under this id."""

    provider_id: str
    segments: int = 1


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider refused it for good: it was not sent and never will be."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class NotReached:
    """Nobody answered, so it surely was not taken: try again in a while."""

    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The provider did not take it and asks us to wait this many seconds: the number, or its whole account."""

    reason: str
    retry_after: float
    whole_account: bool


@dataclass(frozen=True, slots=True)
class ShutOut:
    """The provider did not take it because it does not let the account in. No message of it has a chance."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may or may not have been taken. It must not be sent again by itself."""

    reason: str


Outcome = Accepted | Refused | NotReached | Busy | ShutOut | Unclear


@dataclass(frozen=True, slots=True)
class Listed:
    """A message of ours as the provider lists it."""

    provider_id: str
    body: str
    status: str  # ours
    error_code: str
    created_at: datetime
    segments: int
    from_address: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """A message to hand over, with the credentials of its account."""

    message_id: UUID
    account: str
    secret: str = field(repr=False)
    from_address: str
    to_address: str
    body: str
    callback_url: str
    messaging_service: str = ""
    media_urls: tuple[str, ...] = ()
    provider: str = "twilio"
    platform: str = "SMS"
    tag: str = ""  # HUMAN_AGENT, where a person answers after the provider's usual window


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform takes in one message, and until when after the customer's last one."""

    longest_text: int
    counts_bytes: bool = False  # of UTF-8, and not characters
    most_media: int = 10
    text_with_media: bool = True
    window: timedelta | None = None  # None where one may write at any time
    human_window: timedelta | None = None  # for a person's answer, where the account has the permission
    media_bytes: Mapping[str, int] = field(default_factory=dict)  # the largest file of each content type that is taken
    most_media_bytes: int = 0  # of all files of a message together

    def takes(self, content_type: str, size: int) -> bool:
        return size <= self.media_bytes.get(content_type, 0)

    def fits(self, text: str) -> bool:
        return (len(text.encode()) if self.counts_bytes else len(text)) <= self.longest_text


# ---------------------------------------------------------------- a webhook as it arrives
@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A request to one of the webhooks' paths."""

    path: str
    url: str  # the public one, as the provider called it
    query: str  # raw
    headers: Mapping[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider is answered."""

    status: int
    content_type: str = ""
    body: bytes = b""


class SignedWebhook(Protocol):
    """A webhook as its provider reads it before the signature is known. Nothing but `account` counts until then."""

    account: str  # whose secret must have signed; empty where the app's own secrets sign
    source: str  # as in WebhookEvent.source

    def verify(self, secrets: Sequence[str]) -> bool:
        """Never raises."""

    def read_key(self) -> str:
        """What makes it the same webhook when it is delivered again. Raises ValueError for an unreadable body."""

    def read_recipient(self) -> str:
        """The address of ours that the account must have, or empty."""

    reply: Reply

"""One vocabulary for what providers tell us. Wire formats end here; everything above speaks in these."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Media:
    """Something that came with a message, kept by the provider at `url`."""

    url: str
    content_type: str


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer wrote to one of our numbers."""

    account: str
    provider_id: str
    from_address: str  # E.164, a short code, or a name such as SUPPORT
    to_address: str
    body: str
    occurred_at: datetime
    segments: int = 1
    media: tuple[Media, ...] = ()
    keyword: str = ""  # STOP, START or HELP where the provider took it for one and has answered


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


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Well signed, but not of a kind that we handle: kept and not processed."""

    reason: str


Incoming = InboundMessage | StatusUpdate | Unsupported


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

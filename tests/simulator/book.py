"""What the simulator asked for and what it was answered: all that it may know without looking into the database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Asked:
    """One message that somebody asked for. Every text carries its number, so none can be taken for another."""

    number: int
    organization_id: UUID
    person_id: UUID
    is_free: bool  # an admin's
    texts: set[str]  # what it may say by now
    client_id: str | None
    message_id: str | None = None  # once acknowledged
    refused: int | None = None  # the status of a clear refusal
    unsure: bool = False  # some try of it got no clear answer

    @property
    def tag(self) -> str:
        return f"#{self.number} "


@dataclass(frozen=True)
class Texted:
    """A text of a customer. `place` is its place among several of one moment."""

    phone: str
    number: str
    body: str
    began: float  # by the simulator's own clock
    ended: float
    place: int
    acknowledged: bool

    def before(self, other: "Texted") -> bool:
        """Whether it was surely sent first, by the same phone to the same number."""
        if (self.phone, self.number) != (other.phone, other.number):
            return False
        return self.ended <= other.began or (self.began == other.began and self.place < other.place)


@dataclass
class Granted:
    """A change of a balance. `done` is None when nobody knows."""

    person_id: UUID
    delta: int
    reason: str
    done: bool | None


@dataclass
class Campaign:
    """A campaign that somebody drafted. `canceled` once its calling off was acknowledged."""

    id: str
    organization_id: UUID
    text: str
    canceled: bool = False


@dataclass
class Book:
    asked: dict[int, Asked] = field(default_factory=dict)
    granted: list[Granted] = field(default_factory=list)
    texted: dict[str, Texted] = field(default_factory=dict)  # by the provider's id
    unheard: set[str] = field(default_factory=set)  # ids of messages about which some webhook came late
    heard: dict[str, int] = field(default_factory=dict)  # by phone: how many keywords were looked at
    merged: list[tuple[str, list[str]]] = field(default_factory=list)  # who is kept, what was scheduled for both
    closed: set[str] = field(default_factory=set)  # conversations that somebody asked to be closed
    canceling: set[str] = field(default_factory=set)  # message ids that somebody asked to be called off
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    canceled: set[str] = field(default_factory=set)  # message ids whose cancelling was acknowledged
    campaigns: list[Campaign] = field(default_factory=list)
    troubled: dict[UUID, list[str]] = field(default_factory=dict)  # message ids that failed or are unknown
    wrong: list[str] = field(default_factory=list)  # answers that broke a promise, in words
    lock: threading.RLock = field(default_factory=threading.RLock)

    def note_asked(self, asked: Asked) -> None:
        with self.lock:
            self.asked[asked.number] = asked

    def note_granted(self, granted: Granted) -> None:
        with self.lock:
            self.granted.append(granted)

    def note_texted(self, provider_id: str, texted: Texted) -> None:
        with self.lock:
            self.texted[provider_id] = texted

    def note_merged(self, kept: str, scheduled: list[str]) -> None:
        with self.lock:
            self.merged.append((kept, scheduled))

    def lock_of(self, what: str) -> threading.Lock:
        """For what only one operation may do at a time, or nobody could say what comes of it."""
        with self.lock:
            return self.locks.setdefault(what, threading.Lock())

    def note_campaign(self, campaign: Campaign) -> None:
        with self.lock:
            self.campaigns.append(campaign)

    def note_wrong(self, words: str) -> None:
        with self.lock:
            self.wrong.append(words)

    def acknowledged(self, organization_id: UUID) -> list[Asked]:
        with self.lock:
            return [a for a in self.asked.values() if a.organization_id == organization_id and a.message_id]

    @contextmanager
    def of_message(self, message_id: str) -> Iterator[Asked]:
        with self.lock:
            yield next(a for a in self.asked.values() if a.message_id == message_id)

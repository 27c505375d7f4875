"""How many messages of an account may be in flight from this process, and how a claim is shared between channels.

An account's window starts at one and grows by one with each answer. It is halved when the provider says to wait, and
starts again after an idle second. An account that is shut out costs one call of each worker, whatever is queued.
"""

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from integrations.events import Busy, NotReached, Outcome, ShutOut, Unclear

# Above an account's concurrency Twilio answers 429 with code 20429 and processes nothing
# (https://www.twilio.com/docs/api/errors/20429). The limit differs by account and is not told, so it is found out.
FIRST, MOST = 1, 100  # sizes of a window
IDLE_SECONDS = 1
# From a window of WIDE on, a third more may be claimed and waits at the gate, so that no place in flight has to wait
# for the next claim.
WIDE, AHEAD = 50, 3
RESERVED = 50  # a process's last places in flight, for accounts that have none


@dataclass(slots=True)
class Window:
    """An account's window. Claimed messages beyond its size wait at the gate.

    When the account is shut out or told to wait, messages at the gate are turned away without a call.
    """

    size: int = FIRST
    flying: int = 0
    waiting: int = 0  # claimed messages at the gate
    landed_at: float = 0
    turned_away: Outcome | None = None
    turned_at: float = 0
    gate: deque[asyncio.Future] = field(default_factory=deque)

    @property
    def free(self) -> int:
        """How many more may be claimed."""
        if not self.flying and not self.waiting and time.monotonic() - self.landed_at > IDLE_SECONDS:
            self.size = FIRST
        ahead = self.size // AHEAD if self.size >= WIDE else 0
        return max(0, self.size + ahead - self.flying - self.waiting)

    async def enter(self, claimed_at: float) -> Outcome | None:
        """Wait for a place in flight. Returns an outcome where the message was turned away meanwhile."""
        self.waiting += 1
        try:
            while self.flying >= self.size and not self._is_turned_away(claimed_at):
                place = asyncio.get_running_loop().create_future()
                self.gate.append(place)
                await place
        finally:
            self.waiting -= 1
        if self._is_turned_away(claimed_at):
            return self.turned_away
        self.flying += 1
        return None

    def _is_turned_away(self, claimed_at: float) -> bool:
        return self.turned_away is not None and claimed_at <= self.turned_at

    def turn_away(self, outcome: Outcome) -> None:
        """Give this outcome to everything claimed before now, without a call."""
        self.turned_away, self.turned_at = outcome, time.monotonic()
        self._open(len(self.gate))

    def _open(self, places: int) -> None:
        while places > 0 and self.gate:
            place = self.gate.popleft()
            if not place.done():
                place.set_result(None)
                places -= 1

    def landed(self, outcome: Outcome | None) -> None:
        """Resize by an outcome; None for a call that raised."""
        self.flying -= 1
        self.landed_at = time.monotonic()
        if isinstance(outcome, ShutOut):
            self.size = FIRST
        elif isinstance(outcome, Busy | NotReached | Unclear) or outcome is None:
            self.size = max(1, self.size // 2)
        else:
            self.size = min(MOST, self.size + 1)
        self._open(self.size - self.flying)


@dataclass(slots=True)
class Windows:
    """The windows of all accounts that this process sends for."""

    of: dict[UUID, Window] = field(default_factory=lambda: defaultdict(Window))

    def __getitem__(self, account_id: UUID) -> Window:
        return self.of[account_id]

    def free(self, room: int) -> dict[UUID, int]:
        """How many more messages each account with a window may have in flight; others may have FIRST."""
        # A few slow accounts could fill all places of the process and keep every other organization waiting.
        is_reserved = room <= RESERVED
        return {account: 0 if is_reserved and window.flying else window.free for account, window in self.of.items()}


@dataclass(frozen=True, slots=True)
class Sender:
    """A channel with something queued. `most` is what its rate allows just now; None without one."""

    channel_id: UUID
    organization_id: UUID
    account_id: UUID
    most: int | None = None


def shares(senders: Sequence[Sender], room: int, capacity_of: Mapping[UUID, int]) -> dict[UUID, int]:
    """How many of `room` messages each number may claim: in turns, by organization and then by number.

    The free capacity of an account and a number's rate are never exceeded.
    """
    remaining_of = {sender.account_id: capacity_of.get(sender.account_id, FIRST) for sender in senders}
    share_of: dict[UUID, int] = defaultdict(int)
    senders_of: dict[UUID, list[Sender]] = defaultdict(list)
    # In random order: with less room than senders, the same ones would always be first.
    for sender in random.sample(senders, len(senders)):
        senders_of[sender.organization_id].append(sender)
    while room and senders_of:
        for organization_id in list(senders_of):
            queue = senders_of[organization_id]
            while queue and room:
                sender = queue.pop(0)
                if remaining_of[sender.account_id] <= 0 or share_of[sender.channel_id] == sender.most:
                    continue  # the organization's next number takes this turn
                share_of[sender.channel_id] += 1
                remaining_of[sender.account_id] -= 1
                room -= 1
                queue.append(sender)
                break
            if not queue:
                del senders_of[organization_id]
    return {number: count for number, count in share_of.items() if count}

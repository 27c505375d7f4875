"""How many messages of an account this process may have at the provider at once, and who gets how many of a claim.

An account begins with one and gets one more with each answer, so within a few round trips as many as fit. One that is
shut out has cost one call by then, whatever waits. Told to wait, an account goes back to half; after a pause it begins
anew, since who was let in before may not be now.
"""

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from integrations.events import Busy, NotReached, Outcome, ShutOut, Unclear

FIRST, MOST = 1, 100
IDLE_SECONDS = 1
WIDE, AHEAD = 50, 3  # from which size a third more may be claimed
RESERVED = 50  # places of a process


@dataclass(slots=True)
class Window:
    """Of one account: how many it may have in flight, and how many it has.

    A wide one may have some more claimed, which stand at the gate and take the place of what lands without waiting for
    the next claim. Once the account is shut out or told to wait, those are turned away uncalled.
    """

    size: int = FIRST
    flying: int = 0
    waiting: int = 0  # claimed, and not let through the gate yet
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
        """Wait for a place in flight. An outcome instead: the account turned away all that was claimed by then."""
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
        """Whatever was claimed before now gets this outcome without a call."""
        self.turned_away, self.turned_at = outcome, time.monotonic()
        self._open(len(self.gate))

    def _open(self, places: int) -> None:
        while places > 0 and self.gate:
            place = self.gate.popleft()
            if not place.done():
                place.set_result(None)
                places -= 1

    def landed(self, outcome: Outcome | None) -> None:
        """Learn from an answer; None for a call that broke in our own hands."""
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
    """Of every account that this process sends for."""

    of: dict[UUID, Window] = field(default_factory=lambda: defaultdict(Window))

    def __getitem__(self, account_id: UUID) -> Window:
        return self.of[account_id]

    def free(self, room: int) -> dict[UUID, int]:
        """How many more each known account may have in flight; one that is not known may have FIRST.

        The last of the room is for accounts that have nothing in flight: slow ones can't keep everybody else out.
        """
        kept = room <= RESERVED
        return {account: 0 if kept and window.flying else window.free for account, window in self.of.items()}


@dataclass(frozen=True, slots=True)
class Sender:
    """A number with something queued. `most` is what its rate allows just now; None without one."""

    number_id: UUID
    organization_id: UUID
    account_id: UUID
    most: int | None = None


def shares(senders: Sequence[Sender], room: int, free: Mapping[UUID, int]) -> dict[UUID, int]:
    """How many messages each number may have of `room`: organizations alike, within one its numbers alike.

    What an account has free and what a number's rate allows is never passed.
    """
    left = {sender.account_id: free.get(sender.account_id, FIRST) for sender in senders}
    given: dict[UUID, int] = defaultdict(int)
    turns: dict[UUID, list[Sender]] = defaultdict(list)
    for sender in random.sample(senders, len(senders)):  # nobody is always first when little is free
        turns[sender.organization_id].append(sender)
    while room and turns:
        for organization_id in list(turns):
            waiting = turns[organization_id]
            while waiting and room:
                sender = waiting.pop(0)
                if left[sender.account_id] <= 0 or given[sender.number_id] == sender.most:
                    continue  # no more for this one: the organization's next number takes its turn
                given[sender.number_id] += 1
                left[sender.account_id] -= 1
                room -= 1
                waiting.append(sender)
                break
            if not waiting:
                del turns[organization_id]
    return {number: count for number, count in given.items() if count}

"""How many messages of an account this process may have at the provider at once, and who gets how many of a claim.

An account begins with one and gets one more with each answer, so within a few round trips as many as fit. One that is
shut out has cost one call by then, whatever waits. Told to wait, an account goes back to half; after a pause it begins
anew, since who was let in before may not be now.
"""

import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from integrations.events import Busy, NotReached, Outcome, ShutOut, Unclear

FIRST, MOST = 1, 100
IDLE_SECONDS = 1
RESERVED = 50  # places of a process


@dataclass(slots=True)
class Window:
    """Of one account: how many it may have in flight, and how many it has."""

    size: int = FIRST
    flying: int = 0
    landed_at: float = 0

    @property
    def free(self) -> int:
        """How many more it may have in flight."""
        if not self.flying and time.monotonic() - self.landed_at > IDLE_SECONDS:
            self.size = FIRST
        return max(0, self.size - self.flying)

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

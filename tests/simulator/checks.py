"""What has to hold whenever it is quiet. Each finding is a sentence; none at all is what everybody hopes for."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F

from integrations.models import WebhookEvent
from messagehub import tenancy
from messaging.models import Campaign, Event, Message
from tests.sandbox_server import SandboxServer
from tests.simulator import people_rules, rules
from tests.simulator.book import Book
from tests.simulator.cast import MEMBERS, Organization
from tests.simulator.scene import Scene, gather_accepted
from tests.simulator.watchers import Watchers
from tokens import proof
from tokens.models import TokenAccount, TokenEntry

SHOWN = 5  # findings of one kind that are worth reading
# Of a status of ours, what the provider may say.
AT_LEAST = {"delivered": ("delivered", "read"), "read": ("read",)}
TAKEN = ("accepted", "sent", "delivered", "read", "undelivered")  # the provider has it
GAVE_UP = ("failed", "not_sent", "canceled")
COLUMNS = (
    "id", "organization_id", "status", "provider_id", "content", "from_address", "to_address", "tokens", "sent_by_id",
    "client_id", "error_code", "campaign_id", "platform",
)  # fmt: skip


@dataclass
class Witness:
    """What our database and the provider's list say at one quiet moment."""

    rows: list[dict]
    accepted: dict[str, dict]  # the provider's id -> its message, of all organizations
    accounts: dict[UUID, dict[str, str]]  # of each organization by platform
    pays_back: set[UUID]  # organizations that give back what the carrier did not deliver

    @classmethod
    def now(cls, organizations: list[Organization], sandbox: SandboxServer) -> "Witness":
        with tenancy.system():
            rows = list(Message.objects.filter(direction="outbound").values(*COLUMNS))
        accounts = {organization.id: organization.accounts for organization in organizations}
        accepted = [each for organization in organizations for each in gather_accepted(sandbox, organization)]
        pays_back = {organization.id for organization in organizations if organization.pays_back}
        return cls(rows, {each["sid"]: each for each in accepted}, accounts, pays_back)

    def key(self, row: dict) -> tuple:
        return (
            self.accounts[row["organization_id"]][row["platform"]],
            row["from_address"],
            row["to_address"],
            row["content"],
        )

    @property
    def free(self) -> Counter[tuple]:
        """What the provider has and no row of ours is bound to, by account, addresses and text."""
        bound = {row["provider_id"] for row in self.rows}
        return Counter(
            (each["account_sid"], each["from"], each["to"], each["body"])
            for sid, each in self.accepted.items()
            if sid not in bound
        )

    def reached_provider(self) -> set[UUID]:
        """Our messages that the provider has: bound by its id, or said so by a person."""
        free, reached = self.free, set()
        for row in self.rows:
            if row["provider_id"] in self.accepted:
                reached.add(row["id"])
            elif row["status"] in TAKEN and not row["provider_id"] and free[self.key(row)] > 0:
                free[self.key(row)] -= 1
                reached.add(row["id"])
        return reached


def findings(scene: Scene, watchers: Watchers) -> list[str]:
    book, witness = scene.book, Witness.now(scene.organizations, scene.sandbox)
    found: list[str] = [f"Proof: {broken}" for broken in proof.find_broken()]
    for check in (
        at_the_provider(witness),
        what_was_acknowledged(witness, book),
        balances(witness, book),
        campaigns(witness, book),
        what_customers_wrote(book),
        what_sockets_heard(watchers),
        *rules.rules(scene, witness.rows),
        *people_rules.rules(scene),
    ):
        found += _few(check)
    with book.lock:
        found += book.wrong
    return found


def _few(found: Iterable[str]) -> list[str]:
    every = list(found)
    rest = len(every) - SHOWN
    return every[:SHOWN] + ([f"... and {rest} more of this kind"] if rest > 0 else [])


def at_the_provider(witness: Witness) -> Iterator[str]:
    """The provider's list has each of our messages at most once, and none without a row of ours."""
    bound = [row for row in witness.rows if row["provider_id"]]
    for sid, times in Counter(row["provider_id"] for row in bound).items():
        if times > 1:
            yield f"{sid} stands on {times} messages"
    for row in bound:
        there = witness.accepted.get(row["provider_id"])
        if there is None:
            yield f"Message {row['id']} has {row['provider_id']}, which the provider does not know"
        elif witness.key(row) != (there["account_sid"], there["from"], there["to"], there["body"]):
            yield f"Message {row['id']} is bound to {row['provider_id']}, which says something else"
        elif there["status"] not in agreeing(row["status"], there["status"]):
            yield f"Message {row['id']} is {row['status']}, at the provider {there['status']}"
    said_so = Counter(witness.key(row) for row in witness.rows if row["status"] in TAKEN and not row["provider_id"])
    free = witness.free
    for key in free.keys() | said_so.keys():
        if free[key] > said_so[key]:
            yield f"The provider has {free[key] - said_so[key]} of {key} that no row of ours stands for"
        if free[key] < said_so[key]:
            yield f"{said_so[key] - free[key]} of {key} should be at the provider and are not"


def agreeing(ours: str, theirs: str) -> tuple[str, ...]:
    """What the provider may say of a message of which we say `ours`; `theirs` where it may say anything."""
    return ("failed", "undelivered") if ours in GAVE_UP else AT_LEAST.get(ours, (theirs,))


def what_was_acknowledged(witness: Witness, book: Book) -> Iterator[str]:
    """Each acknowledged send is one row with its text; a refused one has none."""
    rows = {str(row["id"]): row for row in witness.rows}
    asked_of = defaultdict(list)
    with book.lock:
        asked = list(book.asked.values())
        canceled = set(book.canceled)
    for each in asked:
        if each.message_id:
            asked_of[each.message_id].append(each)
            row = rows.get(each.message_id)
            if row is None:
                yield f"Acknowledged and not there: {each.message_id}"
            elif row["content"] not in each.texts:
                yield f"{each.message_id} says {row['content']!r}, asked was {each.texts}"
    for message_id, several in asked_of.items():
        if len(several) > 1:
            yield f"{message_id} was the answer to {len(several)} requests"
    for message_id in canceled:
        if rows[message_id]["status"] != "canceled":
            yield f"{message_id} was called off and is {rows[message_id]['status']}"
    refused = {each.client_id for each in asked if each.refused and not each.unsure and each.client_id}
    for row in witness.rows:
        if str(row["client_id"]) in refused:
            yield f"Refused and yet there: {row['id']}"
    unsure = {text for each in asked if each.unsure for text in each.texts}
    for row in witness.rows:
        if str(row["id"]) not in asked_of and row["content"] not in unsure and not row["campaign_id"]:
            yield f"Nobody asked for {row['id']}: {row['content']!r}"


def balances(witness: Witness, book: Book) -> Iterator[str]:
    """Granted, less what was sent, but for what the provider never got: the ledger says the same."""
    reached = witness.reached_provider()
    with tenancy.system():
        # What a campaign has set aside is still theirs; the proof says whether it is explained.
        accounts = dict(TokenAccount.objects.values_list("user_id", F("balance") + F("reserved")))
        reasons = set(TokenEntry.objects.exclude(reason="").values_list("reason", flat=True))
    expected: Counter[UUID] = Counter()
    with book.lock:
        for granted in book.granted:
            if granted.done or (granted.done is None and granted.reason in reasons):
                expected[granted.person_id] += granted.delta
    for row in witness.rows:
        if costs(row, row["id"] in reached, witness):
            expected[row["sent_by_id"]] -= 1
    for person_id, balance in accounts.items():
        if expected[person_id] != balance:
            yield f"{person_id} has {balance} tokens and should have {expected[person_id]}"


def campaigns(witness: Witness, book: Book) -> Iterator[str]:
    """Nobody is written to twice by one, none says what it was not given, and called off means that nothing waits."""
    sent = defaultdict(list)
    for row in witness.rows:
        if row["campaign_id"]:
            sent[str(row["campaign_id"])].append(row)
    with book.lock:
        known = {each.id: each for each in book.campaigns}
    for campaign_id in sent.keys() - known.keys():
        yield f"Nobody asked for the campaign {campaign_id}"
    with tenancy.system():
        states = {str(pk): state for pk, state in Campaign.objects.values_list("pk", "state")}
    for campaign_id, each in known.items():
        rows = sent[campaign_id]
        for address, times in Counter(row["to_address"] for row in rows).items():
            if times > 1:
                yield f"The campaign {campaign_id} wrote {times} times to {address}"
        if any(row["content"] != each.text for row in rows):
            yield f"The campaign {campaign_id} says something else than it was given"
        if len(rows) > MEMBERS:
            yield f"The campaign {campaign_id} has {len(rows)} messages for {MEMBERS} contacts"
        if each.canceled and states[campaign_id] != "canceled":
            yield f"The campaign {campaign_id} was called off and is {states[campaign_id]}"
        if states[campaign_id] in ("canceled", "done") and any(row["status"] == "queued" for row in rows):
            yield f"The campaign {campaign_id} is over, and a message of it waits"


def costs(row: dict, reached: bool, witness: Witness) -> bool:
    """Whether its sender has paid for this message and keeps having paid."""
    if not reached:
        return row["status"] not in GAVE_UP
    undelivered = row["status"] in ("failed", "undelivered")  # as the provider says too, see above
    return not (undelivered and row["organization_id"] in witness.pays_back)


def what_customers_wrote(book: Book) -> Iterator[str]:
    """Each text is one message: by its webhook, or because it was looked for afterwards."""
    with tenancy.system():
        kept = Counter(Message.objects.filter(direction="inbound").values_list("provider_id", flat=True))
        aside = list(WebhookEvent.objects.exclude(quarantined="").values_list("quarantined", flat=True))
    with book.lock:
        texted = dict(book.texted)
    for sid, text in texted.items():
        if kept[sid] != 1:
            said = "acknowledged" if text.acknowledged else "not acknowledged"
            yield f"The text {sid} was {said} and is there {kept[sid]} times"
    for sid in kept.keys() - texted.keys():
        yield f"Nobody wrote the text {sid}"
    for reason in aside:
        yield f"A webhook was set aside: {reason}"


def what_sockets_heard(watchers: Watchers) -> Iterator[str]:
    """Every event of every chatroom, whatever was cut or killed meanwhile."""
    logged = defaultdict(set)
    with tenancy.system():
        for room, seq in Event.objects.values_list("chatroom_id", "seq"):
            logged[str(room)].add(seq)
    for watcher in watchers.watchers:
        for room, heard in watcher.rooms.items():
            if missed := logged[room] - heard:
                yield f"A socket missed {len(missed)} events of {room}, the first is {min(missed)}"
            if invented := heard - logged[room]:
                yield f"A socket heard of events that are not in the log of {room}: {sorted(invented)[:3]}"

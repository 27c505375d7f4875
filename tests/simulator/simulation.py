"""One run: deal, carry out, break, wait for quiet, look whether everything holds, and again."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.models import Q
from django.db.models.functions import Now

from integrations import health
from integrations.models import Channel, ProviderAccount, WebhookEvent
from integrations.sandbox import store
from messagehub import tenancy
from messaging.conversations import moving
from messaging.models import Campaign, Message
from messaging.receiving import backfill
from messaging.sending import reconciliation
from tests.simulator import cast, checks, disturbances, operations, people
from tests.simulator.admins import set_quiet_hours
from tests.simulator.book import Book, Granted
from tests.simulator.disturbances import Disturbance, Stage
from tests.simulator.processes import WORKERS, Processes, running, wait_until
from tests.simulator.scene import Operation, Scene
from tests.simulator.watchers import Watchers

CLIENTS = 8  # threads that ask at the same time
ROUND = 250  # operations between two quiet moments
QUIET_SECONDS = 180


@dataclass(frozen=True)
class Dealt:
    """One operation or disturbance of a run, with a chance of its own."""

    number: int
    act: Operation | Disturbance
    chance: random.Random

    @property
    def name(self) -> str:
        return self.act.__name__

    @property
    def disturbs(self) -> bool:
        return self.act in disturbances.SHARE


def deal(seed: int, count: int) -> list[Dealt]:
    """The run of this seed: each kind at least once, in the proportions of the shares, shuffled."""
    acts: list[Operation | Disturbance] = []
    for disturbance, share in disturbances.SHARE.items():
        acts += [disturbance] * max(1, round(count * share / 1000))
    rest = count - len(acts)
    shares = operations.SHARE
    for operation, share in shares.items():
        acts += [operation] * max(1, round(rest * share / sum(shares.values())))
    acts += [operations.send] * max(0, count - len(acts))
    while len(acts) > count:
        acts.remove(operations.send if operations.send in acts else acts[-1])
    random.Random(seed).shuffle(acts)
    return [Dealt(number, act, random.Random(f"{seed}/{number}")) for number, act in enumerate(acts, 1)]


@dataclass
class Figures:
    """What a run was made of, for people to read."""

    seed: int
    operations: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)  # faults that a message met at the provider
    ended: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    unknown_became: Counter[str] = field(default_factory=Counter)
    at_the_provider: Counter[str] = field(default_factory=Counter)  # by platform
    texts: int = 0
    quiet_moments: int = 0
    let_in: int = 0  # accounts that had been shut out
    repeats: int = 0
    sockets: Counter[str] = field(default_factory=Counter)
    seconds: float = 0


class Simulation:
    """`findings` is empty when every promise was kept."""

    def __init__(self, folder: Path, ports: tuple[int, int], say: Callable[[str], None], seed: int, count: int) -> None:
        self.folder, self.ports, self.say, self.count = folder, ports, say, count
        self.figures = Figures(seed)
        self.findings: list[str] = []
        self.seen_unknown: set = set()

    def run(self) -> None:
        started = time.monotonic()
        with running(self.folder, *self.ports) as processes:
            self.set_the_scene(processes)
            try:
                self.play(deal(self.figures.seed, self.count))
            except Exception as error:  # whatever it is, the figures up to here belong to the report
                self.findings.append(f"{type(error).__name__}: {error}")
            self.watchers.stop()
            self.figures.seconds = time.monotonic() - started
            self.count_up()

    def set_the_scene(self, processes: Processes) -> None:
        self.processes = processes
        organizations = cast.make(processes.sandbox, processes.web_url)
        processes.start_web()
        for name in WORKERS:
            processes.start_worker(name)
        processes.wait_for_web()
        self.scene = Scene(organizations, cast.Door(processes.web_url), processes.sandbox, Book())
        for organization in organizations:
            for agent in organization.agents:
                self.scene.book.note_granted(Granted(agent.id, cast.FIRST_TOKENS, "first", True))
        self.watchers = Watchers(processes.web_url, organizations)
        self.watchers.start()
        processes.wait_for_workers()
        people.say_hello(self.scene)
        self.stage = Stage(processes, organizations, self.watchers, redis.Redis.from_url(settings.REDIS_URL))

    # ------------------------------------------------------------ playing
    def play(self, dealt: list[Dealt]) -> None:
        for begin in range(0, len(dealt), ROUND):
            part = dealt[begin : begin + ROUND]
            failures = self.internal_errors()
            self.carry_out(part)
            try:
                self.wait_for_quiet()
            except TimeoutError as error:
                self.findings.append(str(error))
            self.look(part, failures)
            self.say(f"{begin + len(part):>6} operations, {len(self.findings)} findings")
            if self.findings:
                return

    def carry_out(self, part: list[Dealt]) -> None:
        room = threading.Semaphore(CLIENTS * 2)
        with ThreadPoolExecutor(CLIENTS) as pool:
            for each in part:
                self.figures.operations[each.name] += 1
                if each.disturbs:
                    each.act(self.stage, each.chance)
                else:
                    room.acquire()
                    done = pool.submit(each.act, self.scene, each.chance, each.number)
                    done.add_done_callback(lambda future, each=each: self.landed(room, each, future))
                self.processes.reap()
                if each.number % 10 == 0:
                    self.note_unknown()
                if each.number % 60 == 0:
                    self.let_in()

    def landed(self, room: threading.Semaphore, each: Dealt, future: Future) -> None:
        room.release()
        if error := future.exception():
            self.scene.book.note_wrong(f"Operation {each.number}, {each.name}: {type(error).__name__}: {error}")

    # ------------------------------------------------------------ quiet
    def wait_for_quiet(self) -> None:
        """Nothing waits any more: no webhook, no message, no callback, and nothing unknown."""
        connection.close()  # PostgreSQL may have been restarted
        self.processes.sandbox.clear_faults()
        for organization in self.scene.organizations:
            set_quiet_hours(self.scene, organization, None)
        try:
            wait_until(self.is_quiet, "quiet", QUIET_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"It does not get quiet: {self.waiting()}") from None
        moving.move_stragglers()  # as a worker does every ten minutes
        wait_until(self.sockets_are_even, "the sockets", 30)

    def is_quiet(self) -> bool:
        self.processes.reap()
        self.pass_time()
        self.note_unknown()
        reconciliation.reconcile_unknown()
        self.settle_ambiguous()
        if not self.waiting():
            return True
        time.sleep(0.3)
        return False

    def pass_time(self) -> None:
        """What waits for a later moment has waited: pauses of minutes are for providers, not for simulations."""
        with tenancy.system():
            Message.objects.filter(status="queued", not_before__gt=Now()).update(not_before=Now())
            ProviderAccount.objects.update(held_until=None)
            Channel.objects.update(held_until=None)
        self.let_in()
        backfill.backfill_inbound()

    def let_in(self) -> None:
        """What a worker does every five minutes: ask for accounts that were shut out."""
        with suppress(Error):
            self.figures.let_in += health.probe()

    def note_unknown(self) -> None:
        """For the figures: what becomes of those whose answer was lost."""
        try:
            with tenancy.system():
                self.seen_unknown |= set(Message.objects.filter(status="unknown").values_list("pk", flat=True))
        except Error:  # PostgreSQL was restarted
            connection.close()

    def settle_ambiguous(self) -> None:
        """Where the software asks for a person, a person answers, by what the provider has."""
        codes = ["ambiguous", "unexplained"]
        with tenancy.system():
            asked = list(Message.objects.filter(status="unknown", error_code__in=codes).values(*checks.COLUMNS))
        for row in asked:
            witness = checks.Witness.now(self.scene.organizations, self.scene.sandbox)
            there = witness.free[witness.key(row)] > 0
            admin = next(each.admin for each in self.scene.organizations if each.id == row["organization_id"])
            outcome = {"outcome": "accepted" if there else "not_sent"}
            self.scene.door.ask(admin, "POST", f"/api/messages/{row['id']}/settle", json=outcome)

    def waiting(self) -> dict[str, int]:
        soon = Q(status__in=["queued", "sending", "unknown"]) | Q(status="scheduled", send_at__lte=Now())
        held = Q(status="queued", campaign__state="paused")
        with tenancy.system():
            found = {
                "messages": Message.objects.filter(soon).exclude(held).count(),
                "campaigns": Campaign.objects.filter(state="running").count(),
                "webhooks": WebhookEvent.objects.filter(processed_at=None, quarantined="").count(),
                "callbacks": self.processes.sandbox.get("/requests")["open_steps"],
            }
        return {name: count for name, count in found.items() if count}

    def sockets_are_even(self) -> bool:
        return not list(checks.what_sockets_heard(self.watchers))

    def look(self, part: list[Dealt], failures_before: int) -> None:
        self.figures.quiet_moments += 1
        scene = self.scene
        self.findings += checks.findings(scene, self.watchers)
        self.findings += self.stage.wrong
        failures = self.internal_errors() - failures_before
        if failures and disturbances.restart_postgres not in {each.act for each in part}:
            self.findings.append(f"{failures} requests were answered 500 while PostgreSQL was there")
        if deadlocks := self.processes.deadlocks():
            self.findings.append(f"{deadlocks} times several waited for each other in PostgreSQL")
        with tenancy.system():
            for organization in scene.organizations:
                troubled = Message.objects.filter(organization_id=organization.id, status__in=operations.FAILED)
                scene.book.troubled[organization.id] = [str(pk) for pk in troubled.values_list("pk", flat=True)]

    def internal_errors(self) -> int:
        with self.scene.door.lock:
            return sum(count for answer, count in self.scene.door.answers.items() if answer.startswith("500"))

    # ------------------------------------------------------------ counting
    def count_up(self) -> None:
        figures, door = self.figures, self.scene.door
        figures.met, figures.ended = faults_met(self.processes.sandbox.database), self.processes.ended
        figures.answers, figures.repeats = Counter(door.answers), door.repeats
        figures.texts = len(self.scene.book.texted)
        for watcher in self.watchers.watchers:
            figures.sockets["connections"] += watcher.connections
            figures.sockets["events heard"] += sum(map(len, watcher.rooms.values()))
            figures.sockets["events twice"] += watcher.came_twice
            figures.sockets["out of order"] += watcher.out_of_order
        connection.close()
        with tenancy.system():
            outbound = Message.objects.filter(direction="outbound")
            figures.states = Counter(outbound.values_list("status", flat=True))
            unknown = outbound.filter(pk__in=self.seen_unknown)
            figures.unknown_became = Counter(unknown.values_list("status", flat=True))
        for organization in self.scene.organizations:
            platforms = {account: platform for platform, account in organization.accounts.items()}
            taken = self.scene.gather_accepted(organization)
            figures.at_the_provider += Counter(platforms[each["account_sid"]] for each in taken)


def faults_met(sandbox_database: Path) -> Counter[str]:
    """What the sandbox itself has written down about the creates that it spoilt."""
    with closing(store.connect(sandbox_database)) as db:
        found = db.execute(
            "SELECT CASE WHEN path LIKE '%/graph/%' THEN 'Meta: ' ELSE '' END || fault AS fault, count(*)"
            " FROM requests WHERE fault IS NOT NULL GROUP BY 1"
        )
        return Counter({row[0]: row[1] for row in found.fetchall()})

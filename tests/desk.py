"""An organization whose account is a real sandbox's, and workers as real processes on the test's own database."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from accounts.models import User
from integrations import providers
from integrations.models import Channel, ChannelAlert, ProviderAccount
from integrations.sandbox.store import new_sid
from messagehub import launcher, tenancy
from messaging.models import Message
from messaging.sending import delivery, enqueue, reconciliation
from tests.cast import create_tenant
from tests.sandbox_server import ROOT, SandboxServer, sandbox_server
from tokens import ledger, proof
from tokens.models import TokenEntry

TOKEN = "f" * 32
NUMBERS = (f"+1555{n:05}00" for n in itertools.count(1001))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as server:
        yield server


@dataclass
class Desk:
    """One organization's agent who sends, and a look at what became of it here and at the provider."""

    sandbox: SandboxServer
    tenant: dict
    account: str
    sent: list[UUID] = field(default_factory=list)

    @property
    def agent(self) -> User:
        return self.tenant["agent"]

    def send(self, text: str, **more) -> Message:
        with tenancy.organization(self.tenant["organization"].pk):
            made = enqueue.send_message(self.tenant["conversation"], text, sent_by=self.agent, **more).message
        self.sent.append(made.pk)
        return made

    def fly(self, limit: int = 100) -> int:
        """What a worker does, once: claim, call the provider, settle. Returns how many were claimed."""
        claimed = delivery.claim_messages(limit)

        async def call():
            connections = providers.Connections(limit)
            try:
                return [(each, await connections.send(each.text)) for each in claimed]
            finally:
                await connections.close()

        delivery.settle_outcomes(asyncio.run(call()))
        return len(claimed)

    def state(self, message: Message) -> Message:
        with tenancy.system():
            message.refresh_from_db()
        return message

    def states(self) -> dict[str, int]:
        with tenancy.system():
            found = Message.objects.filter(pk__in=self.sent).values_list("status", flat=True)
            return {status: list(found).count(status) for status in set(found)}

    @property
    def balance(self) -> int | None:
        with tenancy.organization(self.tenant["organization"].pk):
            return ledger.balance(self.agent)

    def entries(self, message: Message) -> list[tuple[str, int]]:
        """Kind and amount of each ledger entry of a message."""
        with tenancy.system():
            found = TokenEntry.objects.filter(reference=f"message:{message.pk}").order_by("pk")
            return list(found.values_list("kind", "amount"))

    def fault(self, kind: str, count: int = 1, **options) -> None:
        """What the provider does wrong with the next calls."""
        self.sandbox.fault(kind, count, **options)

    @property
    def at_provider(self) -> list[str]:
        """The texts that the provider accepted since this test began, oldest first."""
        return [each["body"] for each in reversed(self.sandbox.accepted(self.account))]

    def client(self, user: User | None = None) -> APIClient:
        """Somebody of the organization at the API; the agent unless another is named."""
        client = APIClient()
        client.force_login(User.objects.get(pk=(user or self.agent).pk))
        return client

    def admin(self) -> User:
        organization = self.tenant["organization"]
        with tenancy.organization(organization.pk):
            return User.objects.create_user(
                f"admin@{organization.slug}.example", "x", name="B", role="admin", organization=organization
            )

    @property
    def asked(self) -> int:
        """How many creates have reached the provider, refused ones too."""
        return self.sandbox.get("/requests")["creates"]

    def alerts(self) -> list[str]:
        """Codes of what admins were told about."""
        with tenancy.system():
            mine = ChannelAlert.objects.filter(organization_id=self.tenant["organization"].pk)
            return list(mine.values_list("code", flat=True))

    def reconcile_until_settled(self) -> None:
        """Look twice, as if the grace lay between."""
        for _ in range(2):
            reconciliation.reconcile_unknown()


@pytest.fixture
def desk(sandbox: SandboxServer, settings) -> Iterator[Desk]:
    """Every look at the provider is due at once, and the grace is over at once. Use with a mark for the database.

    The last assertion of every test with a desk: no invariant is broken.
    """
    with open_desks(sandbox, settings):
        yield create_desk(sandbox, "acme")


@pytest.fixture(params=["SMS", "MESSENGER"])
def either_desk(request, sandbox: SandboxServer, settings) -> Iterator[Desk]:
    """A desk at each provider: what must hold whichever it is."""
    from tests.meta_desk import create_meta_desk

    with open_desks(sandbox, settings):
        yield (create_desk if request.param == "SMS" else create_meta_desk)(sandbox, "acme")


@contextmanager
def open_desks(sandbox: SandboxServer, settings) -> Iterator[None]:
    set_provider_address(settings, sandbox.base_url)
    settings.RECONCILE_SECONDS = -600
    settings.RECONCILE_GRACE_SECONDS = 0
    sandbox.drop_events()
    yield
    sandbox.post("/settings", latency_ms=0)
    sandbox.clear_faults()
    assert list(proof.find_broken()) == []


def set_provider_address(settings, address: str) -> None:
    """Where the process of the test finds Twilio and the Graph."""
    settings.TWILIO_API_BASE_URL = address
    settings.META_GRAPH_BASE_URL = f"{address}/graph"


def create_desk(sandbox: SandboxServer, slug: str) -> Desk:
    """An account of its own: the sandbox outlives a test, and reconciliation would find what another one sent."""
    account, number = new_sid("AC"), next(NUMBERS)
    sandbox.add_account(account, TOKEN)
    sandbox.add_number(account, number)
    tenant = create_tenant(slug, number, account_sid=account, auth_token=TOKEN)
    with tenancy.system():
        Message.objects.filter(organization_id=tenant["organization"].pk).update(status="delivered")
    give_tokens(tenant)
    return Desk(sandbox, tenant, account)


def give_tokens(tenant: dict) -> None:
    with tenancy.organization(tenant["organization"].pk):
        ledger.adjust(tenant["agent"], 995, actor=tenant["agent"], reason="Enough")


def pass_pauses() -> None:
    """As if the time had come for everything that was told to wait. Who is shut out stays so."""
    with tenancy.system():
        Message.objects.filter(status="queued").update(not_before=None)
        ProviderAccount.objects.update(held_until=None)
        Channel.objects.update(held_until=None)


def let_leases_end() -> None:
    with tenancy.system():
        Message.objects.filter(status="sending").update(lease_until=F("lease_until") - timedelta(hours=1))


# ---------------------------------------------------------------- workers as processes
@dataclass
class WorkerProcess:
    process: subprocess.Popen
    log_path: str

    @property
    def log(self) -> str:
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        return self.process.wait(seconds)


@contextmanager
def worker_process(
    sandbox: SandboxServer, tmp_path, *, is_awaited: bool = True, **environment: str
) -> Iterator[WorkerProcess]:
    """`manage.py worker` on the test's database, waited for until it runs. Killed at the end if it still does."""
    log_path = tmp_path / f"worker-{time.monotonic_ns()}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "worker"],
            cwd=ROOT,
            env={
                **os.environ,
                "TWILIO_API_BASE_URL": sandbox.base_url,
                "META_GRAPH_BASE_URL": f"{sandbox.base_url}/graph",
                **environment,
            },
            stdout=log,
            stderr=log,
            preexec_fn=launcher.die_with_parent(signal.SIGKILL),
        )
    worker = WorkerProcess(process, str(log_path))
    try:
        deadline = time.monotonic() + 30
        while is_awaited and "The worker is running." not in worker.log and process.poll() is None:
            assert time.monotonic() < deadline, worker.log
            time.sleep(0.02)
        yield worker
    finally:
        process.kill()
        process.wait()

"""The worker: loops that receive, send, settle, feed campaigns and sweep, as one asyncio program.

Any number of workers may run, because rows are claimed with SKIP LOCKED.
"""

import asyncio
import logging
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import cast
from uuid import UUID

import psycopg
import redis
from django.db import Error, connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from integrations import isolation, providers
from integrations.events import Busy, NotReached, Outcome, ShutOut
from integrations.webhooks import WAKE_CHANNEL as WEBHOOKS
from messagehub import failpoints, heartbeats
from messaging.campaigns import feed as campaign_feed
from messaging.campaigns import lifecycle
from messaging.conversations import changes
from messaging.receiving import ingest
from messaging.sending import delivery, enqueue, flow_control, sweeping

log = logging.getLogger(__name__)
THREADS = ("receive", "claim", "settle", "sweep", "feed")
# Messages at the provider at once, over all accounts. Measured on two cores that also carried PostgreSQL and the
# sandbox, with 100 in flight at 80 ms: 1,019 to 1,077 messages a second, 0.82 to 0.86 of the ideal. The rest is CPU:
# 0.87 ms of the worker for a message. uvloop and a frozen garbage collector made no difference.
IN_FLIGHT = 300
SETTLE_BATCH = 100
GATHER_SECONDS = 0.005  # places come free one by one, and a claim should take several
MANY, SETTLE_SECONDS = 50, 0.02  # with so many in flight, answers gather before they are written; 50 ms gained no more
IDLE_SECONDS = 1.0  # the longest that a lost wake-up can cost
# Messages with these outcomes keep their place in flight until the outcome is written. The account is paused or held by
# then; a place that is free sooner would be taken by another message of the same account.
WAITED_FOR = (Busy, ShutOut)
GRACE_SECONDS = 12  # longer than a call to the provider may take, which is 10 s


class Worker:
    """Runs until SIGTERM or SIGINT, then claims nothing more and finishes what is in flight."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.webhooks, self.outbox, self.campaigns = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.flights: set[asyncio.Task] = set()
        self.windows = flow_control.Windows()
        self.holding: set[UUID] = set()  # messages whose place is kept until their answer is written down
        self.answers: asyncio.Queue[tuple[delivery.Claimed, Outcome]] = asyncio.Queue()
        self.name = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns()}"  # of this start: a pid may come again
        self.failing: dict[str, float] = {}  # what fails -> since when it has not got on once, by the monotonic clock
        self.is_broken = False
        # One thread each, so that none waits for another and each keeps one connection.
        self.threads = {name: ThreadPoolExecutor(1, name) for name in THREADS}

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.stopping.set)
        self.connections = providers.Connections(IN_FLIGHT * 2)
        loops = [self.receive(), self.send(), self.feed(), self.sweep(), self.listen(), self.beat(), self.jobs()]
        tasks = [asyncio.create_task(coroutine) for coroutine in loops]
        settling = asyncio.create_task(self.settle())
        log.info("The worker is running.")
        stopped = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({stopped, settling, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        broken = [task for task in (settling, *tasks) if task.done() and not self.stopping.is_set()]
        self.is_broken = bool(broken)
        self.stopping.set()
        await asyncio.wait(tasks, timeout=2)
        if self.flights:
            await asyncio.wait(self.flights, timeout=GRACE_SECONDS)
        if not settling.done():
            await self.answers.join()
        for task in [*tasks, settling]:
            task.cancel()
        await self.connections.close()
        for thread in self.threads.values():
            thread.shutdown(wait=True)
        for task in broken:  # a loop that ended by itself: whoever started the worker starts another
            task.result()
        log.info("The worker has stopped.")

    async def call(self, name: str, function, *args):
        """Run a database operation in its thread, again and again while the database is away."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                answer = await loop.run_in_executor(self.threads[name], operation, function, *args)
            except isolation.DATABASE_AWAY as error:
                self.failing.setdefault(function.__name__, time.monotonic())
                log.warning("%s is tried again: %s", function.__name__, type(error).__name__)
                await asyncio.sleep(0.5)
            else:
                self.failing.pop(function.__name__, None)
                return answer

    async def attempt(self, name: str, function, *args):
        """Like `call`, but returns None for an error, which is logged and shown by /readyz while it lasts."""
        try:
            return await self.call(name, function, *args)
        except Exception:
            self.failing.setdefault(function.__name__, time.monotonic())
            log.exception("%s failed and is tried again.", function.__name__)
            return None

    def list_failing(self) -> dict[str, float]:
        """Failing operations, and for how many seconds they have failed."""
        current_time = time.monotonic()
        return {name: current_time - since for name, since in self.failing.items()}

    async def receive(self) -> None:
        while not self.stopping.is_set():
            self.webhooks.clear()
            if not await self.attempt("receive", ingest.drain_webhooks):
                await self.woken(self.webhooks)

    async def send(self) -> None:
        while not self.stopping.is_set():
            self.outbox.clear()
            room = IN_FLIGHT - len(self.flights)
            claims = (
                await self.attempt("claim", delivery.claim_messages, room, self.windows.free(room)) if room else None
            )
            for claim in claims or ():
                failpoints.hit("after_claim")
                flight = asyncio.create_task(self.fly(claim))
                self.flights.add(flight)
                flight.add_done_callback(self.landed)
            if claims:
                await asyncio.sleep(GATHER_SECONDS)
            else:
                await self.woken(self.outbox)

    async def fly(self, claim: delivery.Claimed) -> None:
        window, outcome = self.windows[claim.account_id], None
        if early_outcome := await window.enter(claim.claimed_at[0]):
            self.answers.put_nowait((claim, early_outcome))
            return
        try:
            failpoints.hit("before_provider_call")
            outcome = await self.hand_over(claim)
            failpoints.hit("after_provider_accept")
            self.answers.put_nowait((claim, outcome))
        finally:
            if isinstance(outcome, WAITED_FOR):
                self.holding.add(claim.text.message_id)
            else:
                window.landed(outcome)
            if isinstance(outcome, ShutOut) or (isinstance(outcome, Busy) and outcome.whole_account):
                window.turn_away(outcome)

    async def hand_over(self, claim: delivery.Claimed) -> Outcome:
        if not claim.is_ours:
            return NotReached("It was held up here until its lease was half over, and was not sent.")
        return await self.connections.send(claim.text)

    def landed(self, flight: asyncio.Task) -> None:
        self.flights.discard(flight)
        self.outbox.set()  # a place is free
        if not flight.cancelled() and flight.exception():
            log.error("A call to the provider broke; its message becomes unknown.", exc_info=flight.exception())

    async def settle(self) -> None:
        while True:
            batch = [await self.answers.get()]
            if len(self.flights) >= MANY:
                await asyncio.sleep(SETTLE_SECONDS)
            while len(batch) < SETTLE_BATCH and not self.answers.empty():
                batch.append(self.answers.get_nowait())
            try:
                await self.call("settle", delivery.settle_outcomes, batch)
            except Exception:
                log.exception("A batch of answers can't be written down and is taken apart.")
                for answer in batch:
                    await self.settle_alone(answer)
            for claim, outcome in batch:
                if claim.text.message_id in self.holding:
                    self.holding.discard(claim.text.message_id)
                    self.windows[claim.account_id].landed(outcome)
                self.answers.task_done()

    async def settle_alone(self, answer: tuple[delivery.Claimed, Outcome]) -> None:
        """Write one answer down. If that fails, the message becomes unknown."""
        try:
            await self.call("settle", delivery.settle_outcomes, [answer])
        except Exception:
            log.exception("The answer for message %s can't be written down.", answer[0].text.message_id)
            await self.attempt("settle", delivery.give_up, answer[0])  # failing that, its lease ends

    async def feed(self) -> None:
        while not self.stopping.is_set():
            self.campaigns.clear()
            if not await self.attempt("feed", campaign_feed.feed_campaigns):
                await self.woken(self.campaigns)

    async def sweep(self) -> None:
        while not self.stopping.is_set():
            await self.attempt("sweep", changes.wake_snoozed)
            if await self.attempt("sweep", sweeping.sweep_overdue):
                self.outbox.set()
            await self.woken(self.stopping)

    async def woken(self, event: asyncio.Event) -> None:
        """Wait for the event, the worker's end, or IDLE_SECONDS."""
        waits = [asyncio.ensure_future(awaited_event.wait()) for awaited_event in {event, self.stopping}]
        await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def listen(self) -> None:
        """Set events by PostgreSQL's NOTIFY."""
        events = {WEBHOOKS: self.webhooks, enqueue.WAKE_CHANNEL: self.outbox, lifecycle.WAKE_CHANNEL: self.campaigns}
        while not self.stopping.is_set():
            try:
                all_parameters = connection.get_connection_params()
                parameters = {
                    key: all_parameters[key]
                    for key in ("host", "port", "dbname", "user", "password")
                    if all_parameters.get(key)
                }
                async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as link:
                    for channel in events:
                        await link.execute(f"LISTEN {channel}")
                    async for notice in link.notifies():
                        events[notice.channel].set()
            except (psycopg.Error, OSError) as error:
                log.warning("Not listening for work: %s", type(error).__name__)
                await asyncio.sleep(1)

    async def jobs(self) -> None:
        """Run Procrastinate's background jobs in this process."""
        while not self.stopping.is_set():
            try:
                connector = cast(DjangoConnector, app.connector).get_worker_connector()
                async with app.with_connector(connector).open_async() as opened_app:
                    job_runner = asyncio.create_task(opened_app.run_worker_async(install_signal_handlers=False))
                    stop_waiter = asyncio.create_task(self.stopping.wait())
                    await asyncio.wait({job_runner, stop_waiter}, return_when=asyncio.FIRST_COMPLETED)
                    job_runner.cancel()
                    stop_waiter.cancel()
                    await asyncio.gather(job_runner, return_exceptions=True)
            except Exception as error:
                log.warning("Background jobs wait for the database: %s", type(error).__name__)
            await self.woken(self.stopping)

    async def beat(self) -> None:
        """Report this worker and its failing operations, for /readyz."""
        while not self.stopping.is_set():
            try:
                await asyncio.to_thread(heartbeats.beat, self.name, self.list_failing())
            except redis.RedisError as error:
                log.warning("No heartbeat: %s", type(error).__name__)
            await self.woken(self.stopping)
        with suppress(redis.RedisError):
            await asyncio.to_thread(heartbeats.stop, self.name, died=self.is_broken)


def operation(function, *args):
    """Call a function with a usable connection. A connection that raised is closed, and the next call opens another."""
    connection.close_if_unusable_or_obsolete()
    try:
        return function(*args)
    except Error:
        connection.close()
        raise

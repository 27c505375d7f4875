"""What breaks: at the provider by its own scripts, and underneath by signals. All of it by chance."""

import contextlib
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from tests.simulator.cast import Organization
from tests.simulator.processes import WORKERS, Processes
from tests.simulator.watchers import Watchers

FAILPOINTS = ("after_claim", "before_provider_call", "after_provider_accept")
REFUSALS = ("21211", "21614", "21408", "21606", "21612", "21617", "21610")
LATE_FAILURES = ("30003", "30005", "30006", "30007", "30008", "30034", "30001")
# kind -> how often, beside one another. What a message meets at the provider.
AT_THE_PROVIDER: dict[str, float] = {
    "accept_then_hang": 3, "accept_then_reset": 5, "accept_then_500": 5, "truncated_json": 3, "no_sid": 3,
    "foreign_account": 1, "500": 4, "502": 2, "503": 2, "504": 2, "html": 2, "429": 5, "refusal": 6, "401": 1,
    "slow": 4, "late failure": 6, "duplicate_callbacks": 5, "reorder_callbacks": 5, "delay_callbacks": 4,
    "no_callbacks": 4, "callback_before_response": 5,
}  # fmt: skip
AT_THE_GRAPH: dict[str, float] = {
    "accept_then_hang": 3, "accept_then_reset": 5, "accept_then_500": 5, "truncated_json": 3, "no_id": 3,
    "foreign_recipient": 2, "500": 4, "502": 2, "503": 2, "504": 2, "html": 2, "613": 5, "refusal": 6, "190": 1,
    "slow": 4, "duplicate_callbacks": 5, "reorder_callbacks": 5, "delay_callbacks": 4, "no_callbacks": 4,
    "callback_before_response": 5,
}  # fmt: skip
LOST_ANSWERS = (
    "accept_then_hang", "accept_then_reset", "accept_then_500", "truncated_json", "no_id", "foreign_recipient",
)  # fmt: skip
GRAPH_REFUSALS = ("10", "100", "551", "10904")  # the first with subcode 2018278


@dataclass
class Stage:
    """What disturbances may reach."""

    processes: Processes
    organizations: list[Organization]
    watchers: Watchers
    valkey: redis.Redis
    wrong: list[str] = field(default_factory=list)


Disturbance = Callable[[Stage, random.Random], None]


def spoil_answers(stage: Stage, chance: random.Random) -> None:
    """A provider's next answers to one organization go wrong."""
    if chance.random() < 0.4:
        _spoil_graph(stage, chance)
    else:
        _spoil_twilio(stage, chance)


def _spoil_twilio(stage: Stage, chance: random.Random) -> None:
    kind = chance.choices(list(AT_THE_PROVIDER), list(AT_THE_PROVIDER.values()))[0]
    options: dict[str, float | str] = {"account_sid": chance.choice(stage.organizations).account_sid}
    count = chance.randint(1, 3)
    if kind == "accept_then_hang":
        options["seconds"] = chance.choice([1, 2, 12])  # the last is longer than a call may take
        count = 1
    elif kind in ("slow", "delay_callbacks"):
        options["seconds"] = chance.choice([0.5, 1, 2])
    elif kind == "429":
        options["retry_after"] = chance.choice([0, 1, 2])
    elif kind == "401":
        count = 1
    kind = chance.choice({"refusal": REFUSALS, "late failure": LATE_FAILURES}.get(kind, (kind,)))
    stage.processes.sandbox.fault(kind, count, **options)


def _spoil_graph(stage: Stage, chance: random.Random) -> None:
    kind = chance.choices(list(AT_THE_GRAPH), list(AT_THE_GRAPH.values()))[0]
    count = 1 if kind in ("accept_then_hang", "190") else chance.randint(1, 3)
    options: dict[str, float | str] = {"page_id": chance.choice(stage.organizations).page.page_id}
    if kind in LOST_ANSWERS:
        options["reported"] = chance.choice([0, 1])  # settled by the list, or by the echo
    if kind == "accept_then_hang":
        options["seconds"] = chance.choice([1, 2, 12])  # the last is longer than a call may take
    elif kind in ("slow", "delay_callbacks"):
        options["seconds"] = chance.choice([0.5, 1, 2])
    elif kind == "613":
        options["retry_after"] = chance.choice([0, 1, 2])
    kind = chance.choice(GRAPH_REFUSALS) if kind == "refusal" else kind
    stage.processes.sandbox.graph_fault(kind, count, **options)


def kill_worker(stage: Stage, chance: random.Random) -> None:
    name = chance.choice(WORKERS)
    stage.processes.kill(name)
    time.sleep(chance.uniform(0, 1))
    stage.processes.start_worker(name)


def kill_worker_at_failpoint(stage: Stage, chance: random.Random) -> None:
    """A worker takes the place of another and dies at the named line as soon as it gets there."""
    name, failpoint = _one_that_runs(stage, chance), chance.choice(FAILPOINTS)
    _stop(stage, name)
    stage.processes.start_worker(name, failpoint)


def stop_worker(stage: Stage, chance: random.Random) -> None:
    name = _one_that_runs(stage, chance)
    _stop(stage, name)
    stage.processes.start_worker(name)


def _one_that_runs(stage: Stage, chance: random.Random) -> str:
    """The other one where this one has just been started: nothing would happen while it is waited for."""
    name = chance.choice(WORKERS)
    return next((each for each in (name, *WORKERS) if stage.processes.runs(each)), name)


def _stop(stage: Stage, name: str) -> None:
    waits_for_failpoint = stage.processes.failpoints.get(name)
    code = stage.processes.terminate(name)
    if code and not waits_for_failpoint:
        stage.wrong.append(f"{name} ended with {code} after SIGTERM:\n{stage.processes.log_ending(name)}")


def pause_worker(stage: Stage, chance: random.Random) -> None:
    stage.processes.pause(chance.choice(WORKERS), chance.uniform(0.5, 4))


def kill_web(stage: Stage, chance: random.Random) -> None:
    stage.processes.kill("web")
    time.sleep(chance.uniform(0, 1))
    stage.processes.start_web()
    stage.processes.wait_for_web()


def restart_postgres(stage: Stage, chance: random.Random) -> None:
    stage.processes.stop_postgres(chance.choice([signal.SIGQUIT, signal.SIGQUIT, signal.SIGKILL]))
    time.sleep(chance.uniform(0, 2))
    stage.processes.start_servers()


def restart_valkey(stage: Stage, chance: random.Random) -> None:
    stage.processes.kill_valkey()
    time.sleep(chance.uniform(0, 3))
    stage.processes.start_servers()


def flush_valkey(stage: Stage, chance: random.Random) -> None:
    with contextlib.suppress(redis.RedisError):
        stage.valkey.flushall()
        stage.processes.ended["Valkey flushed"] += 1


def cut_sockets(stage: Stage, chance: random.Random) -> None:
    stage.watchers.cut()


# How many of a thousand operations are of this kind.
SHARE: dict[Disturbance, float] = {
    spoil_answers: 120, kill_worker: 3, kill_worker_at_failpoint: 5, stop_worker: 2, pause_worker: 2, kill_web: 2,
    restart_postgres: 1.5, restart_valkey: 1.5, flush_valkey: 2, cut_sockets: 5,
}  # fmt: skip

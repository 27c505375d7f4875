"""/readyz says no where workers are there and nothing gets done: their loops fail, or they keep dying."""

import asyncio

import pytest
import redis
from django.db import OperationalError
from django.test import Client

from messagehub import bus, heartbeats
from messaging.worker import Worker

pytestmark = pytest.mark.django_db


def ask() -> tuple[int, str]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["checks"]["worker"]


def age_beats() -> None:
    """As if fifteen seconds had gone by: a beat holds no longer."""
    for key in bus.client().scan_iter(f"{heartbeats.BEAT}*"):
        bus.client().delete(key)


def test_ready_while_worker_process_beats():
    assert ask() == (503, "no answer")
    heartbeats.beat("one", {})
    assert ask() == (200, "ok")


def test_not_ready_while_every_worker_has_a_loop_that_fails():
    heartbeats.beat("one", {"sweep": 31.0})
    assert ask() == (503, "failing")
    heartbeats.beat("two", {"claim": 5.0})
    assert ask() == (200, "ok")


def test_not_ready_while_workers_keep_dying():
    for number in range(3):
        heartbeats.beat(f"dead {number}", {})
    age_beats()
    heartbeats.beat("alive", {})
    assert ask() == (503, "restarting")


def test_worker_process_that_ends_by_a_failure_of_its_own_counts_as_dead_at_once():
    for number in range(3):
        heartbeats.beat(f"dead {number}", {})
        heartbeats.stop(f"dead {number}", died=True)
    heartbeats.beat("alive", {})
    assert ask() == (503, "restarting")


def test_workers_that_were_stopped_do_not_count_as_dead():
    for number in range(5):
        heartbeats.beat(f"old {number}", {})
        heartbeats.stop(f"old {number}", died=False)
    heartbeats.beat("new", {})
    assert ask() == (200, "ok")


def test_a_loop_that_raises_goes_on_and_is_known_to_fail_until_it_gets_on():
    worker, answers = Worker(), iter([ValueError("a row"), OperationalError("away"), 3])

    def work() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def run() -> None:
        assert await worker.attempt("sweep", work) is None
        assert list(worker.list_failing()) == ["work"]
        assert await worker.attempt("sweep", work) == 3  # the database came back
        assert worker.list_failing() == {}

    asyncio.run(run())


def test_not_ready_without_valkey(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    bus.client.cache_clear()
    try:
        assert ask() == (503, "no answer")
        with pytest.raises(redis.RedisError):
            heartbeats.beat("one", {})
    finally:
        bus.client.cache_clear()

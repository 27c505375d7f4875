"""Containing errors in loops over many organizations: a broken row is reported and left out.

A database that is away is not contained: the worker repeats the call.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast
from uuid import UUID

import redis
from django.db import InterfaceError, OperationalError

from integrations import health
from messagehub import bus, sentences, sql, tenancy

log = logging.getLogger(__name__)
# How long this process leaves out a broken row. In memory: a column would be written by the loop that can't write.
REST_SECONDS = 300
TROUBLES = "mh:troubles"  # kind of work -> number of errors, for /metrics
T = TypeVar("T")
DATABASE_AWAY = (OperationalError, InterfaceError)


@dataclass(slots=True)
class Containment:
    """Whether the block broke."""

    broken: bool = False


@contextmanager
def contain(work: str, organization_id: UUID | None = None, subject_id: UUID | None = None) -> Iterator[Containment]:
    """Log, count and report whatever the block raises, and go on.

    The block's transaction or savepoint must be inside, so that it is rolled back.
    """
    containment = Containment()
    try:
        yield containment
    except DATABASE_AWAY:
        raise
    except Exception as error:
        containment.broken = True
        report_trouble(work, error, organization_id, subject_id)


def report_trouble(work: str, error: Exception, organization_id: UUID | None, subject_id: UUID | None = None) -> None:
    """Log and count an error, and alert the organization's admins unless such an alert is open."""
    try:
        bus.client().hincrby(TROUBLES, work, 1)
    except redis.RedisError:
        log.warning("The trouble is not counted: Valkey is away.")
    is_news = organization_id is None or _alert_admins(work, error, organization_id, subject_id or organization_id)
    # One traceback for each alert: a single wrong setting may break a thousand rows.
    trace = error if is_news else None
    log.error("%s: something of organization %s broke and is left out.", work, organization_id, exc_info=trace)


def _alert_admins(work: str, error: Exception, organization_id: UUID, subject_id: UUID) -> bool:
    words = sentences.BROKEN_WORK.format(work=work, error=type(error).__name__)
    try:
        with tenancy.system():
            return health.raise_alert(organization_id, subject_id, "internal_error", words)
    except DATABASE_AWAY:
        raise
    except Exception:
        log.exception("The admins of organization %s can't be told.", organization_id)
        return True


def count_troubles() -> dict[str, int]:
    """Errors by kind of work. Raises RedisError."""
    counts = cast(dict[bytes, bytes], bus.client().hgetall(TROUBLES))
    return {work.decode(): int(count) for work, count in counts.items()}


@dataclass
class Batches:
    """Processes rows of many organizations in one transaction or, where one row breaks it, each in its own.

    A savepoint for each row would cost two statements a row at all times; this costs nothing until something breaks.
    `find` is a statement for the id, organization_id and subject_id of all rows that are due; its one parameter is the
    ids to leave out.
    """

    work: str
    find: str
    resting: dict[UUID, float] = field(default_factory=dict)  # id -> when it is tried again, by the monotonic clock

    def take(self, take_rows: Callable[[Sequence[UUID] | None, Sequence[UUID]], T]) -> list[T]:
        """Call `take_rows(only, left_out)` in a transaction of the system role; returns its committed results."""
        resting = self.list_resting()
        try:
            with tenancy.system():
                answer = take_rows(None, resting)
            return [answer]
        except DATABASE_AWAY:
            raise
        except Exception as error:
            log.warning("%s: a batch broke (%s); each row is taken alone.", self.work, type(error).__name__)
        with tenancy.system():
            rows = sql.fetch_rows(self.find, [resting])
        answers: list[T] = []
        for row in rows:
            with contain(self.work, row["organization_id"], row["subject_id"]) as containment:
                with tenancy.system():
                    answer = take_rows([row["id"]], [])
                answers.append(answer)
            if containment.broken:
                self.rest(row["id"])
        return answers

    def rest(self, pk: UUID) -> None:
        self.resting[pk] = time.monotonic() + REST_SECONDS

    def list_resting(self) -> list[UUID]:
        current_time = time.monotonic()
        self.resting = {pk: until for pk, until in self.resting.items() if until > current_time}
        return list(self.resting)

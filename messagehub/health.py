"""Alive, and ready: what load balancers and `make demo` ask."""

import redis
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse

from messagehub import bus, heartbeats

OK, NO_ANSWER = "ok", "no answer"


@login_not_required
def alive(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers at all."""
    return JsonResponse({"status": "ok"})


@login_not_required
def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, Valkey and a worker answer and work gets done; 503 otherwise, naming what is wrong."""
    checks = {"database": database(), "valkey": valkey(), "worker": worker()}
    is_ready = set(checks.values()) == {OK}
    body = {"status": OK if is_ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if is_ready else 503)


def database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return OK
    except Error:
        return NO_ANSWER


def valkey() -> str:
    try:
        return OK if bus.client().ping() else NO_ANSWER
    except redis.RedisError:
        return NO_ANSWER


def worker() -> str:
    """Whether a worker is there whose loops get on, and workers don't die one after the other."""
    try:
        return heartbeats.read_state()
    except redis.RedisError:
        return NO_ANSWER

"""Alive, and ready: what load balancers and `make demo` ask."""

import redis
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse

from messagehub import bus
from messaging.worker import HEARTBEAT


@login_not_required
def alive(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers at all."""
    return JsonResponse({"status": "ok"})


@login_not_required
def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, Valkey and a worker answer; 503 otherwise, naming what does not."""
    checks = {"database": database(), "valkey": valkey(), "worker": worker()}
    fine = all(checks.values())
    words = {name: "ok" if fine_ else "no answer" for name, fine_ in checks.items()}
    return JsonResponse({"status": "ok" if fine else "not ready", "checks": words}, status=200 if fine else 503)


def database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except Error:
        return False


def valkey() -> bool:
    try:
        return bool(bus.client().ping())
    except redis.RedisError:
        return False


def worker() -> bool:
    """Whether any worker has said within its heartbeat's life that it is there."""
    try:
        return next(bus.client().scan_iter(f"{HEARTBEAT}*", count=1000), None) is not None
    except redis.RedisError:
        return False

"""`/metrics` for Prometheus: what waits, how long, and what an operator has to look at."""

from collections.abc import Iterator
from contextlib import suppress

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from integrations import isolation
from messagehub import tenancy

# Each by a partial index: asking costs the same however much lies behind.
GAUGES = {
    "messagehub_webhooks_waiting": (
        "Webhooks stored and not processed yet",
        "SELECT count(*) FROM webhook_events WHERE processed_at IS NULL AND quarantined = '' AND attempts < 8",
    ),
    "messagehub_webhooks_oldest_seconds": (
        "Age of the oldest of them",
        "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM webhook_events "
        "WHERE processed_at IS NULL AND quarantined = '' AND attempts < 8",
    ),
    "messagehub_messages_queued": ("Messages on their way", "SELECT count(*) FROM messages WHERE status = 'queued'"),
    "messagehub_messages_queued_oldest_seconds": (
        "Age of the oldest of them",
        "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM messages WHERE status = 'queued'",
    ),
    "messagehub_messages_sending": (
        "Messages being handed over",
        "SELECT count(*) FROM messages WHERE status = 'sending'",
    ),
    "messagehub_messages_unknown": (
        "Messages of which nobody knows yet whether they were sent",
        "SELECT count(*) FROM messages WHERE status = 'unknown'",
    ),
    "messagehub_accounts_paused": (
        "Provider accounts that are shut out, so that their messages wait",
        "SELECT count(*) FROM provider_accounts WHERE paused_at IS NOT NULL",
    ),
    "messagehub_invariants_broken": (
        "Invariants that did not hold when it was last looked; -1 before the first look",
        "SELECT coalesce((SELECT jsonb_array_length(broken) FROM proof_runs ORDER BY created_at DESC LIMIT 1), -1)",
    ),
    "messagehub_invariants_age_seconds": (
        "Time since that look",
        "SELECT coalesce((SELECT extract(epoch FROM now() - max(created_at)) FROM proof_runs), -1)",
    ),
}


class Gauges(Collector):
    """Asks the database when it is asked."""

    def collect(self) -> Iterator[Metric]:
        for name, (words, sql) in GAUGES.items():
            with isolation.contain(f"Metric {name}") as containment, tenancy.system(), connection.cursor() as cursor:
                cursor.execute(sql)
                value = float(cursor.fetchone()[0])
            if not containment.broken:
                yield GaugeMetricFamily(name, words, value=value)
        troubles = CounterMetricFamily(
            "messagehub_troubles", "What broke in the work on one organization and was left out", labels=["work"]
        )
        with suppress(redis.RedisError):
            for work, count in isolation.count_troubles().items():
                troubles.add_metric([work], count)
        yield troubles


registry = CollectorRegistry()
registry.register(Gauges())


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For who has the token or comes from an allowed address."""
    if not _allowed(request):
        return HttpResponse("Metrics are for monitoring only.", status=403, content_type="text/plain")
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _allowed(request: HttpRequest) -> bool:
    given = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN and constant_time_compare(given, settings.METRICS_TOKEN):
        return True
    return request.META.get("REMOTE_ADDR") in settings.METRICS_ADDRESSES

"""Whether a signed request to ourselves arrives whole: over a real socket, and without leaving anything behind."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from integrations import probes
from integrations.models import WebhookEvent
from integrations.webhooks import Intake
from messagehub import tenancy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def intake_address(db) -> Iterator[str]:
    """The real intake behind a real server."""
    intake = Intake()

    async def app(scope, receive, send) -> None:
        await intake(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="warning"))

    async def serve() -> None:
        await intake.startup()
        await server.serve()
        await intake.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_signed_probe_arrives_and_is_not_stored(intake_address, sales, settings):
    settings.PUBLIC_BASE_URL = intake_address
    account = sales.number.account
    assert probes.probe_twilio(account.external_id, account.secret) == probes.ARRIVED
    assert probes.probe_meta() == probes.ARRIVED
    assert probes.probe_twilio(account.external_id, "9" * 32) == probes.REFUSED
    settings.META_APP_SECRET, secret = "another", settings.META_APP_SECRET
    settings.META_PREVIOUS_APP_SECRET = secret
    assert probes.probe_meta() == probes.ARRIVED
    with tenancy.system():
        assert not WebhookEvent.objects.exists()


def test_address_that_nobody_answers_is_away(settings, sales):
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"
    assert probes.probe_twilio(sales.number.account.external_id, "a" * 32) == probes.AWAY
    assert probes.probe_meta() == probes.AWAY

"""One sender with a hundred messages in flight, against a provider that answers after 80 ms."""

import time
from pathlib import Path

from bench.place import worker
from bench.table import Line
from messagehub import tenancy

LATENCY_MS, IN_FLIGHT, MESSAGES, WARM = 80, 100, 8000, 1500


def run(local_dir: Path) -> list[Line]:
    from tests.sandbox_server import sandbox_server

    with sandbox_server(local_dir) as sandbox:
        sandbox.post("/settings", latency_ms=LATENCY_MS, sent_after_ms=600_000, delivered_after_ms=600_000)
        number = _tenant(sandbox)
        _queue(number)
        with worker(local_dir, TWILIO_API_BASE_URL=sandbox.base_url):
            rate = _rate(number)
        accepted = len(sandbox.accepted(number.account.external_id))
    if accepted != MESSAGES:
        raise RuntimeError(f"The provider has {accepted} of {MESSAGES} messages.")
    ideal = IN_FLIGHT / (LATENCY_MS / 1000)
    return [Line("Messages a second, one sender", rate, "in flight / latency", ideal, aim=0.75)]


def _tenant(sandbox):
    from tests import factories

    organization = factories.OrganizationFactory()
    with tenancy.organization(organization.pk):
        room = factories.ChatroomFactory(organization=organization)
        number = factories.ChannelFactory(chatroom=room)
        factories.ConversationFactory(chatroom=room, channel=number, contact=factories.ContactFactory(chatroom=room))
    sandbox.add_account(number.account.external_id, number.account.secret)
    sandbox.add_number(number.account.external_id, number.address)
    return number


def _queue(number) -> None:
    from django.db import connection

    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO messages (organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction,
                                  platform, content, status, from_address, to_address)
            SELECT v.organization_id, v.chatroom_id, v.id, v.contact_id, v.channel_id, 'outbound', 'SMS',
                   'Message ' || n, 'queued', %s, '+1555' || lpad(n::text, 7, '0')
            FROM conversations v, generate_series(1, %s) n WHERE v.channel_id = %s
            """,
            [number.address, MESSAGES, number.pk],
        )


def _rate(number) -> float:
    """Messages a second between the first WARM and the last: from then on the window is open."""
    began = None
    while True:
        done = _accepted()
        now = time.monotonic()
        if began is None and done >= WARM:
            began = now, done
        if done >= MESSAGES and began:
            return (done - began[1]) / (now - began[0])
        time.sleep(0.2)


def _accepted() -> int:
    from django.db import connection

    with tenancy.system(), connection.cursor() as cursor:
        # By what is left, which has an index of its own: looking must not slow down what is measured.
        waiting = "(SELECT count(*) FROM messages WHERE status = 'queued')"
        cursor.execute(f"SELECT {waiting} + (SELECT count(*) FROM messages WHERE status = 'sending')")
        return MESSAGES - cursor.fetchone()[0]

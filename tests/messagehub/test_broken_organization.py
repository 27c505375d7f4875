"""One organization whose every setting, secret, template and number is broken stops nothing of another.

The damages are written past the models and past PostgreSQL's own rules, as a superuser could. What the other
organization does is asked with and without them.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from twilio.rest import Client as Twilio
from uuid_utils.compat import uuid7

from chatrooms import contacts, groups
from integrations import health, providers
from integrations.models import Channel, ChannelAlert, TwilioAccount, WebhookEvent
from messagehub import heartbeats, launcher, tenancy
from messagehub import metrics as gauges
from messaging import retention, tasks
from messaging.campaigns import feed, lifecycle
from messaging.conversations import changes
from messaging.models import Attachment, Campaign, Conversation, Label, Message, MessageTemplate
from messaging.receiving import attachments, backfill, ingest
from messaging.sending import delivery, enqueue, reconciliation, sweeping
from messaging.worker import Worker
from tests.desk import TOKEN, create_desk, sandbox
from tokens import proof

__all__ = ["sandbox"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("broken")]

OLDER = "created_at = created_at - interval '1 hour'"
# What is broken -> the statement that breaks it, by the ids of the rows below.
DAMAGES = {
    "a zone with a space": "UPDATE organizations SET time_zone = 'America/New York' WHERE id = %(organization)s",
    "a country that is none": "UPDATE organizations SET default_country = 'UK' WHERE id = %(organization)s",
    "quiet hours of the whole day": "UPDATE organizations SET quiet_from = '00:00', quiet_until = '23:59:59.999999' "
    "WHERE id = %(organization)s",
    "prices out of all proportion": "UPDATE organizations SET price_sms = 32767, low_balance_limit = 2147483647 "
    "WHERE id = %(organization)s",
    "a refund policy that nobody knows": "UPDATE organizations SET refund_policy = 'perhaps' "
    "WHERE id = %(organization)s",
    "a token that no key opens": "UPDATE provider_accounts SET secret = 'f1:gAAAAAB' WHERE id = %(account)s",
    "a second token in plain text": "UPDATE provider_accounts SET other_secret = 'plain' WHERE id = %(account)s",
    "an account SID that is an address": "UPDATE provider_accounts SET external_id = 'AC/../?x=%%00' "
    "WHERE id = %(second_account)s",
    "a number without its account": "UPDATE channels SET account_id = uuidv7() WHERE id = %(lonely_number)s",
    "a number that is none": "UPDATE channels SET address = 'SUPPORT' WHERE id = %(second_number)s",
    "a rate of nothing": "UPDATE channels SET segments_per_second = 0, next_segment_at = 'infinity' "
    "WHERE id = %(second_number)s",
    "a contact's number in words": "UPDATE contacts SET phone = 'call me', email = 'x' WHERE id = %(contact)s",
    "a contact that was active after the end of days": "UPDATE contacts SET last_activity_at = 'infinity' "
    "WHERE id = %(contact)s",
    "a conversation's contact is gone": "UPDATE conversations SET contact_id = uuidv7() WHERE id = %(orphan)s",
    "a conversation asleep since before all time": "UPDATE conversations SET status = 'SNOOZED', "
    "snoozed_until = '-infinity', last_message_at = 'infinity' WHERE id = %(conversation)s",
    "a template with an open brace": "UPDATE templates SET body = '{{first_name', chatroom_id = uuidv7() "
    "WHERE organization_id = %(organization)s",
    "a campaign's text that can't be filled in": "UPDATE campaigns SET content = '{{nobody}} {{' "
    "WHERE id = %(campaign)s",
    "a campaign for groups that are gone": "UPDATE campaign_groups SET group_id = uuidv7() "
    "WHERE campaign_id = %(campaign)s",
    "a campaign of nobody's number": "UPDATE campaigns SET channel_id = uuidv7() WHERE id = %(second_campaign)s",
    "a schedule in the year 9999": "UPDATE messages SET send_at = '9999-12-31 23:59:59+00' WHERE id = %(late)s",
    "a schedule before all time": "UPDATE messages SET send_at = '-infinity' WHERE id = %(early)s",
    "a scheduled message of nobody": "UPDATE messages SET sent_by_id = uuidv7() WHERE id = %(nobodys)s",
    "media that is no list": """UPDATE messages SET media_urls = '{"a": 1}' WHERE id = %(queued)s""",
    "attempts without end": "UPDATE messages SET attempt = 32767 WHERE id = %(second_queued)s",
    "a lease before all time": "UPDATE messages SET status = 'sending', lease_until = '-infinity', attempt = 1 "
    "WHERE id = %(leased)s",
    "an unknown message that was missed after all time": "UPDATE messages SET status = 'unknown', "
    "missing_since = 'infinity' WHERE id = %(unknown)s",
    "labels and assignees that are gone": "UPDATE conversation_labels SET label_id = uuidv7() "
    "WHERE organization_id = %(organization)s",
    "an attachment that leads nowhere": "UPDATE attachments SET source_url = 'not an address', "
    "created_at = now() - interval '1 day' WHERE id = %(attachment)s",
    "webhooks in another language": "UPDATE webhook_events SET body = '\\xff00fe255a5a', query = 'm=%%%%' "
    "WHERE id = %(webhook)s",
    "webhooks of another century": "UPDATE webhook_events SET created_at = '-infinity' WHERE id = %(second_webhook)s",
    "more than any batch that is due": f"UPDATE messages SET {OLDER} WHERE organization_id = %(organization)s",
}
CHECKED = ("organizations", "messages", "conversations", "channels", "campaigns", "attachments")


@pytest.fixture
def past_every_rule() -> Iterator[psycopg.Connection]:
    """A superuser without triggers and foreign keys. CHECKs are taken away and come back afterwards."""
    host = launcher.locate(django_settings.LOCAL_DIR).postgres_host
    with psycopg.connect(host=host, user="postgres", dbname="messagehub", autocommit=True) as database:
        database.execute("SET session_replication_role = replica")
        rules = database.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'c' AND conrelid::regclass::text = ANY(%s)",
            [list(CHECKED)],
        ).fetchall()
        for table, name, _ in rules:
            database.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        try:
            yield database
        finally:
            for table in ("messages", "conversations", "attachments", "campaigns", "channels", "organizations"):
                database.execute(f"DELETE FROM {table}")
            for table, name, definition in rules:
                database.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


class Company:
    """An organization with one of everything that a loop over all tenants meets."""

    def __init__(self, sandbox, slug: str):
        self.desk = create_desk(sandbox, slug)
        self.tenant = self.desk.tenant
        self.number = self.tenant["number"].address
        self.organization, self.room = self.tenant["organization"], self.tenant["room"]
        self.ids: dict[str, UUID] = {
            "organization": self.organization.pk,
            "account": self.tenant["number"].account_id,
            "contact": self.tenant["contact"].pk,
            "conversation": self.tenant["conversation"].pk,
        }

    def inside(self):
        return tenancy.organization(self.organization.pk)

    def send(self, text: str, **values) -> UUID:
        with self.inside():
            message = enqueue.send_message(self.tenant["conversation"], text, sent_by=self.desk.agent).message
            if values:
                Message.objects.filter(pk=message.pk).update(**values)
        return message.pk

    def schedule(self, text: str) -> UUID:
        return self.send(text, status="scheduled", send_at=timezone.now() - timedelta(seconds=5))

    def lose(self, text: str) -> UUID:
        return self.send(text, status="unknown", error_code="no_answer")

    def run_campaign(self, text: str) -> UUID:
        with self.inside():
            group = groups.create_group(self.room, text)
            groups.add_members(group, [self.tenant["contact"]])
            campaign = lifecycle.create_campaign(
                self.room, name=text, content=f"{text} {{{{first_name|you}}}}", channel=self.tenant["number"],
                groups=[group], by=self.desk.agent,
            )  # fmt: skip
            lifecycle.start_campaign(campaign, by=self.desk.agent)
        return campaign.pk

    def hear(self, text: str) -> UUID:
        fields = {"MessageSid": f"SM{uuid7().hex}", "AccountSid": self.desk.account, "Body": text}
        fields |= {"From": self.tenant["contact"].phone, "To": self.number}
        with tenancy.system():
            return WebhookEvent.objects.create(
                source="twilio.message", account=self.desk.account, dedupe_key=str(uuid7()),
                body=urlencode(fields).encode(),
            ).pk  # fmt: skip

    def add_number(self, phone: str, **values) -> Channel:
        with self.inside():
            return Channel.objects.create(
                organization=self.organization, chatroom=self.room, address=phone,
                **{"account_id": self.ids["account"], **values},
            )  # fmt: skip


@pytest.fixture
def broken(sandbox, settings, past_every_rule) -> Company:
    """Everything that has to be done for it comes before what has to be done for the healthy one."""
    settings.TWILIO_API_BASE_URL = sandbox.base_url
    company = Company(sandbox, "broken")
    ids = company.ids
    with company.inside():
        second = TwilioAccount.objects.create(
            organization=company.organization, external_id="AC" + "c" * 32, secret=TOKEN
        )
        label = Label.objects.create(organization=company.organization, name="L", color="petrol")
        changes.change_conversation(company.tenant["conversation"], by=company.desk.agent, labels=[label])
        MessageTemplate.objects.create(organization=company.organization, name="T", body="Hi")
        stranger = contacts.find_or_create_contact(company.room, "+15550200777")
        ids["orphan"] = changes.open_conversation(stranger, company.tenant["number"]).pk
    ids["second_account"] = second.pk
    ids["second_number"] = company.add_number("+15550200201", account_id=second.pk).pk
    ids["lonely_number"] = company.add_number("+15550200202").pk
    ids["campaign"], ids["second_campaign"] = company.run_campaign("One"), company.run_campaign("Two")
    for name in ("late", "early", "nobodys", "due"):
        ids[name] = company.schedule(name)
    for name in ("queued", "second_queued", "leased"):
        ids[name] = company.send(name)
    ids["orphaned"] = company.send("orphaned", conversation_id=ids["orphan"])
    ids["lonely"] = company.send("lonely", from_address="+15550200202")
    ids["nonsense"] = company.send("nonsense", from_address="SUPPORT")
    ids["unknown"], ids["second_unknown"] = company.lose("unknown"), company.lose("second")
    ids["webhook"], ids["second_webhook"] = company.hear("one"), company.hear("two")
    with company.inside():
        ids["attachment"] = Attachment.objects.create(
            organization=company.organization,
            message_id=ids["queued"],
            position=0,
            source_url="https://api.twilio.com/x",
        ).pk
        for state in ("scheduled", "unknown"):
            model = Message.objects.get(pk=ids["due" if state == "scheduled" else "second_unknown"])
            copies = []
            for _ in range(250):
                model.pk, model._state.adding = uuid7(), True
                copies.append(
                    Message(**{field.attname: getattr(model, field.attname) for field in Message._meta.fields})
                )
            Message.objects.bulk_create(copies)
    return company


@pytest.fixture
def healthy(broken, sandbox, settings) -> Company:
    settings.RECONCILE_SECONDS, settings.METRICS_ADDRESSES = -600, ["127.0.0.1"]
    return Company(sandbox, "healthy")


def fly() -> None:
    """What a worker does, until nothing more is claimed."""

    async def call(claimed):
        connections = providers.Connections(100)
        try:
            return [(each, await connections.send(each.text)) for each in claimed]
        finally:
            await connections.close()

    for _ in range(10):
        if not (claimed := delivery.claim_messages(100)):
            return
        delivery.settle_outcomes(asyncio.run(call(claimed)))


def read_status(pk: UUID) -> str:
    with tenancy.system():
        return Message.objects.get(pk=pk).status


def is_taken(pk: UUID) -> bool:
    return read_status(pk) in ("accepted", "sent", "delivered")


def list_works(company: Company, sandbox) -> dict[str, Callable[[], object]]:
    """What a worker, its jobs and monitoring do -> what became of the company's part in it."""
    with company.inside():
        people = [contacts.find_or_create_contact(company.room, f"+1555010{n:04}") for n in (1, 2)]
        asleep = changes.open_conversation(people[0], company.tenant["number"])
        Conversation.objects.filter(pk=asleep.pk).update(
            status="SNOOZED", snoozed_until=timezone.now() - timedelta(seconds=1)
        )
    scheduled, reply, leased = company.schedule("Scheduled"), company.send("Reply"), company.send("Leased")
    lost, campaign = company.lose("Lost"), company.run_campaign("Spring")
    company.hear("Hello")
    provider = Twilio(company.desk.account, TOKEN)
    provider.api.base_url = sandbox.base_url
    with tenancy.system():
        Message.objects.filter(pk=leased).update(
            status="sending", attempt=1, lease_until=timezone.now() - timedelta(hours=1)
        )

    def wake() -> str:
        changes.wake_snoozed()
        with tenancy.system():
            return Conversation.objects.get(pk=asleep.pk).status

    def sweep() -> list[str]:
        for _ in range(3):
            sweeping.sweep_overdue()
        return [read_status(scheduled), read_status(leased)]

    def send() -> list[bool]:
        fly()
        return [is_taken(scheduled), is_taken(reply)]

    def receive() -> int:
        ingest.drain_webhooks()
        with company.inside():
            return Message.objects.filter(direction="inbound", content="Hello").count()

    def feed_one() -> list[str]:
        feed.feed_campaigns(), fly(), feed.feed_campaigns()
        with tenancy.system():
            state, message = Campaign.objects.get(pk=campaign).state, Message.objects.get(campaign=campaign)
        return [state, is_taken(message.pk)]

    def reconcile() -> bool:
        provider.messages.create(to=company.tenant["contact"].phone, from_=company.number, body="Lost")
        reconciliation.reconcile_unknown()
        return is_taken(lost)

    def fill_gaps() -> int:
        customer = company.tenant["contact"].phone
        sandbox.post(f"/phones/{customer}/messages", to=company.number, body="Missed", webhook=False)
        backfill.backfill_inbound()
        with company.inside():
            return Message.objects.filter(direction="inbound", content="Missed").count()

    def probe() -> bool:
        with tenancy.system():
            TwilioAccount.objects.filter(pk=company.ids["account"]).update(paused_at=timezone.now(), paused_code="x")
        health.probe()
        with tenancy.system():
            return TwilioAccount.objects.get(pk=company.ids["account"]).paused_at is None

    def measure() -> bool:
        page = Client().get("/metrics").content.decode()
        return all(f"\n{name} " in page for name in gauges.GAUGES)

    def forget() -> bool:
        retention.delete_expired()
        return isinstance(proof.run_proof().seconds, float)

    def fetch() -> bool:
        attachments.list_forgotten()
        tasks.fetch_forgotten(0)
        return True

    def be_ready() -> int:
        worker = Worker()

        async def loop() -> None:
            for work in (changes.wake_snoozed, sweeping.sweep_overdue, ingest.drain_webhooks, feed.feed_campaigns):
                await worker.attempt("sweep", work)
            await worker.attempt("claim", delivery.claim_messages, 10)

        asyncio.run(loop())
        heartbeats.beat(worker.name, dict.fromkeys(worker.list_failing(), 60))
        return Client().get("/readyz").status_code

    def compare() -> int:
        compared = reconciliation.compare_lists(timezone.now() - timedelta(hours=1), timezone.now())
        return [each.both for each in compared if each.account == company.desk.account][0] > 0

    return {
        "wake": wake, "sweep": sweep, "send": send, "receive": receive, "feed": feed_one, "reconcile": reconcile,
        "gaps": fill_gaps, "probe": probe, "metrics": measure, "retention and proof": forget, "attachments": fetch,
        "comparison": compare, "readiness": be_ready,
    }  # fmt: skip


def attempt(work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:150]


def test_damages_of_one_organization_stop_nothing_of_another(broken, healthy, sandbox, past_every_rule):
    assert len(DAMAGES) >= 20
    for damage, statement in DAMAGES.items():
        done = past_every_rule.execute(statement, broken.ids)
        assert done.rowcount, damage

    outcomes = {name: attempt(work) for name, work in list_works(healthy, sandbox).items()}

    assert outcomes == {
        "wake": "OPEN", "sweep": ["queued", "unknown"], "send": [True, True], "receive": 1, "feed": ["done", True],
        "reconcile": True, "gaps": 1, "probe": True, "metrics": True, "retention and proof": True, "attachments": True,
        "comparison": True, "readiness": 200,
    }  # fmt: skip
    with tenancy.system():
        told = set(ChannelAlert.objects.values_list("organization_id", flat=True))
    assert told == {broken.organization.pk}

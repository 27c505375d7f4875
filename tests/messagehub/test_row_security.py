"""The second wall: what PostgreSQL itself shows, refuses and forbids, with the first wall out of the way."""

import re
from functools import partial

import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, connection, transaction
from uuid_utils.compat import uuid7

from accounts.models import Organization
from chatrooms.models import Chatroom, Contact, UserChatroom
from integrations.models import Channel, TwilioAccount, WebhookEvent
from messagehub import tenancy
from messaging.conversations import listing
from messaging.live import event_log
from messaging.models import Conversation, Event, Message
from tests.cast import create_tenant
from tokens.models import TokenEntry

pytestmark = pytest.mark.django_db

# Read before the tenant is known, or by the system role alone.
WITHOUT_POLICY = {"users", "sign_ins", "api_keys", "webhook_events"}


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


@pytest.fixture
def globex(db) -> dict:
    return create_tenant("globex", "+15550200200")


def test_the_tests_run_as_the_application_role():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("mh_app", False)


def test_every_table_of_a_tenant_is_forced_behind_a_policy():
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
                   AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind = 'r' AND a.attname = 'organization_id' AND c.relnamespace = 'public'::regnamespace
            """
        )
        forced = dict(cursor.fetchall())
    assert {table for table, walled in forced.items() if not walled} <= WITHOUT_POLICY
    ours = {model._meta.db_table for model in apps.get_models() if model.__module__.split(".")[0] in OURS}
    assert ours - set(forced) - WITHOUT_POLICY == {"organizations", "proof_runs"}  # over its own id; by column


OURS = {"accounts", "chatrooms", "tokens", "integrations", "messaging"}


def test_without_a_tenant_nothing_is_seen(acme, globex):
    for model in apps.get_models():
        if model.__module__.split(".")[0] in OURS and model._meta.db_table not in WITHOUT_POLICY:
            assert not model._base_manager.exists(), model


def test_a_tenant_sees_its_own_rows_even_without_the_first_wall(acme, globex):
    with tenancy.organization(acme["organization"].pk):
        for model in (Organization, Chatroom, Contact, Conversation, Message, Event, TokenEntry, TwilioAccount):
            found = model._base_manager.all()
            assert found.count() == (2 if model is TokenEntry else 1), model
            assert {getattr(row, "organization_id", row.pk) for row in found} == {acme["organization"].pk}
        assert not Message.objects.filter(pk=globex["message"].pk).exists()
        assert Message.objects.filter(pk=globex["message"].pk).update(content="Mine now") == 0


def test_a_row_can_not_be_given_to_another_organization(acme, globex):
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        tenancy.organization(acme["organization"].pk),
    ):
        Chatroom.objects.create(organization=globex["organization"], name="Planted")


@pytest.mark.parametrize(
    ("model", "field", "parent"),
    [
        (Contact, "chatroom", "room"),
        (Conversation, "chatroom", "room"),
        (Conversation, "contact", "contact"),
        (Conversation, "channel", "number"),
        (Message, "conversation", "conversation"),
        (Message, "contact", "contact"),
        (UserChatroom, "user", "agent"),
        (UserChatroom, "chatroom", "room"),
        (Channel, "chatroom", "room"),
    ],
)
def test_no_foreign_key_points_across(acme, globex, model, field, parent):
    with tenancy.organization(acme["organization"].pk), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="same_organization"), transaction.atomic():
            model._base_manager.update(**{f"{field}_id": globex[parent].pk})


@pytest.mark.parametrize("table", ["token_entries", "message_receipts", "audit_entries"])
@pytest.mark.parametrize("role", ["mh_app", "mh_system"])
def test_what_is_written_once_stays(acme, table: str, role: str):
    for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {role}")
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute(statement)
            cursor.execute("RESET ROLE")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE messages DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON messages",
        "SET ROLE mh_owner",
        "CREATE TABLE planted (id int)",
        "DELETE FROM django_migrations",
        "SELECT * FROM webhook_events",
        "UPDATE webhook_events SET error = ''",
    ],
)
def test_what_the_application_role_may_not_do(statement: str):
    with (
        pytest.raises(ProgrammingError, match="permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_a_role_or_tenant_taken_for_a_while_is_given_back(acme, globex):
    with tenancy.organization(acme["organization"].pk):
        with tenancy.system():
            assert Message.objects.count() == 2
        assert Message.objects.count() == 1
        with tenancy.organization(globex["organization"].pk):
            assert Message.objects.get() == globex["message"]
        assert Message.objects.get() == acme["message"]
    assert not Message.objects.exists()


def test_secrets_are_ciphertext_at_rest(acme):
    with tenancy.organization(acme["organization"].pk):
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM provider_accounts")
            assert "secret" not in cursor.fetchone()[0]
        assert TwilioAccount.objects.get().secret == "secret"
        with pytest.raises(TypeError, match="searched"):
            TwilioAccount.objects.filter(secret="secret").exists()


def test_a_key_is_rotated_without_losing_what_the_old_one_wrote(acme, settings):
    from cryptography.fernet import Fernet, InvalidToken

    old = list(settings.FIELD_ENCRYPTION_KEYS)
    with tenancy.organization(acme["organization"].pk):
        settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old]
        account = TwilioAccount.objects.get()
        assert account.secret == "secret"
        account.save()
        settings.FIELD_ENCRYPTION_KEYS = old
        with pytest.raises(InvalidToken):
            TwilioAccount.objects.get()


def test_numbers_of_events_follow_the_order_of_commits_without_gaps(acme):
    with tenancy.organization(acme["organization"].pk):
        change = event_log.Change(
            event_log.UPDATED, acme["organization"].pk, acme["room"].pk, acme["conversation"].pk, acme["message"].pk
        )
        event_log.record_events([change, change])
        event_log.record_events([change])
        assert list(Event.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3, 4]
        assert Chatroom.objects.get().last_seq == 4


def test_a_webhook_can_be_added_by_the_application_and_read_by_the_system_only():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhook_events (source, account, dedupe_key, body) VALUES ('twilio.message', 'AC1', %s, '') "
            "ON CONFLICT DO NOTHING",
            [str(uuid7())],
        )
    with tenancy.system():
        assert WebhookEvent.objects.count() == 1


HOT = {
    "the inbox of an agent": lambda t: listing.list_conversations(t["agent"], limit=50),
    "a tab of the inbox": lambda t: listing.list_conversations(t["agent"], limit=50, status="OPEN", unassigned=True),
    "a tab's count": lambda t: listing.count_conversations(
        t["agent"], most=1000, status="OPEN", assigned_to=t["agent"].pk
    ),
    "rows by their ids": lambda t: listing.list_conversations(
        t["agent"], limit=50, status="OPEN", ids=[t["conversation"].pk]
    ),
    "a count by ids": lambda t: listing.count_conversations(
        t["agent"], most=1000, status="OPEN", ids=[t["conversation"].pk]
    ),
    "a thread": lambda t: listing.list_thread(t["conversation"], limit=50),
    "the log": lambda t: event_log.missed_frames(str(t["room"].pk), 0),
}


def test_hot_statements_use_their_indexes_under_the_policy(transactional_db, acme):
    plans: dict[str, list[str]] = {name: [] for name in HOT}

    def explained(name, execute, sql, params, many, context):
        if sql.lstrip().upper().startswith("SELECT") and params is not None:
            with connection.connection.cursor() as raw:
                raw.execute(f"EXPLAIN {sql}", params)
                plans[name].append("\n".join(row[0] for row in raw.fetchall()))
        return execute(sql, params, many, context)

    with tenancy.organization(acme["organization"].pk), connection.cursor() as cursor:
        fill(cursor, acme)
    with tenancy.as_owner(), connection.cursor() as cursor:
        # Or the plans depend on what earlier tests have left in the statistics.
        cursor.execute("ANALYZE contacts, conversations, messages, events")
    with tenancy.organization(acme["organization"].pk):
        for name, read in HOT.items():
            with connection.execute_wrapper(partial(explained, name)):
                read(acme)

    whole = re.compile("Seq Scan on (messages|conversations|events)")
    assert all(plans.values())
    assert {name: plan for name, found in plans.items() for plan in found if whole.search(plan)} == {}
    walks = re.compile("using conversations_(of_room|of_organization|by_status|by_assignee)")
    named = [plan for name in ("rows by their ids", "a count by ids") for plan in plans[name]]
    assert [plan for plan in named if walks.search(plan)] == []


def fill(cursor, tenant: dict) -> None:
    """Enough rows that a plan without the index would be the worse one."""
    cursor.execute(
        """
        INSERT INTO contacts (organization_id, chatroom_id, phone)
        SELECT %(organization)s, %(room)s, '+1666' || n FROM generate_series(1, 5000) n;
        """,
        {"organization": tenant["organization"].pk, "room": tenant["room"].pk},
    )
    cursor.execute(
        """
        INSERT INTO conversations
            (organization_id, chatroom_id, contact_id, platform, channel_id, last_message_at)
        SELECT organization_id, chatroom_id, id, 'SMS', %(number)s, now() - random() * interval '90 days' FROM contacts
        WHERE phone LIKE '+1666%%';
        """,
        {"number": tenant["number"].pk},
    )
    cursor.execute(
        """
        INSERT INTO messages (organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction,
                              platform, content, status, from_address, to_address)
        SELECT v.organization_id, v.chatroom_id, v.id, v.contact_id, v.channel_id, 'inbound', 'SMS', 'x', 'received',
               'a', 'b'
        FROM conversations v, generate_series(1, 3);
        """
    )
    cursor.execute(
        """
        INSERT INTO events (chatroom_id, seq, organization_id, type, conversation_id)
        SELECT %(room)s, 1000 + n, %(organization)s, 'conversation.updated', %(conversation)s
        FROM generate_series(1, 20000) n;
        """,
        {
            "organization": tenant["organization"].pk,
            "room": tenant["room"].pk,
            "conversation": tenant["conversation"].pk,
        },
    )

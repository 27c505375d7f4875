"""Conversations of ten messages, made in SQL: one large organization with 200 chatrooms and five small ones.

`SIZE` says how many conversations: 10k (seconds), 100k (a minute) or 1m (a quarter of an hour and 10 GB). Three people
of the large organization have read nearly everything: an agent with 3 chatrooms, a manager (an agent with all 200) and
an admin. `python -m bench.data` fills the running servers of MESSAGEHUB_LOCAL_DIR.
"""

import os
from dataclasses import dataclass
from uuid import UUID

import psycopg

from messagehub import launcher

SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
ROOMS, SMALL, MESSAGES, STEP = 200, 5, 10, 20_000
WORDS = (
    "hello thanks order table chair delivery invoice thursday oak white measure alcove wobble tracking refund window "
    "sofa lamp shelf carpet morning evening tomorrow street address phone number paid card receipt broken exchange"
)
# As a person's words are: a few everywhere, others rare, and a number that is in one message alone.
CONTENT = """
(%(words)s::text[])[1 + floor(random() * %(count)s)::int] || ' '
|| (%(words)s::text[])[1 + floor(random() ^ 3 * %(count)s)::int] || ' '
|| (%(words)s::text[])[1 + floor(random() ^ 3 * %(count)s)::int] || ' could we talk about it? '
|| CASE WHEN random() < 0.001 THEN 'chandelier ' ELSE '' END || 'Nr. ' || v.n || '-' || m.n
"""
PEOPLE = """
CREATE TEMPORARY TABLE large AS SELECT uuidv7() AS id;
INSERT INTO organizations (id, name, slug, time_zone, default_country, require_mfa_for_admins, price_sms,
                           price_messenger, price_instagram, refund_policy, low_balance_limit)
SELECT id, name, name, 'UTC', 'US', false, 1, 1, 1, 'not_sent', 0 FROM (
    SELECT id, 'large' AS name FROM large UNION ALL SELECT uuidv7(), 'small-' || n FROM generate_series(1, %(small)s) n
) made;
INSERT INTO chatrooms (organization_id, name, color)
SELECT o.id, 'Room ' || n, 'petrol' FROM organizations o
JOIN generate_series(1, %(rooms)s) n ON o.slug = 'large' OR n <= 2;
INSERT INTO provider_accounts (organization_id, provider, external_id, name, secret, other_secret)
SELECT id, 'twilio', 'AC' || replace(id::text, '-', ''), slug, '', '' FROM organizations;
INSERT INTO channels (organization_id, chatroom_id, account_id, platform, address, name, segments_per_second)
SELECT r.organization_id, r.id, a.id, 'SMS', '+1555' || lpad((row_number() OVER ())::text, 7, '0'), r.name, 100
FROM chatrooms r JOIN provider_accounts a ON a.organization_id = r.organization_id;
INSERT INTO users (organization_id, email, name, role, password, is_active, is_superuser, token_version,
                   joined_at)
SELECT o.id, who.name || '@' || o.slug || '.example', who.name, who.role, '', true, false, 0, now()
FROM organizations o, (VALUES ('agent', 'agent'), ('manager', 'agent'), ('admin', 'admin')) who (name, role);
INSERT INTO user_chatrooms (organization_id, user_id, chatroom_id)
SELECT u.organization_id, u.id, r.id FROM users u JOIN chatrooms r ON r.organization_id = u.organization_id
WHERE u.name = 'manager' OR u.name = 'agent' AND r.name IN ('Room 1', 'Room 2', 'Room 3');
INSERT INTO user_tokens (organization_id, user_id, balance)
SELECT organization_id, id, 100000 FROM users;
CREATE TEMPORARY TABLE rooms AS
SELECT r.id, r.organization_id, c.id AS channel_id, c.address, o.slug = 'large' AS is_large,
       row_number() OVER (PARTITION BY o.slug = 'large' ORDER BY r.id) - 1 AS place
FROM chatrooms r JOIN channels c ON c.chatroom_id = r.id JOIN organizations o ON o.id = r.organization_id;
"""
# Every twentieth conversation is a small organization's. Half are open, and one in ten waits for an answer.
CONVERSATIONS = f"""
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
SELECT n, uuidv7() AS id, uuidv7() AS contact_id, r.id AS chatroom_id, r.organization_id, r.channel_id, r.address,
       '+1777' || lpad(n::text, 8, '0') AS phone, now() - random() ^ 2 * interval '365 days' AS ended
FROM generate_series(%(first)s, %(last)s) n
JOIN rooms r ON r.is_large = (n %% 20 > 0)
  AND r.place = n / 20 %% CASE WHEN n %% 20 > 0 THEN %(rooms)s ELSE 2 * %(small)s END;
INSERT INTO contacts (id, organization_id, chatroom_id, first_name, last_name, phone, created_at)
SELECT contact_id, organization_id, chatroom_id, (%(words)s::text[])[1 + floor(random() * %(count)s)::int],
       upper(substr(md5(n::text), 1, 6)), phone, ended - interval '20 days' FROM made;
INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, is_primary)
SELECT organization_id, chatroom_id, contact_id, 'SMS', phone, true FROM made;
INSERT INTO conversations (id, organization_id, chatroom_id, contact_id, platform, channel_id, status, last_message_at,
                           last_inbound_at, inbound_count, created_at, assigned_to_id)
SELECT v.id, v.organization_id, v.chatroom_id, v.contact_id, 'SMS', v.channel_id,
       CASE WHEN n %% 10 < 5 THEN 'OPEN' WHEN n %% 10 < 6 THEN 'PENDING' ELSE 'CLOSED' END, ended, ended, 5,
       ended - interval '20 days', CASE WHEN n %% 3 = 0 THEN u.id END
FROM made v JOIN users u ON u.organization_id = v.organization_id AND u.name = 'manager';
INSERT INTO messages (organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction, platform,
                      content, status, provider_id, from_address, to_address, occurred_at, created_at)
SELECT v.organization_id, v.chatroom_id, v.id, v.contact_id, v.channel_id,
       CASE WHEN m.n %% 2 = 0 THEN 'inbound' ELSE 'outbound' END, 'SMS', {CONTENT},
       CASE WHEN m.n %% 2 = 0 THEN 'received' ELSE 'delivered' END, 'SM' || md5(v.n || '-' || m.n),
       CASE WHEN m.n %% 2 = 0 THEN v.phone ELSE v.address END, CASE WHEN m.n %% 2 = 0 THEN v.address ELSE v.phone END,
       ended - (%(messages)s - m.n) * interval '1 day', ended - (%(messages)s - m.n) * interval '1 day'
FROM made v, generate_series(1, %(messages)s) m (n) ORDER BY m.n, v.n;
UPDATE conversations c SET last_message_id = m.id FROM messages m JOIN made v ON v.id = m.conversation_id
WHERE c.id = v.id AND m.occurred_at = v.ended;
INSERT INTO read_markers (organization_id, user_id, conversation_id, seen_count)
SELECT v.organization_id, u.id, v.id, CASE WHEN random() < 0.05 THEN 3 ELSE 5 END
FROM made v JOIN users u ON u.organization_id = v.organization_id
WHERE random() < 0.95 AND (u.name <> 'agent' OR EXISTS (
    SELECT FROM user_chatrooms k WHERE k.user_id = u.id AND k.chatroom_id = v.chatroom_id));
"""


@dataclass(frozen=True, slots=True)
class Cast:
    """Ids of the three in the large organization."""

    organization: UUID
    agent: UUID
    manager: UUID
    admin: UUID


def fill(host: str, size: int) -> Cast:
    """Fill the migrated, empty database of the server behind this socket, then vacuum it."""
    with psycopg.connect(host=host, user="postgres", dbname="messagehub", autocommit=True) as own:
        own.execute("SET session_replication_role = replica")  # no triggers: what they would check holds
        own.execute("SET synchronous_commit = off")
        params = {
            "rooms": ROOMS,
            "small": SMALL,
            "messages": MESSAGES,
            "words": WORDS.split(),
            "count": len(WORDS.split()),
        }
        with own.transaction():
            _run(own, PEOPLE, params)
        for first in range(1, size + 1, STEP):
            with own.transaction():
                _run(own, CONVERSATIONS, params | {"first": first, "last": min(size, first + STEP - 1)})
        own.execute("VACUUM (ANALYZE)")
        return read_cast(own)


def read_cast(database: psycopg.Connection) -> Cast:
    found = database.execute(
        "SELECT u.name, u.id, o.id FROM users u JOIN organizations o ON o.id = u.organization_id WHERE o.slug = 'large'"
    ).fetchall()
    ids = {name: pk for name, pk, _ in found}
    return Cast(found[0][2], ids["agent"], ids["manager"], ids["admin"])


def chosen_size() -> int:
    return SIZES[os.environ.get("SIZE", "10k")]


def _run(own: psycopg.Connection, statements: str, params: dict) -> None:
    cursor = psycopg.ClientCursor(own)
    cursor.execute(statements, params)


def main() -> None:
    """Into the servers of MESSAGEHUB_LOCAL_DIR, which run."""
    print(fill(launcher.locate(os.environ["MESSAGEHUB_LOCAL_DIR"]).postgres_host, chosen_size()))


if __name__ == "__main__":
    main()

"""Opt-outs and opt-ins, for each channel. The newest entry about an address and a channel decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chatrooms import phones
from messagehub import sql
from messaging.live import event_log
from messaging.models import ConsentEntry

# Whether the address has opted out of the channel `n` of the organization `o`. The channel's own newest entry decides,
# and where a STOP holds for more than its channel, the newest of all those channels too: a START to one of them lifts
# the STOPs to the others, but for the channels that the STOPs were written to.
OPTED_OUT = """('opt_out' = (
    SELECT e.kind FROM consent_entries e WHERE e.channel_id = n.id AND e.address = {address}
    ORDER BY e.created_at DESC, e.id DESC LIMIT 1)
OR o.opt_out_scope <> 'channel' AND 'opt_out' = (
    SELECT e.kind FROM consent_entries e JOIN channels s ON s.id = e.channel_id
    WHERE e.organization_id = n.organization_id AND e.address = {address} AND s.platform = n.platform
      AND (o.opt_out_scope = 'organization' OR s.chatroom_id = n.chatroom_id)
    ORDER BY e.created_at DESC, e.id DESC LIMIT 1))"""
# The same with the entries: for each channel and address its newest of the channel, and of all that hold for it.
NEWEST = """
SELECT n.id AS channel_id, e.id, e.kind, e.created_at, form.address AS form, s.address AS channel_address,
       newest.is_own
FROM channels n JOIN organizations o ON o.id = n.organization_id
CROSS JOIN unnest(%s::text[]) AS form (address)
CROSS JOIN LATERAL (
    (SELECT e.id, true AS is_own FROM consent_entries e WHERE e.channel_id = n.id AND e.address = form.address
     ORDER BY e.created_at DESC, e.id DESC LIMIT 1)
    UNION ALL
    (SELECT e.id, false FROM consent_entries e JOIN channels s ON s.id = e.channel_id
     WHERE o.opt_out_scope <> 'channel'
       AND e.organization_id = n.organization_id AND e.address = form.address AND s.platform = n.platform
       AND (o.opt_out_scope = 'organization' OR s.chatroom_id = n.chatroom_id)
     ORDER BY e.created_at DESC, e.id DESC LIMIT 1)
) newest
JOIN consent_entries e ON e.id = newest.id
JOIN channels s ON s.id = e.channel_id
WHERE n.id = ANY(%s::uuid[])
"""
# Channels `s` for which an entry about the channel `n` holds.
HOLDS_FOR = """
JOIN channels s ON s.organization_id = n.organization_id AND s.platform = n.platform AND (
    s.id = n.id OR o.opt_out_scope = 'organization' OR o.opt_out_scope = 'chatroom' AND s.chatroom_id = n.chatroom_id)
"""

# Entries have the time of their message, not of their arrival here: a backfilled STOP may be older than a START that we
# know, and must not outlast it.
WRITTEN = """
INSERT INTO consent_entries (created_at, organization_id, channel_id, address, kind, source, text, message_id)
SELECT m.occurred_at, m.organization_id, m.channel_id, m.from_address, w.kind, 'keyword', m.content, m.id
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS w (message_id, kind, languages)
JOIN messages m ON m.id = w.message_id
JOIN organizations o ON o.id = m.organization_id
    AND string_to_array(w.languages, ' ') && ('{en}' || o.keyword_languages::text[])
ORDER BY m.occurred_at, m.id
RETURNING channel_id, address, kind
"""
# Of those who wrote a keyword to join, were asked, and said YES.
JOINED = """
INSERT INTO consent_entries (created_at, organization_id, channel_id, address, kind, source, text, message_id, reason)
SELECT m.occurred_at, m.organization_id, m.channel_id, m.from_address, 'opt_in', 'keyword', m.content, m.id, w.reason
FROM unnest(%s::uuid[], %s::text[]) AS w (message_id, reason) JOIN messages m ON m.id = w.message_id
ORDER BY m.occurred_at, m.id
RETURNING channel_id, address, kind
"""
# Offered sentences of who has opted out in the meantime: by a keyword, or because the provider says so.
SETTLE_OFFERS = f"""
UPDATE opt_out_offers f SET state = 'accepted', closed_at = now()
FROM (
    SELECT DISTINCT s.id AS channel_id, gone.address FROM unnest(%s::uuid[], %s::text[]) AS gone (channel_id, address)
    JOIN channels n ON n.id = gone.channel_id JOIN organizations o ON o.id = n.organization_id
    {HOLDS_FOR}
) gone, messages m
WHERE f.channel_id = gone.channel_id AND f.address = gone.address AND f.state = 'open' AND m.id = f.message_id
RETURNING f.organization_id, m.chatroom_id, m.conversation_id, m.id
"""

# Only opt-outs "at some time": it narrows the messages down, and `recheck` asks which entry is the newest.
BY_FORM = """
SELECT DISTINCT form.message_id AS id
FROM unnest(%s::uuid[], %s::text[]) AS form (message_id, address)
JOIN messages m ON m.id = form.message_id
JOIN consent_entries e
    ON e.organization_id = m.organization_id AND e.address = form.address AND e.kind = 'opt_out'
"""
# Unclosed conversations with an address in any of its forms, of channels for which an entry holds. Their pages show it.
CONCERNED = f"""
SELECT DISTINCT v.organization_id, v.chatroom_id, v.id
FROM unnest(%s::uuid[], %s::text[]) AS concerned (channel_id, address)
JOIN channels n ON n.id = concerned.channel_id JOIN organizations o ON o.id = n.organization_id
{HOLDS_FOR}
JOIN contact_addresses k
    ON k.chatroom_id = s.chatroom_id AND k.platform = s.platform AND k.address = concerned.address
JOIN conversations v ON v.contact_id = k.contact_id AND v.channel_id = s.id AND v.status <> 'CLOSED'
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """The entry that decides about a channel and an address: what was said when, and to which channel."""

    entry_id: UUID
    kind: str
    said_at: datetime
    channel_address: str
    is_own: bool  # whether it was said to the very channel


def find_opt_out(channel_id: UUID, address: str) -> Decision | None:
    """The opt-out in force for this address and channel, or None."""
    return find_opt_outs(channel_id, [address]).get(address)


def find_opt_outs(channel_id: UUID, addresses: Iterable[str]) -> dict[str, Decision]:
    """Opt-outs in force for this channel, by address."""
    decisions = find_decisions([channel_id], addresses)
    opt_out = ConsentEntry.Kind.OPT_OUT
    return {address: decision for (_, address), decision in decisions.items() if decision.kind == opt_out}


def find_decisions(channel_ids: Sequence[UUID], addresses: Iterable[str]) -> dict[tuple[UUID, str], Decision]:
    """What decides, by channel and address. The newest entry about any form of an address counts. One query."""
    # Mexican, Argentine and Brazilian numbers have two forms each (`chatrooms.phones.list_forms`).
    forms_of = {address: phones.list_forms(address) for address in addresses}
    every_form = list({form for forms in forms_of.values() for form in forms})
    rows = sql.fetch_prepared(NEWEST, [every_form, list(channel_ids)]) if every_form else []
    newest_entry = {(row["channel_id"], row["form"], row["is_own"]): row for row in rows}
    decisions: dict[tuple[UUID, str], Decision] = {}
    for channel_id in channel_ids:
        for address, forms in forms_of.items():
            found = []
            for is_own in (True, False):
                keys = [(channel_id, form, is_own) for form in forms]
                of_address = [newest_entry[key] for key in keys if key in newest_entry]
                found += sorted(of_address, key=lambda row: (row["created_at"], row["id"]))[-1:]
            # An opt-out beats an opt-in, and the channel's own entry the one that holds for it.
            if decisive := min(found, key=lambda row: row["kind"] != ConsentEntry.Kind.OPT_OUT, default=None):
                decisions[channel_id, address] = Decision(
                    decisive["id"],
                    decisive["kind"],
                    decisive["created_at"],
                    decisive["channel_address"],
                    decisive["is_own"],
                )
    return decisions


def find_opt_outs_by_form(messages: Iterable[tuple[UUID, str]]) -> set[UUID]:
    """Ids of messages, given as (id, recipient), with an opt-out, in force or not, in another form of the number."""
    other_forms = [(pk, form) for pk, address in messages for form in phones.list_forms(address)[1:]]
    if not other_forms:
        return set()
    return {row["id"] for row in sql.fetch_rows(BY_FORM, [list(column) for column in zip(*other_forms, strict=True)])}


def record_keywords(kinds: Sequence[tuple]) -> list[event_log.Change]:
    """Add entries for inbound keywords, given as (message id, kind, languages); returns the changes to record.

    Those in languages that the message's organization has left out add none.
    """
    if not kinds:
        return []
    entries = sql.fetch_rows(WRITTEN, [list(column) for column in zip(*kinds, strict=True)])
    return list_consequences((row["channel_id"], row["address"], row["kind"]) for row in entries)


def record_confirmations(confirmations: Sequence[tuple]) -> list[event_log.Change]:
    """Add opt-ins of who said YES to joining, given as (message id, reason); returns the changes to record."""
    if not confirmations:
        return []
    entries = sql.fetch_rows(JOINED, [list(column) for column in zip(*confirmations, strict=True)])
    return list_consequences((row["channel_id"], row["address"], row["kind"]) for row in entries)


def record_provider_opt_out(
    organization_id, channel_id, address: str, *, message_id, text: str
) -> list[event_log.Change]:
    """Add an opt-out that the provider reported with 21610, unless one is in force; returns the changes to record."""
    if find_opt_out(channel_id, address):
        return []
    ConsentEntry.objects.create(
        organization_id=organization_id,
        channel_id=channel_id,
        address=address,
        kind=ConsentEntry.Kind.OPT_OUT,
        source=ConsentEntry.Source.PROVIDER,
        text=text[:100],
        message_id=message_id,
    )
    return list_consequences([(channel_id, address, ConsentEntry.Kind.OPT_OUT)])


def list_consequences(entries: Iterable[tuple[UUID, str, str]]) -> list[event_log.Change]:
    """Close the offers that new entries, given as (channel, address, kind), settle.

    Returns the changes to record: of those offers, and of the conversations that show the consent.
    """
    forms = [(channel_id, form, kind) for channel_id, address, kind in entries for form in phones.list_forms(address)]
    if not forms:
        return []
    conversations = sql.fetch_rows(CONCERNED, [list(column) for column in list(zip(*forms, strict=True))[:2]])
    gone = [form[:2] for form in forms if form[2] == ConsentEntry.Kind.OPT_OUT]
    settled = sql.fetch_rows(SETTLE_OFFERS, [list(column) for column in zip(*gone, strict=True)]) if gone else []
    return [
        event_log.Change(event_log.CONVERSATION, row["organization_id"], row["chatroom_id"], row["id"])
        for row in conversations
    ] + [
        event_log.Change(event_log.OFFER, row["organization_id"], row["chatroom_id"], row["conversation_id"], row["id"])
        for row in settled
    ]

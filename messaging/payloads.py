"""JSON payloads of messages, conversations, contacts and notes, for lists, single objects and live frames alike."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import orjson
from django.conf import settings

from chatrooms import phones
from chatrooms.models import Contact
from messagehub.datetimes import format_time
from messagehub.sql import fetch_prepared, fetch_rows
from messaging.models import UPLOAD_SCHEME, Note, OptOutOffer

# Rows and payloads are made by hand: a nested serializer for a page of 50 costs more than its query.
MESSAGE_COLUMNS = """
m.id, m.conversation_id, m.chatroom_id, m.contact_id, m.direction, m.platform, m.content, m.status, m.error_code,
m.error_message, m.segments, m.sent_by_id, author.name AS sent_by_name, m.provider_id, m.client_id, m.created_at,
m.sent_at, m.delivered_at, m.read_at, m.occurred_at, m.retry_of_id, m.send_at, m.reply_to_id, m.reactions, m.edited_at,
m.deleted_at, m.campaign_id, m.media_urls, m.automatic
"""
MESSAGE_TABLES = "messages m LEFT JOIN users author ON author.id = m.sent_by_id"
CONVERSATION_COLUMNS = """
v.id, v.chatroom_id, v.platform, v.status, v.assigned_to_id, assignee.name AS assigned_to_name, v.last_message_at,
v.snoozed_until, v.waiting_since, v.inbound_count, v.last_message_id, v.contact_id, c.first_name, c.last_name, c.phone,
c.profile_picture_url,
coalesce((
    SELECT json_agg(json_build_object('id', l.id, 'name', l.name, 'color', l.color) ORDER BY lower(l.name))
    FROM conversation_labels cl JOIN labels l ON l.id = cl.label_id WHERE cl.conversation_id = v.id
), '[]') AS labels
"""
CONVERSATION_TABLES = """
conversations v JOIN contacts c ON c.id = v.contact_id LEFT JOIN users assignee ON assignee.id = v.assigned_to_id
"""

MOST_USES = 10_000  # counted for each template: a count reads every one of them
TEMPLATE_USES = f"""
SELECT t.id, used.count, used.last_used_at
FROM unnest(%s::uuid[]) AS t (id)
CROSS JOIN LATERAL (
    SELECT count(*) AS count, max(occurred_at) AS last_used_at
    FROM (SELECT m.occurred_at FROM messages m WHERE m.template_id = t.id ORDER BY m.occurred_at DESC
          LIMIT {MOST_USES}) newest
) used
"""


def count_template_uses(template_ids: Iterable[UUID]) -> dict[UUID, dict]:
    """By template, how many messages were made from it (`count`, MOST_USES at most), and when the last one was."""
    ids = list(template_ids)
    return {row["id"]: row for row in fetch_prepared(TEMPLATE_USES, [ids])} if ids else {}


def describe_messages(rows: Iterable[dict]) -> list[dict]:
    """Payloads of rows with MESSAGE_COLUMNS. One query fetches the attachments of all of them."""
    rows = list(rows)
    attachments_of = describe_attachments([row["id"] for row in rows])
    return [describe_message(row, attachments_of.get(row["id"], [])) for row in rows]


def describe_messages_by_id(ids: Iterable) -> dict:
    """Payloads by id. Row security leaves out messages of other organizations."""
    ids = list(ids)
    if not ids:
        return {}
    rows = fetch_prepared(f"SELECT {MESSAGE_COLUMNS} FROM {MESSAGE_TABLES} WHERE m.id = ANY(%s::uuid[])", [ids])
    return dict(zip((row["id"] for row in rows), describe_messages(rows), strict=True))


def describe_attachments(message_ids: list) -> dict:
    if not message_ids:
        return {}
    by_message = defaultdict(list)
    for row in fetch_prepared(
        "SELECT id, message_id, kind, content_type, state, name, size, width, height FROM attachments "
        "WHERE message_id = ANY(%s::uuid[]) ORDER BY message_id, position",
        [message_ids],
    ):
        by_message[row["message_id"]].append(
            {
                "id": str(row["id"]),
                "kind": row["kind"] or attachment_kind(row["content_type"]),
                "content_type": row["content_type"],
                "size": row["size"],
                "url": f"{settings.PUBLIC_BASE_URL}/attachments/{row['id']}/",
                "state": row["state"],
                "name": row["name"],
                "width": row["width"],
                "height": row["height"],
            }
        )
    return by_message


def attachment_kind(content_type: str) -> str:
    """What it is where the provider does not say it."""
    family = content_type.split("/")[0]
    return family if family in ("image", "audio", "video") else "file"


def describe_media(addresses: Iterable[str]) -> list[dict | str]:
    """`media_urls` as the API takes them: `{"id": …}` of uploads, and addresses of files elsewhere."""
    return [
        {"id": address.removeprefix(UPLOAD_SCHEME).partition("/")[0]} if address.startswith(UPLOAD_SCHEME) else address
        for address in addresses
    ]


def describe_message(row: dict, attachments: list[dict]) -> dict:
    return {
        "id": str(row["id"]),
        "conversation_id": str(row["conversation_id"]),
        "chatroom_id": str(row["chatroom_id"]),
        "contact_id": str(row["contact_id"]),
        "direction": row["direction"],
        "is_from_business": row["direction"] == "outbound",
        "platform": row["platform"],
        # A customer's unsent message keeps its row; Meta requires that its content is not shown any more.
        "content": "" if row["deleted_at"] else row["content"],
        "status": row["status"],
        "error": {"code": row["error_code"], "message": row["error_message"]} if row["error_code"] else None,
        "attachments": [] if row["deleted_at"] else attachments,
        "segments": row["segments"],
        "sent_by": {"id": str(row["sent_by_id"]), "name": row["sent_by_name"]} if row["sent_by_id"] else None,
        "campaign_id": str(row["campaign_id"]) if row["campaign_id"] else None,
        "automatic": row["automatic"] or None,
        "provider_id": row["provider_id"],
        "client_id": str(row["client_id"]) if row["client_id"] else None,
        "retry_of": str(row["retry_of_id"]) if row["retry_of_id"] else None,
        "reply_to": str(row["reply_to_id"]) if row["reply_to_id"] else None,
        "reactions": _describe_reactions(row["reactions"]),
        "edited_at": format_time(row["edited_at"]),
        "deleted_at": format_time(row["deleted_at"]),
        # An inbound message's time is its arrival at the intake; the row may have been made much later.
        "created_at": format_time(row["occurred_at"] if row["direction"] == "inbound" else row["created_at"]),
        "send_at": format_time(row["send_at"]),
        "sent_at": format_time(row["sent_at"]),
        "delivered_at": format_time(row["delivered_at"]),
        "read_at": format_time(row["read_at"]),
    }


def _describe_reactions(stored: str | list[dict]) -> list[dict]:
    """Those that were not taken back."""
    reactions = orjson.loads(stored) if isinstance(stored, str) else stored
    return [{"emoji": each["emoji"], "by": each["by"]} for each in reactions if each["emoji"]]


def describe_conversation(row: dict, last_message: dict | None, unread: int | None) -> dict:
    """The payload of a row with CONVERSATION_COLUMNS. `unread` is the viewer's count."""
    # Frames are serialized once for all viewers, so they leave `unread` out and each socket adds its own.
    shape = {
        "id": str(row["id"]),
        "chatroom_id": str(row["chatroom_id"]),
        "platform": row["platform"],
        "status": row["status"],
        "assigned_to": (
            {"id": str(row["assigned_to_id"]), "name": row["assigned_to_name"]} if row["assigned_to_id"] else None
        ),
        "last_message_at": format_time(row["last_message_at"]),
        "snoozed_until": format_time(row["snoozed_until"]),
        "waiting_since": format_time(row["waiting_since"]),
        "labels": row["labels"],
        "contact": {
            "id": str(row["contact_id"]),
            "first_name": row["first_name"],
            "last_name": row["last_name"],
            "phone": row["phone"],
            "profile_pic_url": build_picture_url(row["contact_id"], row["profile_picture_url"]),
        },
        "messages": [last_message] if last_message else [],
    }
    return shape if unread is None else {**shape, "unread_count": unread}


def build_picture_url(contact_id: UUID, stored_path: str) -> str | None:
    """Where our copy of a contact's picture is shown, if there is one."""
    return f"{settings.PUBLIC_BASE_URL}/contacts/{contact_id}/picture/" if stored_path else None


def describe_contacts(contacts: Sequence[Contact]) -> list[dict]:
    """Payloads of contacts with prefetched groups. Two queries fetch the scoped ids and the consent of all of them."""
    scoped_ids = _list_scoped_ids(contacts)
    consent_by_contact = consent_of(contacts, scoped_ids)
    id_of = {(contact_id, platform): address for contact_id, platform, address in reversed(scoped_ids)}
    return [_contact(row, id_of, consent_by_contact.get(row.pk, "unknown")) for row in contacts]


SCOPED_IDS = """
SELECT contact_id, platform, address FROM contact_addresses WHERE contact_id = ANY(%s) AND platform <> 'SMS'
ORDER BY is_primary DESC, id DESC
"""


def _list_scoped_ids(contacts: Sequence[Contact]) -> list[tuple[UUID, str, str]]:
    """(contact, platform, address) of addresses that are no phone numbers, the primary ones first."""
    rows = fetch_rows(SCOPED_IDS, [[contact.pk for contact in contacts]])
    return [(row["contact_id"], row["platform"], row["address"]) for row in rows]


def _contact(contact: Contact, id_of: Mapping[tuple[UUID, str], str], consent: str) -> dict:
    return {
        "id": contact.pk,
        "chatroom_id": contact.chatroom_id,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "phone": contact.phone,
        "email": contact.email,
        "messenger_psid": id_of.get((contact.pk, "MESSENGER")),
        "instagram_sid": id_of.get((contact.pk, "INSTAGRAM")),
        "profile_pic_url": build_picture_url(contact.pk, contact.profile_picture_url),
        "consent": consent,
        "blocked": contact.blocked_at is not None,
        "groups": [{"id": group.pk, "name": group.name} for group in contact.groups.all()],
        "created_at": contact.created_at,
    }


# The newest entry for each of the chatroom's channels, and for all of the organization's where a STOP holds for all; of
# those, an opt-out beats an opt-in.
CONSENT = """
WITH c AS (SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS c (id, chatroom_id, address))
SELECT DISTINCT ON (said.id) said.id, said.kind FROM (
    (SELECT DISTINCT ON (c.id, n.id) c.id, e.kind
    FROM c JOIN channels n ON n.chatroom_id = c.chatroom_id
    JOIN LATERAL (
        SELECT o.id, o.kind, o.created_at FROM consent_entries o
        WHERE o.channel_id = n.id AND o.address = c.address
        ORDER BY o.created_at DESC, o.id DESC LIMIT 1
    ) e ON true
    ORDER BY c.id, n.id, e.created_at DESC, e.id DESC)
    UNION ALL
    (SELECT DISTINCT ON (c.id, n.platform) c.id, e.kind
    FROM c JOIN chatrooms r ON r.id = c.chatroom_id
    JOIN organizations g ON g.id = r.organization_id AND g.opt_out_scope = 'organization'
    JOIN consent_entries e ON e.organization_id = g.id AND e.address = c.address
    JOIN channels n ON n.id = e.channel_id
    ORDER BY c.id, n.platform, e.created_at DESC, e.id DESC)
) said
ORDER BY said.id, said.kind = 'opt_out' DESC
"""


def consent_of(contacts: Sequence[Contact], scoped_ids: Sequence[tuple[UUID, str, str]] | None = None) -> dict:
    """`opted_out` or `opted_in` by contact id. Contacts without an entry are left out.

    A contact who opted out of any channel of their chatroom, or of any for which that holds, counts as opted out.
    """
    chatroom_of = {contact.pk: contact.chatroom_id for contact in contacts}
    addresses = [
        (contact.pk, contact.chatroom_id, form)
        for contact in contacts
        if contact.phone
        for form in phones.list_forms(contact.phone)
    ]
    addresses += [
        (contact_id, chatroom_of[contact_id], address)
        for contact_id, _, address in (_list_scoped_ids(contacts) if scoped_ids is None else scoped_ids)
    ]
    if not addresses:
        return {}
    states = {"opt_out": "opted_out", "opt_in": "opted_in"}
    newest = fetch_rows(CONSENT, [list(column) for column in zip(*addresses, strict=True)])
    return {row["id"]: states[row["kind"]] for row in newest}


def describe_note(row: Note) -> dict:
    return {
        "id": row.pk,
        "conversation_id": row.conversation_id,
        "author": {"id": row.author_id, "name": row.author.name} if row.author else None,
        "content": row.content,
        "mentions": row.mentions,
        "created_at": row.created_at,
    }


def describe_offers_by_message(message_ids: Iterable[UUID]) -> dict[UUID, dict]:
    offers = OptOutOffer.objects.filter(message__in=list(message_ids)).select_related("message", "closed_by")
    return {offer.message_id: describe_offer(offer) for offer in offers}


def describe_offer(offer: OptOutOffer) -> dict:
    """The payload of an offer with its message and who closed it."""
    message, closer = offer.message, offer.closed_by
    return {
        "id": str(offer.pk),
        "chatroom_id": str(message.chatroom_id),
        "conversation_id": str(message.conversation_id),
        "contact_id": str(message.contact_id),
        "channel_id": str(offer.channel_id),
        "address": offer.address,
        "message_id": str(message.pk),
        "text": "" if message.deleted_at else message.content,
        "written_at": format_time(message.occurred_at),
        "due_at": format_time(offer.due_at),
        "state": offer.state,
        "closed_at": format_time(offer.closed_at),
        "closed_by": {"id": str(closer.pk), "name": closer.name} if closer else None,
        "reason": offer.reason,
    }

"""Conversations: the inbox list, the thread, opening one, reading, and what colleagues do with them."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from accounts.models import User
from chatrooms import contacts, membership
from chatrooms.models import Chatroom, Contact, ContactActivity
from integrations.models import SenderNumber
from messagehub import bus, constraints, tenancy
from messaging import payloads
from messaging.live import event_log
from messaging.models import (
    Conversation,
    ConversationActivity,
    ConversationLabel,
    Label,
    Message,
    Note,
    Platform,
    ReadMarker,
)

# The newest page of each visible room from the index alone, then one page of rows by primary key. With
# `chatroom_id IN (…) ORDER BY` PostgreSQL sorts every conversation of the rooms instead.
OF_ROOMS = """
SELECT newest.id, newest.last_message_at
FROM unnest(%(rooms)s::uuid[]) AS room (id)
CROSS JOIN LATERAL (
    SELECT o.id, o.last_message_at FROM conversations o
    LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
    WHERE o.chatroom_id = room.id {conditions}
    ORDER BY o.last_message_at {direction}, o.id {direction}
    LIMIT %(limit)s
) newest
ORDER BY newest.last_message_at {direction}, newest.id {direction}
LIMIT %(limit)s
"""
# For whoever sees nearly all rooms of the organization, its own index is shorter than a page of each room.
OF_ORGANIZATION = """
SELECT o.id, o.last_message_at FROM conversations o
LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
WHERE o.organization_id = %(organization_id)s AND o.chatroom_id = ANY(%(rooms)s) {conditions}
ORDER BY o.last_message_at {direction}, o.id {direction}
LIMIT %(limit)s
"""
LIST = f"""
SELECT {payloads.CONVERSATION_COLUMNS}, greatest(0, v.inbound_count - coalesce(r.seen_count, 0)) AS unread_count
FROM ({{page}}) page
JOIN conversations v ON v.id = page.id
JOIN contacts c ON c.id = v.contact_id
LEFT JOIN users assignee ON assignee.id = v.assigned_to_id
LEFT JOIN read_markers r ON r.conversation_id = v.id AND r.user_id = %(user_id)s
ORDER BY v.last_message_at {{direction}}, v.id {{direction}}
"""
# Counted up to a limit only, so that a tab costs the same with a million conversations behind it.
COUNT = """
SELECT count(*) FROM (
    SELECT FROM unnest(%(rooms)s::uuid[]) AS room (id)
    CROSS JOIN LATERAL (
        SELECT FROM conversations o
        LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
        WHERE o.chatroom_id = room.id {conditions}
        LIMIT %(limit)s
    ) found
    LIMIT %(limit)s
) counted
"""
THREAD = f"""
SELECT {payloads.MESSAGE_COLUMNS} FROM {payloads.MESSAGE_TABLES}
WHERE m.conversation_id = %(conversation_id)s {{conditions}}
ORDER BY m.occurred_at {{direction}}, m.id {{direction}} LIMIT %(limit)s
"""
CONDITIONS = {
    "platform": "AND o.platform = %(platform)s",
    "status": "AND o.status = %(status)s",
    "assigned_to": "AND o.assigned_to_id = %(assigned_to)s",
    "unassigned": "AND o.assigned_to_id IS NULL",
    "unread": "AND o.inbound_count > coalesce(own.seen_count, 0)",
    "read": "AND o.inbound_count <= coalesce(own.seen_count, 0)",
    "contact_id": "AND o.contact_id = %(contact_id)s",
    "search": """AND EXISTS (
        SELECT FROM contacts s WHERE s.id = o.contact_id
        AND (s.first_name || ' ' || s.last_name ILIKE %(search)s OR s.phone ILIKE %(search)s))""",
    "ids": "AND o.id = ANY(%(ids)s)",
    "contact_ids": "AND o.contact_id = ANY(%(contact_ids)s)",
    "label_id": """AND EXISTS (
        SELECT FROM conversation_labels l WHERE l.conversation_id = o.id AND l.label_id = %(label_id)s)""",
}
MOST_FOUND = 200  # contacts that a search is about; whoever finds more goes on typing
WAKE = """
WITH due AS (
    SELECT id FROM conversations WHERE status = 'SNOOZED' AND snoozed_until <= now()
    ORDER BY id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE conversations v SET status = 'OPEN', snoozed_until = NULL FROM due WHERE v.id = due.id
RETURNING v.id, v.organization_id, v.chatroom_id
"""
MOST_BETWEEN = 200  # notes, or lines of what people did, on one page of a thread
Position = tuple[datetime, UUID]


class Gone(Exception):
    """The conversation is not (any more) one that the user may see."""

    def __init__(self) -> None:
        super().__init__("There is nothing here.")


class NewerIsOpen(Exception):
    """The contact came back meanwhile: at most one conversation of a channel is not closed."""

    def __init__(self) -> None:
        super().__init__("The contact has a newer conversation that is open. Go on in that one.")


class NoWakingTime(Exception):
    """A conversation is snoozed until some time."""

    def __init__(self) -> None:
        self.fields = {"snoozed_until": ["Say until when it is to be snoozed."]}
        super().__init__(self.fields["snoozed_until"][0])


class NoteIdTaken(Exception):
    """Another note has this client_id."""

    def __init__(self) -> None:
        super().__init__("Another note was written with this client_id. Make a new one for each note.")


def listed(
    user: User,
    *,
    limit: int,
    after: Position | None = None,
    before: Position | None = None,
    chatroom_id: UUID | None = None,
    **filters,
) -> list[dict]:
    """Conversations that the user may see as shapes with their newest message, newest first.

    `after` goes on below that position, `before` above it. Filters are the keys of CONDITIONS.
    """
    rooms = Chatroom.objects.visible_to(user)
    if chatroom_id:
        rooms = rooms.filter(pk=chatroom_id)
    conditions = [CONDITIONS[name] for name in filters]
    params = {
        "user_id": user.pk,
        "organization_id": user.organization_id,
        "rooms": list(rooms.values_list("pk", flat=True)),
        "limit": limit,
        **filters,
    }
    direction = _position(conditions, params, "o.last_message_at, o.id", after, before)
    everything = user.is_admin and not chatroom_id and not {"status", "assigned_to", "unassigned"} & filters.keys()
    page = (OF_ORGANIZATION if everything else OF_ROOMS).format(conditions=" ".join(conditions), direction=direction)
    found = payloads.rows(LIST.format(page=page, direction=direction), params)
    if before:
        found.reverse()
    newest = payloads.messages_by_id(row["last_message_id"] for row in found if row["last_message_id"])
    return [payloads.conversation(row, newest.get(row["last_message_id"]), row["unread_count"]) for row in found]


def counted(user: User, *, most: int, chatroom_id: UUID | None = None, **filters) -> int:
    """How many conversations `listed` has for these filters, `most` meaning that or more."""
    rooms = Chatroom.objects.visible_to(user)
    if chatroom_id:
        rooms = rooms.filter(pk=chatroom_id)
    params = {
        "user_id": user.pk,
        "rooms": list(rooms.values_list("pk", flat=True)),
        "limit": most,
        **filters,
    }
    statement = COUNT.format(conditions=" ".join(CONDITIONS[name] for name in filters))
    return payloads.rows(statement, params)[0]["count"]


def contacts_found(user: User, search: str, chatroom: Chatroom | None = None) -> list[UUID]:
    """Whom a search is about: contacts by a part of their name, number or address, the newest if there are many."""
    return [contact.pk for contact in contacts.listed(user, limit=MOST_FOUND, chatroom=chatroom, search=search)]


def thread(
    conversation: Conversation, *, limit: int, after: Position | None = None, before: Position | None = None
) -> list[dict]:
    """The conversation's messages, newest first: rows with MESSAGE_COLUMNS (see `shapes.messages`)."""
    conditions: list[str] = []
    params: dict = {"conversation_id": conversation.pk, "limit": limit}
    direction = _position(conditions, params, "m.occurred_at, m.id", after, before)
    found = payloads.rows(THREAD.format(conditions=" ".join(conditions), direction=direction), params)
    return found[::-1] if before else found


def _position(conditions: list, params: dict, columns: str, after: Position | None, before: Position | None) -> str:
    if where := after or before:
        params["at"], params["id"] = where
        conditions.append(f"AND ({columns}) {'<' if after else '>'} (%(at)s, %(id)s)")
    return "ASC" if before else "DESC"


def one(user: User, conversation: Conversation) -> dict:
    """The shape of a conversation that the user may see. Raises Gone where they have just lost it."""
    if not (found := listed(user, limit=1, chatroom_id=conversation.chatroom_id, ids=[conversation.pk])):
        raise Gone
    return found[0]


def open_with(contact: Contact, sender: SenderNumber) -> Conversation:
    """The contact's open conversation with this number, opened if there is none; locked until the commit.

    Raises contacts.Gone where a new one would be for a contact that was merged meanwhile.
    """
    channel = {"contact": contact, "platform": Platform.SMS, "sender_number": sender}
    still_open = Conversation.objects.exclude(status="CLOSED")
    if found := still_open.filter(**channel).first():
        return locked(found)
    contacts.hold(contact)  # no merge overlooks what is opened now
    conversation, created = still_open.get_or_create(
        **channel,
        defaults={"organization_id": contact.organization_id, "chatroom_id": contact.chatroom_id},
    )
    if created:
        ContactActivity.objects.create(
            organization_id=contact.organization_id,
            contact=contact,
            kind=ContactActivity.Kind.CONVERSATION_OPENED,
            reference=conversation.pk,
        )
    return locked(conversation)


def locked(conversation: Conversation) -> Conversation:
    """The row as it is now, held until the commit. The contact is locked before it, messages after it."""
    row = Conversation.objects.select_for_update(no_key=True, of=("self",)).select_related("contact", "sender_number")
    # Waiting for a merge that gave it to another contact finds nothing: the join was made with the one before.
    return row.filter(pk=conversation.pk).first() or row.get(pk=conversation.pk)


def mark_read(user: User, conversation: Conversation, up_to: Message) -> int:
    """Note that the user has read up to this message; returns what is still unread. Never goes back."""
    with connection.cursor() as cursor:
        # One statement, one snapshot: what comes in meanwhile is counted on both sides or on neither.
        cursor.execute(
            """
            INSERT INTO read_markers (organization_id, user_id, conversation_id, up_to_id, seen_count)
            SELECT organization_id, %(user)s, id, %(up_to)s, greatest(0, inbound_count - (
                SELECT count(*) FROM messages m WHERE m.conversation_id = v.id AND m.direction = 'inbound'
                  AND (m.occurred_at, m.id) > (%(at)s, %(up_to)s)))
            FROM conversations v WHERE id = %(conversation)s
            ON CONFLICT (user_id, conversation_id) DO UPDATE
            SET up_to_id = CASE WHEN excluded.seen_count >= read_markers.seen_count
                                THEN excluded.up_to_id ELSE read_markers.up_to_id END,
                seen_count = greatest(read_markers.seen_count, excluded.seen_count)
            RETURNING seen_count
            """,
            {"user": user.pk, "up_to": up_to.pk, "at": up_to.occurred_at, "conversation": conversation.pk},
        )
        seen = cursor.fetchone()[0]
    left = max(0, Conversation.objects.values_list("inbound_count", flat=True).get(pk=conversation.pk) - seen)
    bus.tell(
        user.pk,
        {
            "type": "conversation.read",
            "chatroom_id": str(conversation.chatroom_id),
            "conversation_id": str(conversation.pk),
            "unread_count": left,
        },
    )
    return left


def mark_unread(user: User, conversation: Conversation) -> None:
    """Let the user's last inbound message count as unread again."""
    count = Conversation.objects.values_list("inbound_count", flat=True).get(pk=conversation.pk)
    if not count:
        return
    marker, created = ReadMarker.objects.get_or_create(
        user=user,
        conversation=conversation,
        defaults={"organization_id": conversation.organization_id, "seen_count": count - 1},
    )
    if not created:
        ReadMarker.objects.filter(pk=marker.pk, seen_count__gte=count).update(seen_count=count - 1, up_to=None)
    seen = ReadMarker.objects.values_list("seen_count", flat=True).get(pk=marker.pk)
    bus.tell(
        user.pk,
        {
            "type": "conversation.read",
            "chatroom_id": str(conversation.chatroom_id),
            "conversation_id": str(conversation.pk),
            "unread_count": max(0, count - seen),
        },
    )


def touch(conversation: Conversation, message: Message) -> None:
    """Make this message the conversation's newest: somebody has answered."""
    Conversation.objects.filter(pk=conversation.pk).update(
        last_message=message, last_message_at=Now(), waiting_since=None
    )


@transaction.atomic
def change(
    conversation: Conversation, *, by: User | None = None, labels: Iterable[Label] | None = None, **values
) -> dict:
    """Change state (`status`, `snoozed_until`), `assigned_to` or labels, and show it if it is a change.

    Returns what was there before, as a call that undoes it takes it. Raises NoWakingTime, and NewerIsOpen where the
    contact has another conversation that is not closed.
    """
    held = locked(conversation)
    state = _state(held, values)
    values |= state
    if "assigned_to" in values:
        values["assigned_to_id"] = getattr(values.pop("assigned_to"), "pk", None)
    before = {name: getattr(held, name) for name in values}
    changed = {name: value for name, value in values.items() if before[name] != value}
    if changed:
        with constraints.refused("conversations_one_open", NewerIsOpen()):
            Conversation.objects.filter(pk=held.pk).update(**values)
    done = _done(held, changed)
    if labels is not None:
        wanted = {label.pk: label for label in labels}
        before["labels"] = list(held.labels.all())
        done += _relabel(held, wanted, before["labels"])
    _note_done(held, by, done)
    if done:
        event_log.record([_updated(held.organization_id, held.chatroom_id, held.pk)])
    return before


def _done(held: Conversation, changed: Mapping) -> list[dict]:
    """The lines of the thread that tell of these changes."""
    kinds = ConversationActivity.Kind
    done = []
    if "assigned_to_id" in changed:
        person = changed["assigned_to_id"]
        done.append({"kind": kinds.ASSIGNED if person else kinds.UNASSIGNED, "person_id": person})
    if "status" in changed or "snoozed_until" in changed:
        status = changed.get("status", held.status)
        kind = {"OPEN": kinds.REOPENED, "CLOSED": kinds.CLOSED, "PENDING": kinds.PENDING, "SNOOZED": kinds.SNOOZED}
        done.append({"kind": kind[status], "until": changed.get("snoozed_until")})
    return done


def _note_done(held: Conversation, by: User | None, done: list[dict]) -> None:
    ConversationActivity.objects.bulk_create(
        ConversationActivity(organization_id=held.organization_id, conversation_id=held.pk, actor=by, **each)
        for each in done
    )


@transaction.atomic
def block(conversation: Conversation, blocked: bool, *, by: User) -> None:
    """Block the contact, or let them write and be written to again. Raises contacts.Gone."""
    contacts.change(conversation.contact, by=by, blocked=blocked)  # locks the contact, which goes first
    held = locked(conversation)
    kinds = ConversationActivity.Kind
    _note_done(held, by, [{"kind": kinds.BLOCKED if blocked else kinds.UNBLOCKED}])
    contact_changed(held.contact)


def _state(held: Conversation, values: dict) -> dict:
    """The state that is meant: a waking time alone snoozes, and taking it away wakes."""
    if "status" not in values and "snoozed_until" not in values:
        return {}
    until = values.get("snoozed_until", held.snoozed_until)
    awake = Conversation.Status.OPEN if held.status == Conversation.Status.SNOOZED else held.status
    status = values.get("status", Conversation.Status.SNOOZED if until else awake)
    if status != Conversation.Status.SNOOZED:
        return {"status": status, "snoozed_until": None}
    if until is None:
        raise NoWakingTime
    return {"status": status, "snoozed_until": until}


def _relabel(held: Conversation, wanted: Mapping[UUID, Label], present: list[Label]) -> list[dict]:
    gone = [label for label in present if label.pk not in wanted]
    kept = {label.pk for label in present}
    fresh = [label for pk, label in wanted.items() if pk not in kept]
    held.labelings.filter(label__in=gone).delete()
    ConversationLabel.objects.bulk_create(
        ConversationLabel(organization_id=held.organization_id, conversation=held, label=label) for label in fresh
    )
    kinds = ConversationActivity.Kind
    return [{"kind": kinds.UNLABELED, "label_name": label.name} for label in gone] + [
        {"kind": kinds.LABELED, "label_name": label.name} for label in fresh
    ]


def wake() -> int:
    """Open the snoozed conversations whose time has come, in all organizations; returns how many."""
    with tenancy.system():
        woken = payloads.rows(WAKE)
        event_log.record([_updated(row["organization_id"], row["chatroom_id"], row["id"]) for row in woken])
    return len(woken)


@transaction.atomic
def add_note(
    conversation: Conversation,
    content: str,
    *,
    author: User,
    mentions: Iterable[User] = (),
    client_id: UUID | None = None,
) -> Note:
    """Tell colleagues something about a conversation. The same `client_id` again is the note that it made before.

    Raises NoteIdTaken where that is a note of somebody else, or of another conversation.
    """
    note = Note(
        organization_id=conversation.organization_id,
        conversation=conversation,
        author=author,
        content=content,
        mentions=[person.pk for person in mentions],
        client_id=client_id,
    )
    try:
        with transaction.atomic():
            note.save(force_insert=True)
    except IntegrityError:
        if client_id is None:
            raise
        before = Note.objects.filter(client_id=client_id, conversation=conversation, author=author).first()
        if before is None:
            raise NoteIdTaken from None
        return before
    event_log.record([_updated(conversation.organization_id, conversation.chatroom_id, conversation.pk)])
    return note


def colleagues(conversation: Conversation) -> list[User]:
    """Who may see the conversation, by name."""
    return list(membership.people(conversation.chatroom).filter(is_active=True).order_by("name", "pk"))


def mentioned(content: str, people: Iterable[User]) -> list[User]:
    """Whom a note names with an @ before their whole name, or before a first name that only one of them has."""
    people = list(people)
    firsts = [person.name.split(" ")[0].lower() for person in people]
    found = []
    for person, first in zip(people, firsts, strict=True):
        names = [person.name.lower()] + ([first] if firsts.count(first) == 1 else [])
        if any(re.search(rf"(?<!\w)@{re.escape(name)}(?!\w)", content.lower()) for name in names):
            found.append(person)
    return found


def notes_between(conversation: Conversation, begin: datetime | None, end: datetime | None) -> list[Note]:
    """Notes from a moment on and before another, oldest first, with their authors."""
    return list(_between(conversation.notes.select_related("author"), begin, end))


def activities_between(
    conversation: Conversation, begin: datetime | None, end: datetime | None
) -> list[ConversationActivity]:
    """What people did from a moment on and before another, oldest first."""
    return list(_between(conversation.activities.select_related("actor", "person"), begin, end))


def _between(found, begin: datetime | None, end: datetime | None):
    if begin:
        found = found.filter(created_at__gte=begin)
    if end:
        found = found.filter(created_at__lt=end)
    return found.order_by("-created_at", "-pk")[:MOST_BETWEEN][::-1]


def contact_changed(contact: Contact) -> None:
    """Show what is new about a contact wherever its conversations are on a screen."""
    shown = contact.conversations.order_by("pk").values_list("pk", flat=True)
    event_log.record([_updated(contact.organization_id, contact.chatroom_id, pk) for pk in shown])


def _updated(organization_id: UUID, chatroom_id: UUID, pk: UUID) -> event_log.Change:
    return event_log.Change(event_log.CONVERSATION, organization_id, chatroom_id, pk)

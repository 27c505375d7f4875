"""Rules about order, consent, rights and promised times that hold whenever it is quiet. Findings as in `checks`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations, count

from integrations.sandbox import phones as sandbox_phones
from messagehub import sql, tenancy
from messaging.models import ConsentEntry, Message
from tests.simulator import clocks
from tests.simulator.book import Asked, Book, Texted
from tests.simulator.cast import Organization
from tests.simulator.customers import SPOKEN
from tests.simulator.scene import Scene, ask

THREADS = """
SELECT conversation_id, array_agg(provider_id ORDER BY occurred_at, id) AS ids FROM messages
WHERE direction = 'inbound' GROUP BY conversation_id
"""
STRANGERS = """
SELECT v.id, u.email, u.role, u.is_active FROM conversations v JOIN users u ON u.id = v.assigned_to_id
WHERE v.status <> 'CLOSED' AND NOT (u.is_active AND (u.role = 'admin' OR EXISTS (
    SELECT FROM user_chatrooms a WHERE a.user_id = u.id AND a.chatroom_id = v.chatroom_id)))
"""
LEFT_BEHIND = """
SELECT v.id, n.address FROM conversations v JOIN channels n ON n.id = v.channel_id
WHERE v.status <> 'CLOSED' AND n.retired_at IS NULL AND n.chatroom_id <> v.chatroom_id
"""
TORN = """
SELECT m.id FROM messages m JOIN conversations v ON v.id = m.conversation_id
WHERE m.chatroom_id <> v.chatroom_id OR m.contact_id <> v.contact_id
"""
PUT_AWAY = """
SELECT n.address FROM channels n JOIN chatrooms r ON r.id = n.chatroom_id
WHERE r.archived_at IS NOT NULL AND n.retired_at IS NULL
"""
ASIDE = count(90_000_001)  # numbers of messages that are asked for here, out of the way of operations


def thread_order(book: Book) -> Iterator[str]:
    """Texts of one sender stand in a thread in the order in which they were sent."""
    with book.lock:
        texted = dict(book.texted)
    with tenancy.system():
        threads = sql.fetch_rows(THREADS)
    for thread in threads:
        for earlier, later in combinations([sid for sid in thread["ids"] if sid in texted], 2):
            if texted[later].before(texted[earlier]):
                yield f"In {thread['conversation_id']} {texted[later].body!r} stands after {texted[earlier].body!r}"


def last_word(scene: Scene) -> Iterator[str]:
    """What a person who changed their mind said last is their consent, and decides about the next message.

    The provider knows fewer words: after a START that it does not heed, it refuses the next message, which opts out.
    """
    for organization in scene.organizations:
        for phone in organization.talkers:
            with scene.book.lock:
                said = [each for each in scene.book.texted.values() if each.phone == phone and each.body in SPOKEN]
                heard = scene.book.heard.get(phone, 0)
                scene.book.heard[phone] = len(said)
            if len(said) > heard:
                word = SPOKEN[latest(said).body]
                if word == "START" and _is_blocked(said) and _was_refused(phone):
                    word = "STOP"
                yield from _of_talker(scene, organization, phone, word)


def latest(said: list[Texted]) -> Texted:
    return max(said, key=lambda each: (each.began, each.place))


def _is_blocked(said: list[Texted]) -> bool:
    """Whether the provider goes by an earlier STOP."""
    heeded = [each for each in said if each.body.strip().upper() in sandbox_phones.STOP | sandbox_phones.START]
    return bool(heeded) and latest(heeded).body.strip().upper() in sandbox_phones.STOP


def _was_refused(phone: str) -> bool:
    """Whether the newest that is known of the number is the provider's refusal."""
    with tenancy.system():
        newest = ConsentEntry.objects.filter(address=phone).order_by("created_at", "pk").last()
    return newest is not None and newest.source == ConsentEntry.Source.PROVIDER


def _of_talker(scene: Scene, organization: Organization, phone: str, word: str) -> Iterator[str]:
    admin, room = organization.admin, organization.rooms[0]
    wanted = {"STOP": ("opted_out", 409), "START": ("opted_in", 201)}[word]
    listed = scene.door.ask(admin, "GET", "/api/contacts", params={"search": phone, "chatroom_id": room.id})
    number = next(ASIDE)
    text = f"#{number} May we?"
    asked = Asked(number, organization.id, admin.id, True, {text}, None)
    due = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    body = {"to": phone, "chatroom_id": room.id, "content": text, "send_at": due}
    answer = ask(scene, asked, admin, "/api/messages/send", body, {"Idempotency-Key": f"aside-{number}"})
    if listed is None or answer is None:
        yield f"Nobody answers about {phone}"
        return
    if answer.status == 201:
        message_id = answer.body["message"]["id"]
        canceled = scene.door.ask(admin, "POST", f"/api/messages/{message_id}/cancel")
        if canceled and canceled.status == 200:
            scene.book.canceled.add(message_id)
    status = answer.status
    if word == "START" and status == 422 and answer.body["error"]["code"] in ("quiet_hours", "invalid_number"):
        status = 201  # only the hour, or what the provider said of the number; an opt-out would come first
    is_now = ([each["consent"] for each in listed.body["results"]] or [""])[0], status
    if is_now != wanted:
        yield f"{phone} said {word} last, which should be {wanted} and is {is_now}"


def assignees() -> Iterator[str]:
    """Who is to look after a conversation may see it."""
    with tenancy.system():
        for row in sql.fetch_rows(STRANGERS):
            state = "active" if row["is_active"] else "not active"
            yield f"{row['id']} is assigned to {row['email']} ({row['role']}, {state}), who may not see it"


def promised_times(witness_rows: list[dict], organizations: list[Organization]) -> Iterator[str]:
    """What waits can go at its time, and quiet hours end nothing for which there is an hour."""
    hours = {organization.id: organization.quiet_hours for organization in organizations}
    with tenancy.system():
        waiting = dict(Message.objects.filter(status="scheduled").values_list("pk", "send_at"))
    for row in witness_rows:
        quiet, phone = hours[row["organization_id"]], row["to_address"]
        if (
            row["id"] in waiting
            and phone.startswith(tuple(clocks.ZONES))
            and not quiet.allow(phone, waiting[row["id"]])
        ):
            yield f"Message {row['id']} to {phone} waits until {waiting[row['id']]}, which is in its quiet hours"
        if row["error_code"] == "quiet_hours" and quiet.end_for(phone):
            yield f"Message {row['id']} to {phone} was given up for quiet hours that end"


def rooms_and_numbers() -> Iterator[str]:
    """Conversations are where their number is, with all that belongs to them, and that is no archived chatroom."""
    with tenancy.system():
        for row in sql.fetch_rows(LEFT_BEHIND):
            yield f"The conversation {row['id']} did not follow {row['address']} to its chatroom"
        for row in sql.fetch_rows(TORN):
            yield f"Message {row['id']} is in another chatroom than its conversation, or somebody else's"
        for row in sql.fetch_rows(PUT_AWAY):
            yield f"{row['address']} belongs to an archived chatroom"


def merged_contacts(book: Book) -> Iterator[str]:
    """A merge keeps what is scheduled, in a conversation that is not over."""
    with book.lock:
        kept_by = {message_id: kept for kept, ids in book.merged for message_id in ids}
        canceled, closed = book.canceling | book.canceled, set(book.closed)
    with tenancy.system():
        values = ("contact_id", "status", "conversation_id", "conversation__status")
        rows = {str(row[0]): row[1:] for row in Message.objects.filter(pk__in=kept_by).values_list("pk", *values)}
    for message_id, kept in kept_by.items():
        contact_id, status, conversation_id, state = rows.get(message_id, (None, "gone", None, ""))
        if str(contact_id) != kept:
            yield f"{message_id} was scheduled for somebody merged into {kept} and belongs to {contact_id}"
        elif status == "canceled" and message_id not in canceled:
            yield f"{message_id} was called off by a merge"
        elif status == "scheduled" and state == "CLOSED" and str(conversation_id) not in closed:
            yield f"{message_id} is scheduled in a conversation that a merge closed"


def rules(scene: Scene, witness_rows: list[dict]) -> Iterator[Iterator[str]]:
    yield thread_order(scene.book)
    yield last_word(scene)
    yield assignees()
    yield promised_times(witness_rows, scene.organizations)
    yield rooms_and_numbers()
    yield merged_contacts(scene.book)

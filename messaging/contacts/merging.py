"""Two contacts who are one person become one: everything of the second moves to the first, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Greatest, Least
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from chatrooms.models import Contact, ContactActivity, ContactNumber, GroupMember
from messagehub import sql
from messaging.conversations import changes
from messaging.models import Conversation, ConversationActivity, Message

FILLED = ("email", "profile_picture_url", "phone")  # taken over where nothing is known

# Messages are locked in the order in which the worker locks them, before they are changed.
MOVE_MESSAGES = """
WITH held AS MATERIALIZED (SELECT id FROM messages WHERE contact_id = %s ORDER BY id FOR NO KEY UPDATE)
UPDATE messages SET contact_id = %s FROM held WHERE messages.id = held.id
"""
# What is scheduled goes out from the conversation that stays open.
MOVE_SCHEDULED = """
WITH held AS MATERIALIZED (
    SELECT id FROM messages WHERE conversation_id = %(closed)s AND status = 'scheduled' ORDER BY id FOR NO KEY UPDATE
)
UPDATE messages SET conversation_id = %(open)s FROM held WHERE messages.id = held.id RETURNING messages.id
"""
FIND_NEWEST = """
UPDATE conversations v
SET last_message_id = newest.id, last_message_at = coalesce(newest.occurred_at, v.last_message_at)
FROM unnest(%s::uuid[]) AS wanted (id) LEFT JOIN LATERAL (
    SELECT m.id, m.occurred_at FROM messages m WHERE m.conversation_id = wanted.id
    ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) newest ON true
WHERE v.id = wanted.id
"""
MOVE_MEMBERSHIPS = """
UPDATE group_members m SET contact_id = %(kept)s WHERE contact_id = %(lost)s AND NOT EXISTS (
    SELECT FROM group_members o WHERE o.group_id = m.group_id AND o.contact_id = %(kept)s)
"""
# Who waits in a campaign goes on waiting as the one that is kept; who is in it twice is left out once. Who has got
# further stays: written to before waiting, and waiting before left out, unless they asked for no more messages.
GIVE_WAY = """
UPDATE campaign_recipients k SET contact_id = NULL FROM campaign_recipients l
WHERE k.contact_id = %(kept)s AND l.contact_id = %(lost)s AND l.campaign_id = k.campaign_id AND (
    k.outcome <> 'messaged' AND l.outcome = 'messaged'
    OR k.outcome = 'skipped' AND k.reason_code <> 'opted_out' AND l.outcome = 'waiting')
"""
MOVE_RECIPIENTS = """
WITH held AS MATERIALIZED (
    SELECT id FROM campaign_recipients WHERE contact_id = %(lost)s ORDER BY id FOR NO KEY UPDATE
)
UPDATE campaign_recipients r SET contact_id = %(kept)s FROM held WHERE r.id = held.id AND NOT EXISTS (
    SELECT FROM campaign_recipients o WHERE o.campaign_id = r.campaign_id AND o.contact_id = %(kept)s)
"""


class SameContact(Exception):
    """A contact can't be merged with itself."""

    def __init__(self) -> None:
        super().__init__(_("A contact can't be merged with itself. Choose another one."))


class OtherChatroom(Exception):
    """Contacts belong to a chatroom, and so do their conversations."""

    def __init__(self) -> None:
        super().__init__(_("Only contacts of the same chatroom can be merged."))


class AlreadyGone(Exception):
    """Somebody merged or deleted one of the two meanwhile."""

    def __init__(self) -> None:
        super().__init__(
            _("One of the two contacts no longer exists. Someone merged or deleted it. Nothing was changed.")
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do: how many rows move, what is filled in, and what is lost."""

    conversations: int
    messages: int
    numbers: list[str]  # that are further numbers of the contact afterwards
    groups: list[str]  # that the contact comes into
    closed: list[Conversation]  # open ones, because the contact has a newer one with the same number
    scheduled: list[Message]  # that go on waiting, in the contact's open conversation
    filled: dict[str, str]  # what is taken over where the contact has nothing
    lost: dict[str, str]  # what the contact has already, and keeps
    unblocked: bool  # the other is blocked, and the contact stays open
    stays_blocked: bool


def preview_merge(kept: Contact, lost: Contact) -> Preview:
    """Look before the merge. Raises SameContact and OtherChatroom."""
    _check(kept, lost)
    filled, dropped = _values(kept, lost)
    present = set(kept.memberships.values_list("group_id", flat=True))
    counted = Conversation.objects.filter(contact=lost).aggregate(all=Count("pk"))["all"]
    moving = lost.memberships.exclude(group_id__in=present).order_by("group__name")
    closing = _to_close(kept, lost)
    numbers = [lost.phone] if lost.phone and kept.phone else []
    numbers += lost.further_numbers.order_by("pk").values_list("phone", flat=True)
    return Preview(
        conversations=counted,
        messages=Message.objects.filter(contact=lost).count(),
        numbers=numbers,
        groups=list(moving.values_list("group__name", flat=True)),
        closed=list(closing),
        scheduled=list(_scheduled(lost, closing).order_by("send_at", "pk")),
        filled=filled,
        lost=dropped,
        unblocked=bool(lost.blocked_at and not kept.blocked_at),
        stays_blocked=bool(kept.blocked_at),
    )


@transaction.atomic
def merge_contacts(kept: Contact, lost: Contact, *, by: User) -> None:
    """Make `lost` a part of `kept`. Raises SameContact, OtherChatroom and AlreadyGone; then nothing has changed.

    Locks as everybody does: contacts, conversations, messages, and the chatroom's counter last.
    """
    _check(kept, lost)
    # No stronger than that: whoever has just sent to one of the two holds the conversation, and refers to the contact
    # at their commit.
    both_contacts = Contact.objects.select_for_update(no_key=True).filter(pk__in=[kept.pk, lost.pk])
    held = both_contacts.order_by("pk").in_bulk()
    if len(held) < 2:
        raise AlreadyGone
    kept, lost = held[kept.pk], held[lost.pk]
    _check(kept, lost)
    both = Conversation.objects.select_for_update(no_key=True).filter(contact__in=[kept, lost]).order_by("pk")
    list(both.values_list("pk", flat=True))
    filled, dropped = _values(kept, lost)
    groups = list(lost.groups.order_by("name").values_list("name", flat=True))
    closing = _to_close(kept, lost)
    closed = _close(list(closing), by)
    moved = Conversation.objects.filter(contact=lost).update(contact=kept)
    with connection.cursor() as cursor:
        cursor.execute(MOVE_MESSAGES, [lost.pk, kept.pk])
        messages = cursor.rowcount
        for conversation, newer in closing.items():
            moved_ids = sql.fetch_rows(MOVE_SCHEDULED, {"closed": conversation.pk, "open": newer.pk})
            if moved_ids:
                cursor.execute(FIND_NEWEST, [[conversation.pk, newer.pk]])
        cursor.execute(MOVE_MEMBERSHIPS, {"kept": kept.pk, "lost": lost.pk})
    GroupMember.objects.filter(contact=lost).delete()
    ContactActivity.objects.filter(contact=lost).update(contact=kept)
    ContactNumber.objects.filter(contact=lost).update(contact=kept)
    with connection.cursor() as cursor:
        # Waits for a campaign that freezes its audience just now: its recipients are to be seen and moved.
        list(Contact.objects.select_for_update().filter(pk__in=[kept.pk, lost.pk]).order_by("pk").values_list("pk"))
        cursor.execute(GIVE_WAY, {"kept": kept.pk, "lost": lost.pk})
        cursor.execute(MOVE_RECIPIENTS, {"kept": kept.pk, "lost": lost.pk})
    _delete(lost)
    _take_over(kept, lost)
    ContactActivity.objects.create(
        organization_id=kept.organization_id,
        contact=kept,
        kind=ContactActivity.Kind.MERGED,
        actor=by,
        reference=lost.pk,
        about=str(lost)[:200],
    )
    audit.record_action(
        "contact.merged",
        actor=by,
        target=kept,
        before={"id": str(lost.pk), "name": str(lost), "phone": lost.phone, "email": lost.email, "groups": groups},
        after={"conversations": moved, "messages": messages, "closed": closed, "filled": filled, "lost": dropped},
    )
    changes.announce_contact_change(kept)


def _check(kept: Contact, lost: Contact) -> None:
    if kept.pk == lost.pk:
        raise SameContact
    if kept.chatroom_id != lost.chatroom_id:
        raise OtherChatroom


def _scheduled(lost: Contact, closing: Mapping[Conversation, Conversation]) -> QuerySet[Message]:
    """The scheduled messages that a merge moves."""
    mine = Q(contact=lost) | Q(conversation__in=list(closing))
    return Message.objects.filter(mine, status=Message.Status.SCHEDULED)


def _to_close(kept: Contact, lost: Contact) -> dict[Conversation, Conversation]:
    """Of two open conversations over one channel with one number, the one that was quiet for longer -> the other."""
    still_open = Conversation.objects.exclude(status=Conversation.Status.CLOSED).filter(contact__in=[kept, lost])
    newest: dict[tuple, Conversation] = {}
    closing = {}
    for conversation in still_open.select_related("contact", "sender_number").order_by("-last_message_at", "-pk"):
        channel = conversation.platform, conversation.sender_number_id
        if newest.setdefault(channel, conversation) is not conversation:
            closing[conversation] = newest[channel]
    return closing


def _close(closing: list[Conversation], by: User) -> list[str]:
    """Not by `conversations.change`: that shows each at once, and the chatroom's counter is locked last."""
    keys = [conversation.pk for conversation in closing]
    Conversation.objects.filter(pk__in=keys).update(status=Conversation.Status.CLOSED, snoozed_until=None)
    ConversationActivity.objects.bulk_create(
        ConversationActivity(
            organization_id=each.organization_id,
            conversation=each,
            actor=by,
            kind=ConversationActivity.Kind.CLOSED,
        )
        for each in closing
    )
    return [str(key) for key in keys]


def _values(kept: Contact, lost: Contact) -> tuple[dict[str, str], dict[str, str]]:
    """What is taken over, and what gives way. A name that people wrote wins over a provider's."""
    filled: dict[str, str] = {}
    dropped: dict[str, str] = {}
    names = f"{kept.first_name} {kept.last_name}".strip(), f"{lost.first_name} {lost.last_name}".strip()
    staff = Contact.NameSource.STAFF
    better = not names[0] or (lost.name_source == staff and kept.name_source != staff)
    if names[1] and better:
        filled["name"] = names[1]
        if names[0]:
            dropped["name"] = names[0]
    elif names[1] and names[1] != names[0]:
        dropped["name"] = names[1]
    for name in FILLED:
        mine, theirs = getattr(kept, name), getattr(lost, name)
        if theirs and not mine:
            filled[name] = theirs
        elif theirs and theirs != mine and name == "email":
            dropped[name] = theirs
    return filled, dropped


def _delete(lost: Contact) -> None:
    """By hand: Django would look through every table that may point here, and the database refuses what is left."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts WHERE id = %s", [lost.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _take_over(kept: Contact, lost: Contact) -> None:
    filled = _values(kept, lost)[0]
    values: dict = {name: filled[name] for name in FILLED if name in filled}
    if "name" in filled:
        values |= {name: getattr(lost, name) for name in ("first_name", "last_name", "name_source")}
    Contact.objects.filter(pk=kept.pk).update(
        created_at=Least("created_at", lost.created_at),
        last_activity_at=Greatest("last_activity_at", lost.last_activity_at),
        **values,
    )
    if lost.phone and "phone" not in filled:
        ContactNumber.objects.create(
            organization_id=kept.organization_id, chatroom_id=kept.chatroom_id, contact=kept, phone=lost.phone
        )

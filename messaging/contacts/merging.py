"""Merging two contacts that are one person: everything of the duplicate moves to the contact, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Greatest, Least
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from chatrooms.models import Contact, ContactActivity, GroupMember
from messagehub import sql
from messaging.conversations import changes
from messaging.models import Conversation, ConversationActivity, Message, Platform

FILLED = ("email", "profile_picture_url", "phone")  # taken from the duplicate where the contact has none

# Claiming and settling lock messages in the order of their ids; so do we, or two transactions wait for each other. An
# UPDATE by itself locks in the order in which its plan finds the rows.
MOVE_MESSAGES = """
WITH locked AS MATERIALIZED (SELECT id FROM messages WHERE contact_id = %s ORDER BY id FOR NO KEY UPDATE)
UPDATE messages SET contact_id = %s FROM locked WHERE messages.id = locked.id
"""
# A scheduled message moves to the conversation that stays open, where people see and can cancel it.
MOVE_SCHEDULED = """
WITH locked AS MATERIALIZED (
    SELECT id FROM messages WHERE conversation_id = %(closed)s AND status = 'scheduled' ORDER BY id FOR NO KEY UPDATE
)
UPDATE messages SET conversation_id = %(open)s FROM locked WHERE messages.id = locked.id RETURNING messages.id
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
UPDATE group_members m SET contact_id = %(contact)s WHERE contact_id = %(duplicate)s AND NOT EXISTS (
    SELECT FROM group_members o WHERE o.group_id = m.group_id AND o.contact_id = %(contact)s)
"""
# Where both contacts are recipients of one campaign, the one who got further stays, so that the person gets one message
# and not none: messaged before waiting, waiting before skipped. A skip because of an opt-out always stays.
GIVE_WAY = """
UPDATE campaign_recipients k SET contact_id = NULL FROM campaign_recipients l
WHERE k.contact_id = %(contact)s AND l.contact_id = %(duplicate)s AND l.campaign_id = k.campaign_id AND (
    k.outcome <> 'messaged' AND l.outcome = 'messaged'
    OR k.outcome = 'skipped' AND k.reason_code <> 'opted_out' AND l.outcome = 'waiting')
"""
MOVE_RECIPIENTS = """
WITH locked AS MATERIALIZED (
    SELECT id FROM campaign_recipients WHERE contact_id = %(duplicate)s ORDER BY id FOR NO KEY UPDATE
)
UPDATE campaign_recipients r SET contact_id = %(contact)s FROM locked WHERE r.id = locked.id AND NOT EXISTS (
    SELECT FROM campaign_recipients o WHERE o.campaign_id = r.campaign_id AND o.contact_id = %(contact)s)
"""


class SameContact(Exception):
    """A contact can't be merged with itself."""

    def __init__(self) -> None:
        super().__init__(_("A contact can't be merged with itself. Choose another one."))


class OtherChatroom(Exception):
    """The contacts belong to different chatrooms."""

    def __init__(self) -> None:
        super().__init__(_("Only contacts of the same chatroom can be merged."))


class AlreadyGone(Exception):
    """One of the two contacts was merged or deleted by another request."""

    def __init__(self) -> None:
        super().__init__(
            _("One of the two contacts no longer exists. Someone merged or deleted it. Nothing was changed.")
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """The effects of a merge, before it is made."""

    conversations: int
    messages: int
    numbers: list[str]  # added to the contact as further numbers
    groups: list[str]  # names of groups that the contact joins
    closed: list[Conversation]  # of either contact, because another one with the same number is newer
    scheduled: list[Message]  # moved with the duplicate, or into the conversation that stays open
    filled: dict[str, str]  # values taken from the duplicate
    lost: dict[str, str]  # values of the duplicate that the contact's own ones replace
    unblocked: bool  # the duplicate is blocked, and the contact is not
    stays_blocked: bool


def preview_merge(contact: Contact, duplicate: Contact) -> Preview:
    """What merging would do. Raises SameContact and OtherChatroom."""
    _require_mergeable(contact, duplicate)
    filled, discarded = _choose_values(contact, duplicate)
    present_group_ids = set(contact.memberships.values_list("group_id", flat=True))
    conversation_count = Conversation.objects.filter(contact=duplicate).aggregate(all=Count("pk"))["all"]
    moving_memberships = duplicate.memberships.exclude(group_id__in=present_group_ids).order_by("group__name")
    closing = _find_superseded(contact, duplicate)
    numbers = duplicate.addresses.filter(platform=Platform.SMS).order_by("-is_primary", "pk")
    if not contact.phone:
        numbers = numbers.exclude(is_primary=True)
    return Preview(
        conversations=conversation_count,
        messages=Message.objects.filter(contact=duplicate).count(),
        numbers=list(numbers.values_list("address", flat=True)),
        groups=list(moving_memberships.values_list("group__name", flat=True)),
        closed=list(closing),
        scheduled=list(_list_scheduled(duplicate, closing).order_by("send_at", "pk")),
        filled=filled,
        lost=discarded,
        unblocked=bool(duplicate.blocked_at and not contact.blocked_at),
        stays_blocked=bool(contact.blocked_at),
    )


@transaction.atomic
def merge_contacts(contact: Contact, duplicate: Contact, *, by: User) -> None:
    """Merge `duplicate` into `contact`. Raises SameContact, OtherChatroom and AlreadyGone."""
    # Lock order: contacts, conversations, messages, and the chatroom's event counter last.
    _require_mergeable(contact, duplicate)
    # Not FOR UPDATE yet: a transaction that has just sent holds the conversation, and its foreign key check locks the
    # contact at its commit. It would wait for us while we wait for its conversation: a deadlock.
    locked_contacts = Contact.objects.select_for_update(no_key=True).filter(pk__in=[contact.pk, duplicate.pk])
    contact_by_id = locked_contacts.order_by("pk").in_bulk()
    if len(contact_by_id) < 2:
        raise AlreadyGone
    contact, duplicate = contact_by_id[contact.pk], contact_by_id[duplicate.pk]
    _require_mergeable(contact, duplicate)
    conversations = (
        Conversation.objects.select_for_update(no_key=True).filter(contact__in=[contact, duplicate]).order_by("pk")
    )
    list(conversations.values_list("pk", flat=True))
    filled, discarded = _choose_values(contact, duplicate)
    group_names = list(duplicate.groups.order_by("name").values_list("name", flat=True))
    closing = _find_superseded(contact, duplicate)
    closed_ids = _close_conversations(list(closing), by)
    conversation_count = Conversation.objects.filter(contact=duplicate).update(contact=contact)
    with connection.cursor() as cursor:
        cursor.execute(MOVE_MESSAGES, [duplicate.pk, contact.pk])
        message_count = cursor.rowcount
        for conversation, newer in closing.items():
            moved_ids = sql.fetch_rows(MOVE_SCHEDULED, {"closed": conversation.pk, "open": newer.pk})
            if moved_ids:
                cursor.execute(FIND_NEWEST, [[conversation.pk, newer.pk]])
        cursor.execute(MOVE_MEMBERSHIPS, {"contact": contact.pk, "duplicate": duplicate.pk})
    GroupMember.objects.filter(contact=duplicate).delete()
    ContactActivity.objects.filter(contact=duplicate).update(contact=contact)
    _move_addresses(contact, duplicate)
    with connection.cursor() as cursor:
        # FOR UPDATE now, as all conversations are ours. It waits for a campaign that freezes its audience with FOR KEY
        # SHARE; the statements after it see that campaign's recipients.
        list(
            Contact.objects.select_for_update()
            .filter(pk__in=[contact.pk, duplicate.pk])
            .order_by("pk")
            .values_list("pk")
        )
        cursor.execute(GIVE_WAY, {"contact": contact.pk, "duplicate": duplicate.pk})
        cursor.execute(MOVE_RECIPIENTS, {"contact": contact.pk, "duplicate": duplicate.pk})
    _delete_contact(duplicate)
    _take_over(contact, duplicate)
    ContactActivity.objects.create(
        organization_id=contact.organization_id,
        contact=contact,
        kind=ContactActivity.Kind.MERGED,
        actor=by,
        reference=duplicate.pk,
        about=str(duplicate)[:200],
    )
    audit.record_action(
        "contact.merged",
        actor=by,
        target=contact,
        before={
            "id": str(duplicate.pk),
            "name": str(duplicate),
            "phone": duplicate.phone,
            "email": duplicate.email,
            "groups": group_names,
        },
        after={
            "conversations": conversation_count,
            "messages": message_count,
            "closed": closed_ids,
            "filled": filled,
            "lost": discarded,
        },
    )
    changes.announce_contact_change(contact)


def _require_mergeable(contact: Contact, duplicate: Contact) -> None:
    if contact.pk == duplicate.pk:
        raise SameContact
    if contact.chatroom_id != duplicate.chatroom_id:
        raise OtherChatroom


def _list_scheduled(duplicate: Contact, closing: Mapping[Conversation, Conversation]) -> QuerySet[Message]:
    condition = Q(contact=duplicate) | Q(conversation__in=list(closing))
    return Message.objects.filter(condition, status=Message.Status.SCHEDULED)


def _find_superseded(contact: Contact, duplicate: Contact) -> dict[Conversation, Conversation]:
    """Unclosed conversations mapped to the newer one over the same channel and number, which stays open."""
    still_open = Conversation.objects.exclude(status=Conversation.Status.CLOSED).filter(
        contact__in=[contact, duplicate]
    )
    newest: dict[tuple, Conversation] = {}
    closing = {}
    for conversation in still_open.select_related("contact", "channel").order_by("-last_message_at", "-pk"):
        channel = conversation.platform, conversation.channel_id
        if newest.setdefault(channel, conversation) is not conversation:
            closing[conversation] = newest[channel]
    return closing


def _close_conversations(closing: list[Conversation], by: User) -> list[str]:
    # Not by `change_conversation`, which records an event for each: the event counter has to be locked last.
    conversation_ids = [conversation.pk for conversation in closing]
    Conversation.objects.filter(pk__in=conversation_ids).update(status=Conversation.Status.CLOSED, snoozed_until=None)
    ConversationActivity.objects.bulk_create(
        ConversationActivity(
            organization_id=conversation.organization_id,
            conversation=conversation,
            actor=by,
            kind=ConversationActivity.Kind.CLOSED,
        )
        for conversation in closing
    )
    return [str(pk) for pk in conversation_ids]


def _choose_values(contact: Contact, duplicate: Contact) -> tuple[dict[str, str], dict[str, str]]:
    """Values to take from the duplicate, and its values to discard. A name that staff wrote beats a provider's."""
    filled: dict[str, str] = {}
    discarded: dict[str, str] = {}
    names = f"{contact.first_name} {contact.last_name}".strip(), f"{duplicate.first_name} {duplicate.last_name}".strip()
    staff = Contact.NameSource.STAFF
    duplicate_wins = not names[0] or (duplicate.name_source == staff and contact.name_source != staff)
    if names[1] and duplicate_wins:
        filled["name"] = names[1]
        if names[0]:
            discarded["name"] = names[0]
    elif names[1] and names[1] != names[0]:
        discarded["name"] = names[1]
    for name in FILLED:
        own_value, duplicate_value = getattr(contact, name), getattr(duplicate, name)
        if duplicate_value and not own_value:
            filled[name] = duplicate_value
        elif duplicate_value and duplicate_value != own_value and name == "email":
            discarded[name] = duplicate_value
    return filled, discarded


def _move_addresses(contact: Contact, duplicate: Contact) -> None:
    """A primary one of the duplicate stays primary where the contact has none of its platform, but for phones.

    A phone number becomes primary when the contact takes it over as its own.
    """
    present_platforms = contact.addresses.filter(is_primary=True).values_list("platform", flat=True)
    kept = {*present_platforms, Platform.SMS}
    duplicate.addresses.filter(platform__in=kept).update(contact=contact, is_primary=False)
    duplicate.addresses.update(contact=contact)


def _delete_contact(duplicate: Contact) -> None:
    # Without Django's collector, which queries every table with a foreign key to contacts. Constraints are deferred, so
    # they are checked here: a row that still refers to the duplicate raises now and not at the commit.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts WHERE id = %s", [duplicate.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _take_over(contact: Contact, duplicate: Contact) -> None:
    filled = _choose_values(contact, duplicate)[0]
    values: dict = {name: filled[name] for name in FILLED if name in filled}
    if "name" in filled:
        values |= {name: getattr(duplicate, name) for name in ("first_name", "last_name", "name_source")}
    Contact.objects.filter(pk=contact.pk).update(
        created_at=Least("created_at", duplicate.created_at),
        last_activity_at=Greatest("last_activity_at", duplicate.last_activity_at),
        **values,
    )

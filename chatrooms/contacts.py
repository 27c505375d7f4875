"""Listing, searching, creating, changing and deleting contacts."""

import re
import unicodedata
from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import User
from chatrooms import phones
from chatrooms.models import Chatroom, Contact, ContactActivity, ContactAddress
from messagehub import constraints

# The newest page of each chatroom from its index, then one page of all. `chatroom_id IN (...) ORDER BY` would sort
# every contact of the rooms.
NEWEST = """
SELECT newest.id
FROM unnest(%(rooms)s::uuid[]) AS room (id)
CROSS JOIN LATERAL (
    SELECT c.id, c.created_at FROM contacts c
    WHERE c.chatroom_id = room.id {condition}
    ORDER BY c.created_at {direction}, c.id {direction} LIMIT %(limit)s
) newest
ORDER BY newest.created_at {direction}, newest.id {direction} LIMIT %(limit)s
"""
# A function owned by the system role, which repeats the organization's condition: under row security PostgreSQL does
# not use the trigram index, because ILIKE is not leakproof. Words shorter than three letters have no trigram and are
# found by walking the newest contacts.
MATCHING = "SELECT id FROM contacts_matching(%(pattern)s, %(rooms)s::uuid[], %(limit)s, %(at)s, %(id)s, %(older)s)"
Position = tuple[datetime, UUID]
SMS = "SMS"  # the platform of phone numbers
MOST_DOUBLES = 5


class DuplicateContact(Exception):
    """The chatroom has a contact with this number."""

    def __init__(self) -> None:
        super().__init__(_("A contact with this phone number already exists in this chatroom."))


class ContactGone(Exception):
    """The contact was merged or deleted by another request."""

    def __init__(self) -> None:
        super().__init__(_("This contact no longer exists. Someone merged or deleted it. Nothing was changed."))


class ContactHasConversations(Exception):
    """The contact has conversations. Ledger entries refer to their messages, and must not lose them."""

    def __init__(self) -> None:
        super().__init__(_("This contact has conversations and can't be deleted. Block the contact instead."))


def list_contacts(
    user: User,
    *,
    limit: int,
    after: Position | None = None,
    before: Position | None = None,
    chatroom: Chatroom | None = None,
    search: str = "",
) -> list[Contact]:
    """Contacts that the user may see, newest first, with their groups."""
    rooms = [chatroom.pk] if chatroom else list(Chatroom.objects.visible_to(user).values_list("pk", flat=True))
    at, contact_id = after or before or (None, None)
    params: dict = {"rooms": rooms, "limit": limit, "at": at, "id": contact_id, "older": not before}
    with connection.cursor() as cursor:
        cursor.execute(
            MATCHING if search.strip() else _newest_statement(after, before),
            {**params, "pattern": build_search_pattern(search)},
        )
        contact_ids = [row[0] for row in cursor.fetchall()]
    if search and not (after or before):
        contact_ids = [*(find_by_further_number(user, rooms, search) - set(contact_ids)), *contact_ids][:limit]
    contact_by_id = Contact.objects.filter(pk__in=contact_ids).prefetch_related("groups").in_bulk()
    return [
        contact_by_id[contact_id]
        for contact_id in (contact_ids[::-1] if before else contact_ids)
        if contact_id in contact_by_id
    ]


def find_by_further_number(user: User, rooms: list, search: str) -> set[UUID]:
    """Ids of contacts with this further number, which has to be whole: the trigram index has primary numbers only."""
    if user.organization is None:
        return set()
    try:
        number = phones.normalize_phone(search, user.organization.default_country)
    except phones.ImpossibleNumber:
        return set()
    numbers = ContactAddress.objects.filter(chatroom__in=rooms, platform=SMS, address=number)
    return set(numbers.values_list("contact_id", flat=True))


def _newest_statement(after: Position | None, before: Position | None) -> str:
    condition = f"AND (c.created_at, c.id) {'>' if before else '<'} (%(at)s, %(id)s)" if after or before else ""
    return NEWEST.format(condition=condition, direction="ASC" if before else "DESC")


def build_search_pattern(search: str) -> str:
    """The pattern for ILIKE: text in Unicode's form NFC, and numbers without spaces, dashes and brackets."""
    # Cf are invisible characters. Numbers copied from other programs often begin with a direction mark.
    text = "".join(char for char in unicodedata.normalize("NFC", search) if unicodedata.category(char) != "Cf").strip()
    number = re.sub(r"[\s().\-\u2010-\u2015\u2212]", "", unicodedata.normalize("NFKC", text))
    if re.fullmatch(r"\+?\d+", number):
        text = number
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def list_doubles(contact: Contact) -> list[Contact]:
    """Other contacts of the chatroom with another form of one of the contact's numbers."""
    numbers = list(contact.addresses.filter(platform=SMS).values_list("address", flat=True))
    other_forms = {form for number in numbers for form in phones.list_forms(number)[1:]}
    if not other_forms:
        return []
    neighbors = Contact.objects.filter(chatroom=contact.chatroom_id).exclude(pk=contact.pk)
    doubles = ContactAddress.objects.filter(chatroom=contact.chatroom_id, platform=SMS, address__in=other_forms)
    return list(neighbors.filter(pk__in=doubles.values("contact_id")).order_by("pk")[:MOST_DOUBLES])


def has_number(chatroom: Chatroom, phone: str) -> bool:
    """Whether a contact of the chatroom has exactly this number."""
    return ContactAddress.objects.filter(chatroom=chatroom, platform=SMS, address=phone).exists()


def find_by_number(chatroom: Chatroom, phone: str) -> Contact | None:
    """The chatroom's contact with exactly this number, as the primary one or a further one."""
    addresses = ContactAddress.objects.select_related("contact").filter(chatroom=chatroom, platform=SMS, address=phone)
    address = addresses.first()
    return address.contact if address else None


def find_address(contact: Contact, platform: str, channel_id: UUID | None) -> str:
    """Where a channel reaches the contact; empty where it can't. Scoped ids are known to one channel only."""
    if platform == SMS:
        return contact.phone or ""
    if channel_id is None:
        return ""
    addresses = contact.addresses.filter(platform=platform, channel_id=channel_id).order_by("-is_primary", "-pk")
    return addresses.values_list("address", flat=True).first() or ""


def find_or_create_contact(chatroom: Chatroom, phone: str) -> Contact:
    """The chatroom's contact with this number (E.164), created if there is none."""
    if contact := find_by_number(chatroom, phone):
        return contact
    contact, created = Contact.objects.get_or_create(
        chatroom=chatroom, phone=phone, defaults={"organization_id": chatroom.organization_id}
    )
    if created:
        _record_activity(contact, ContactActivity.Kind.CREATED, reference=contact.pk)
    return contact


@transaction.atomic
def create_contact(chatroom: Chatroom, *, by: User, **values) -> Contact:
    """Raises DuplicateContact."""
    contact = Contact(chatroom=chatroom, organization_id=chatroom.organization_id, **_as_columns(values))
    with _translate_taken_number():
        contact.save(force_insert=True)
    _record_activity(contact, ContactActivity.Kind.CREATED, by, reference=contact.pk)
    return contact


def lock_contact(contact: Contact) -> Contact:
    """The contact as it is now, locked until the commit. Raises ContactGone."""
    locked_contact = Contact.objects.select_for_update(no_key=True).filter(pk=contact.pk).first()
    if locked_contact is None:
        raise ContactGone
    return locked_contact


@transaction.atomic
def change_contact(contact: Contact, *, by: User | None = None, **values) -> bool:
    """Change a contact's columns, or block or unblock it; returns whether anything changed.

    A further number given as `phone` changes places with the primary one. Messages that wait for the old number go to
    the new one. Raises DuplicateContact and ContactGone.
    """
    locked_contact = lock_contact(contact)
    blocked = values.pop("blocked", None)
    previous_values = {
        name: getattr(locked_contact, name) for name, value in values.items() if getattr(locked_contact, name) != value
    }
    if previous_values:
        with _translate_taken_number():
            Contact.objects.filter(pk=locked_contact.pk).update(
                **_as_columns({name: values[name] for name in previous_values})
            )
        if previous_values.get("phone") and values["phone"]:
            locked_contact.phone = values["phone"]
            # `messaging` readdresses its queued messages. It may import this app, and not the other way round.
            for path in settings.CORRECTION_FOLLOWERS:
                import_string(path)(locked_contact, before=previous_values["phone"])
        previous_text = ", ".join(str(value) for value in previous_values.values() if value)
        _record_activity(locked_contact, ContactActivity.Kind.CHANGED, by, about=previous_text[:200])
    if blocked is None or blocked == bool(locked_contact.blocked_at):
        return bool(previous_values)
    Contact.objects.filter(pk=locked_contact.pk).update(**_as_columns({"blocked": blocked}))
    _record_activity(locked_contact, ContactActivity.Kind.BLOCKED if blocked else ContactActivity.Kind.UNBLOCKED, by)
    return True


def refuse_phone(contact_id: UUID, phone: str, code: str) -> None:
    """Mark a number that the provider calls impossible, until a person edits it."""
    Contact.objects.filter(pk=contact_id, phone=phone).update(phone_refused=code)


def delete_contact(contact: Contact) -> None:
    """Delete a contact without conversations. Raises ContactHasConversations otherwise."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            contact.memberships.all().delete()
            contact.activities.all().delete()
            contact.addresses.all().delete()
            cursor.execute("DELETE FROM contacts WHERE id = %s", [contact.pk])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # check the deferred foreign keys now, not at the commit
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError:
        raise ContactHasConversations from None


def forget_number(contact: Contact, phone: str) -> bool:
    """Remove a further number; returns whether the contact had it. Messages from it then create a new contact."""
    return bool(contact.addresses.filter(platform=SMS, address=phone, is_primary=False).delete()[0])


def _translate_taken_number() -> AbstractContextManager[None]:
    """Raises DuplicateContact where another contact of the chatroom has the number, as its phone or further one."""
    return constraints.translate_violation(("contacts_phone", "contact_addresses_once"), DuplicateContact())


def _as_columns(values: dict) -> dict:
    columns = dict(values)
    if "blocked" in columns:
        columns["blocked_at"] = Now() if columns.pop("blocked") else None
    if "phone" in columns:
        columns["phone_refused"] = ""
    if columns.get("first_name") or columns.get("last_name"):
        columns["name_source"] = Contact.NameSource.STAFF
    return columns


def _record_activity(
    contact: Contact, kind: str, by: User | None = None, *, reference: UUID | None = None, about=""
) -> None:
    ContactActivity.objects.create(
        organization_id=contact.organization_id,
        contact=contact,
        kind=kind,
        actor=by,
        reference=reference or uuid7(),
        about=about,
    )

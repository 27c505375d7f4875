"""Finding, making, changing and removing contacts."""

import re
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import User
from chatrooms import phones
from chatrooms.models import Chatroom, Contact, ContactActivity, ContactNumber
from messagehub import constraints

# The newest page of each room from the index alone, then one page of them all: never a sort of every contact.
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
MATCHING = "SELECT id FROM contacts_matching(%(pattern)s, %(rooms)s::uuid[], %(limit)s, %(at)s, %(id)s, %(older)s)"
Position = tuple[datetime, UUID]


class DuplicateContact(Exception):
    """The chatroom has a contact with this number."""

    def __init__(self) -> None:
        super().__init__(_("A contact with this phone number already exists in this chatroom."))


class ContactGone(Exception):
    """Somebody merged or deleted the contact meanwhile."""

    def __init__(self) -> None:
        super().__init__(_("This contact no longer exists. Someone merged or deleted it. Nothing was changed."))


class ContactHasConversations(Exception):
    """Messages, and the ledger's entries about them, refer to the contact."""

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
    at, key = after or before or (None, None)
    params: dict = {"rooms": rooms, "limit": limit, "at": at, "id": key, "older": not before}
    with connection.cursor() as cursor:
        cursor.execute(
            MATCHING if search.strip() else _newest(after, before), {**params, "pattern": build_search_pattern(search)}
        )
        keys = [row[0] for row in cursor.fetchall()]
    if search and not (after or before):
        keys = [*(_by_further_number(user, rooms, search) - set(keys)), *keys][:limit]
    found = Contact.objects.filter(pk__in=keys).prefetch_related("groups").in_bulk()
    return [found[key] for key in (keys[::-1] if before else keys) if key in found]


def _by_further_number(user: User, rooms: list, search: str) -> set[UUID]:
    """Whose further number this is, written whole: the trigram index knows only the contacts' own."""
    if user.organization is None:
        return set()
    try:
        number = phones.normalize_phone(search, user.organization.default_country)
    except phones.ImpossibleNumber:
        return set()
    found = ContactNumber.objects.filter(chatroom__in=rooms, phone=number)
    return set(found.values_list("contact_id", flat=True))


def _newest(after: Position | None, before: Position | None) -> str:
    condition = f"AND (c.created_at, c.id) {'>' if before else '<'} (%(at)s, %(id)s)" if after or before else ""
    return NEWEST.format(condition=condition, direction="ASC" if before else "DESC")


def build_search_pattern(search: str) -> str:
    """What ILIKE is asked for. Numbers are stored without the spaces and brackets that people type."""
    text = search.strip()
    if re.fullmatch(r"\+?[\d\s().-]*\d[\d\s().-]*", text):
        text = re.sub(r"[\s().-]", "", text)
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def has_number(chatroom: Chatroom, phone: str) -> bool:
    """Whether a contact of the chatroom is reached at exactly this number."""
    further = ContactNumber.objects.filter(chatroom=chatroom, phone=phone)
    return Contact.objects.filter(chatroom=chatroom, phone=phone).exists() or further.exists()


def find_or_create_contact(chatroom: Chatroom, phone: str) -> Contact:
    """The chatroom's contact with this number (E.164), made if there is none: the unique constraint decides."""
    if further := ContactNumber.objects.select_related("contact").filter(chatroom=chatroom, phone=phone).first():
        return further.contact
    contact, created = Contact.objects.get_or_create(
        chatroom=chatroom, phone=phone, defaults={"organization_id": chatroom.organization_id}
    )
    if created:
        _note(contact, ContactActivity.Kind.CREATED, reference=contact.pk)
    return contact


@transaction.atomic
def create_contact(chatroom: Chatroom, *, by: User, **values) -> Contact:
    """A new contact. Raises DuplicateContact."""
    contact = Contact(chatroom=chatroom, organization_id=chatroom.organization_id, **_stored(values))
    _refuse_further_number(contact, contact.phone)
    with constraints.translate_violation("contacts_phone", DuplicateContact()):
        contact.save(force_insert=True)
    _note(contact, ContactActivity.Kind.CREATED, by, reference=contact.pk)
    return contact


def lock_contact(contact: Contact) -> Contact:
    """The row as it is now, held until the commit. Raises ContactGone."""
    held = Contact.objects.select_for_update(no_key=True).filter(pk=contact.pk).first()
    if held is None:
        raise ContactGone
    return held


@transaction.atomic
def change_contact(contact: Contact, *, by: User | None = None, **values) -> bool:
    """Change what is known about a contact, and whether it is blocked; returns whether that is a change.

    A name that people wrote is never replaced by a provider's. One of its further numbers becomes its own by being
    written here; the two then change places. Raises DuplicateContact and Gone.
    """
    held = lock_contact(contact)
    blocked = values.pop("blocked", None)
    was = {name: getattr(held, name) for name, value in values.items() if getattr(held, name) != value}
    if "phone" in was:
        _exchange_number(held, values["phone"])
    if was:
        with constraints.translate_violation("contacts_phone", DuplicateContact()):
            Contact.objects.filter(pk=held.pk).update(**_stored({name: values[name] for name in was}))
        before = ", ".join(str(value) for value in was.values() if value)
        _note(held, ContactActivity.Kind.CHANGED, by, about=before[:200])
    if blocked is None or blocked == bool(held.blocked_at):
        return bool(was)
    Contact.objects.filter(pk=held.pk).update(**_stored({"blocked": blocked}))
    _note(held, ContactActivity.Kind.BLOCKED if blocked else ContactActivity.Kind.UNBLOCKED, by)
    return True


def refuse_phone(contact_id: UUID, phone: str, code: str) -> None:
    """The provider says that no message can reach this number; it holds until somebody edits the number."""
    Contact.objects.filter(pk=contact_id, phone=phone).update(phone_refused=code)


def delete_contact(contact: Contact) -> None:
    """Delete a contact that was never talked with. Raises HasConversations otherwise."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            contact.memberships.all().delete()
            contact.activities.all().delete()
            contact.further_numbers.all().delete()
            cursor.execute("DELETE FROM contacts WHERE id = %s", [contact.pk])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # ask the foreign keys now, not at the commit
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError:
        raise ContactHasConversations from None


def forget_number(contact: Contact, phone: str) -> bool:
    """Returns whether it was one of the contact's further numbers. What comes in from it is somebody new's then."""
    return bool(contact.further_numbers.filter(phone=phone).delete()[0])


def _exchange_number(held: Contact, phone: str | None) -> None:
    own = held.further_numbers.filter(phone=phone).first()
    if own is None:
        _refuse_further_number(held, phone)
    elif held.phone:
        ContactNumber.objects.filter(pk=own.pk).update(phone=held.phone)
    else:
        own.delete()


def _refuse_further_number(contact: Contact, phone: str | None) -> None:
    if ContactNumber.objects.filter(chatroom=contact.chatroom_id, phone=phone).exists():
        raise DuplicateContact


def _stored(values: dict) -> dict:
    stored = dict(values)
    if "blocked" in stored:
        stored["blocked_at"] = Now() if stored.pop("blocked") else None
    if "phone" in stored:
        stored["phone_refused"] = ""
    if stored.get("first_name") or stored.get("last_name"):
        stored["name_source"] = Contact.NameSource.STAFF
    return stored


def _note(contact: Contact, kind: str, by: User | None = None, *, reference: UUID | None = None, about="") -> None:
    ContactActivity.objects.create(
        organization_id=contact.organization_id,
        contact=contact,
        kind=kind,
        actor=by,
        reference=reference or uuid7(),
        about=about,
    )

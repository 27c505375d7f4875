"""Finding and making contacts."""

from chatrooms.models import Chatroom, Contact, ContactActivity


def find_or_create(chatroom: Chatroom, phone: str) -> Contact:
    """The chatroom's contact with this number (E.164), made if there is none: the unique constraint decides."""
    contact, created = Contact.objects.get_or_create(
        chatroom=chatroom, phone=phone, defaults={"organization_id": chatroom.organization_id}
    )
    if created:
        ContactActivity.objects.create(
            organization_id=contact.organization_id,
            contact=contact,
            kind=ContactActivity.Kind.CREATED,
            reference=contact.pk,
        )
    return contact

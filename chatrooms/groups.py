"""Groups of contacts."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from chatrooms.models import Chatroom, Contact, Group, GroupMember
from messagehub import constraints


class GroupGone(Exception):
    """The group was deleted by another request."""

    def __init__(self) -> None:
        super().__init__(_("This group was deleted."))


def create_group(chatroom: Chatroom, name: str) -> Group:
    """Raises NameTaken."""
    with _unique_name():
        return Group.objects.create(organization_id=chatroom.organization_id, chatroom=chatroom, name=name)


def rename_group(group: Group, name: str) -> None:
    """Raises NameTaken."""
    group.name = name
    with _unique_name():
        group.save(update_fields=["name"])


@transaction.atomic
def delete_group(group: Group) -> None:
    """Delete a group. Its contacts stay."""
    # Waits for transactions that insert references to the group, so that the deletion sees them.
    list(Group.objects.select_for_update().filter(pk=group.pk))
    group.delete()


@transaction.atomic
def add_members(group: Group, contacts: Iterable[Contact]) -> int:
    """Add contacts of the group's chatroom; returns how many are new. Raises GroupGone.

    Contacts that were deleted meanwhile are left out.
    """
    if not Group.objects.select_for_update(no_key=True).filter(pk=group.pk):
        raise GroupGone
    locked_contacts = Contact.objects.select_for_update(no_key=True).filter(pk__in=[contact.pk for contact in contacts])
    contact_ids = set(locked_contacts.order_by("pk").values_list("pk", flat=True))
    contact_ids -= set(group.members.filter(contact__in=contact_ids).values_list("contact_id", flat=True))
    GroupMember.objects.bulk_create(
        (GroupMember(organization_id=group.organization_id, group=group, contact_id=pk) for pk in contact_ids),
        ignore_conflicts=True,
    )
    return len(contact_ids)


def remove_member(group: Group, contact: Contact) -> bool:
    """Returns whether the contact was in the group."""
    deleted_count, _ = group.members.filter(contact=contact).delete()
    return bool(deleted_count)


def _unique_name():
    return constraints.translate_violation("groups_name", constraints.NameTaken("group"))

"""Contacts of a chatroom, gathered under a name."""

from collections.abc import Iterable

from django.db import transaction

from chatrooms.models import Chatroom, Contact, Group, GroupMember
from messagehub import constraints


class GroupGone(Exception):
    """Somebody deleted the group meanwhile."""

    def __init__(self) -> None:
        super().__init__("This group was deleted.")


def create_group(chatroom: Chatroom, name: str) -> Group:
    """A new, empty group. Raises NameTaken."""
    with _named():
        return Group.objects.create(organization_id=chatroom.organization_id, chatroom=chatroom, name=name)


def rename_group(group: Group, name: str) -> None:
    """Give a group another name. Raises NameTaken."""
    group.name = name
    with _named():
        group.save(update_fields=["name"])


@transaction.atomic
def delete_group(group: Group) -> None:
    """Delete a group. Its contacts stay."""
    list(Group.objects.select_for_update().filter(pk=group.pk))  # who refers to it just now is seen below
    group.delete()


@transaction.atomic
def add_members(group: Group, contacts: Iterable[Contact]) -> int:
    """Put contacts of the group's chatroom into it; returns how many were not in it before. Raises Gone.

    Who was deleted meanwhile is left out.
    """
    if not Group.objects.select_for_update(no_key=True).filter(pk=group.pk):
        raise GroupGone
    people = Contact.objects.select_for_update(no_key=True).filter(pk__in=[contact.pk for contact in contacts])
    wanted = set(people.order_by("pk").values_list("pk", flat=True))
    wanted -= set(group.members.filter(contact__in=wanted).values_list("contact_id", flat=True))
    GroupMember.objects.bulk_create(
        (GroupMember(organization_id=group.organization_id, group=group, contact_id=pk) for pk in wanted),
        ignore_conflicts=True,
    )
    return len(wanted)


def remove_member(group: Group, contact: Contact) -> bool:
    """Returns whether the contact was in the group."""
    taken, _ = group.members.filter(contact=contact).delete()
    return bool(taken)


def _named():
    return constraints.translate_violation("groups_name", constraints.NameTaken("group"))

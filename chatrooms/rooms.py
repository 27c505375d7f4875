"""Opening, renaming and archiving chatrooms."""

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import Organization
from chatrooms import membership
from chatrooms.models import Chatroom
from messagehub import bus, constraints


@transaction.atomic
def create(organization: Organization, name: str) -> Chatroom:
    """A new chatroom that the admins see at once. Raises NameTaken."""
    with _named():
        room = Chatroom.objects.create(organization=organization, name=name)
    bus.access_changed(membership.people(room).values_list("pk", flat=True))
    return room


def rename(room: Chatroom, name: str) -> None:
    """Give a chatroom another name. Raises NameTaken."""
    room.name = name
    with _named():
        room.save(update_fields=["name"])


@transaction.atomic
def archive(room: Chatroom) -> None:
    """Put a chatroom away: nobody sees it any more, and nothing in it is lost. Its name is free again."""
    bus.access_changed(membership.people(room).values_list("pk", flat=True))
    Chatroom.objects.filter(pk=room.pk, archived_at=None).update(archived_at=Now())


def _named():
    return constraints.refused("chatrooms_name", constraints.NameTaken("chatroom"))

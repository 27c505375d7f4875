"""Opening, renaming and archiving chatrooms."""

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.models import Organization, User
from chatrooms import membership
from chatrooms.models import Chatroom
from messagehub import bus, constraints


@transaction.atomic
def create_chatroom(organization: Organization, name: str, *, by: User) -> Chatroom:
    """A new chatroom that the admins see at once. Raises NameTaken."""
    with _named():
        room = Chatroom.objects.create(organization=organization, name=name)
    audit.record_action("chatroom.create", actor=by, target=room, after={"name": name})
    bus.access_changed(membership.people_of(room).values_list("pk", flat=True))
    return room


@transaction.atomic
def rename_chatroom(room: Chatroom, name: str, *, by: User) -> None:
    """Give a chatroom another name. Raises NameTaken."""
    if name == room.name:
        return
    before, room.name = room.name, name
    with _named():
        room.save(update_fields=["name"])
    audit.record_action("chatroom.rename", actor=by, target=room, before={"name": before}, after={"name": name})


@transaction.atomic
def archive_chatroom(room: Chatroom, *, by: User) -> None:
    """Put a chatroom away: nobody sees it any more, and nothing in it is lost. Its name is free again."""
    bus.access_changed(membership.people_of(room).values_list("pk", flat=True))
    Chatroom.objects.filter(pk=room.pk, archived_at=None).update(archived_at=Now())
    audit.record_action("chatroom.archive", actor=by, target=room, before={"name": room.name})


def _named():
    return constraints.translate_violation("chatrooms_name", constraints.NameTaken("chatroom"))

"""Creating, changing, archiving and restoring chatrooms."""

from datetime import time

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit, rights
from accounts.models import Organization, User
from chatrooms import membership
from chatrooms.models import Chatroom
from messagehub import bus, constraints, sql

COLORS = ("petrol", "ochre", "magenta", "blue", "green")  # what the interface has a tone for


class ChatroomHasNumbers(Exception):
    """The chatroom still has numbers, and messages to them would be seen by nobody."""

    def __init__(self, phones: list[str]) -> None:
        words = _(
            "This chatroom still has numbers (%(phones)s). What customers send to them would reach nobody. Move the "
            "numbers to another chatroom or disconnect them first."
        )
        super().__init__(words % {"phones": ", ".join(phones)})


class ChatroomArchived(Exception):
    """The chatroom was archived by another request."""

    def __init__(self) -> None:
        self.fields = {"chatroom_id": [_("Not found.")]}
        super().__init__(self.fields["chatroom_id"][0])


@transaction.atomic
def create_chatroom(organization: Organization, name: str, *, by: User) -> Chatroom:
    """Create a chatroom, which open sockets of admins join at once. Raises NameTaken."""
    with _unique_name():
        room = Chatroom.objects.create(organization=organization, name=name)
    audit.record_action("chatroom.create", actor=by, target=room, after={"name": name})
    bus.access_changed(membership.people_of(room).values_list("pk", flat=True))
    return room


@transaction.atomic
def rename_chatroom(room: Chatroom, name: str, *, by: User) -> None:
    """Raises NameTaken."""
    if name == room.name:
        return
    previous_name, room.name = room.name, name
    with _unique_name():
        room.save(update_fields=["name"])
    audit.record_action("chatroom.rename", actor=by, target=room, before={"name": previous_name}, after={"name": name})


@transaction.atomic
def change_chatroom(
    room: Chatroom, *, name: str, color: str, quiet_from: time | None, quiet_until: time | None, by: User
) -> None:
    """Give a chatroom a name, one of COLORS and its own quiet hours. Raises NameTaken."""
    rename_chatroom(room, name, by=by)
    set_quiet_hours(room, quiet_from=quiet_from, quiet_until=quiet_until, by=by)
    if color == room.color:
        return
    before, room.color = room.color, color
    room.save(update_fields=["color"])
    audit.record_action("chatroom.color", actor=by, target=room, before={"color": before}, after={"color": color})


@transaction.atomic
def set_quiet_hours(room: Chatroom, *, quiet_from: time | None, quiet_until: time | None, by: User) -> None:
    """Its own in place of the organization's, or with None those again. They take hold of what waits too."""
    wanted = {"quiet_from": quiet_from, "quiet_until": quiet_until}
    room.refresh_from_db(fields=[*wanted], from_queryset=Chatroom.objects.select_for_update(no_key=True))
    before = {name: getattr(room, name) for name in wanted}
    if before == wanted:
        return
    room.quiet_from, room.quiet_until = quiet_from, quiet_until
    room.save(update_fields=list(wanted))
    written = [
        {name: f"{clock:%H:%M}" if clock else None for name, clock in clocks.items()} for clocks in (before, wanted)
    ]
    audit.record_action("chatroom.quiet_hours", actor=by, target=room, before=written[0], after=written[1])


@transaction.atomic
def archive_chatroom(room: Chatroom, *, by: User) -> None:
    """Hide a chatroom with everything in it, and free its name. Raises ChatroomHasNumbers."""
    # FOR UPDATE conflicts with the FOR KEY SHARE of `hold_chatroom`, so it waits for a number that is being attached.
    room = Chatroom.objects.select_for_update().get(pk=room.pk)
    channels = room.channels.order_by("address")
    if channels:
        raise ChatroomHasNumbers([str(channel) for channel in channels])
    bus.access_changed(membership.people_of(room).values_list("pk", flat=True))
    Chatroom.objects.filter(pk=room.pk, archived_at=None).update(archived_at=Now())
    audit.record_action("chatroom.archive", actor=by, target=room, before={"name": room.name})


@transaction.atomic
def restore_chatroom(room: Chatroom, *, by: User) -> None:
    """Show an archived chatroom again, with everything in it, to those who had access to it. Raises NameTaken."""
    room = Chatroom.objects.select_for_update().get(pk=room.pk)
    archived_at, room.archived_at = room.archived_at, None
    if archived_at is None:
        return
    with _unique_name():
        room.save(update_fields=["archived_at"])
    # To admins who joined meanwhile it is new: its conversations are not unread to them.
    for person in membership.people_of(room).filter(is_active=True, joined_at__gt=archived_at):
        rights.follow_new_rights(person, [room.pk])
    bus.access_changed(membership.people_of(room).values_list("pk", flat=True))
    audit.record_action("chatroom.restore", actor=by, target=room, after={"name": room.name})


def hold_chatroom(room: Chatroom) -> None:
    """Keep the chatroom from being archived until the commit. Raises ChatroomArchived."""
    # FOR KEY SHARE lets updates of the event counter, in the same row, go on; that lock is always taken last.
    if not sql.fetch_rows("SELECT FROM chatrooms WHERE id = %s AND archived_at IS NULL FOR KEY SHARE", [room.pk]):
        raise ChatroomArchived


def _unique_name():
    return constraints.translate_violation("chatrooms_name", constraints.NameTaken("chatroom"))

"""What follows when somebody's rights change: the duties that depended on them end, and open sockets look again."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import User
from messagehub import bus


def follow_new_rights(user: User, chatroom_ids: Iterable[UUID] | None = None) -> None:
    """Call this in the transaction that gave the user these chatrooms; None stands for what a role or joining gave."""
    for path in settings.NEW_RIGHTS_FOLLOWERS:
        import_string(path)(user, chatroom_ids)


def follow_rights(user: User, *, by: User) -> None:
    """Call this in the transaction that changed the user's role, state or chatrooms.

    What duties there are is known further up: `settings.RIGHTS_FOLLOWERS`.
    """
    for path in settings.RIGHTS_FOLLOWERS:
        import_string(path)(user, by=by)
    bus.access_changed([user.pk])

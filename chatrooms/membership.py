"""Assigning users to chatrooms."""

from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import audit, rights
from accounts.models import User
from chatrooms.models import Chatroom, UserChatroom
from messagehub import bus


@transaction.atomic
def assign_user(user: User, chatroom: Chatroom, *, by: User) -> tuple[UserChatroom, bool]:
    """Give a user access to a chatroom, on open sockets too; returns the assignment and whether it is new."""
    assignment, created = UserChatroom.objects.get_or_create(
        user=user, chatroom=chatroom, defaults={"organization_id": chatroom.organization_id, "assigned_by": by}
    )
    if created:
        audit.record_action("chatroom.assign", actor=by, target=user, after=_describe_chatroom(chatroom))
        rights.follow_new_rights(user, [chatroom.pk])
        bus.access_changed([user.pk])
    return assignment, created


@transaction.atomic
def unassign_user(user: User, chatroom: Chatroom, *, by: User) -> bool:
    """End a user's access to a chatroom, on open sockets too; returns whether they had it.

    Conversations there that were assigned to the user are unassigned.
    """
    deleted_count, _by_model = UserChatroom.objects.filter(user=user, chatroom=chatroom).delete()
    if deleted_count:
        audit.record_action("chatroom.unassign", actor=by, target=user, before=_describe_chatroom(chatroom))
        rights.follow_rights(user, by=by)
    return bool(deleted_count)


@transaction.atomic
def set_access(user: User, access: Mapping[Chatroom, bool], *, by: User) -> None:
    """Give or end a user's access to each of these chatrooms; what is already so stays."""
    for chatroom, has_access in access.items():
        (assign_user if has_access else unassign_user)(user, chatroom, by=by)


def _describe_chatroom(chatroom: Chatroom) -> dict:
    return {"chatroom_id": str(chatroom.pk), "chatroom": chatroom.name}


def people_of(chatroom: Chatroom) -> QuerySet[User]:
    """Users who may see the chatroom: its organization's admins and the agents in it."""
    inside = UserChatroom.objects.filter(chatroom=chatroom).values("user_id")
    colleagues = User.objects.filter(organization_id=chatroom.organization_id)
    return colleagues.filter(Q(role=User.Role.ADMIN) | Q(pk__in=inside))


def people_of_any(chatrooms: Collection[Chatroom]) -> QuerySet[User]:
    """Users who may see at least one of these chatrooms."""
    inside = UserChatroom.objects.filter(chatroom__in=chatrooms).values("user_id")
    colleagues = User.objects.filter(organization_id__in={chatroom.organization_id for chatroom in chatrooms})
    return colleagues.filter(Q(role=User.Role.ADMIN) | Q(pk__in=inside))

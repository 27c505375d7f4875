"""What colleagues write to each other about a conversation, and the lines about what they did."""

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from chatrooms import membership
from messaging.conversations.activity_lines import Line, build_lines
from messaging.conversations.changes import _updated
from messaging.live import event_log
from messaging.models import Conversation, Note

MOST_BETWEEN = 200  # notes, or lines of what people did, on one page of a thread


class NoteIdTaken(Exception):
    """Another note has this client_id."""

    def __init__(self) -> None:
        super().__init__("Another note already used this client_id. Use a new one for each note.")


@transaction.atomic
def add_note(
    conversation: Conversation,
    content: str,
    *,
    author: User,
    mentions: Iterable[User] = (),
    client_id: UUID | None = None,
) -> Note:
    """Tell colleagues something about a conversation. The same `client_id` again is the note that it made before.

    Raises NoteIdTaken where that is a note of somebody else, or of another conversation.
    """
    note = Note(
        organization_id=conversation.organization_id,
        conversation=conversation,
        author=author,
        content=content,
        mentions=[person.pk for person in mentions],
        client_id=client_id,
    )
    try:
        with transaction.atomic():
            note.save(force_insert=True)
    except IntegrityError:
        if client_id is None:
            raise
        before = Note.objects.filter(client_id=client_id, conversation=conversation, author=author).first()
        if before is None:
            raise NoteIdTaken from None
        return before
    event_log.record_events([_updated(conversation.organization_id, conversation.chatroom_id, conversation.pk)])
    return note


def list_colleagues(conversation: Conversation) -> list[User]:
    """Who may see the conversation, by name."""
    return list(membership.people_of(conversation.chatroom).filter(is_active=True).order_by("name", "pk"))


def find_mentioned(content: str, people: Iterable[User]) -> list[User]:
    """Whom a note names with an @ before their whole name, or before a first name that only one of them has."""
    people = list(people)
    firsts = [person.name.split(" ")[0].lower() for person in people]
    found = []
    for person, first in zip(people, firsts, strict=True):
        names = [person.name.lower()] + ([first] if firsts.count(first) == 1 else [])
        if any(re.search(rf"(?<![\w/])@{re.escape(name)}(?!\w)", content.lower()) for name in names):
            found.append(person)
    return found


def notes_between(conversation: Conversation, begin: datetime | None, end: datetime | None) -> list[Note]:
    """Notes from a moment on and before another, oldest first, with their authors."""
    return list(_between(conversation.notes.select_related("author"), begin, end))


def lines_between(conversation: Conversation, begin: datetime | None, end: datetime | None) -> list[Line]:
    """What people did from a moment on and before another, oldest first. The first line may have begun earlier."""
    return build_lines(_between(conversation.activities.select_related("actor", "person"), begin, end))


def _between(found, begin: datetime | None, end: datetime | None):
    if begin:
        found = found.filter(created_at__gte=begin)
    if end:
        found = found.filter(created_at__lt=end)
    return found.order_by("-created_at", "-pk")[:MOST_BETWEEN][::-1]

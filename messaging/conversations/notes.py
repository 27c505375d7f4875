"""Internal notes of a conversation, their mentions, and the notes and activity lines of a page of its thread."""

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms import membership
from messaging.conversations.activity_lines import Line, build_lines
from messaging.conversations.changes import conversation_updated
from messaging.live import event_log
from messaging.models import Conversation, Note, Notification
from messaging.notifications import notices

MOST_BETWEEN = 200  # notes, or lines of what people did, on one page of a thread


class NoteIdTaken(Exception):
    """Another note has this client_id."""

    def __init__(self) -> None:
        super().__init__(_("Another note already used this client_id. Use a new one for each note."))


@transaction.atomic
def add_note(
    conversation: Conversation,
    content: str,
    *,
    author: User,
    mentions: Iterable[User] = (),
    client_id: UUID | None = None,
) -> Note:
    """Add a note and notify the people mentioned. A repeated `client_id` returns the first note.

    Raises NoteIdTaken where the `client_id` is another person's, or another conversation's.
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
        existing_note = Note.objects.filter(client_id=client_id, conversation=conversation, author=author).first()
        if existing_note is None:
            raise NoteIdTaken from None
        return existing_note
    notices.notify_users(note.mentions, conversation, kind=Notification.Kind.MENTION, by=author, note=note)
    event_log.record_events(
        [conversation_updated(conversation.organization_id, conversation.chatroom_id, conversation.pk)]
    )
    return note


def list_colleagues(conversation: Conversation) -> list[User]:
    """Active people who may see the conversation, by name."""
    return list(membership.people_of(conversation.chatroom).filter(is_active=True).order_by("name", "pk"))


def find_mentioned(content: str, people: Iterable[User]) -> list[User]:
    """People whom a text mentions: an @ before a full name, or before a first name that only one of them has."""
    people = list(people)
    first_names = [person.name.split(" ")[0].lower() for person in people]
    mentioned_people = []
    for person, first_name in zip(people, first_names, strict=True):
        names = [person.name.lower()] + ([first_name] if first_names.count(first_name) == 1 else [])
        if any(re.search(rf"(?<![\w/])@{re.escape(name)}(?!\w)", content.lower()) for name in names):
            mentioned_people.append(person)
    return mentioned_people


def notes_between(conversation: Conversation, begin: datetime | None, end: datetime | None) -> list[Note]:
    """Notes of [begin, end), oldest first, with their authors."""
    return list(_between(conversation.notes.select_related("author"), begin, end))


def lines_between(conversation: Conversation, begin: datetime | None, end: datetime | None) -> list[Line]:
    """Activity lines with a change in [begin, end), oldest first. The first line may have begun earlier."""
    return build_lines(_between(conversation.activities.select_related("actor", "person"), begin, end))


def _between(queryset, begin: datetime | None, end: datetime | None):
    if begin:
        queryset = queryset.filter(created_at__gte=begin)
    if end:
        queryset = queryset.filter(created_at__lt=end)
    return queryset.order_by("-created_at", "-pk")[:MOST_BETWEEN][::-1]

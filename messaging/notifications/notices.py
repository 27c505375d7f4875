"""Mentions and assignments: who is told, what they have not seen, and the mail about it."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from integrations import isolation
from messagehub import bus, tenancy
from messaging.models import Conversation, Note, Notification

MAIL_AFTER = timedelta(minutes=10)
MOST_MAILED = 20  # in one mail; the page has the rest


def notify_users(
    users: Iterable[UUID], conversation: Conversation, *, kind: str, by: User | None, note: Note | None = None
) -> None:
    """Tell these people, but not the one who did it. Call this in the transaction of what they are told about."""
    told = [user_id for user_id in dict.fromkeys(users) if by is None or user_id != by.pk]
    Notification.objects.bulk_create(
        Notification(
            organization_id=conversation.organization_id,
            user_id=user_id,
            conversation_id=conversation.pk,
            note=note,
            actor=by,
            kind=kind,
        )
        for user_id in told
    )
    for user_id in told:
        _tell_count(user_id)


def count_unseen(user: User) -> int:
    return Notification.objects.visible_to(user).filter(seen_at=None).count()


def mark_seen(user: User, conversation: Conversation | None = None) -> None:
    """All of the user's notifications, or those about one conversation."""
    unseen = Notification.objects.filter(user=user, seen_at=None)
    if conversation:
        unseen = unseen.filter(conversation=conversation)
    if unseen.update(seen_at=Now()):
        _tell_count(user.pk)


def _tell_count(user_id: UUID) -> None:
    count = count_unseen(User.objects.get(pk=user_id))
    bus.tell(user_id, {"type": "notifications.updated", "unseen": count})


# ---------------------------------------------------------------- mail
def mail_unseen_notifications() -> int:
    """Mail people about what they have not seen for ten minutes, once; returns how many mails went."""
    with tenancy.system():
        due = Notification.objects.filter(seen_at=None, mailed_at=None, created_at__lt=timezone.now() - MAIL_AFTER)
        people = list(due.values_list("organization_id", "user_id").distinct())
    mails = 0
    for organization_id, user_id in people:
        with isolation.contain("Mail about mentions", organization_id, user_id):
            mails += _mail_user(organization_id, user_id)
    return mails


def _mail_user(organization_id: UUID, user_id: UUID) -> int:
    """A mail that can't be handed over leaves its notifications for the next time."""
    with tenancy.organization(organization_id), transaction.atomic():
        user = User.objects.get(pk=user_id)
        due = Notification.objects.filter(
            user=user, seen_at=None, mailed_at=None, created_at__lt=timezone.now() - MAIL_AFTER
        )
        held = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True))
        news = Notification.objects.visible_to(user).filter(pk__in=held).order_by("created_at", "pk")
        notifications = list(news.select_related("actor", "conversation__contact", "note"))
        Notification.objects.filter(pk__in=held).update(mailed_at=Now())
        if not (notifications and user.mail_notifications and user.is_active):
            return 0
        context = {
            "name": user.name,
            "notifications": notifications[:MOST_MAILED],
            "count": len(notifications),
            "base_url": settings.PUBLIC_BASE_URL,
            "link": settings.PUBLIC_BASE_URL + reverse("notifications"),
        }
        subject, _, body = render_to_string("notifications/mail/unseen.txt", context).strip().partition("\n")
        send_mail(subject, body.strip() + "\n", None, [user.email])
    return 1

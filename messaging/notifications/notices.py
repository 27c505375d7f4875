"""Notifications about mentions and assignments, and the mail about unseen ones."""

from collections.abc import Iterable, Sequence
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
from messagehub import bus, languages, tenancy
from messaging.models import Campaign, Conversation, Note, Notification

MAIL_AFTER = timedelta(minutes=10)
MOST_MAILED = 20  # in one mail; the page has the rest


def notify_users(
    users: Iterable[UUID], conversation: Conversation, *, kind: str, by: User | None, note: Note | None = None
) -> None:
    """Notify these users, except the one who did it, in the caller's transaction."""
    recipient_ids = [user_id for user_id in dict.fromkeys(users) if by is None or user_id != by.pk]
    Notification.objects.bulk_create(
        Notification(
            organization_id=conversation.organization_id,
            user_id=user_id,
            conversation_id=conversation.pk,
            note=note,
            actor=by,
            kind=kind,
        )
        for user_id in recipient_ids
    )
    for user_id in recipient_ids:
        _tell_count(user_id)


def notify_assignee(user: User, conversations: Sequence[Conversation], *, by: User) -> None:
    """Notify a user of many conversations at once, unless they took them over themselves."""
    if user.pk == by.pk or not conversations:
        return
    Notification.objects.bulk_create(
        Notification(
            organization_id=conversation.organization_id,
            user=user,
            conversation_id=conversation.pk,
            actor=by,
            kind=Notification.Kind.ASSIGNMENT,
        )
        for conversation in conversations
    )
    _tell_count(user.pk)


def notify_approvers(users: Iterable[UUID], campaign: Campaign, *, by: User) -> None:
    """Tell these users that a campaign waits for their approval, unless they know already."""
    known = Notification.objects.filter(campaign=campaign, seen_at=None).values_list("user_id", flat=True)
    recipient_ids = sorted(set(users) - set(known))
    Notification.objects.bulk_create(
        Notification(
            organization_id=campaign.organization_id,
            user_id=user_id,
            campaign=campaign,
            actor=by,
            kind=Notification.Kind.APPROVAL,
        )
        for user_id in recipient_ids
    )
    for user_id in recipient_ids:
        _tell_count(user_id)


def count_unseen(user: User) -> int:
    return Notification.objects.visible_to(user).filter(seen_at=None).count()


def mark_seen(user: User, conversation: Conversation | None = None, campaign: Campaign | None = None) -> None:
    """Mark the user's notifications seen: all, or those of one conversation or campaign."""
    unseen = Notification.objects.filter(user=user, seen_at=None)
    if conversation:
        unseen = unseen.filter(conversation=conversation)
    if campaign:
        unseen = unseen.filter(campaign=campaign)
    if unseen.update(seen_at=Now()):
        _tell_count(user.pk)


def _tell_count(user_id: UUID) -> None:
    count = count_unseen(User.objects.get(pk=user_id))
    bus.tell(user_id, {"type": "notifications.updated", "unseen": count})


# ---------------------------------------------------------------- mail
def mail_unseen_notifications() -> int:
    """Mail users once about notifications unseen for MAIL_AFTER; returns how many mails were sent."""
    with tenancy.system():
        due_notifications = Notification.objects.filter(
            seen_at=None, mailed_at=None, created_at__lt=timezone.now() - MAIL_AFTER
        )
        people = list(due_notifications.values_list("organization_id", "user_id").distinct())
    mail_count = 0
    for organization_id, user_id in people:
        with isolation.contain("Mail about mentions", organization_id, user_id):
            mail_count += _mail_user(organization_id, user_id)
    return mail_count


def _mail_user(organization_id: UUID, user_id: UUID) -> int:
    """A mail that can't be sent leaves its notifications for the next run."""
    # In three steps, with no row locked while the mail server is asked: opening a conversation marks the same rows as
    # seen. The job's lock keeps a second run away meanwhile.
    with tenancy.organization(organization_id), transaction.atomic():
        user = User.objects.get(pk=user_id)
        due_notifications = Notification.objects.filter(
            user=user, seen_at=None, mailed_at=None, created_at__lt=timezone.now() - MAIL_AFTER
        )
        notification_ids = list(due_notifications.values_list("pk", flat=True))
        visible_notifications = (
            Notification.objects.visible_to(user).filter(pk__in=notification_ids).order_by("created_at", "pk")
        )
        notifications = list(visible_notifications.select_related("actor", "conversation__contact", "note", "campaign"))
    is_mailed = bool(notifications and user.mail_notifications and user.is_active)
    if is_mailed:
        _send_mail(user, notifications)
    with tenancy.organization(organization_id):
        Notification.objects.filter(pk__in=notification_ids).update(mailed_at=Now())
    return int(is_mailed)


def _send_mail(user: User, notifications: list[Notification]) -> None:
    context = {
        "name": user.name,
        "notifications": notifications[:MOST_MAILED],
        "count": len(notifications),
        "base_url": settings.PUBLIC_BASE_URL,
        "link": settings.PUBLIC_BASE_URL + reverse("notifications"),
    }
    with languages.speak_to(user):
        subject, _, body = render_to_string("notifications/mail/unseen.txt", context).strip().partition("\n")
    send_mail(subject, body.strip() + "\n", None, [user.email])

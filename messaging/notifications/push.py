"""Ringing browsers: a customer begins to wait, or a colleague wants something, and no page of ours may be open.

A ring says that something waits, never what or of whom: it is shown on locked phones. It is sent at most once. What
waits stands in the inbox and on the page of notifications, whatever became of its ring.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms.models import Chatroom
from integrations import isolation, web_push
from messagehub import languages, sql, tenancy
from messaging.models import Notification, PushSubscription

log = logging.getLogger(__name__)
RINGS_WITHIN = timedelta(minutes=5)  # after that it is no news; also how far a worker that was away looks back
MOST_RINGS = 3  # at once in one browser; more become one
GIVEN_UP_AFTER = timedelta(days=3)
AT_ONCE = 8  # calls to push services
Payloads = list[dict[str, str]]
# Both sides are few: subscriptions of people who are signed in, and what came within the last minutes.
WAITING = """
SELECT s.id AS subscription_id, s.organization_id, 'waiting' AS kind, v.id AS subject_id, v.id AS conversation_id,
       v.chatroom_id, v.waiting_since AS since
FROM push_subscriptions s
JOIN conversations v ON v.chatroom_id = ANY(s.chatrooms) AND v.status = 'OPEN'
     AND v.waiting_since > greatest(s.created_at, now() - %(within)s)
     AND (v.assigned_to_id IS NULL OR v.assigned_to_id = s.user_id)
UNION ALL
SELECT s.id, s.organization_id, n.kind, n.id, n.conversation_id, v.chatroom_id, n.created_at
FROM push_subscriptions s
JOIN notifications n ON n.user_id = s.user_id AND n.seen_at IS NULL
     AND n.created_at > greatest(s.created_at, now() - %(within)s)
JOIN conversations v ON v.id = n.conversation_id
ORDER BY since, subject_id
"""
DELETE_ENDED = """
DELETE FROM push_subscriptions s WHERE NOT EXISTS (
    SELECT FROM sign_ins i JOIN users u ON u.id = i.user_id
    WHERE i.id = s.sign_in_id AND u.id = s.user_id AND u.is_active
)
"""


@dataclass(frozen=True, slots=True)
class Ring:
    """Something that rings in one browser."""

    kind: str  # `waiting`, or the kind of a notification
    subject_id: UUID  # the conversation or the notification
    conversation_id: UUID
    chatroom_id: UUID
    since: str

    @property
    def words(self) -> str:
        if self.kind == Notification.Kind.MENTION:
            return _("A colleague mentioned you.")
        if self.kind == Notification.Kind.ASSIGNMENT:
            return _("A conversation was assigned to you.")
        return _("A customer is waiting.")


def subscribe_browser(user: User, sign_in_id: UUID, browser: web_push.Browser, chatrooms: Iterable[Chatroom]) -> None:
    """Ring this browser from now on, or change for which chatrooms. Raises web_push.InvalidSubscription."""
    web_push.check_browser(browser)
    PushSubscription.objects.update_or_create(
        sign_in_id=sign_in_id,
        defaults={
            "organization_id": cast(UUID, user.organization_id),
            "user": user,
            "endpoint": browser.endpoint,
            "p256dh": browser.p256dh,
            "auth": browser.auth,
            "chatrooms": [room.pk for room in chatrooms],
            "failing_since": None,
        },
    )


def unsubscribe_browser(sign_in_id: UUID) -> None:
    PushSubscription.objects.filter(sign_in_id=sign_in_id).delete()


def ring_browsers() -> int:
    """Send what has not rung yet; returns how many rings were sent. For one job at a time."""
    with tenancy.system():
        with connection.cursor() as cursor:
            cursor.execute(DELETE_ENDED)
        rows = sql.fetch_rows(WAITING, {"within": RINGS_WITHIN})
    rings: dict[tuple[UUID, UUID], list[Ring]] = defaultdict(list)
    for row in rows:
        ring = Ring(
            row["kind"], row["subject_id"], row["conversation_id"], row["chatroom_id"], row["since"].isoformat()
        )
        rings[row["organization_id"], row["subscription_id"]].append(ring)
    due: list[tuple[PushSubscription, Payloads]] = []
    for (organization_id, subscription_id), found in rings.items():
        with isolation.contain("Ringing browsers", organization_id, subscription_id):
            due += _take_rings(organization_id, subscription_id, found)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        outcomes = list(threads.map(lambda each: _send_payloads(*each), due))
    for (subscription, _payloads), outcome in zip(due, outcomes, strict=True):
        with isolation.contain("Ringing browsers", subscription.organization_id, subscription.pk):
            _note_outcome(subscription, outcome)
    return sum(outcome is None for outcome in outcomes)


def _take_rings(
    organization_id: UUID, subscription_id: UUID, found: list[Ring]
) -> list[tuple[PushSubscription, Payloads]]:
    """Write down that these ring, before they do, and leave out what has rung or may not be seen any more."""
    with tenancy.organization(organization_id):
        subscription = (
            PushSubscription.objects.select_for_update(of=["self"])
            .select_related("user__organization")
            .filter(pk=subscription_id)
            .first()
        )
        if subscription is None:
            return []
        news = [ring for ring in found if subscription.rung.get(str(ring.subject_id)) != ring.since]
        if not news:
            return []
        rooms = {ring.chatroom_id for ring in news}
        seen = set(Chatroom.objects.visible_to(subscription.user).filter(pk__in=rooms).values_list("pk", flat=True))
        subscription.rung = {str(ring.subject_id): ring.since for ring in found}
        subscription.save(update_fields=["rung"])
    news = [ring for ring in news if ring.chatroom_id in seen]
    with languages.speak_to(subscription.user):
        return [(subscription, _write_payloads(news))] if news else []


def _send_payloads(subscription: PushSubscription, payloads: Payloads) -> Exception | None:
    """In a thread, without the database. What it raised: one browser's trouble is not the others'."""
    browser = web_push.Browser(subscription.endpoint, subscription.p256dh, subscription.auth)
    try:
        for payload in payloads:
            web_push.send_push(browser, payload)
    except Exception as error:
        return error
    return None


def _write_payloads(rings: list[Ring]) -> Payloads:
    if len(rings) > MOST_RINGS:
        words = _("%(n)s conversations are waiting for you.") % {"n": len(rings)}
        return [{"words": words, "url": reverse("inbox"), "tag": "inbox"}]
    return [
        {
            "words": ring.words,
            "url": reverse("conversation", args=[ring.conversation_id]),
            "tag": str(ring.conversation_id),
        }
        for ring in rings
    ]


def _note_outcome(subscription: PushSubscription, outcome: Exception | None) -> None:
    is_over = isinstance(outcome, web_push.Gone) or (
        outcome is not None
        and subscription.failing_since is not None
        and subscription.failing_since < timezone.now() - GIVEN_UP_AFTER
    )
    with tenancy.organization(subscription.organization_id):
        this_one = PushSubscription.objects.filter(pk=subscription.pk)
        if is_over:
            this_one.delete()
        elif outcome is None:
            this_one.filter(failing_since__isnull=False).update(failing_since=None)
        else:
            log.warning("A browser could not be told that something waits: %s", outcome)
            this_one.filter(failing_since=None).update(failing_since=Now())

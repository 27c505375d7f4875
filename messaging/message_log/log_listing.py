"""The message log: which messages a search and the filters mean, and a line for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatrooms.models import Contact
from messaging import payloads
from messaging.conversations import listing, message_listing
from messaging.models import Campaign, Message, Platform

Position = tuple[datetime, UUID]
MOST_CAMPAIGNS = 50  # that a name may mean

# What a status is called, and the class of its tag.
STATUSES: dict[str, tuple[str | Promise, str]] = {
    "scheduled": (_("Scheduled"), "tag-accent"),
    "queued": (_("Queued"), ""),
    "sending": (_("Sending"), ""),
    "unknown": (_("Delivery unknown"), "tag-warn"),
    "accepted": (_("Accepted"), ""),
    "sent": (_("Sent"), ""),
    "delivered": (_("Delivered"), "tag-ok"),
    "read": (_("Seen"), "tag-ok"),
    "failed": (_("Failed"), "tag-danger"),
    "undelivered": (_("Not delivered"), "tag-danger"),
    "not_sent": (_("Not sent"), "tag-danger"),
    "canceled": (_("Canceled"), ""),
    "received": (_("Received"), "tag-line"),
}


@dataclass(frozen=True, slots=True)
class Line:
    message: dict  # a payload
    contact: Contact | None
    campaign: Campaign | None
    status: str | Promise
    tag: str


def list_log(
    user: User, *, limit: int, after: Position | None = None, before: Position | None = None, **filters: Any
) -> list[dict]:
    """Rows as `message_listing.list_visible_messages` has them; `filters` are those of a MessageLogFilterSet."""
    if since := filters.pop("since", None):
        filters["since"] = _begin_of(since)
    if until := filters.pop("until", None):
        filters["until"] = _begin_of(until + timedelta(days=1))
    if search := filters.pop("search", "").strip():
        filters |= resolve_search(user, search)
    return message_listing.list_visible_messages(user, limit=limit, after=after, before=before, **filters)


def resolve_search(user: User, search: str) -> dict[str, list[UUID]]:
    """What a search means: a message by our id or the provider's (SID, mid), or else people and campaigns by name."""
    provided = Message.objects.visible_to(user).filter(platform__in=Platform.values, provider_id=search)
    if ids := list(provided.values_list("pk", flat=True)):
        return {"message_ids": ids}
    try:
        return {"message_ids": [UUID(search)]}
    except ValueError:
        pass
    campaigns = Campaign.objects.visible_to(user).filter(name__icontains=search).order_by("-created_at", "-pk")
    return {
        "contact_ids": listing.find_contacts(user, search),
        "campaign_ids": list(campaigns.values_list("pk", flat=True)[:MOST_CAMPAIGNS]),
    }


def describe_lines(rows: Sequence[dict]) -> list[Line]:
    """Three queries for all of them: attachments, people and campaigns."""
    people = Contact.objects.in_bulk({row["contact_id"] for row in rows})
    campaigns = Campaign.objects.in_bulk({row["campaign_id"] for row in rows if row["campaign_id"]})
    return [
        Line(
            message,
            people.get(row["contact_id"]),
            campaigns.get(row["campaign_id"]),
            *STATUSES[row["status"]],
        )
        for row, message in zip(rows, payloads.describe_messages(rows), strict=True)
    ]


def _begin_of(day: date) -> datetime:
    """Midnight on the viewer's clock."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())

"""Lists of groups, and what is known of one: how many members, how many of them can be reached, where it is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from accounts.models import User
from chatrooms.models import Chatroom, Group
from messagehub import sql
from messaging.contacts.contact_listing import MOST_COUNTED, count_matching_contacts
from messaging.models import Campaign

Position = tuple[datetime, UUID]
MOST_CAMPAIGNS = 20  # that a page names

# Bounded for each group, so that a page of large groups costs as much as one of small groups.
COUNTS = """
SELECT g.id, (SELECT count(*) FROM (SELECT FROM group_members m WHERE m.group_id = g.id LIMIT %s) o) AS n
FROM unnest(%s::uuid[]) AS g (id)
"""


@dataclass(frozen=True, slots=True)
class MemberCounts:
    """Of a group, each MOST_COUNTED at most."""

    all: int
    opted_out: int
    blocked: int


@dataclass(frozen=True, slots=True)
class CountedGroup:
    """`members` are so many at most as were to be counted."""

    group: Group
    members: int


def list_groups(
    user: User,
    *,
    limit: int,
    after: Position | None = None,
    before: Position | None = None,
    chatroom: Chatroom | None = None,
    name: str = "",
) -> list[CountedGroup]:
    """Groups that the user may see, newest first."""
    rows = Group.objects.visible_to(user).select_related("chatroom")
    if chatroom:
        rows = rows.filter(chatroom=chatroom)
    if name:
        rows = rows.filter(name__icontains=name)
    if after:
        rows = rows.filter(Q(created_at__lt=after[0]) | Q(created_at=after[0], pk__lt=after[1]))
    if before:
        rows = rows.filter(Q(created_at__gt=before[0]) | Q(created_at=before[0], pk__gt=before[1]))
    order = ("created_at", "pk") if before else ("-created_at", "-pk")
    found = list(rows.order_by(*order)[:limit])[:: -1 if before else 1]
    return count_each(found, MOST_COUNTED)


def count_each(groups: Sequence[Group], most: int) -> list[CountedGroup]:
    """The groups in this order with their members, `most` each; one statement for all of them."""
    counts = {row["id"]: row["n"] for row in sql.fetch_rows(COUNTS, [most, [group.pk for group in groups]])}
    return [CountedGroup(group, counts[group.pk]) for group in groups]


def count_members(user: User, group: Group) -> MemberCounts:
    """Opted out of any channel of the chatroom counts as opted out, as on a contact's page."""
    here = {"group": group, "chatroom": group.chatroom}
    return MemberCounts(
        all=count_matching_contacts(user, **here),
        opted_out=count_matching_contacts(user, consent="opted_out", **here),
        blocked=count_matching_contacts(user, blocked=True, **here),
    )


def list_campaigns(group: Group) -> list[Campaign]:
    """The newest campaigns that are, or were, for the group."""
    campaigns = Campaign.objects.filter(audience_groups__group=group)
    return list(campaigns.order_by("-created_at", "-pk")[:MOST_CAMPAIGNS])

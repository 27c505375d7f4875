"""Contacts that match the filters of a list: a page of them, all of them for one statement, and what rows show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms import contacts, phones
from chatrooms.models import Chatroom, Contact
from messagehub import sql
from messaging import payloads

Position = tuple[datetime, UUID]
MOST_COUNTED = 1000  # a count that is higher says 999+

# As in `chatrooms.contacts`: the newest page of each chatroom from its index, then one page of all.
OF_ROOMS = """
SELECT newest.id
FROM unnest(%(rooms)s::uuid[]) AS room (id)
CROSS JOIN LATERAL (
    SELECT c.id, c.created_at FROM contacts c WHERE c.chatroom_id = room.id {conditions}
    ORDER BY c.created_at {direction}, c.id {direction} LIMIT %(limit)s
) newest
ORDER BY newest.created_at {direction}, newest.id {direction} LIMIT %(limit)s
"""
OF_ALL = """
SELECT c.id FROM {source} WHERE c.chatroom_id = ANY(%(rooms)s::uuid[]) {conditions}
ORDER BY c.created_at {direction}, c.id {direction} LIMIT %(limit)s
"""
MATCHES = "SELECT c.id FROM {source} WHERE c.chatroom_id = ANY(%(rooms)s::uuid[]) {conditions}"
# The search by trigrams is a function of the system role (`chatrooms.contacts.MATCHING` says why). Without a limit it
# gives all that match, of which the other filters then leave some.
MATCHING = "SELECT id FROM contacts_matching(%(pattern)s, %(rooms)s::uuid[], NULL, NULL, NULL, true)"
FOUND = "({matching}) found JOIN contacts c ON c.id = found.id"

# The newest entry for each of the chatroom's channels, and of all channels where a STOP holds for all; of these an
# opt-out beats an opt-in: what `payloads.consent_of` says of one contact. Written from the entries, which are fewer.
FORMS = f"CROSS JOIN LATERAL unnest({phones.FORMS_IN_SQL.format(number='e.address')}) AS form (address)"
SAID = f"""
    (SELECT DISTINCT ON (a.contact_id, n.id) a.contact_id, e.kind
    FROM consent_entries e
    JOIN channels n ON n.id = e.channel_id AND n.chatroom_id = ANY(%(rooms)s::uuid[])
    {FORMS}
    JOIN contact_addresses a ON a.chatroom_id = n.chatroom_id AND a.platform = n.platform AND a.address = form.address
    WHERE a.is_primary OR a.platform <> 'SMS'
    ORDER BY a.contact_id, n.id, e.created_at DESC, e.id DESC)
    UNION ALL
    (SELECT DISTINCT ON (a.contact_id, n.platform) a.contact_id, e.kind
    FROM consent_entries e
    JOIN organizations g ON g.id = e.organization_id AND g.opt_out_scope = 'organization'
    JOIN channels n ON n.id = e.channel_id
    {FORMS}
    JOIN contact_addresses a
        ON a.chatroom_id = ANY(%(rooms)s::uuid[]) AND a.platform = n.platform AND a.address = form.address
    WHERE a.is_primary OR a.platform <> 'SMS'
    ORDER BY a.contact_id, n.platform, e.created_at DESC, e.id DESC)
"""
# As arrays, so that they are read once, however often they are asked.
OPTED_OUT = f"ARRAY(SELECT contact_id FROM ({SAID}) said WHERE kind = 'opt_out')"
CONSENT = {
    "opted_out": f"c.id = ANY({OPTED_OUT})",
    "opted_in": f"c.id = ANY(ARRAY(SELECT contact_id FROM ({SAID}) said GROUP BY 1 HAVING bool_and(kind = 'opt_in')))",
    "unknown": f"c.id <> ALL(ARRAY(SELECT contact_id FROM ({SAID}) said))",
}
ACTIVITY = {
    "7_days": "c.last_activity_at >= now() - interval '7 days'",
    "30_days": "c.last_activity_at >= now() - interval '30 days'",
    "90_days": "c.last_activity_at >= now() - interval '90 days'",
    "older": "(c.last_activity_at IS NULL OR c.last_activity_at < now() - interval '90 days')",
}
PLATFORMS = """
SELECT contact_id, array_agg(DISTINCT platform ORDER BY platform DESC) AS platforms
FROM contact_addresses WHERE contact_id = ANY(%s) GROUP BY contact_id
"""


@dataclass(frozen=True)
class Match:
    """A condition of SQL about `c`, a row of contacts, with its parameters."""

    source: str
    conditions: str
    params: dict

    @property
    def statement(self) -> str:
        """Ids of all that match."""
        return MATCHES.format(source=self.source, conditions=self.conditions)


class CannotWriteToThem(Exception):
    """One text can't go to these contacts, for a reason that is said."""


def list_matching_contacts(
    user: User, *, limit: int, after: Position | None = None, before: Position | None = None, **filters: Any
) -> list[Contact]:
    """Contacts that the user may see, newest first, with their groups; `filters` as in a ContactListFilterSet."""
    if filters.keys() <= {"chatroom", "search"}:
        return contacts.list_contacts(user, limit=limit, after=after, before=before, **filters)
    match = build_match(user, **filters)
    params, conditions = {**match.params, "limit": limit}, match.conditions
    if position := after or before:
        params["at"], params["id"] = position
        conditions += f" AND (c.created_at, c.id) {'<' if after else '>'} (%(at)s, %(id)s)"
    statement = OF_ROOMS if match.source == "contacts c" else OF_ALL
    rows = sql.fetch_rows(
        statement.format(source=match.source, conditions=conditions, direction="ASC" if before else "DESC"), params
    )
    contact_ids = [row["id"] for row in rows]
    contact_by_id = Contact.objects.filter(pk__in=contact_ids).prefetch_related("groups").in_bulk()
    return [contact_by_id[pk] for pk in (contact_ids[::-1] if before else contact_ids) if pk in contact_by_id]


def choose_recipients(match: Match, *, most: int) -> tuple[UUID, list[UUID]]:
    """The chatroom of all that match, and those who have a number. Raises CannotWriteToThem."""
    rows = sql.fetch_rows(
        f"SELECT c.id, c.chatroom_id, c.phone FROM contacts c WHERE c.id IN ({match.statement}) LIMIT {most + 1}",
        match.params,
    )
    if len(rows) > most:
        words = _("One text goes to at most {n} people. Add them to a group and send a campaign to it.")
        raise CannotWriteToThem(words.format(n=most))
    rooms = {row["chatroom_id"] for row in rows}
    if len(rooms) > 1:
        raise CannotWriteToThem(_("They are in several chatrooms. Filter the list by one of them first."))
    contact_ids = [row["id"] for row in rows if row["phone"]]
    if not contact_ids:
        raise CannotWriteToThem(_("None of these contacts has a phone number."))
    return rooms.pop(), contact_ids


def build_match(user: User, *, ids: Sequence[UUID] | None = None, **filters: Any) -> Match:
    """All contacts that the user may see and that match; `ids` leaves only some of them."""
    chatroom = filters.get("chatroom")
    rooms = [chatroom.pk] if chatroom else list(Chatroom.objects.visible_to(user).values_list("pk", flat=True))
    params: dict = {"rooms": rooms}
    conditions, source = [], "contacts c"
    if search := filters.get("search", "").strip():
        matching = MATCHING
        params["pattern"] = contacts.build_search_pattern(search)
        if further := contacts.find_by_further_number(user, rooms, search):
            matching += " UNION SELECT unnest(%(further)s::uuid[])"
            params["further"] = list(further)
        source = FOUND.format(matching=matching)
    if ids is not None:
        conditions.append("c.id = ANY(%(ids)s::uuid[])")
        params["ids"] = list(ids)
    if group := filters.get("group"):
        conditions.append(
            "EXISTS (SELECT FROM group_members g WHERE g.group_id = %(group_id)s AND g.contact_id = c.id)"
        )
        params["group_id"] = group.pk
    if platform := filters.get("platform"):
        conditions.append(
            "EXISTS (SELECT FROM contact_addresses a WHERE a.contact_id = c.id AND a.platform = %(platform)s)"
        )
        params["platform"] = platform
    if consent := filters.get("consent"):
        conditions.append(CONSENT[consent])
    if activity := filters.get("activity"):
        conditions.append(ACTIVITY[activity])
    if "blocked" in filters:
        conditions.append("c.blocked_at IS NOT NULL" if filters["blocked"] else "c.blocked_at IS NULL")
    return Match(source, "".join(f" AND {condition}" for condition in conditions), params)


def count_matching_contacts(user: User, **filters: Any) -> int:
    """How many match, MOST_COUNTED at most."""
    match = build_match(user, **filters)
    statement = f"SELECT count(*) AS n FROM ({match.statement} LIMIT {MOST_COUNTED}) found"
    return sql.fetch_rows(statement, match.params)[0]["n"]


def describe_rows(rows: Sequence[Contact]) -> list[dict]:
    """What a line of the list shows of each: the contact, its channels and its consent. Two queries for all of them."""
    consent = payloads.consent_of(rows)
    platforms = _list_platforms(rows)
    return [
        {
            "contact": contact,
            "platforms": platforms.get(contact.pk, []),
            "consent": consent.get(contact.pk),
            "groups": sorted(contact.groups.all(), key=lambda group: group.name.casefold()),
        }
        for contact in rows
    ]


def position_of_contact(contact: Contact) -> Position:
    return contact.created_at, contact.pk


def _list_platforms(rows: Sequence[Contact]) -> Mapping[UUID, list[str]]:
    if not rows:
        return {}
    found = sql.fetch_rows(PLATFORMS, [[contact.pk for contact in rows]])
    return {row["contact_id"]: row["platforms"] for row in found}

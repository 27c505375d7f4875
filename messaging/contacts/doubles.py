"""Contacts of one chatroom that are probably one person: the same number in another form, email or whole name."""

from dataclasses import dataclass

from accounts.models import User
from chatrooms import phones
from chatrooms.models import Chatroom, Contact
from messagehub import sql

MOST_PAIRS = 50

# Reads the contacts once, by a button that people press now and then; no index is kept for it.
PAIRS = f"""
WITH keyed AS (
    SELECT id, chatroom_id, 'email' AS reason, lower(email) AS key FROM contacts
    WHERE chatroom_id = ANY(%(rooms)s::uuid[]) AND email <> ''
    UNION ALL
    SELECT id, chatroom_id, 'name', lower(first_name || ' ' || last_name) FROM contacts
    WHERE chatroom_id = ANY(%(rooms)s::uuid[]) AND first_name <> '' AND last_name <> ''
    UNION ALL
    SELECT a.contact_id, a.chatroom_id, 'number', (SELECT min(form) FROM unnest(
        {phones.FORMS_IN_SQL.format(number="a.address")}) form)
    FROM contact_addresses a
    WHERE a.chatroom_id = ANY(%(rooms)s::uuid[]) AND a.platform = 'SMS'
      AND left(a.address, 3) = ANY(%(countries)s::text[])
)
SELECT reason, (array_agg(DISTINCT id ORDER BY id))[1:2] AS ids FROM keyed
GROUP BY chatroom_id, reason, key HAVING count(DISTINCT id) > 1
ORDER BY reason = 'number' DESC, reason = 'email' DESC, (array_agg(DISTINCT id))[1] DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """`reason` is what the two have in common: number, email or name."""

    contact: Contact
    duplicate: Contact
    reason: str


def list_probable_doubles(user: User) -> list[Pair]:
    """The first two of each, MOST_PAIRS at most; those with one number first."""
    rooms = Chatroom.objects.visible_to(user).values_list("pk", flat=True)
    params = {"rooms": list(rooms), "countries": list(phones.COUNTRIES_WITH_FORMS), "limit": MOST_PAIRS}
    rows = sql.fetch_rows(PAIRS, params)
    by_id = Contact.objects.select_related("chatroom").in_bulk([pk for row in rows for pk in row["ids"]])
    pairs, seen = [], set()
    for row in rows:
        first, second = row["ids"]
        if (first, second) not in seen and first in by_id and second in by_id:
            seen.add((first, second))
            pairs.append(Pair(by_id[first], by_id[second], row["reason"]))
    return pairs

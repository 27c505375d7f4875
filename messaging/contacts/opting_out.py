"""Opting many contacts out with a reason, in one statement, and taking that back with another.

Nothing is deleted: both are entries of a person, which are the evidence.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.audit import least_id_at
from accounts.models import User
from chatrooms import phones
from chatrooms.models import Chatroom
from messagehub import languages, sql
from messaging.consent import entries
from messaging.contacts.contact_listing import Match
from messaging.live import event_log

MOST_OPTED_OUT = 5000  # contacts at once: each shows it in its conversations, live
LONGEST = timedelta(minutes=10)  # that a transaction takes; its entries have the time of its beginning

OTHER_FORMS = f"ANY({phones.FORMS_IN_SQL.format(number='a.address')})"
# Channels with the addresses that they can write to, as for one contact (`messaging.consent.evidence`). An opt-out in
# force gets no second one: taking that back would lift it.
PAIRS = f"""
, pairs AS MATERIALIZED (
    SELECT DISTINCT a.contact_id, n.organization_id, n.id AS channel_id, a.address,
           ({entries.OPTED_OUT.format(address=OTHER_FORMS)}) IS TRUE AS is_out
    FROM matching JOIN contact_addresses a ON a.contact_id = matching.id
    JOIN channels n ON n.chatroom_id = a.chatroom_id AND n.platform = a.platform AND n.retired_at IS NULL
        AND n.id = coalesce(a.channel_id, n.id)
    JOIN organizations o ON o.id = n.organization_id
)
"""
COUNTS = """
SELECT (SELECT count(*) FROM matching) AS selected,
       (SELECT count(DISTINCT contact_id) FROM pairs WHERE NOT is_out) AS changed,
       (SELECT count(DISTINCT contact_id) FROM pairs) AS reachable
"""
ADD = """
, added AS (
    INSERT INTO consent_entries (organization_id, channel_id, address, kind, source, actor_id, reason)
    SELECT organization_id, channel_id, address, 'opt_out', 'staff', %(user)s, %(reason)s FROM pairs WHERE NOT is_out
    RETURNING channel_id, address, created_at
)
"""
ADDED = """,
       (SELECT max(created_at) FROM added) AS moment,
       (SELECT coalesce(array_agg(channel_id), '{}') FROM added) AS channels,
       (SELECT coalesce(array_agg(address), '{}') FROM added) AS addresses
"""
# Those of one action about which nothing else was said since. A STOP that came later stays, to whichever channel.
IN_FORCE = f"""
FROM consent_entries a JOIN channels n ON n.id = a.channel_id
WHERE a.id >= %(first)s AND a.id < %(last)s AND a.created_at = %(moment)s AND a.actor_id = %(user)s
  AND a.kind = 'opt_out' AND a.source = 'staff' AND n.chatroom_id = ANY(%(rooms)s::uuid[])
  AND NOT EXISTS (
    SELECT FROM consent_entries later
    WHERE later.organization_id = a.organization_id AND later.address = {OTHER_FORMS}
      AND later.created_at > a.created_at)
"""
TAKE_BACK = f"""
INSERT INTO consent_entries (organization_id, channel_id, address, kind, source, actor_id, reason)
SELECT a.organization_id, a.channel_id, a.address, 'opt_in', 'staff', %(user)s, %(reason)s
{IN_FORCE}
RETURNING channel_id, address, kind
"""


class TooManyToOptOut(Exception):
    """More than MOST_OPTED_OUT are selected."""

    def __init__(self) -> None:
        words = _("At most {n} contacts are opted out at once. Filter the list further.")
        super().__init__(words.format(n=languages.format_number(MOST_OPTED_OUT)))


@dataclass(frozen=True, slots=True)
class OptOutResult:
    """How many contacts are selected, are opted out by this, and have an address at all; `moment` names what was done.

    `moment` is None where nothing was.
    """

    selected: int
    changed: int
    reachable: int
    moment: datetime | None = None

    @property
    def unchanged(self) -> int:
        return self.reachable - self.changed

    @property
    def unreachable(self) -> int:
        return self.selected - self.reachable


def preview_opt_out(match: Match) -> OptOutResult:
    """What opting these contacts out would do. Raises TooManyToOptOut."""
    [row] = sql.fetch_rows(_select(match) + PAIRS + COUNTS, match.params)
    _require_few(row["selected"])
    return OptOutResult(**row)


@transaction.atomic
def opt_out_selected(match: Match, *, by: User, reason: str) -> OptOutResult:
    """Opt them out of all channels of their chatrooms. Raises TooManyToOptOut."""
    params = {**match.params, "user": by.pk, "reason": reason}
    [row] = sql.fetch_rows(_select(match) + PAIRS + ADD + COUNTS + ADDED, params)
    _require_few(row["selected"])
    added = list(zip(row.pop("channels"), row.pop("addresses"), strict=True))
    event_log.record_events(entries.list_consequences((*pair, "opt_out") for pair in added))
    return OptOutResult(**row)


def count_opt_outs_of(moment: datetime, *, by: User) -> int:
    """How many addresses of what `by` did at this moment are still opted out by that alone."""
    [row] = sql.fetch_rows(f"SELECT count(DISTINCT a.address) AS n {IN_FORCE}", _name_action(moment, by))
    return row["n"]


@transaction.atomic
def take_back_opt_outs(moment: datetime, *, by: User, reason: str) -> int:
    """Lift what `by` did at this moment, where nobody has said anything since; returns how many addresses.

    A second time does nothing.
    """
    lifted = sql.fetch_rows(TAKE_BACK, {**_name_action(moment, by), "reason": reason})
    event_log.record_events(
        entries.list_consequences((row["channel_id"], row["address"], row["kind"]) for row in lifted)
    )
    return len({row["address"] for row in lifted})


def _select(match: Match) -> str:
    return f"WITH matching AS MATERIALIZED (SELECT id FROM ({match.statement}) found LIMIT {MOST_OPTED_OUT + 1})"


def _require_few(count: int) -> None:
    if count > MOST_OPTED_OUT:
        raise TooManyToOptOut


def _name_action(moment: datetime, by: User) -> dict:
    return {
        "moment": moment,
        "first": least_id_at(moment),
        "last": least_id_at(moment + LONGEST),
        "user": by.pk,
        "rooms": list(Chatroom.objects.visible_to(by).values_list("pk", flat=True)),
    }

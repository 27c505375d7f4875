"""Whom a campaign is for: contacts of its groups, each once, and where it goes.

Those of excluded groups are not in its audience, and where it is narrowed to who has opted in or who wrote lately,
neither are the others.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Q

from chatrooms import phones
from messagehub import sentences
from messaging.contacts import contact_listing
from messaging.models import UNSUCCESSFUL, Campaign, CampaignRecipient, Platform

Outcome = CampaignRecipient.Outcome

# MATERIALIZED here, and LATERAL below, make PostgreSQL look up each contact by its key. After an import its statistics
# are out of date: it expects a handful of contacts, and would scan the organization's once for each member.
MEMBERS = """
WITH members AS MATERIALIZED (
    (SELECT contact_id FROM group_members WHERE group_id = ANY(%(chosen_groups)s::uuid[])
     EXCEPT
     SELECT contact_id FROM group_members WHERE group_id = ANY(%(excluded_groups)s::uuid[]))
    {narrowed}
    ORDER BY contact_id
)
"""
# Whose newest word about the address that this channel writes to, said to it or to one whose entries hold for it, is an
# opt-in. Written from the entries, which are fewer. Sets are hashed or sorted, however wrong the estimates are.
OPTED_IN = f"""
    INTERSECT
    SELECT contact_id FROM (
        SELECT DISTINCT ON (a.contact_id) a.contact_id, e.kind
        FROM consent_entries e
        JOIN channels n ON n.id = e.channel_id AND n.platform = %(platform)s
        JOIN organizations o ON o.id = n.organization_id
        CROSS JOIN LATERAL unnest({phones.FORMS_IN_SQL.format(number="e.address")}) AS form (address)
        JOIN contact_addresses a
            ON a.chatroom_id = %(chatroom)s AND a.platform = n.platform AND a.address = form.address
        WHERE e.organization_id = %(organization)s
          AND CASE a.platform WHEN 'SMS' THEN a.is_primary ELSE a.channel_id = %(channel)s END
          AND (n.id = %(channel)s OR o.opt_out_scope = 'organization'
               OR o.opt_out_scope = 'chatroom' AND n.chatroom_id = %(chatroom)s)
        ORDER BY a.contact_id, e.created_at DESC, e.id DESC
    ) said WHERE kind = 'opt_in'"""
ACTIVE = """
    INTERSECT
    SELECT c.id FROM contacts c WHERE c.chatroom_id = %(chatroom)s AND {condition}"""
# OFFSET 0 keeps the planner from turning the subqueries into plain joins, and from looking for an address once for each
# place that names it.
# A merged contact may have two scoped ids on one channel. As in a conversation, the one that wrote last counts.
CONTACTS = """
members CROSS JOIN LATERAL (
    SELECT * FROM contacts WHERE id = members.contact_id AND chatroom_id = %(chatroom)s OFFSET 0
) c CROSS JOIN LATERAL (
    SELECT CASE WHEN %(platform)s = 'SMS' THEN coalesce(c.phone, '') ELSE coalesce((
        SELECT k.address FROM (SELECT * FROM contact_addresses WHERE contact_id = c.id OFFSET 0) k
        WHERE k.platform = %(platform)s AND k.channel_id = %(channel)s
        ORDER BY CASE WHEN count(*) OVER () > 1 THEN (
            SELECT max(i.occurred_at) FROM messages i WHERE i.contact_id = c.id AND i.channel_id = k.channel_id
              AND i.direction = 'inbound' AND i.from_address = k.address) END DESC NULLS LAST,
            k.is_primary DESC, k.id DESC
        LIMIT 1), '') END AS address
    OFFSET 0
) reached CROSS JOIN LATERAL (
    SELECT %(contacted_days)s::int IS NOT NULL AND EXISTS (
        SELECT FROM messages o
        WHERE o.contact_id = c.id AND o.direction = 'outbound' AND NOT o.status = ANY(%(unsuccessful)s)
          AND o.automatic = '' AND o.occurred_at > now() - make_interval(days => %(contacted_days)s::int)) AS recently
) contacted
"""
# FOR KEY SHARE keeps the audience from being deleted until the commit, and lets everything else go on. It waits for a
# merge that is under way. A statement of its own, because what the merge wrote is visible to the next snapshot only.
HOLD = """
{members}
SELECT count(*) FROM members CROSS JOIN LATERAL (
    SELECT FROM contacts c WHERE c.id = members.contact_id AND c.chatroom_id = %(chatroom)s FOR KEY SHARE
) locked
"""
# Who can't get it is a skipped recipient, and not left out: outcomes must always sum to the audience.
FREEZE = f"""
{{members}}
INSERT INTO campaign_recipients (organization_id, campaign_id, contact_id, address, outcome, reason_code, reason)
SELECT c.organization_id, %(campaign)s, c.id, nullif(reached.address, ''),
       CASE WHEN reached.address > '' AND NOT recently THEN 'waiting' ELSE 'skipped' END,
       CASE WHEN reached.address = '' THEN %(no_address)s WHEN recently THEN 'recently_contacted' ELSE '' END,
       CASE WHEN reached.address = '' THEN %(no_address_words)s WHEN recently THEN %(recently_words)s ELSE '' END
FROM {CONTACTS}
ORDER BY c.id
RETURNING outcome
"""
WORDS = {
    "no_phone": sentences.NO_PHONE,
    "no_address": sentences.NO_ADDRESS,
    "recently_contacted": sentences.RECENTLY_CONTACTED,
    "same_number": sentences.SAME_NUMBER,
}


def choose_code(campaign: Campaign) -> str:
    """Why somebody whom its channel can't reach is skipped: a key of WORDS."""
    return "no_phone" if campaign.channel.platform == Platform.SMS else "no_address"


class Groups(NamedTuple):
    """Ids of the groups that a campaign is for, and of those whose contacts get nothing."""

    chosen: Sequence[UUID]
    excluded: Sequence[UUID]


def read_groups(campaign: Campaign) -> Groups:
    links = list(campaign.audience_groups.all())
    return Groups(
        [link.group_id for link in links if not link.is_excluded], [link.group_id for link in links if link.is_excluded]
    )


def build_members(campaign: Campaign) -> str:
    """The audience as `members`, a common table expression for the parameters of `build_parameters`."""
    narrowed = OPTED_IN if campaign.only_opted_in else ""
    if campaign.only_active:
        narrowed += ACTIVE.format(condition=contact_listing.ACTIVITY[campaign.only_active])
    return MEMBERS.format(narrowed=narrowed)


def build_parameters(campaign: Campaign, groups: Groups) -> dict:
    no_address = choose_code(campaign)
    return {
        "campaign": campaign.pk,
        "organization": campaign.organization_id,
        "chosen_groups": list(groups.chosen),
        "excluded_groups": list(groups.excluded),
        "chatroom": campaign.chatroom_id,
        "channel": campaign.channel_id,
        "platform": campaign.channel.platform,
        "contacted_days": campaign.contacted_days,
        "unsuccessful": UNSUCCESSFUL,
        "recently_words": WORDS["recently_contacted"],
        "no_address": no_address,
        "no_address_words": WORDS[no_address],
    }


def freeze_audience(campaign: Campaign) -> tuple[int, int]:
    """Make recipients of a locked draft's audience; returns how many there are, and how many of them wait."""
    parameters, members = build_parameters(campaign, read_groups(campaign)), build_members(campaign)
    with connection.cursor() as cursor:
        cursor.execute(HOLD.format(members=members), parameters)
        cursor.execute(FREEZE.format(members=members), parameters)
        outcomes = [outcome for (outcome,) in cursor.fetchall()]
    return len(outcomes), outcomes.count(Outcome.WAITING) - _skip_other_forms(campaign)


def find_form(address: str) -> str:
    """The same for all forms in which a number is written, as `+52` and `+521` in Mexico."""
    return min(phones.list_forms(address)) if address.startswith(tuple(phones.COUNTRIES_WITH_FORMS)) else address


def _skip_other_forms(campaign: Campaign) -> int:
    """Skip recipients whose number is another form of an earlier recipient's; returns how many."""
    if campaign.channel.platform != Platform.SMS:
        return 0
    in_countries = Q()
    for prefix in phones.COUNTRIES_WITH_FORMS:
        in_countries |= Q(address__startswith=prefix)
    waiting = campaign.recipients.filter(in_countries, outcome=Outcome.WAITING).order_by("pk")
    first_of: dict[str, UUID] = {}
    doubles = [
        pk
        for pk, address in waiting.values_list("pk", "address")
        if first_of.setdefault(find_form(address or ""), pk) != pk
    ]
    return campaign.recipients.filter(pk__in=doubles).update(
        outcome=Outcome.SKIPPED, reason_code="same_number", reason=WORDS["same_number"]
    )

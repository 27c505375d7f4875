"""Lists of campaigns and of their recipients, and the recipients as CSV."""

from datetime import datetime
from typing import IO
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms.models import Chatroom
from integrations import providers
from messagehub import sql
from messaging.campaigns import responses
from messaging.contacts.exports import SAFE
from messaging.models import Campaign, CampaignRecipient, Platform

Position = tuple[datetime, UUID]
WRITTEN = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
EXPORT = f"""
COPY (
    SELECT {SAFE.format("btrim(concat_ws(' ', c.first_name, c.last_name))")} AS {{name}},
           {SAFE.format("r.address")} AS {{phone}},
           CASE WHEN r.outcome = 'messaged' THEN m.status ELSE r.outcome END AS {{outcome}},
           coalesce(nullif(m.error_code, ''), r.reason_code) AS {{code}},
           {SAFE.format("coalesce(nullif(m.error_message, ''), r.reason)")} AS {{reason}},
           m.segments AS {{segments}}, m.tokens AS {{tokens}},
           {WRITTEN.format("m.sent_at")} AS {{sent}}, {WRITTEN.format("m.delivered_at")} AS {{delivered}},
           {WRITTEN.format("reply.occurred_at")} AS {{replied}},
           {WRITTEN.format("opt_out.occurred_at")} AS {{opted_out}}, %s::text AS {{channel}}
    FROM campaign_recipients r LEFT JOIN messages m ON m.id = r.message_id
    LEFT JOIN contacts c ON c.id = r.contact_id {responses.RESPONSES}
    WHERE r.campaign_id = %s AND (%s::text IS NULL OR r.outcome = %s) ORDER BY r.id
) TO STDOUT WITH (FORMAT csv, HEADER true)
"""


def list_campaigns(
    user: User,
    *,
    limit: int,
    after: Position | None = None,
    before: Position | None = None,
    chatroom: Chatroom | None = None,
    state: str = "",
) -> list[Campaign]:
    """Campaigns that the user may see, newest first."""
    rows = Campaign.objects.visible_to(user).select_related("chatroom", "channel", "created_by")
    if chatroom:
        rows = rows.filter(chatroom=chatroom)
    if state:
        rows = rows.filter(state=state)
    if after:
        rows = rows.filter(Q(created_at__lt=after[0]) | Q(created_at=after[0], pk__lt=after[1]))
    if before:
        rows = rows.filter(Q(created_at__gt=before[0]) | Q(created_at=before[0], pk__gt=before[1]))
    order = ("created_at", "pk") if before else ("-created_at", "-pk")
    return list(rows.order_by(*order)[:limit])[:: -1 if before else 1]


def list_recipients(
    campaign: Campaign,
    *,
    limit: int,
    after: Position | None = None,
    before: Position | None = None,
    outcome: str = "",
) -> list[CampaignRecipient]:
    """The recipients of a campaign with their contacts and messages, by their keys, the newest first."""
    rows = campaign.recipients.select_related("contact", "message")
    if outcome:
        rows = rows.filter(outcome=outcome)
    if after:
        rows = rows.filter(pk__lt=after[1])
    if before:
        rows = rows.filter(pk__gt=before[1])
    return list(rows.order_by("pk" if before else "-pk")[:limit])[:: -1 if before else 1]


def export_recipients(campaign: Campaign, outcome: str = "") -> IO[bytes]:
    """All recipients, or those of one outcome, as a CSV file in UTF-8 that is read from its beginning."""
    columns = {
        "name": _("Name"),
        "phone": _("Phone") if campaign.channel.platform == Platform.SMS else _("Address"),
        "outcome": _("Outcome"),
        "code": _("Code"),
        "reason": _("Reason"),
        "segments": _("Segments"),
        "tokens": _("Tokens"),
        "sent": _("Sent"),
        "delivered": _("Delivered"),
        "replied": _("Replied"),
        "opted_out": _("Opted out"),
        "channel": _("Channel"),
    }
    titles = {name: '"{}"'.format(title.replace('"', '""')) for name, title in columns.items()}
    values = [providers.name_channel(campaign.channel), campaign.pk, outcome or None, outcome]
    return sql.copy_to_file(EXPORT.format(**titles), values)

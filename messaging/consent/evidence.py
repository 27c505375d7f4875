"""A contact's consent, with its evidence: may we write to them, since when, by whose word, and what went out since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from chatrooms import phones
from chatrooms.models import Chatroom, Contact
from integrations import providers
from integrations.models import Channel, WebhookEvent
from messagehub import sql, tenancy
from messaging.consent import entries
from messaging.live import event_log
from messaging.models import ConsentEntry

# What the provider took or may have taken, by the time at which it was handed over; what was written in Meta's own
# inbox by its own time. Without an entry everything counts.
LAST_SENT = """
SELECT asked.place, last.id, last.content, last.status, last.at
FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[]) WITH ORDINALITY AS asked (channel_id, address, since, place)
CROSS JOIN LATERAL (
    SELECT m.id, CASE WHEN m.deleted_at IS NULL THEN m.content ELSE '' END AS content, m.status,
           coalesce(m.attempted_at, m.occurred_at) AS at
    FROM messages m
    WHERE m.contact_id = %s AND m.channel_id = asked.channel_id AND m.to_address = asked.address
      AND m.direction = 'outbound' AND (m.provider_id IS NOT NULL OR m.status IN ('sending', 'unknown'))
      AND (asked.since IS NULL OR coalesce(m.attempted_at, m.occurred_at) > asked.since)
    ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1
) last
"""


class NoAddress(Exception):
    """The contact can't be reached over these channels, so there is nothing to consent to."""

    def __init__(self) -> None:
        super().__init__(_("This contact has no address that these channels could write to."))


class StillOptedOut(Exception):
    """Only START, or a person with a reason, lifts an opt-out."""

    def __init__(self) -> None:
        super().__init__(_("This contact has opted out. Only START or a person with a reason lifts it."))


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for a channel and one of the contact's addresses, and the newest message that went out since."""

    channel: Channel
    address: str
    decision: entries.Decision | None
    last_sent: dict | None = None

    @property
    def is_out(self) -> bool:
        return self.decision is not None and self.decision.kind == ConsentEntry.Kind.OPT_OUT


@transaction.atomic
def record_consent(
    contact: Contact,
    *,
    by: User,
    kind: str,
    source: str,
    reason: str,
    channel: Channel | None = None,
    asked_by: str = "",
    text: str = "",
    said_at: datetime | None = None,
) -> None:
    """Record what a person, a form or an import says, for one channel or all of the contact's chatroom.

    `text` has the exact words, `said_at` is their time (now, if None). Raises NoAddress and StillOptedOut.
    """
    pairs = [pair for pair in _list_pairs(contact) if channel is None or pair[0] == channel]
    if not pairs:
        raise NoAddress
    if kind == ConsentEntry.Kind.OPT_IN and source != ConsentEntry.Source.STAFF:
        decisions = _find_decisions(pairs)
        if any(decision.kind == ConsentEntry.Kind.OPT_OUT for decision in decisions.values()):
            raise StillOptedOut
    new_entries = ConsentEntry.objects.bulk_create(
        ConsentEntry(
            organization_id=contact.organization_id,
            created_at=said_at or timezone.now(),
            channel=each,
            address=address,
            kind=kind,
            source=source,
            text=text,
            actor=by,
            reason=reason,
            asked_by=asked_by,
        )
        for each, address in pairs
    )
    event_log.record_events(
        entries.list_consequences((entry.channel_id, entry.address, entry.kind) for entry in new_entries)
    )


def list_standings(contact: Contact) -> list[Standing]:
    """What holds for each channel of the contact's chatroom and each address, and what was last sent since."""
    pairs = _list_pairs(contact)
    decisions = _find_decisions(pairs)
    found = [(channel, address, decisions.get((channel.pk, address))) for channel, address in pairs]
    asked = [(channel.pk, address, decision and decision.said_at) for channel, address, decision in found]
    columns = [list(column) for column in zip(*asked, strict=True)] if asked else [[], [], []]
    last_sent = {row["place"]: row for row in sql.fetch_rows(LAST_SENT, [*columns, contact.pk])}
    return [Standing(*values, last_sent.get(place)) for place, values in enumerate(found, start=1)]


def list_opt_outs(contact: Contact) -> list[ConsentEntry]:
    """The opt-outs in force for the contact, each once, with its channel and actor; the newest first."""
    decisions = _find_decisions(_list_pairs(contact)).values()
    entry_ids = {decision.entry_id for decision in decisions if decision.kind == ConsentEntry.Kind.OPT_OUT}
    found = ConsentEntry.objects.filter(pk__in=entry_ids).select_related("channel", "actor")
    return list(found.order_by("-created_at", "-pk")) if entry_ids else []


def list_entries(contact: Contact) -> QuerySet[ConsentEntry]:
    """Everything that was said about the contact's addresses to channels whose opt-outs can hold here."""
    addresses = contact.addresses.values_list("address", flat=True)
    forms = {form for address in addresses for form in phones.list_forms(address)}
    history = ConsentEntry.objects.filter(organization=contact.organization_id, address__in=forms)
    if contact.organization.opt_out_scope != Organization.OptOutScope.ORGANIZATION:
        history = history.filter(channel__in=Channel.every.filter(chatroom=contact.chatroom_id).values("pk"))
    # Without the account's tokens, which reading would decrypt.
    secrets = ("channel__account__secret", "channel__account__other_secret")
    return history.select_related("channel__account", "message", "actor").defer(*secrets)


def find_evidence(history: Sequence[ConsentEntry]) -> dict[UUID, WebhookEvent]:
    """The signed webhooks in which what was said came, by entry. One query, whatever the number of entries."""
    entry_of = {
        origin: entry.pk
        for entry in history
        if entry.message and entry.message.provider_id and entry.message.direction == "inbound"
        for origin in providers.list_origins(
            entry.channel.account.external_id,
            entry.channel.platform,
            entry.channel.address,
            entry.message.provider_id,
        )
    }
    if not entry_of:
        return {}
    wanted = Q()
    for source in {source for source, _key in entry_of}:
        wanted |= Q(source=source, dedupe_key__in=[key for origin, key in entry_of if origin == source])
    # Webhooks belong to no organization, so the application's role doesn't read them. These are of its own messages.
    with tenancy.system():
        webhooks = list(WebhookEvent.objects.filter(wanted).defer("body", "headers"))
    return {entry_of[webhook.source, webhook.dedupe_key]: webhook for webhook in webhooks}


def find_hidden(history: Sequence[ConsentEntry], user: User) -> set[UUID]:
    """Ids of entries of channels whose chatroom the user doesn't see: they hold here, but their words are not shown."""
    room_ids = {entry.channel.chatroom_id for entry in history}
    seen_ids = set(Chatroom.objects.visible_to(user).filter(pk__in=room_ids).values_list("pk", flat=True))
    return {entry.pk for entry in history if entry.channel.chatroom_id not in seen_ids}


def _list_pairs(contact: Contact) -> list[tuple[Channel, str]]:
    """Channels of the contact's chatroom with the addresses that they can write to, the oldest channel first."""
    addresses = list(contact.addresses.order_by("-is_primary", "pk"))
    channels = Channel.objects.filter(chatroom=contact.chatroom_id).order_by("pk")
    return [
        (channel, address.address)
        for channel in channels
        for address in addresses
        if address.platform == channel.platform and address.channel_id in (None, channel.pk)
    ]


def _find_decisions(pairs: Sequence[tuple[Channel, str]]) -> dict[tuple[UUID, str], entries.Decision]:
    channel_ids = list({channel.pk: None for channel, _ in pairs})
    return entries.find_decisions(channel_ids, {address for _, address in pairs})

"""Opt-outs that are offered to staff, where a customer's sentence seems to ask for no more messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.models import User
from messagehub import sentences, sql
from messaging.consent import entries, joining, keywords, phrases
from messaging.live import event_log
from messaging.models import ConsentEntry, OptOutOffer

# Ten business days are two weeks; from a Saturday or Sunday they end on the Friday of the second week. Holidays are not
# known and only make it sooner. Whoever has opted out needs no offer, and one is enough for an address and channel.
OFFER = f"""
INSERT INTO opt_out_offers (organization_id, message_id, channel_id, address, due_at)
SELECT m.organization_id, m.id, m.channel_id, m.from_address,
       (written.at + CASE extract(isodow FROM written.at) WHEN 6 THEN 13 WHEN 7 THEN 12 ELSE 14 END * interval '1 day')
           AT TIME ZONE o.time_zone
FROM unnest(%s::uuid[], %s::text[]) AS w (message_id, languages)
JOIN messages m ON m.id = w.message_id
JOIN channels n ON n.id = m.channel_id
JOIN organizations o ON o.id = m.organization_id
    AND string_to_array(w.languages, ' ') && ('{{en}}' || o.keyword_languages::text[])
CROSS JOIN LATERAL (SELECT m.occurred_at AT TIME ZONE o.time_zone AS at) written
WHERE {entries.OPTED_OUT.format(address="m.from_address")} IS NOT TRUE
ORDER BY m.occurred_at, m.id
ON CONFLICT DO NOTHING
RETURNING message_id
"""


class OfferClosed(Exception):
    """Somebody has opted the customer out or dismissed the offer, or the customer opted out by themselves."""

    def __init__(self) -> None:
        super().__init__(_("This offer is closed already."))


@dataclass(frozen=True, slots=True)
class OfferCounts:
    """Open offers, and how many of them are past their ten business days."""

    open: int
    overdue: int


def note_consent(readings: Sequence[keywords.Reading]) -> list[event_log.Change]:
    """Record the keywords among inbound texts and offer the sentences; returns the changes to record."""
    kinds: list[tuple] = []
    wishes: list[tuple] = []
    for reading in readings:
        if reading.consent:
            kinds.append((reading.message_id, reading.consent, reading.languages))
        elif languages := phrases.find_wish(reading.text):
            wishes.append((reading.message_id, languages))
    return entries.record_keywords(kinds) + offer_opt_outs(wishes) + joining.confirm_joining(readings)


def offer_opt_outs(wishes: Sequence[tuple]) -> list[event_log.Change]:
    """Offer opt-outs for inbound messages, given as (message id, languages); returns the changes to record.

    Sentences in languages that the message's organization has left out are not offered.
    """
    if not wishes:
        return []
    rows = sql.fetch_rows(OFFER, [list(column) for column in zip(*wishes, strict=True)])
    if not rows:
        return []
    new_offers = OptOutOffer.objects.filter(message__in=[row["message_id"] for row in rows])
    return [_describe_change(offer) for offer in new_offers.select_related("message").order_by("pk")]


@transaction.atomic
def accept_offer(offer: OptOutOffer, *, by: User, reason: str = "") -> OptOutOffer:
    """Opt the customer out, with their sentence as evidence. Raises OfferClosed."""
    offer = _lock_open(offer)
    entry = ConsentEntry.objects.create(
        organization_id=offer.organization_id,
        channel_id=offer.channel_id,
        address=offer.address,
        kind=ConsentEntry.Kind.OPT_OUT,
        source=ConsentEntry.Source.STAFF,
        text=offer.message.content,
        message=offer.message,
        actor=by,
        reason=reason or sentences.ASKED_FOR_NO_MORE,
    )
    _close(offer, OptOutOffer.State.ACCEPTED, by, reason)
    changes = entries.list_consequences([(entry.channel_id, entry.address, entry.kind)])
    event_log.record_events([*changes, _describe_change(offer)])
    return offer


@transaction.atomic
def dismiss_offer(offer: OptOutOffer, *, by: User, reason: str) -> OptOutOffer:
    """Leave the customer opted in, for a reason that is kept. Raises OfferClosed."""
    offer = _lock_open(offer)
    _close(offer, OptOutOffer.State.DISMISSED, by, reason)
    event_log.record_events([_describe_change(offer)])
    return offer


def list_open_offers(user: User) -> QuerySet[OptOutOffer]:
    """Offers that wait in the chatrooms that the user sees, the one that is due first before the others."""
    open_offers = OptOutOffer.objects.visible_to(user).filter(state=OptOutOffer.State.OPEN)
    return open_offers.select_related("message").order_by("due_at", "pk")


def count_offers(user: User) -> OfferCounts:
    """One query, which reads the open ones alone."""
    open_offers = list_open_offers(user).order_by()
    return OfferCounts(**open_offers.aggregate(open=Count("pk"), overdue=Count("pk", filter=Q(due_at__lt=Now()))))


def _lock_open(offer: OptOutOffer) -> OptOutOffer:
    locked_offer = OptOutOffer.objects.select_for_update(of=("self",), no_key=True).select_related("message")
    offer = locked_offer.get(pk=offer.pk)
    if offer.state != OptOutOffer.State.OPEN:
        raise OfferClosed
    return offer


def _close(offer: OptOutOffer, state: str, by: User, reason: str) -> None:
    OptOutOffer.objects.filter(pk=offer.pk).update(state=state, closed_at=Now(), closed_by=by, reason=reason)
    offer.refresh_from_db()


def _describe_change(offer: OptOutOffer) -> event_log.Change:
    message = offer.message
    return event_log.Change(
        event_log.OFFER, offer.organization_id, message.chatroom_id, message.conversation_id, message.pk
    )

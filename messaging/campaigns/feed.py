"""The worker's half of campaigns: batches of waiting recipients become queued messages, each checked and paid.

Any number of workers may feed. One worker has a campaign at a time, and each batch is one transaction.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models import User
from chatrooms.models import Contact, ContactActivity
from integrations import isolation, providers
from messagehub import bus, sentences, sql, tenancy
from messaging.campaigns import lifecycle, trial
from messaging.campaigns.lifecycle import Outcome, State
from messaging.consent import footers
from messaging.live import event_log
from messaging.media import uploads
from messaging.message_templates import templates
from messaging.models import Campaign, CampaignRecipient, Conversation, Message, Platform
from messaging.sending import eligibility, enqueue
from tokens import ledger

log = logging.getLogger(__name__)
# Recipients in one transaction. Their contacts stay locked until it commits, and a crash undoes all of them.
BATCH = 200
# Messages of one campaign that may be queued at once. Canceling refunds each queued message with an entry of its own,
# so this bounds its work, whatever the audience.
AHEAD = 1000

# Besides campaigns whose time has come: canceled ones with a message that Twilio asked us to hold, which went back to
# `queued` after the cancellation, and unfinished ones of an archived chatroom, where nobody could cancel them by hand.
DUE = """
SELECT id, organization_id FROM campaigns WHERE state = 'running' OR (state = 'scheduled' AND send_at <= now())
UNION
SELECT c.id, c.organization_id FROM messages m JOIN campaigns c ON c.id = m.campaign_id AND c.state = 'canceled'
WHERE m.status = 'queued'
UNION
SELECT c.id, c.organization_id
FROM chatrooms r JOIN campaigns c ON c.chatroom_id = r.id AND c.state IN ('scheduled', 'running', 'paused')
WHERE r.archived_at IS NOT NULL
"""
# Opens a conversation for contacts that have none with this channel. It is pending, not open: ten thousand rows would
# bury the inbox. An answer opens it. ON CONFLICT: the contact may be writing to us at this moment. Where a platform has
# a reply window, it goes on with that of those before.
OPEN = """
WITH made AS (
    INSERT INTO conversations (
        organization_id, chatroom_id, contact_id, platform, channel_id, status, last_inbound_at)
    SELECT c.organization_id, c.chatroom_id, c.id, %(platform)s, %(channel)s, 'PENDING',
           CASE WHEN %(platform)s <> 'SMS' THEN (
               SELECT max(v.last_inbound_at) FROM conversations v
               WHERE v.contact_id = c.id AND v.channel_id = %(channel)s) END
    FROM contacts c
    WHERE c.id = ANY(%(contacts)s) AND NOT EXISTS (
        SELECT FROM conversations v WHERE v.contact_id = c.id AND v.platform = %(platform)s
          AND v.channel_id = %(channel)s AND v.status <> 'CLOSED')
    ORDER BY c.id
    ON CONFLICT (contact_id, platform, channel_id) WHERE NOT (status = 'CLOSED') DO NOTHING
    RETURNING id, organization_id, contact_id
)
INSERT INTO contact_activities (organization_id, contact_id, kind, reference)
SELECT organization_id, contact_id, %(kind)s, id FROM made
"""
# What differs between recipients comes as arrays: made by the ORM, messages cost half of the feed's time.
# `waiting_since` stays: a bulk message does not answer what a customer asked.
MESSAGES = """
WITH made AS (
    INSERT INTO messages (id, organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction,
                          platform, content, status, from_address, to_address, segments, tokens, sent_by_id,
                          campaign_id, priority, sendability, retry_of_id, media_urls, template_id)
    SELECT u.id, c.organization_id, c.chatroom_id, u.conversation, u.contact, c.channel_id, 'outbound', %(platform)s,
           u.content, 'queued', %(sender)s, u.address, u.segments, %(price)s, %(payer)s, c.id, %(priority)s,
           u.sendability::jsonb, u.retry_of, c.media_urls, c.template_id
    FROM campaigns c
    CROSS JOIN unnest(%(ids)s::uuid[], %(conversations)s::uuid[], %(contacts)s::uuid[], %(contents)s::text[],
                      %(addresses)s::text[], %(segments)s::int[], %(sendabilities)s::text[], %(retries)s::uuid[])
        AS u (id, conversation, contact, content, address, segments, sendability, retry_of)
    WHERE c.id = %(campaign)s ORDER BY u.id
    RETURNING id, conversation_id, occurred_at
)
UPDATE conversations v SET last_message_id = made.id, last_message_at = made.occurred_at
FROM made WHERE v.id = made.conversation_id
"""
# Columns as arrays: one statement and one plan, however many recipients a batch has.
NOTE = """
UPDATE campaign_recipients r
SET outcome = u.outcome, reason_code = u.code, reason = u.reason, not_before = u.not_before, message_id = u.message
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::uuid[])
    AS u (id, outcome, code, reason, not_before, message)
WHERE r.id = u.id
"""


@dataclass(slots=True)
class Turn:
    """A recipient of a batch and their outcome. A recipient whose outcome stays `waiting` is in a later batch again."""

    recipient: CampaignRecipient
    contact: Contact
    address: str
    text: str = ""
    verdict: eligibility.Verdict = field(default_factory=eligibility.Verdict)
    message_id: UUID | None = None
    conversation_id: UUID | None = None
    outcome: str = Outcome.WAITING
    code: str = ""
    reason: str = ""
    not_before: datetime | None = None

    def skip(self, code: str, reason: str) -> None:
        self.outcome, self.code, self.reason = Outcome.SKIPPED, code, reason[:300]


def feed_campaigns() -> int:
    """Feed one batch of each campaign that is due; returns how many recipients and messages changed.

    A campaign that raises an error is paused with the code `broken`; the others go on.
    """
    with tenancy.system():
        organization_of = {row["id"]: row["organization_id"] for row in sql.fetch_rows(DUE)}
    return sum(_feed_safely(campaign_id, organization_of[campaign_id]) for campaign_id in sorted(organization_of))


def _feed_safely(campaign_id: UUID, organization_id: UUID) -> int:
    with isolation.contain("Campaigns", organization_id):
        return _feed(campaign_id)
    campaigns = Campaign.objects.filter(pk=campaign_id, state__in=[State.SCHEDULED, State.RUNNING])
    with tenancy.system():
        chatroom_id = campaigns.values_list("chatroom_id", flat=True).first()
        if campaigns.update(state=State.PAUSED, paused_code="broken", paused_message=sentences.BROKEN_CAMPAIGN):
            bus.campaign_changed(chatroom_id, campaign_id)
    return 0


def _feed(campaign_id: UUID) -> int:
    with tenancy.system():
        rows = Campaign.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(pk=campaign_id)
        campaign = rows.select_related(
            "started_by__organization", "organization", "channel__chatroom", "chatroom"
        ).first()
        if campaign is None:  # another worker has it
            return 0
        if campaign.state == State.CANCELED:
            called_off = lifecycle.call_off_queued(campaign)
            event_log.record_events(called_off)
            return len(called_off)
        if campaign.state in lifecycle.STARTED and campaign.chatroom.archived_at:
            return lifecycle.call_off(campaign, by=None)
        if campaign.state == State.SCHEDULED and campaign.send_at and campaign.send_at <= timezone.now():
            _update_campaign(campaign, state=State.RUNNING)
        return _feed_batch(campaign) if campaign.state == State.RUNNING else 0


def _feed_batch(campaign: Campaign) -> int:
    """Feed one batch of a running, locked campaign; returns how many recipients got an outcome."""
    payer = campaign.started_by
    waiting = campaign.recipients.filter(outcome=Outcome.WAITING)
    in_flight = Message.objects.filter(campaign=campaign, status__in=["queued", "sending"])
    queued_count = in_flight.filter(status="queued").count()
    if not waiting.exists() and not queued_count:
        if not in_flight.exists():
            lifecycle.end_campaign(campaign, State.DONE)
        return 0
    # Asked for every batch: the payer may have lost the chatroom, or been deactivated, since the start.
    if payer is None:
        return _pause_campaign(campaign, "no_access", str(eligibility.no_access()))
    if reason := eligibility.may_feed(payer, campaign.chatroom_id, campaign.channel):
        return _pause_campaign(campaign, reason.code, str(reason))
    if not waiting.exists():
        return 0
    price = lifecycle.price_each(campaign, payer)
    payable_count = campaign.reserved // price if price else AHEAD
    at = timezone.now()
    due_recipients = waiting.exclude(not_before__gt=at).order_by("pk")
    if not payable_count:
        # A pause would hold back the queued messages, which are paid for already.
        if in_flight.exists():
            return 0
        recipient_ids = [row.pk for row in due_recipients[:BATCH]]
        return _feed_recipients(campaign, payer, price, recipient_ids, payable_count) or _pause_campaign(
            campaign, "insufficient_tokens", _explain_shortage(campaign, payer, price, waiting.count())
        )
    batch_size = max(0, min(BATCH, AHEAD - queued_count))
    if (allowed_count := trial.limit_speed(campaign, at, queued_count)) is not None:
        batch_size = min(batch_size, allowed_count)
    if trial.is_on_trial(campaign):
        verdict = trial.judge_trial(campaign, at, batch_size)
        if verdict.code:
            return _pause_campaign(campaign, verdict.code, verdict.explanation)
        if verdict.until or verdict.ended_at:
            until = verdict.until or campaign.canary_until
            _update_campaign(campaign, canary_until=until, canary_ended_at=verdict.ended_at)
        batch_size = verdict.most
    recipient_ids = [row.pk for row in due_recipients[:batch_size]]
    return _feed_recipients(campaign, payer, price, recipient_ids, payable_count)


def _feed_recipients(campaign: Campaign, payer: User, price: int, recipient_ids: list[UUID], payable_count: int) -> int:
    """Give these waiting recipients their outcome; returns how many got one.

    At most `payable_count` get a message. The others are asked too: who may not be written to needs no tokens.
    """
    turns = _lock_turns(campaign, recipient_ids)
    is_first_sms = campaign.channel.platform == Platform.SMS
    greeted_ids = footers.find_greeted(payer.organization, [turn.contact.pk for turn in turns] if is_first_sms else [])
    for turn, verdict in zip(turns, _check_recipients(payer, campaign, turns), strict=True):
        _judge(turn, verdict, campaign, payer, is_first=is_first_sms and turn.contact.pk not in greeted_ids)
    writable_turns = [turn for turn in turns if turn.text and turn.outcome == Outcome.WAITING]
    _create_messages(campaign, payer, writable_turns[:payable_count], price)
    _record_outcomes(turns)
    if recipient_ids:
        bus.campaign_changed(campaign.chatroom_id, campaign.pk)
    waiting = campaign.recipients.filter(outcome=Outcome.WAITING, pk__in=recipient_ids)
    return _skip_deleted_contacts(waiting) + sum(turn.outcome != Outcome.WAITING for turn in turns)


def _explain_shortage(campaign: Campaign, payer: User, price: int, waiting_count: int) -> str:
    remaining = campaign.reserved + (ledger.balance(payer) or 0)
    covered = remaining // price
    sentence = sentences.SHORT_OF_TOKENS if covered else sentences.WITHOUT_TOKENS
    return sentence.format(
        needed=f"{waiting_count * price:,}",
        name=payer.name[:60],
        remaining=f"{remaining:,}",
        covered=f"{covered:,}",
        waiting=f"{waiting_count:,}",
        missing=f"{waiting_count * price - remaining:,}",
    )


def _pause_campaign(campaign: Campaign, code: str, explanation: str) -> int:
    _update_campaign(campaign, state=State.PAUSED, paused_code=code, paused_message=explanation[:300])
    return 0


def _lock_turns(campaign: Campaign, recipient_ids: Sequence[UUID]) -> list[Turn]:
    """The recipients with their contacts, which are locked until the commit so that no merge moves them."""
    # Lock order: campaign, contacts, conversations, messages, the payer's wallet, the chatroom's event counter.
    recipients = CampaignRecipient.objects.filter(pk__in=recipient_ids)
    contacts = Contact.objects.select_for_update(no_key=True)
    contact_ids = list(recipients.exclude(contact=None).values_list("contact_id", flat=True))
    contact_by_id = {contact.pk: contact for contact in contacts.filter(pk__in=contact_ids).order_by("pk")}
    for contact in contact_by_id.values():
        if contact.chatroom_id == campaign.chatroom_id:  # what a template may say of it, read once for all of them
            contact.chatroom, contact.organization = campaign.chatroom, campaign.organization
    # Recipients are read again here: a merge that held the locks may have removed some of them.
    return [
        Turn(row, contact_by_id[row.contact_id], row.address)
        for row in recipients.order_by("pk")
        if row.contact_id in contact_by_id and row.address
    ]


def _skip_deleted_contacts(recipients: QuerySet[CampaignRecipient]) -> int:
    return recipients.filter(contact=None).update(
        outcome=Outcome.SKIPPED,
        reason_code="contact_gone",
        reason=sentences.CONTACT_GONE,
    )


def _check_recipients(payer: User, campaign: Campaign, turns: Sequence[Turn]) -> list[eligibility.Verdict]:
    recipients = [(turn.contact, turn.address) for turn in turns]
    return eligibility.may_send_to_each(payer, campaign.channel, recipients, for_campaign=True)


def _judge(turn: Turn, verdict: eligibility.Verdict, campaign: Campaign, payer: User, *, is_first: bool) -> None:
    """Fill in the text, skip the recipient with the reason, or let them wait until their quiet hours end."""
    turn.verdict = verdict
    if verdict.waits_until:
        turn.not_before = verdict.waits_until
    elif not verdict.allowed:
        turn.skip(verdict.reasons[0].code, str(verdict.reasons[0]))
    else:
        _fill_in_text(turn, campaign, payer, is_first)


def _fill_in_text(turn: Turn, campaign: Campaign, payer: User, is_first: bool) -> None:
    limits = providers.read_limits(campaign.channel.platform)
    try:
        turn.text = templates.fill_in_template(campaign.content, turn.contact, sender=payer)
        turn.text = footers.add_footer(turn.text, payer.organization) if is_first else turn.text
    except templates.MissingVariables as error:
        turn.skip("missing_variables", str(error))
    else:
        if not turn.text.strip() or not limits.fits(turn.text):
            sentence = sentences.BAD_LENGTH_IN_BYTES if limits.counts_bytes else sentences.BAD_LENGTH
            turn.skip("bad_length", sentence.format(n=limits.longest_text))


def _create_messages(campaign: Campaign, payer: User, turns: Sequence[Turn], price: int) -> None:
    """Create the messages of recipients with a text, paid from the campaign's reservation."""
    if not turns:
        return
    conversations = _lock_conversations(campaign, [turn.contact.pk for turn in turns])
    for turn in turns:
        # A conversation that was closed before we locked it is missing; its recipient is in a later batch again.
        if conversation_id := conversations.get(turn.contact.pk):
            turn.message_id, turn.conversation_id, turn.outcome = uuid7(), conversation_id, Outcome.MESSAGED
    messaged_turns = [turn for turn in turns if turn.message_id]
    if not messaged_turns:
        return
    _insert_messages(campaign, payer, messaged_turns, price)
    if campaign.per_minute:
        next_time = trial.find_next_time(campaign, timezone.now(), len(messaged_turns))
        _update_campaign(campaign, next_message_at=next_time)
    if price:
        references = [f"message:{turn.message_id}" for turn in messaged_turns]
        ledger.spend(payer.pk, price, references, purpose=lifecycle.reservation_purpose(campaign.pk))
        _update_campaign(campaign, reserved=campaign.reserved - price * len(messaged_turns))


def _lock_conversations(campaign: Campaign, contact_ids: list[UUID]) -> dict[UUID, UUID]:
    """Ids of unclosed conversations by contact, opened where there is none; locked until the commit."""
    kind, platform = ContactActivity.Kind.CONVERSATION_OPENED, campaign.channel.platform
    channel_id = campaign.channel_id
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"channel": channel_id, "platform": platform, "contacts": contact_ids, "kind": str(kind)})
    rows = Conversation.objects.select_for_update(no_key=True).filter(
        contact__in=contact_ids, platform=platform, channel=channel_id
    )
    rows = rows.exclude(status=Conversation.Status.CLOSED).order_by("pk")
    return dict(rows.values_list("contact_id", "pk"))


def _insert_messages(campaign: Campaign, payer: User, turns: Sequence[Turn], price: int) -> None:
    parameters: dict[str, Any] = {
        "campaign": campaign.pk,
        "sender": campaign.channel.address,
        "platform": campaign.channel.platform,
        "payer": payer.pk,
        "price": price,
        "priority": Message.Priority.BULK.value,
        "ids": [turn.message_id for turn in turns],
        "conversations": [turn.conversation_id for turn in turns],
        "contacts": [turn.contact.pk for turn in turns],
        "contents": [turn.text for turn in turns],
        "addresses": [turn.address for turn in turns],
        "segments": [enqueue.count_parts(campaign.channel.platform, turn.text) for turn in turns],
        "retries": [turn.recipient.failed_message_id for turn in turns],
        "sendabilities": [orjson.dumps(turn.verdict.as_json()).decode() for turn in turns],
    }
    with connection.cursor() as cursor:
        cursor.execute(MESSAGES, parameters)
    attached = uploads.find_uploads(campaign.media_urls)
    uploads.attach_uploads(campaign.organization_id, [turn.message_id for turn in turns if turn.message_id], attached)


def _record_outcomes(turns: Sequence[Turn]) -> None:
    if not turns:
        return
    columns = zip(
        *((t.recipient.pk, str(t.outcome), t.code, t.reason, t.not_before, t.message_id) for t in turns),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [list(column) for column in columns])
    changes = [
        event_log.Change(
            event_log.CREATED,
            turn.contact.organization_id,
            turn.contact.chatroom_id,
            turn.conversation_id,
            turn.message_id,
        )
        for turn in turns
        if turn.conversation_id
    ]
    # Last of all writes: it locks the chatroom's event counter, for which every other writer of the room waits.
    event_log.record_events(changes)
    if changes:
        with connection.cursor() as cursor:  # delivered at commit
            cursor.execute("SELECT pg_notify(%s, '')", [enqueue.WAKE_CHANNEL])


def _update_campaign(campaign: Campaign, **values) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(**values)
    for name, value in values.items():
        setattr(campaign, name, value)
    bus.campaign_changed(campaign.chatroom_id, campaign.pk)

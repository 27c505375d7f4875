"""The worker's half of campaigns: a few of those who wait at a time become queued messages, each paid and asked for.

Only so many are queued ahead that pausing and calling off mean what they say. Any number of workers may feed: one has a
campaign at a time, and each batch is one transaction, so that a crash leaves it undone as a whole.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from chatrooms.models import Contact, ContactActivity
from integrations import isolation, segments
from messagehub import sql, tenancy
from messaging.campaigns import lifecycle
from messaging.campaigns.lifecycle import Outcome, State
from messaging.live import event_log
from messaging.message_templates import templates
from messaging.models import Campaign, CampaignRecipient, Conversation, Message, Platform
from messaging.sending import eligibility, enqueue
from tokens import ledger

log = logging.getLogger(__name__)
BATCH = 200
AHEAD = 1000  # messages of a campaign that may be queued at once

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
# Where the contact has no conversation that is not closed, one is opened aside: an answer brings it to the open ones.
OPEN = """
WITH made AS (
    INSERT INTO conversations (organization_id, chatroom_id, contact_id, platform, sender_number_id, status)
    SELECT c.organization_id, c.chatroom_id, c.id, 'SMS', %(sender)s, 'PENDING' FROM contacts c
    WHERE c.id = ANY(%(contacts)s) AND NOT EXISTS (
        SELECT FROM conversations v WHERE v.contact_id = c.id AND v.platform = 'SMS'
          AND v.sender_number_id = %(sender)s AND v.status <> 'CLOSED')
    ORDER BY c.id
    ON CONFLICT (contact_id, platform, sender_number_id) WHERE NOT (status = 'CLOSED') DO NOTHING
    RETURNING id, organization_id, contact_id
)
INSERT INTO contact_activities (organization_id, contact_id, kind, reference)
SELECT organization_id, contact_id, %(kind)s, id FROM made
"""
TOUCH = """
UPDATE conversations v SET last_message_id = m.id, last_message_at = m.occurred_at
FROM messages m WHERE m.id = ANY(%s) AND v.id = m.conversation_id
"""
NOTE = """
UPDATE campaign_recipients r
SET outcome = u.outcome, reason_code = u.code, reason = u.reason, not_before = u.not_before, message_id = u.message
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::uuid[])
    AS u (id, outcome, code, reason, not_before, message)
WHERE r.id = u.id
"""


@dataclass(slots=True)
class Turn:
    """One recipient of a batch, and what becomes of them. Whose outcome is still waiting is asked another time."""

    recipient: CampaignRecipient
    contact: Contact
    address: str
    text: str = ""
    verdict: eligibility.Verdict = field(default_factory=eligibility.Verdict)
    message: Message | None = None
    outcome: str = Outcome.WAITING
    code: str = ""
    reason: str = ""
    not_before: datetime | None = None

    def skip(self, code: str, reason: str) -> None:
        self.outcome, self.code, self.reason = Outcome.SKIPPED, code, reason[:300]


def feed_campaigns() -> int:
    """Give each campaign that is due a turn; returns how many recipients and messages were moved on.

    One that can't be fed is paused, and does not keep the others from their turn.
    """
    with tenancy.system():
        due = {row["id"]: row["organization_id"] for row in sql.fetch_rows(DUE)}
    return sum(_turn(campaign_id, due[campaign_id]) for campaign_id in sorted(due))


def _turn(campaign_id: UUID, organization_id: UUID) -> int:
    with isolation.contain("Campaigns", organization_id):
        return _feed(campaign_id)
    going = Campaign.objects.filter(pk=campaign_id, state__in=[State.SCHEDULED, State.RUNNING])
    words = "Paused after an internal error. No further messages are being sent. Resume to retry."
    with tenancy.system():
        going.update(state=State.PAUSED, paused_code="broken", paused_message=words)
    return 0


def _feed(campaign_id: UUID) -> int:
    with tenancy.system():
        rows = Campaign.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(pk=campaign_id)
        held = rows.select_related("started_by__organization", "sender_number", "chatroom").first()
        if held is None:  # somebody has it just now
            return 0
        if held.state == State.CANCELED:  # the provider told a message to wait while it was called off
            called_off = lifecycle.call_off_queued(held)
            event_log.record_events(called_off)
            return len(called_off)
        if held.state in lifecycle.STARTED and held.chatroom.archived_at:  # nobody sees it, so nobody else can
            return lifecycle.call_off(held, by=None)
        if held.state == State.SCHEDULED and held.send_at and held.send_at <= timezone.now():
            _set(held, state=State.RUNNING)
        return _next(held) if held.state == State.RUNNING else 0


def _next(held: Campaign) -> int:
    """The next batch of a running campaign that is held; returns how many recipients were moved on."""
    payer = held.started_by
    waiting = held.recipients.filter(outcome=Outcome.WAITING)
    flying = Message.objects.filter(campaign=held, status__in=["queued", "sending"])
    queued = flying.filter(status="queued").count()
    if not waiting.exists() and not queued:
        if not flying.exists():
            lifecycle.end_campaign(held, State.DONE)
        return 0
    if payer is None:
        return _pause(held, "no_access", str(eligibility.no_access()))
    if reason := eligibility.may_feed(payer, held.chatroom_id, held.sender_number):
        return _pause(held, reason.code, str(reason))
    if not waiting.exists():
        return 0
    price = eligibility.price_of(payer, Platform.SMS)
    paid = held.reserved // price if price else AHEAD
    if not paid:
        if flying.exists():  # who is paid for goes first, and a pause would hold them
            return 0
        if gone := _leave_out_gone(waiting):
            return gone
        return _pause(held, "insufficient_tokens", _explain_shortage(held, payer, price, waiting.count()))
    room = min(BATCH, AHEAD - queued, paid)
    due = waiting.exclude(not_before__gt=timezone.now()).order_by("pk")
    chosen = [row.pk for row in due[: max(0, room)]]
    turns = _taken(chosen)
    for turn, verdict in zip(turns, _verdicts(payer, held, turns), strict=True):
        _judge(turn, verdict, held.content, payer)
    _make(held, payer, turns, price)
    _note(turns)
    return _leave_out_gone(waiting.filter(pk__in=chosen)) + sum(turn.outcome != Outcome.WAITING for turn in turns)


def _explain_shortage(held: Campaign, payer: User, price: int, waiting: int) -> str:
    """What it costs now, what is there, how many that covers, and what to do."""
    left = held.reserved + (ledger.balance(payer) or 0)
    covered = left // price
    tokens, those = "token" if price == 1 else "tokens", "recipient waits" if waiting == 1 else "recipients wait"
    fix = "Resume to continue with those, or" if covered else "Before you resume,"
    return (
        f"There are not enough tokens: {waiting:,} {those}, and a message now costs {price:,} {tokens}. "
        f"{payer.name[:60]} has {left:,} left, which covers {covered:,}. "
        f"{fix} ask an admin for {waiting * price - left:,} more."
    )


def _pause(held: Campaign, code: str, words: str) -> int:
    _set(held, state=State.PAUSED, paused_code=code, paused_message=words[:300])
    return 0


def _taken(keys: Sequence[UUID]) -> list[Turn]:
    """These recipients with their contacts, who are held until the commit: no merge moves them meanwhile."""
    chosen = CampaignRecipient.objects.filter(pk__in=keys)
    contacts = Contact.objects.select_for_update(no_key=True, of=("self",)).select_related("chatroom", "organization")
    named = list(chosen.exclude(contact=None).values_list("contact_id", flat=True))
    held = {contact.pk: contact for contact in contacts.filter(pk__in=named).order_by("pk")}
    # Read again, as they are after waiting for the locks.
    return [
        Turn(row, held[row.contact_id], row.address)
        for row in chosen.order_by("pk")
        if row.contact_id in held and row.address
    ]


def _leave_out_gone(waiting: QuerySet[CampaignRecipient]) -> int:
    return waiting.filter(contact=None).update(
        outcome=Outcome.SKIPPED,
        reason_code="contact_gone",
        reason="This contact was deleted, or merged with another recipient of the campaign.",
    )


def _verdicts(payer: User, held: Campaign, turns: Sequence[Turn]) -> list[eligibility.Verdict]:
    return eligibility.may_send_to_each(payer, held.sender_number, [(turn.contact, turn.address) for turn in turns])


def _judge(turn: Turn, verdict: eligibility.Verdict, content: str, payer: User) -> None:
    """Whether and what to write; the others are left out with the reason, or wait for the end of their quiet hours."""
    turn.verdict = verdict
    if verdict.waits_until:
        turn.not_before = verdict.waits_until
    elif not verdict.allowed:
        turn.skip(verdict.reasons[0].code, str(verdict.reasons[0]))
    else:
        _write(turn, content, payer)


def _write(turn: Turn, content: str, payer: User) -> None:
    try:
        turn.text = templates.fill_in_template(content, turn.contact, sender=payer)
    except templates.MissingVariables as error:
        turn.skip("missing_variables", str(error))
    else:
        if not turn.text.strip() or len(turn.text) > segments.LONGEST_TEXT:
            turn.skip("bad_length", f"The rendered text is empty or longer than {segments.LONGEST_TEXT} characters.")


def _make(held: Campaign, payer: User, turns: Sequence[Turn], price: int) -> None:
    """The messages of those who are to get one, paid out of what was set aside, and shown."""
    chosen = [turn for turn in turns if turn.text and turn.outcome == Outcome.WAITING]
    if not chosen:
        return
    conversations = _conversations(held, [turn.contact.pk for turn in chosen])
    for turn in chosen:
        if conversation_id := conversations.get(turn.contact.pk):  # else it was closed just now: another time
            turn.message, turn.outcome = _message(held, payer, turn, conversation_id, price), Outcome.MESSAGED
    made = Message.objects.bulk_create([turn.message for turn in chosen if turn.message])
    if not made:
        return
    with connection.cursor() as cursor:
        cursor.execute(TOUCH, [[message.pk for message in made]])
    if price:
        references = [f"message:{message.pk}" for message in made]
        ledger.spend(payer.pk, price, references, purpose=lifecycle.reservation_purpose(held.pk))
        _set(held, reserved=held.reserved - price * len(made))


def _conversations(held: Campaign, contacts: list[UUID]) -> dict[UUID, UUID]:
    """The conversation with each contact that is not closed, opened if need be, and held until the commit."""
    kind = ContactActivity.Kind.CONVERSATION_OPENED
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"sender": held.sender_number_id, "contacts": contacts, "kind": str(kind)})
    rows = Conversation.objects.select_for_update(no_key=True).filter(
        contact__in=contacts, platform=Platform.SMS, sender_number=held.sender_number_id
    )
    rows = rows.exclude(status=Conversation.Status.CLOSED).order_by("pk")
    return dict(rows.values_list("contact_id", "pk"))


def _message(held: Campaign, payer: User, turn: Turn, conversation_id: UUID, price: int) -> Message:
    return Message(
        organization_id=held.organization_id,
        chatroom_id=held.chatroom_id,
        conversation_id=conversation_id,
        contact_id=turn.contact.pk,
        direction=Message.Direction.OUTBOUND,
        platform=Platform.SMS,
        content=turn.text,
        status=Message.Status.QUEUED,
        from_address=held.sender_number.phone,
        to_address=turn.address,
        segments=max(1, segments.count_segments(turn.text)),
        tokens=price,
        sent_by=payer,
        campaign=held,
        priority=Message.Priority.BULK,
        sendability=turn.verdict.as_json(),
        occurred_at=timezone.now(),
    )


def _note(turns: Sequence[Turn]) -> None:
    """Write down what became of each, and tell everybody."""
    if not turns:
        return
    columns = zip(
        *(
            (t.recipient.pk, str(t.outcome), t.code, t.reason, t.not_before, t.message.pk if t.message else None)
            for t in turns
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [list(column) for column in columns])
    made = [turn.message for turn in turns if turn.message]
    event_log.record_events(
        [event_log.Change(event_log.CREATED, m.organization_id, m.chatroom_id, m.conversation_id, m.pk) for m in made]
    )
    if made:
        with connection.cursor() as cursor:  # delivered at commit
            cursor.execute("SELECT pg_notify(%s, '')", [enqueue.WAKE_CHANNEL])


def _set(held: Campaign, **values) -> None:
    Campaign.objects.filter(pk=held.pk).update(**values)
    for name, value in values.items():
        setattr(held, name, value)

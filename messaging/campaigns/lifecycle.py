"""One text to many: the audience is frozen and the tokens set aside at the start, then `campaign_feed` makes messages.

A campaign's row is held before everything else that an operation on it holds: contacts, conversations, messages,
recipients, the payer's account, and the chatroom's counter last.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.models import User
from chatrooms.models import Chatroom, Group
from integrations.models import SenderNumber
from messagehub import sql
from messaging.live import event_log
from messaging.message_templates import templates
from messaging.models import Campaign, CampaignGroup, CampaignRecipient, Message, Platform
from messaging.sending import eligibility
from tokens import ledger

WAKE_CHANNEL = "campaigns"
State, Outcome = Campaign.State, CampaignRecipient.Outcome
STARTED = (State.SCHEDULED, State.RUNNING, State.PAUSED)

# Each contact is looked up by its key. Otherwise PostgreSQL, which knows nothing of those that were imported just now,
# goes through all of the organization once for each of them.
MEMBERS = """
WITH members AS MATERIALIZED (
    SELECT DISTINCT m.contact_id FROM campaign_groups g JOIN group_members m ON m.group_id = g.group_id
    WHERE g.campaign_id = %(campaign)s ORDER BY m.contact_id
)
"""
# Nobody of the audience is deleted until the commit, and a merge that was faster is waited for: what it made of them is
# seen by the next statement only.
HOLD = f"""
{MEMBERS}
SELECT count(*) FROM members CROSS JOIN LATERAL (
    SELECT FROM contacts c WHERE c.id = members.contact_id AND c.chatroom_id = %(chatroom)s FOR KEY SHARE
) held
"""
# Who has no number is in the audience too, and left out with a reason: the outcomes sum to it.
FREEZE = f"""
{MEMBERS}
INSERT INTO campaign_recipients (organization_id, campaign_id, contact_id, address, outcome, reason_code, reason)
SELECT c.organization_id, %(campaign)s, c.id, nullif(c.phone, ''),
       CASE WHEN c.phone > '' THEN 'waiting' ELSE 'skipped' END,
       CASE WHEN c.phone > '' THEN '' ELSE 'no_phone' END,
       CASE WHEN c.phone > '' THEN '' ELSE 'This contact has no phone number.' END
FROM members CROSS JOIN LATERAL (
    SELECT * FROM contacts WHERE id = members.contact_id AND chatroom_id = %(chatroom)s OFFSET 0
) c
ORDER BY c.id
RETURNING outcome
"""
COUNTS = """
SELECT CASE WHEN r.outcome = 'messaged' THEN m.status ELSE r.outcome END AS status, count(*),
       coalesce(sum(m.tokens), 0)::bigint AS tokens
FROM campaign_recipients r LEFT JOIN messages m ON m.id = r.message_id
WHERE r.campaign_id = %s GROUP BY 1 ORDER BY 1
"""


class WrongCampaignState(Exception):
    """The campaign is in another state than this takes. `code` is for clients."""

    def __init__(self, code: str, words: str):
        self.code = code
        super().__init__(words)


class CampaignGone(Exception):
    """Somebody deleted the draft meanwhile."""

    def __init__(self) -> None:
        super().__init__("This campaign was deleted.")


def reservation_purpose(campaign_id: UUID) -> str:
    """For what tokens are set aside, as the ledger writes it."""
    return f"campaign:{campaign_id}"


# ---------------------------------------------------------------- before it starts
@transaction.atomic
def create_campaign(
    chatroom: Chatroom,
    *,
    name: str,
    content: str,
    sender_number: SenderNumber,
    groups: Iterable[Group],
    by: User,
    send_at: datetime | None = None,
) -> Campaign:
    """A draft. Raises BadTemplate for a text that could not be filled in."""
    _check(content)
    campaign = Campaign.objects.create(
        organization_id=chatroom.organization_id,
        chatroom=chatroom,
        name=name,
        content=content,
        sender_number=sender_number,
        send_at=send_at,
        created_by=by,
    )
    _aim(campaign, groups)
    return campaign


@transaction.atomic
def change_campaign(campaign: Campaign, *, groups: Iterable[Group] | None = None, **values) -> None:
    """Change a draft. Raises WrongCampaignState once it was started, and BadTemplate."""
    held = _draft(campaign)
    if "content" in values:
        _check(values["content"])
    if values:
        Campaign.objects.filter(pk=held.pk).update(**values)
    if groups is not None:
        _aim(held, groups)


@transaction.atomic
def delete_campaign(campaign: Campaign) -> None:
    """Delete a draft. Raises WrongCampaignState once it was started: its messages refer to it."""
    held = _draft(campaign)
    held.audience_groups.all().delete()
    held.delete()


def _check(content: str) -> None:
    try:
        templates.check_template(content)
    except templates.BadTemplate as error:
        error.fields = {"content": [str(error)]}
        raise


def _aim(campaign: Campaign, groups: Iterable[Group]) -> None:
    """At these groups and no others. One that is deleted just now counts as deleted afterwards."""
    wanted = Group.objects.filter(pk__in=[group.pk for group in groups]).order_by("pk")
    held = list(wanted.select_for_update(no_key=True))
    campaign.audience_groups.all().delete()
    CampaignGroup.objects.bulk_create(
        CampaignGroup(organization_id=campaign.organization_id, campaign=campaign, group=group) for group in held
    )


# ---------------------------------------------------------------- from the start on
@transaction.atomic
def start_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """Freeze the audience, set aside the tokens of whoever starts it, and let it go now or at its time.

    Where the balance covers a part only, that part goes; then it pauses and says so. Raises WrongCampaignState,
    InsufficientTokens
    where it covers nobody, and SendRefused where `by` or the number does not belong to the chatroom.
    """
    held = _draft(campaign)
    _may_go_on(held, by)
    if held.send_at and held.send_at <= _now():
        raise WrongCampaignState(
            "too_late", "The scheduled time has passed. Choose another time, or none to start now."
        )
    with connection.cursor() as cursor:
        whose = {"campaign": held.pk, "chatroom": held.chatroom_id}
        cursor.execute(HOLD, whose)
        cursor.execute(FREEZE, whose)
        outcomes = [outcome for (outcome,) in cursor.fetchall()]
    waiting = outcomes.count(Outcome.WAITING)
    if not waiting:
        raise WrongCampaignState("no_recipients", "No contact in its groups has a phone number.")
    reserved = _reserve(held, by, waiting)
    state = State.SCHEDULED if held.send_at else State.RUNNING
    _set(held, state=state, started_by=by, started_at=Now(), audience=len(outcomes), reserved=reserved)
    audit.record_action(
        "campaign.start", actor=by, target=held, after={"audience": len(outcomes), "reserved": reserved}
    )
    _wake()
    return held


@transaction.atomic
def pause_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """Make no more messages, and hold those that are queued. What is at the provider already goes. Raises
    WrongCampaignState."""
    held = _held(campaign)
    if held.state not in (State.SCHEDULED, State.RUNNING):
        raise WrongCampaignState("not_running", "Only a running or scheduled campaign can be paused.")
    _set(held, state=State.PAUSED, paused_code="by_hand", paused_message=f"Paused by {by.name}."[:300])
    audit.record_action("campaign.pause", actor=by, target=held)
    return held


@transaction.atomic
def resume_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """Let a paused one go on, and set aside what is missing for those who wait.

    Whoever started it pays, so it is they or an admin who may. Raises WrongCampaignState, InsufficientTokens where
    nobody more can
    be paid, and SendRefused where whoever started it may not send from the chatroom any more.
    """
    held = _held(campaign)
    if held.state != State.PAUSED:
        raise WrongCampaignState("not_paused", "Only a paused campaign can be resumed.")
    if held.started_by is None or not (by.is_admin or by.pk == held.started_by_id):
        raise WrongCampaignState(
            "not_yours", "Only the person who started it, or an admin, can resume it, because it spends their tokens."
        )
    _may_go_on(held, held.started_by)
    waiting = held.recipients.filter(outcome=Outcome.WAITING).count()
    reserved = held.reserved + (_reserve(held, held.started_by, waiting) if waiting else 0)
    state = State.SCHEDULED if held.send_at and held.send_at > _now() else State.RUNNING
    _set(held, state=state, reserved=reserved, paused_code="", paused_message="")
    audit.record_action("campaign.resume", actor=by, target=held, after={"reserved": reserved})
    _wake()
    return held


@transaction.atomic
def cancel_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """Call off what has not gone: nobody who waits is written to, and all tokens for it come back. Raises
    WrongCampaignState."""
    held = _held(campaign)
    if held.state not in STARTED:
        raise WrongCampaignState("not_started", "Only a started campaign that has not ended can be canceled.")
    call_off(held, by=by)
    return held


def call_off(held: Campaign, *, by: User | None) -> int:
    """What `cancel` does to a campaign that the caller holds; returns how many are not written to."""
    called_off = call_off_queued(held)
    waiting = held.recipients.filter(outcome=Outcome.WAITING).update(outcome=Outcome.CANCELED, not_before=None)
    end_campaign(held, State.CANCELED)
    audit.record_action("campaign.cancel", actor=by, target=held, after={"canceled": waiting + len(called_off)})
    event_log.record_events(called_off)
    return waiting + len(called_off)


def call_off_queued(held: Campaign) -> list[event_log.Change]:
    """Call off the messages that no worker has claimed, and give back what was paid for them; returns the changes."""
    queued = Message.objects.select_for_update(no_key=True, of=("self",)).filter(
        campaign=held, status=Message.Status.QUEUED
    )
    rows = list(queued.order_by("pk").values("pk", "conversation_id", "chatroom_id", "tokens", "sent_by_id"))
    keys = [row["pk"] for row in rows]
    canceled = {"status": "canceled", "not_before": None}
    Message.objects.filter(pk__in=keys).update(**canceled)
    paid = [row for row in rows if row["tokens"]]
    if paid:
        refunds = [(f"message:{row['pk']}", row["tokens"]) for row in paid]
        ledger.refund_each(paid[0]["sent_by_id"], refunds, reason="Campaign canceled")
        Message.objects.filter(pk__in=[row["pk"] for row in paid]).update(tokens=0, refunded_as="canceled")
    return [
        event_log.Change(event_log.UPDATED, held.organization_id, row["chatroom_id"], row["conversation_id"], row["pk"])
        for row in rows
    ]


def end_campaign(held: Campaign, state: str) -> None:
    """The last state of a campaign that the caller holds: what is still set aside for it goes back."""
    if held.reserved:
        ledger.release(held.started_by_id, held.reserved, purpose=reservation_purpose(held.pk), reason="Campaign ended")
    _set(held, state=state, reserved=0, finished_at=Now(), paused_code="", paused_message="")


def count_outcomes(campaign: Campaign) -> tuple[dict[str, int], int]:
    """How many recipients are in which state (theirs, or their message's), and the tokens that were spent on them."""
    found = sql.fetch_rows(COUNTS, [campaign.pk])
    return {row["status"]: row["count"] for row in found}, sum(row["tokens"] for row in found)


def _may_go_on(held: Campaign, payer: User) -> None:
    if reason := eligibility.may_feed(payer, held.chatroom_id, held.sender_number):
        raise eligibility.SendRefused(eligibility.Verdict((reason,)))


def _reserve(held: Campaign, payer: User, waiting: int) -> int:
    """Set aside what is missing for those who wait; what there is, if it is less. Returns how many tokens that is."""
    price = eligibility.price_of(payer, Platform.SMS)
    missing = waiting * price - held.reserved
    if missing <= 0:
        return 0
    try:
        return ledger.reserve(
            payer,
            missing,
            step=price,
            purpose=reservation_purpose(held.pk),
            reason=f"Campaign {held.name}"[:300],
            present=held.reserved,
        )
    except ledger.InsufficientTokens:
        if held.reserved >= price:
            return 0
        raise


def _draft(campaign: Campaign) -> Campaign:
    held = _held(campaign)
    if held.state != State.DRAFT:
        raise WrongCampaignState("not_draft", "A campaign can't be changed once it is started.")
    return held


def _held(campaign: Campaign) -> Campaign:
    """The row as it is now, held until the commit. Raises Gone."""
    if Campaign.objects.select_for_update(no_key=True).filter(pk=campaign.pk).first() is None:
        raise CampaignGone
    # Joined after it is held: for whoever waited the join would be made with the rows of before.
    return Campaign.objects.select_related("started_by__organization", "sender_number").get(pk=campaign.pk)


def _set(held: Campaign, **values) -> None:
    Campaign.objects.filter(pk=held.pk).update(**values)
    held.refresh_from_db(fields=list(values))


def _now() -> datetime:
    return sql.fetch_rows("SELECT now()")[0]["now"]


def _wake() -> None:
    with connection.cursor() as cursor:  # delivered at commit
        cursor.execute("SELECT pg_notify(%s, '')", [WAKE_CHANNEL])

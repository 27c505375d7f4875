"""Creating, starting, pausing, resuming and canceling campaigns. `campaigns.feed` makes the messages.

Lock order: the campaign's row, contacts, conversations, messages, recipients, the payer's wallet, and the chatroom's
event counter last.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from chatrooms.models import Chatroom, Group
from integrations.models import Channel
from messagehub import bus, sentences, sql
from messaging.campaigns import audience, trial
from messaging.live import event_log
from messaging.media import uploads
from messaging.message_templates import templates
from messaging.models import Campaign, CampaignGroup, CampaignRecipient, Message
from messaging.sending import eligibility
from tokens import ledger

WAKE_CHANNEL = "campaigns"
State, Outcome = Campaign.State, CampaignRecipient.Outcome
STARTED = (State.SCHEDULED, State.RUNNING, State.PAUSED)

COUNTS = """
SELECT CASE WHEN r.outcome = 'messaged' THEN m.status ELSE r.outcome END AS status, count(*),
       coalesce(sum(m.tokens), 0)::bigint AS tokens
FROM campaign_recipients r LEFT JOIN messages m ON m.id = r.message_id
WHERE r.campaign_id = %s GROUP BY 1 ORDER BY 1
"""


class WrongCampaignState(Exception):
    """The campaign's state does not allow the action. `code` is part of the API."""

    def __init__(self, code: str, words: str):
        self.code = code
        super().__init__(words)


class CampaignGone(Exception):
    """The draft was deleted by another request."""

    def __init__(self) -> None:
        super().__init__(_("This campaign was deleted."))


def reservation_purpose(campaign_id: UUID) -> str:
    """The `purpose` of the campaign's entries in the ledger."""
    return f"campaign:{campaign_id}"


# ---------------------------------------------------------------- before it starts
@transaction.atomic
def create_campaign(
    chatroom: Chatroom,
    *,
    name: str,
    content: str,
    channel: Channel,
    groups: Iterable[Group],
    by: User,
    excluded_groups: Iterable[Group] = (),
    contacted_days: int | None = None,
    send_at: datetime | None = None,
    media_urls: Sequence[str] = (),
    template_id: UUID | None = None,
    **columns: int | str | None,
) -> Campaign:
    """Create a draft; `columns` are `only_opted_in`, `only_active` and those of trial.SPEED. Raises BadTemplate where
    the text has unknown variables, and UploadGone."""
    _check_content(content)
    uploads.hold_files(media_urls)
    campaign = Campaign.objects.create(
        organization_id=chatroom.organization_id,
        chatroom=chatroom,
        name=name,
        content=content,
        channel=channel,
        contacted_days=contacted_days,
        send_at=send_at,
        media_urls=list(media_urls),
        template_id=template_id,
        created_by=by,
        **columns,
    )
    _set_groups(campaign, groups, is_excluded=False)
    _set_groups(campaign, excluded_groups, is_excluded=True)
    return campaign


@transaction.atomic
def change_campaign(
    campaign: Campaign,
    *,
    groups: Iterable[Group] | None = None,
    excluded_groups: Iterable[Group] | None = None,
    by: User | None = None,
    **values,
) -> None:
    """Change a draft, which takes its approval back. Raises WrongCampaignState once it is started, BadTemplate and
    UploadGone."""
    campaign = lock_draft(campaign)
    uploads.hold_files(values.get("media_urls", ()))
    if "content" in values:
        _check_content(values["content"])
        values["template_id"] = campaign.template_id if values["content"] == campaign.content else None
    values |= {"approval_asked_at": None, "approved_by": None, "approved_at": None}
    if by and by.pk not in campaign.writer_ids:
        values["writer_ids"] = [*campaign.writer_ids, by.pk]
    Campaign.objects.filter(pk=campaign.pk).update(**values)
    for chosen_groups, is_excluded in ((groups, False), (excluded_groups, True)):
        if chosen_groups is not None:
            _set_groups(campaign, chosen_groups, is_excluded=is_excluded)
    bus.campaign_changed(campaign.chatroom_id, campaign.pk)


@transaction.atomic
def delete_campaign(campaign: Campaign) -> None:
    """Delete a draft. Raises WrongCampaignState once it is started, because its messages refer to it."""
    campaign = lock_draft(campaign)
    campaign.audience_groups.all().delete()
    campaign.delete()


def _check_content(content: str) -> None:
    try:
        templates.check_template(content)
    except templates.BadTemplate as error:
        error.fields = {"content": [str(error)]}
        raise


def _set_groups(campaign: Campaign, groups: Iterable[Group], *, is_excluded: bool) -> None:
    """Replace the campaign's groups of this kind. A group is of the kind that was chosen last."""
    # Locked and read in one statement: a group that is being deleted is either waited for and gone, or kept.
    chosen_groups = Group.objects.filter(pk__in=[group.pk for group in groups]).order_by("pk")
    locked_groups = list(chosen_groups.select_for_update(no_key=True))
    campaign.audience_groups.filter(Q(is_excluded=is_excluded) | Q(group__in=locked_groups)).delete()
    CampaignGroup.objects.bulk_create(
        CampaignGroup(organization_id=campaign.organization_id, campaign=campaign, group=group, is_excluded=is_excluded)
        for group in locked_groups
    )


# ---------------------------------------------------------------- from the start on
@transaction.atomic
def start_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """Freeze the audience, reserve the tokens of the person who starts it, and run it now or at its `send_at`.

    Where the balance covers only some recipients, what covers them is reserved; the feed pauses once it is spent.
    Raises WrongCampaignState, InsufficientTokens where the balance covers nobody, and SendRefused where `by` or the
    channel does not belong to the chatroom or does not take a file, and UploadGone.
    """
    campaign = lock_draft(campaign)
    check_payer(campaign, by)
    if reasons := check_files(campaign):
        raise eligibility.SendRefused(eligibility.Verdict(tuple(reasons)))
    if campaign.organization.approve_campaigns and not campaign.approved_at:
        raise WrongCampaignState(
            "approval_missing", _("Another admin has to approve this campaign first. Ask for approval.")
        )
    if campaign.send_at and campaign.send_at <= _database_time():
        raise WrongCampaignState(
            "too_late", _("The scheduled time has passed. Choose another time, or none to start now.")
        )
    audience_count, waiting_count = audience.freeze_audience(campaign)
    if not waiting_count:
        raise WrongCampaignState(
            "no_recipients", _("Nobody in its audience can be reached. Check the campaign to see why.")
        )
    reserved = _reserve(campaign, by, waiting_count)
    state = State.SCHEDULED if campaign.send_at else State.RUNNING
    update_campaign(
        campaign,
        state=state,
        started_by=by,
        started_at=Now(),
        audience=audience_count,
        reserved=reserved,
        canary_size=trial.size_trial(campaign, waiting_count),
    )
    audit.record_action(
        "campaign.start", actor=by, target=campaign, after={"audience": audience_count, "reserved": reserved}
    )
    _wake_feeder()
    return campaign


@transaction.atomic
def pause_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """Stop making messages and hold queued ones; messages in flight are still sent. Raises WrongCampaignState."""
    # Queued messages are not rewritten: claiming a message asks for its campaign's state.
    campaign = lock_campaign(campaign)
    if campaign.state not in (State.SCHEDULED, State.RUNNING):
        raise WrongCampaignState("not_running", _("Only a running or scheduled campaign can be paused."))
    update_campaign(
        campaign,
        state=State.PAUSED,
        paused_code="by_hand",
        paused_message=sentences.PAUSED_BY.format(name=by.name)[:300],
    )
    audit.record_action("campaign.pause", actor=by, target=campaign)
    return campaign


@transaction.atomic
def resume_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """Resume a paused campaign, and reserve what its waiting recipients cost at today's price.

    Only the person who started it, or an admin, may resume it. Raises WrongCampaignState, InsufficientTokens where the
    balance covers nobody, and SendRefused where the person who started it may not send from the chatroom any more.
    """
    campaign = lock_campaign(campaign)
    if campaign.state != State.PAUSED:
        raise WrongCampaignState("not_paused", _("Only a paused campaign can be resumed."))
    if campaign.started_by is None or not (by.is_admin or by.pk == campaign.started_by_id):
        raise WrongCampaignState(
            "not_yours",
            _("Only the person who started it, or an admin, can resume it, because it spends their tokens."),
        )
    check_payer(campaign, campaign.started_by)
    waiting_count = campaign.recipients.filter(outcome=Outcome.WAITING).count()
    reserved = campaign.reserved + (_reserve(campaign, campaign.started_by, waiting_count) if waiting_count else 0)
    state = State.SCHEDULED if campaign.send_at and campaign.send_at > _database_time() else State.RUNNING
    # Whoever resumes after a trial that went badly has looked at it, and decides for all others.
    ended = {"canary_ended_at": Now()} if campaign.paused_code in trial.WORDS else {}
    update_campaign(campaign, state=state, reserved=reserved, paused_code="", paused_message="", **ended)
    audit.record_action("campaign.resume", actor=by, target=campaign, after={"reserved": reserved})
    _wake_feeder()
    return campaign


def run_again(campaign: Campaign, waiting_count: int, *, by: User) -> None:
    """Run a locked, finished campaign for recipients who wait again. `by` pays. Raises InsufficientTokens."""
    reserved = _reserve(campaign, by, waiting_count)
    values = {"started_by": by, "reserved": reserved, "finished_at": None, "send_at": None, "canary_size": None}
    update_campaign(campaign, state=State.RUNNING, **values)
    _wake_feeder()


@transaction.atomic
def cancel_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """Cancel waiting recipients and queued messages, and give their tokens back. Raises WrongCampaignState."""
    campaign = lock_campaign(campaign)
    if campaign.state not in STARTED:
        raise WrongCampaignState("not_started", _("Only a started campaign that has not ended can be canceled."))
    call_off(campaign, by=by)
    return campaign


def call_off(campaign: Campaign, *, by: User | None) -> int:
    """Cancel a locked campaign; returns how many recipients get no message."""
    message_changes = call_off_queued(campaign)
    waiting_count = campaign.recipients.filter(outcome=Outcome.WAITING).update(
        outcome=Outcome.CANCELED, not_before=None
    )
    end_campaign(campaign, State.CANCELED)
    audit.record_action(
        "campaign.cancel", actor=by, target=campaign, after={"canceled": waiting_count + len(message_changes)}
    )
    event_log.record_events(message_changes)
    return waiting_count + len(message_changes)


def call_off_queued(campaign: Campaign) -> list[event_log.Change]:
    """Cancel and refund queued messages; returns the changes, which the caller records."""
    # Messages in `sending` are left alone: the provider may have them already, and bills them.
    queued_messages = Message.objects.select_for_update(no_key=True, of=("self",)).filter(
        campaign=campaign, status=Message.Status.QUEUED
    )
    rows = list(queued_messages.order_by("pk").values("pk", "conversation_id", "chatroom_id", "tokens", "sent_by_id"))
    message_ids = [row["pk"] for row in rows]
    canceled = {"status": "canceled", "not_before": None}
    Message.objects.filter(pk__in=message_ids).update(**canceled)
    # Of more than one person where somebody else retried what failed, and an answer that came late put a message of the
    # first one back.
    refunds_by_payer: dict[UUID, list[tuple[str, int]]] = {}
    for row in rows:
        if row["tokens"]:
            refunds_by_payer.setdefault(row["sent_by_id"], []).append((f"message:{row['pk']}", row["tokens"]))
    for payer_id in sorted(refunds_by_payer, key=str):
        ledger.refund_each(payer_id, refunds_by_payer[payer_id], reason=sentences.CAMPAIGN_CANCELED)
    paid_ids = [row["pk"] for row in rows if row["tokens"]]
    Message.objects.filter(pk__in=paid_ids).update(tokens=0, refunded_as="canceled")
    return [
        event_log.Change(
            event_log.UPDATED, campaign.organization_id, row["chatroom_id"], row["conversation_id"], row["pk"]
        )
        for row in rows
    ]


def end_campaign(campaign: Campaign, state: str) -> None:
    """Set a locked campaign's final state, and release what is still reserved for it."""
    if campaign.reserved:
        ledger.release(
            campaign.started_by_id,
            campaign.reserved,
            purpose=reservation_purpose(campaign.pk),
            reason=sentences.CAMPAIGN_ENDED,
        )
    update_campaign(campaign, state=state, reserved=0, finished_at=Now(), paused_code="", paused_message="")


def count_outcomes(campaign: Campaign) -> tuple[dict[str, int], int]:
    """Recipients by state (their message's, or else their own), and the tokens spent on all of them."""
    rows = sql.fetch_rows(COUNTS, [campaign.pk])
    return {row["status"]: row["count"] for row in rows}, sum(row["tokens"] for row in rows)


def price_each(campaign: Campaign, payer: User) -> int:
    """Tokens that one of its messages costs."""
    return eligibility.price_of(payer, campaign.channel.platform, has_media=bool(campaign.media_urls))


def check_files(campaign: Campaign) -> list[eligibility.Reason]:
    """Why its channel does not take its files, or not with a text, if so. Raises UploadGone."""
    platform = campaign.channel.platform
    content = eligibility.check_content(platform, campaign.content, len(campaign.media_urls))
    unfit = eligibility.check_uploads(platform, uploads.find_uploads(campaign.media_urls))
    return [content, *unfit] if content else unfit


def check_payer(campaign: Campaign, payer: User) -> None:
    if reason := eligibility.may_feed(payer, campaign.chatroom_id, campaign.channel):
        raise eligibility.SendRefused(eligibility.Verdict((reason,)))


def _reserve(campaign: Campaign, payer: User, waiting_count: int) -> int:
    """Reserve what waiting recipients cost beyond the present reservation, or as much as the balance covers.

    Returns the number of tokens reserved. Raises InsufficientTokens where not even one message is covered.
    """
    price = price_each(campaign, payer)
    shortfall = waiting_count * price - campaign.reserved
    if shortfall <= 0:
        return 0
    try:
        return ledger.reserve(
            payer,
            shortfall,
            step=price,
            purpose=reservation_purpose(campaign.pk),
            reason=sentences.FOR_CAMPAIGN.format(name=campaign.name)[:300],
            present=campaign.reserved,
        )
    except ledger.InsufficientTokens:
        if campaign.reserved >= price:
            return 0
        raise


def lock_draft(campaign: Campaign) -> Campaign:
    """The draft as it is now, locked until the commit. Raises WrongCampaignState and CampaignGone."""
    campaign = lock_campaign(campaign)
    require_draft(campaign)
    return campaign


def require_draft(campaign: Campaign) -> None:
    """Raises WrongCampaignState."""
    if campaign.state != State.DRAFT:
        raise WrongCampaignState("not_draft", _("A campaign can't be changed once it is started."))


def lock_campaign(campaign: Campaign) -> Campaign:
    """The campaign as it is now, locked until the commit. Raises CampaignGone."""
    if Campaign.objects.select_for_update(no_key=True).filter(pk=campaign.pk).first() is None:
        raise CampaignGone
    # Joins are made after the lock. In one statement with it, a transaction that waited would get the joined rows as
    # they were before it waited.
    return Campaign.objects.select_related("started_by__organization", "organization", "channel").get(pk=campaign.pk)


def update_campaign(campaign: Campaign, **values) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(**values)
    campaign.refresh_from_db(fields=list(values))
    bus.campaign_changed(campaign.chatroom_id, campaign.pk)


def _database_time() -> datetime:
    # The feed compares `send_at` with the database's clock too; a web server's may differ.
    return sql.fetch_rows("SELECT now()")[0]["now"]


def _wake_feeder() -> None:
    with connection.cursor() as cursor:  # delivered at commit
        cursor.execute("SELECT pg_notify(%s, '')", [WAKE_CHANNEL])

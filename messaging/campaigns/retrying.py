"""A finished campaign once more: for those whose message failed, or as a new draft."""

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from messaging.campaigns import lifecycle, trial
from messaging.models import Campaign
from messaging.sending import message_actions

FAMILY = message_actions.FAMILY.format(message="m.id")
# Whoever was written to by hand since, with success or with one on its way, gets no further message, nor does who was
# erased since.
FAILED = f"""
FROM messages m
WHERE r.campaign_id = %(campaign)s AND m.id = r.message_id AND m.status IN ('failed', 'undelivered', 'not_sent')
  AND r.address IS NOT NULL
  AND NOT EXISTS ({FAMILY} SELECT FROM family JOIN messages again USING (id)
                  WHERE again.status NOT IN ('failed', 'undelivered', 'not_sent', 'canceled'))
"""
# First, because what was retried while it waits is visible to the next statement only.
LOCK = f"""
SELECT FROM messages WHERE id IN (
    SELECT f.id FROM campaign_recipients r JOIN messages m ON m.id = r.message_id,
        LATERAL ({FAMILY} SELECT id FROM family) f
    WHERE r.campaign_id = %(campaign)s AND m.status IN ('failed', 'undelivered', 'not_sent')
) ORDER BY id FOR NO KEY UPDATE
"""
RELEASE = f"""
UPDATE campaign_recipients r
SET outcome = 'waiting', message_id = NULL, failed_message_id = m.id, not_before = NULL {FAILED}
"""


@transaction.atomic
def retry_failed(campaign: Campaign, *, by: User) -> int:
    """Let the failed recipients of a finished campaign wait for another message, which `by` pays; returns how many.

    Each is checked again as at the first time. Raises WrongCampaignState, InsufficientTokens where the balance covers
    nobody, and SendRefused where `by` or the channel does not belong to the chatroom.
    """
    campaign = lifecycle.lock_campaign(campaign)
    if campaign.state != lifecycle.State.DONE:
        raise lifecycle.WrongCampaignState("not_done", _("Wait until the campaign is done. Then retry what failed."))
    lifecycle.check_payer(campaign, by)
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"campaign": campaign.pk})
        cursor.execute(RELEASE, {"campaign": campaign.pk})
        waiting_count = cursor.rowcount
    if not waiting_count:
        raise lifecycle.WrongCampaignState("nothing_failed", _("No message of this campaign has failed."))
    lifecycle.run_again(campaign, waiting_count, by=by)
    audit.record_action("campaign.retry_failed", actor=by, target=campaign, after={"recipients": waiting_count})
    return waiting_count


@transaction.atomic
def duplicate_campaign(campaign: Campaign, *, by: User) -> Campaign:
    """A draft with the same text, files, channel and groups. What was deleted since is left out."""
    links = list(campaign.audience_groups.select_related("group"))
    return lifecycle.create_campaign(
        campaign.chatroom,
        name=f"{campaign.name[:73]} (copy)",
        content=campaign.content,
        channel=campaign.channel,
        groups=[link.group for link in links if not link.is_excluded],
        excluded_groups=[link.group for link in links if link.is_excluded],
        contacted_days=campaign.contacted_days,
        only_opted_in=campaign.only_opted_in,
        only_active=campaign.only_active,
        media_urls=campaign.media_urls,
        template_id=campaign.template_id,
        **{name: getattr(campaign, name) for name in trial.SPEED},
        by=by,
    )

"""A second person's approval of a draft, where the organization wants it.

Admins approve what they did not write. A change of the draft takes the approval back.
"""

import hashlib

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from messaging.campaigns import lifecycle, trial
from messaging.models import Campaign, CampaignGroup
from messaging.notifications import notices


@transaction.atomic
def ask_approval(campaign: Campaign, *, by: User) -> None:
    """Notify the admins who may approve a draft, also where it could start without. Raises WrongCampaignState."""
    campaign = lifecycle.lock_draft(campaign)
    admins = User.objects.admins_of(campaign.organization_id)
    admin_ids = [admin.pk for admin in admins if not is_writer(campaign, admin)]
    if not admin_ids:
        raise lifecycle.WrongCampaignState(
            "nobody_approves", _("Only another admin can approve this campaign, and there is none.")
        )
    lifecycle.update_campaign(campaign, approval_asked_at=Now())
    audit.record_action("campaign.ask_approval", actor=by, target=campaign)
    notices.notify_approvers(admin_ids, campaign, by=by)


@transaction.atomic
def approve_campaign(campaign: Campaign, *, by: User, seen: str | None = None) -> None:
    """Approve what `by` has looked at, as its fingerprint says. Raises WrongCampaignState where it has changed since,
    and where `by` wrote it or is no admin."""
    campaign = lifecycle.lock_draft(campaign)
    if seen is not None and seen != fingerprint_of(campaign):
        raise lifecycle.WrongCampaignState(
            "changed", _("The campaign was changed since you opened it. Look at it again before you approve it.")
        )
    if not by.is_admin or is_writer(campaign, by):
        raise lifecycle.WrongCampaignState(
            "not_approver", _("Only an admin who did not write it can approve a campaign.")
        )
    if campaign.approved_at:
        return
    lifecycle.update_campaign(campaign, approved_at=Now(), approved_by=by)
    audit.record_action("campaign.approve", actor=by, target=campaign, after={"content": campaign.content})


def is_writer(campaign: Campaign, user: User) -> bool:
    return user.pk in (campaign.created_by_id, *campaign.writer_ids)


def fingerprint_of(campaign: Campaign) -> str:
    """The same as long as what would be sent, to whom and how stays the same."""
    groups = CampaignGroup.objects.filter(campaign=campaign).order_by("group_id", "is_excluded")
    values = [
        campaign.name, campaign.content, campaign.media_urls, campaign.channel_id, campaign.send_at,
        campaign.contacted_days, campaign.only_opted_in, campaign.only_active,
        list(groups.values_list("group_id", "is_excluded")),
        *(getattr(campaign, name) for name in trial.SPEED),
    ]  # fmt: skip
    return hashlib.sha256(repr(values).encode()).hexdigest()

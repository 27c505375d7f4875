"""A second person's approval of a draft, where the organization wants it.

Admins approve what they did not write. A change of the draft takes the approval back.
"""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from messaging.campaigns import lifecycle
from messaging.models import Campaign
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
def approve_campaign(campaign: Campaign, *, by: User) -> None:
    """Raises WrongCampaignState where `by` wrote it, or is no admin."""
    campaign = lifecycle.lock_draft(campaign)
    if not by.is_admin or is_writer(campaign, by):
        raise lifecycle.WrongCampaignState(
            "not_approver", _("Only an admin who did not write it can approve a campaign.")
        )
    if campaign.approved_at:
        return
    lifecycle.update_campaign(campaign, approved_at=Now(), approved_by=by)
    audit.record_action("campaign.approve", actor=by, target=campaign, after={"content": campaign.content})


def is_writer(campaign: Campaign, user: User) -> bool:
    return user.pk in (campaign.created_by_id, campaign.written_by_id)

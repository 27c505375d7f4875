"""Numbers that their provider gave to another account: the old row is retired, and the admins of both are told."""

from django.db.models.functions import Now

from accounts import audit, tasks
from accounts.models import Organization
from integrations import health
from integrations.models import SenderNumber, TwilioAccount
from messagehub import tenancy

PORTED, GONE = "number_ported", "number_gone"


def retire_elsewhere(phone: str, organization: Organization, account: TwilioAccount) -> None:
    """Retire the number where another organization has it: Twilio lists it in this organization's account.

    The other organization's rows are out of the caller's sight, so this runs as the system role. Neither organization
    learns which the other is.
    """
    with tenancy.system():
        others = SenderNumber.objects.select_for_update(no_key=True).filter(phone=phone)
        number = others.exclude(organization=organization).first()
        if number is None:
            return
        retire_number(number)
        audit.record_action("number.retire", actor=None, target=number, before={"phone": phone})
        health.close_alerts(number.pk)
        health.raise_alert(
            number.organization_id,
            number.pk,
            PORTED,
            f"{phone} now belongs to another Twilio account. Messages to it no longer reach you, and nothing can be "
            "sent from it. Its conversations can still be read. If this is a mistake, contact Twilio.",
        )
        tasks.mail_admins.defer(
            organization_id=str(organization.pk),
            template="integrations/mail/alert.txt",
            path="/admin/integrations/sendernumber/",
            context={
                "message": f"{phone} is connected now. It was connected to another organization here, until Twilio "
                f"listed it in your account {account.account_sid}. Conversations from before are not yours to see."
            },
        )


def retire_number(number: SenderNumber) -> None:
    """Nothing comes in or goes out over the number any more. What waits is refused and refunded when its turn comes."""
    SenderNumber.objects.filter(pk=number.pk).update(retired_at=Now())


def alert_gone(number: SenderNumber) -> None:
    """Its own account does not list the number any more."""
    health.raise_alert(
        number.organization_id,
        number.pk,
        GONE,
        f"Twilio account {number.twilio_account.account_sid} no longer has {number.phone}. Messages to it don't reach "
        "you. Connect the number with the account that has it now, or disconnect it under Sender numbers.",
    )

"""Retiring numbers that belong to another account now."""

from django.db.models.functions import Now

from accounts import audit, tasks
from accounts.models import Organization
from integrations import health
from integrations.models import Channel, Platform, ProviderAccount
from messagehub import sentences, tenancy

PORTED, GONE = "number_ported", "number_gone"


def retire_elsewhere(phone: str, organization: Organization, account: ProviderAccount) -> None:
    """Retire the number in another organization, and tell the admins of both. Neither learns who the other is."""
    # As the system role, because row security hides the other organization's rows.
    with tenancy.system():
        other_numbers = Channel.objects.select_for_update(no_key=True).filter(platform=Platform.SMS, address=phone)
        number = other_numbers.exclude(organization=organization).first()
        if number is None:
            return
        retire_number(number)
        audit.record_action("number.retire", actor=None, target=number, before={"phone": phone})
        health.close_alerts(number.pk)
        health.raise_alert(
            number.organization_id,
            number.pk,
            PORTED,
            sentences.PORTED_NUMBER.format(phone=phone),
        )
        tasks.mail_admins.defer(
            organization_id=str(organization.pk),
            template="integrations/mail/alert.txt",
            path="/manage/numbers/",
            context={
                "message": sentences.NUMBER_FROM_ELSEWHERE.format(phone=phone, account=account.external_id),
            },
        )


def retire_number(number: Channel) -> None:
    """Stop receiving and sending over the number. Queued messages fail and are refunded when they are claimed."""
    # The row stays for its conversations, and comes back to life with them when the number is connected again.
    Channel.objects.filter(pk=number.pk).update(retired_at=Now())


def alert_gone(number: Channel) -> None:
    health.raise_alert(
        number.organization_id,
        number.pk,
        GONE,
        sentences.GONE_NUMBER.format(account=number.account.external_id, phone=number.address),
    )

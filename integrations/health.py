"""How accounts and numbers are doing: who is let in, who has to wait, and who is told about it.

Written by the worker from what the provider answers, for all its processes. Nothing here sends anything.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from accounts import tasks
from integrations.models import ChannelAlert, SenderNumber, TwilioAccount
from integrations.twilio import errors, listing
from messagehub import tenancy

log = logging.getLogger(__name__)
UNREADABLE = "token_unreadable"
ALERT_LASTS = timedelta(days=1)


def pause_account(account_id: UUID, code: str, answer: str) -> None:
    """Open the account's circuit breaker: nothing is sent until `resume_account`. Alerts its admins once."""
    paused = TwilioAccount.objects.filter(pk=account_id, paused_at=None).update(paused_at=Now(), paused_code=code)
    if paused:
        organization_id, account = TwilioAccount.objects.values_list("organization_id", "account_sid").get(
            pk=account_id
        )
        raise_alert(
            organization_id,
            account_id,
            code,
            f"Twilio rejected the credentials of account {account} ({code}: {answer[:200]}). Its messages are queued "
            "and will send once you update its auth token under Sender numbers.",
        )


def resume_account(account: TwilioAccount) -> None:
    """Close the account's circuit breaker, so that queued messages are sent."""
    stopped = TwilioAccount.objects.filter(pk=account.pk).exclude(paused_at=None, held_until=None)
    stopped.update(paused_at=None, paused_code="", held_until=None)
    close_alerts(account.pk)


def hold_account(account_id: UUID, seconds: float) -> None:
    """Twilio asked the account to wait. An earlier, longer wait stays in force."""
    until = timezone.now() + timedelta(seconds=seconds)
    TwilioAccount.objects.filter(pk=account_id).update(held_until=Greatest("held_until", until))


def hold_number(number_id: UUID, seconds: float) -> None:
    """Twilio's queue of this number is full; send nothing for so many seconds."""
    until = timezone.now() + timedelta(seconds=seconds)
    SenderNumber.objects.filter(pk=number_id).update(held_until=Greatest("held_until", until))


def probe() -> int:
    """Ask Twilio whether it lets paused accounts in again, without sending anything; returns how many it does.

    No transaction is open while Twilio is asked.
    """
    resumed = 0
    with tenancy.system():
        paused = list(TwilioAccount.objects.exclude(paused_at=None).values_list("pk", flat=True))
    for account_id in paused:
        try:
            with tenancy.system():
                account = TwilioAccount.objects.get(pk=account_id)  # decrypts the token
            listing.numbers(account.account_sid, account.auth_token)
        except (errors.Refusal, errors.Away, InvalidToken, ValueError):
            continue
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("Account %s can't be probed.", account_id)
            continue
        with tenancy.system():
            resume_account(account)
        resumed += 1
    return resumed


def raise_alert(organization_id: UUID, subject_id: UUID, code: str, message: str) -> bool:
    """Tell the organization's admins about trouble with an account or number; False if they know of it already."""
    try:
        with transaction.atomic():
            ChannelAlert.objects.create(
                organization_id=organization_id, subject_id=subject_id, code=code, message=message[:500]
            )
    except IntegrityError:
        return False
    tasks.mail_admins.defer(
        organization_id=str(organization_id),
        template="integrations/mail/alert.txt",
        path="/admin/integrations/sendernumber/",
        context={"message": message[:500]},
    )
    return True


def close_alerts(subject_id: UUID) -> None:
    """The trouble is over, or somebody has seen to it."""
    ChannelAlert.objects.filter(subject_id=subject_id, closed_at=None).update(closed_at=Now())


def forget_old_alerts() -> int:
    """Close alerts about numbers after a day: whoever still has the trouble is told again. Returns how many."""
    paused = TwilioAccount.objects.exclude(paused_at=None).values("pk")
    old = ChannelAlert.objects.filter(closed_at=None, created_at__lt=timezone.now() - ALERT_LASTS)
    return old.exclude(subject_id__in=paused).update(closed_at=Now())


@dataclass(frozen=True, slots=True)
class Health:
    """How a number does: `ok`, `busy` until some time, or `paused` until its account is let in again."""

    state: str
    until: datetime | None
    alerts: list[ChannelAlert]


def read_health(numbers: Iterable[SenderNumber]) -> dict[UUID, Health]:
    """How these numbers (with their accounts joined) do, by their ids."""
    numbers = list(numbers)
    alerts = defaultdict(list)
    subjects = {number.pk for number in numbers} | {number.twilio_account_id for number in numbers}
    for each in ChannelAlert.objects.filter(subject_id__in=subjects, closed_at=None).order_by("-created_at"):
        alerts[each.subject_id].append(each)
    found, now = {}, timezone.now()
    for number in numbers:
        account = number.twilio_account
        until = max((at for at in (account.held_until, number.held_until) if at and at > now), default=None)
        state = "paused" if account.paused_at else "busy" if until else "ok"
        found[number.pk] = Health(state, until, alerts[number.pk] + alerts[account.pk])
    return found

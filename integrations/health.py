"""Health of accounts and channels: circuit breakers, holds and alerts, shared by all workers."""

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
from integrations import providers
from integrations.models import Channel, ChannelAlert, Provider, ProviderAccount
from integrations.refusals import Away, Refusal
from messagehub import sentences, tenancy

log = logging.getLogger(__name__)
UNREADABLE = "token_unreadable"
STATES = ("ok", "busy", "paused")  # of a channel, the worst last
ALERT_LASTS = timedelta(days=1)  # a lasting trouble is told again after that


def pause_account(account_id: UUID, code: str, answer: str) -> None:
    """Open the account's circuit breaker: nothing is sent until `resume_account`. Alerts its admins once."""
    paused_count = ProviderAccount.objects.filter(pk=account_id, paused_at=None).update(
        paused_at=Now(), paused_code=code
    )
    if paused_count:
        columns = ("organization_id", "provider", "external_id", "name")
        organization_id, provider, external_id, name = ProviderAccount.objects.values_list(*columns).get(pk=account_id)
        raise_alert(
            organization_id,
            account_id,
            code,
            sentences.REJECTED_ACCOUNT["pages" if provider == Provider.META else "numbers"].format(
                provider=providers.find_provider(provider).label,
                name=name or external_id,
                code=code,
                answer=answer[:200],
            ),
        )


def resume_account(account: ProviderAccount) -> None:
    """Close the account's circuit breaker, so that queued messages are sent."""
    stopped_accounts = ProviderAccount.objects.filter(pk=account.pk).exclude(paused_at=None, held_until=None)
    stopped_accounts.update(paused_at=None, paused_code="", held_until=None)
    close_alerts(account.pk)


def hold_account(account_id: UUID, seconds: float) -> None:
    """Send nothing from the account for so many seconds. A longer hold stays in force."""
    until = timezone.now() + timedelta(seconds=seconds)
    ProviderAccount.objects.filter(pk=account_id).update(held_until=Greatest("held_until", until))


def hold_channel(channel_id: UUID, seconds: float) -> None:
    """Send nothing from the channel for so many seconds. A longer hold stays in force."""
    # Twilio sends about one segment a second from a US long code and queues the rest, up to ten hours of it; then it
    # answers 21611 (https://www.twilio.com/docs/api/errors/21611).
    until = timezone.now() + timedelta(seconds=seconds)
    Channel.objects.filter(pk=channel_id).update(held_until=Greatest("held_until", until))


def probe() -> int:
    """Resume paused accounts whose credentials are accepted again; returns how many.

    Asking for its health proves that without sending anything.
    """
    # No transaction is open while the provider is asked.
    resumed_count = 0
    with tenancy.system():
        account_ids = list(
            ProviderAccount.objects.filter(retired_at=None).exclude(paused_at=None).values_list("pk", flat=True)
        )
    for account_id in account_ids:
        try:
            with tenancy.system():
                account = ProviderAccount.objects.get(pk=account_id)  # decrypts the token
            providers.find_provider(account.provider).check_health(account.external_id, account.secret)
        except (Refusal, Away, InvalidToken, ValueError):
            continue
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("Account %s can't be probed.", account_id)
            continue
        with tenancy.system():
            resume_account(account)
        resumed_count += 1
    return resumed_count


def raise_alert(organization_id: UUID, subject_id: UUID, code: str, message: str) -> bool:
    """Alert the organization's admins about an account or channel; returns False where an alert is open already."""
    # A unique index on open alerts decides between concurrent workers.
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
        path=f"/manage/channels/{subject_id}/",
        context={"message": message[:500]},
    )
    return True


def close_alerts(subject_id: UUID, codes: Iterable[str] | None = None) -> None:
    """Close the open alerts about an account or channel, those with these codes or all."""
    open_alerts = ChannelAlert.objects.filter(subject_id=subject_id, closed_at=None)
    (open_alerts if codes is None else open_alerts.filter(code__in=codes)).update(closed_at=Now())


def list_open_alerts(organization_id: UUID) -> list[ChannelAlert]:
    """What admins of the organization have to look at, the newest first."""
    return list(ChannelAlert.objects.filter(organization_id=organization_id, closed_at=None).order_by("-created_at"))


def forget_old_alerts() -> int:
    """Close old alerts, so that lasting trouble raises new ones; returns how many. Paused accounts keep theirs."""
    paused_accounts = ProviderAccount.objects.exclude(paused_at=None).values("pk")
    old_alerts = ChannelAlert.objects.filter(closed_at=None, created_at__lt=timezone.now() - ALERT_LASTS)
    return old_alerts.exclude(subject_id__in=paused_accounts).update(closed_at=Now())


@dataclass(frozen=True, slots=True)
class Health:
    """A channel's health: `ok`, `busy` until a time, or `paused` until its account is resumed."""

    state: str
    until: datetime | None
    alerts: list[ChannelAlert]


def read_health(channels: Iterable[Channel]) -> dict[UUID, Health]:
    """The health of channels, whose accounts should be joined, by id."""
    channels = list(channels)
    alerts_of = defaultdict(list)
    subjects = {channel.pk for channel in channels} | {channel.account_id for channel in channels}
    for alert in ChannelAlert.objects.filter(subject_id__in=subjects, closed_at=None).order_by("-created_at"):
        alerts_of[alert.subject_id].append(alert)
    health_by_channel, current_time = {}, timezone.now()
    for channel in channels:
        account = channel.account
        until = max((at for at in (account.held_until, channel.held_until) if at and at > current_time), default=None)
        state = "paused" if account.paused_at else "busy" if until else "ok"
        health_by_channel[channel.pk] = Health(state, until, alerts_of[channel.pk] + alerts_of[account.pk])
    return health_by_channel

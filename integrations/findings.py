"""What the doctor of numbers and pages finds: a fact in words, and what to do about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from integrations import failures, health, probes
from integrations.models import Channel, ProviderAccount

OK, WARN, FAIL, INFO = "ok", "warn", "fail", "info"
RECENT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of an examination. `action` names the form on the page that mends it."""

    title: str
    state: str
    text: str
    fix: str = ""
    action: str = ""
    at: datetime | None = None


def describe_probe(outcome: str) -> Finding:
    title = _("Signature")
    if outcome == probes.ARRIVED:
        return Finding(
            title, OK, _("A signed test request went out to our public address and arrived as it was signed.")
        )
    if outcome == probes.REFUSED:
        return Finding(
            title,
            FAIL,
            _("A signed test request was refused on arrival, so real messages are refused too."),
            _("Ask the operator whether PUBLIC_BASE_URL is the address that is called and no proxy changes it."),
        )
    return Finding(
        title,
        WARN,
        _("Our public address could not be reached from here, so the signature could not be tried."),
        _("Send a message to it yourself. If it doesn't arrive, tell the operator: PUBLIC_BASE_URL may be wrong."),
    )


def describe_circuit(account: ProviderAccount, state: health.Health, provider: str) -> Finding:
    title = pgettext("what is checked", "Sending")
    if account.paused_at:
        words = _("Paused: {provider} rejected the credentials ({code}). Messages are queued and none is lost.")
        return Finding(
            title,
            FAIL,
            words.format(provider=provider, code=account.paused_code),
            _("Enter a new token below. Queued messages then go out by themselves."),
            action="token",
            at=account.paused_at,
        )
    if state.state == "busy":
        words = _("{provider} asked us to wait. Messages go out later, without anybody doing anything.")
        return Finding(title, WARN, words.format(provider=provider), at=state.until)
    return Finding(title, OK, _("Messages go out at once."))


def describe_last_inbound(channels: list[Channel]) -> Finding:
    """When a customer last wrote. By a reverse relation, because conversations are not known here."""
    title, newest = _("Last message in"), None
    for channel in channels:
        heard = channel.conversations.filter(last_inbound_at__isnull=False).order_by("-last_inbound_at")
        at = heard.values_list("last_inbound_at", flat=True).first()
        newest = max(filter(None, (newest, at)), default=None)
    if newest is None:
        return Finding(title, INFO, _("Nobody has written yet."), _("Send a message to it yourself to see it arrive."))
    return Finding(title, OK, _("A customer wrote."), at=newest)


def describe_last_error(channels: list[Channel]) -> list[Finding]:
    """The newest failed message of the last day, in words."""
    # By room and time, as the index is; a message knows its room and its channel.
    since, newest = timezone.now() - RECENT, None
    for channel in channels:
        failed = channel.chatroom.messages.filter(channel=channel, occurred_at__gte=since).exclude(error_code="")
        message = failed.order_by("-occurred_at", "-pk").first()
        if message and (newest is None or message.occurred_at > newest.occurred_at):
            newest = message
    title = _("Last error")
    if newest is None:
        return [Finding(title, OK, _("No message failed within the last day."))]
    meaning = failures.explain_code(newest.error_code)
    text = failures.describe_failure(newest.error_code, newest.error_message)
    fix = "" if str(meaning.fix) in text else str(meaning.fix)
    return [Finding(title, WARN, f"{text} ({newest.error_code})", fix, at=newest.occurred_at)]


def describe_alerts(state: health.Health) -> list[Finding]:
    """What the admins were told about and is not closed."""
    return [Finding(_("Alert"), FAIL, alert.message, at=alert.created_at) for alert in state.alerts]

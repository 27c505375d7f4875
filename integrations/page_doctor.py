"""Examining a Facebook page or Instagram account: what is wrong, and how to mend it. Meta is asked, and ourselves."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations import findings, health, pages, probes
from integrations.findings import FAIL, INFO, OK, WARN, Finding
from integrations.meta import pages as meta_pages
from integrations.models import Channel, FacebookPage, Platform
from integrations.number_doctor import read_token
from integrations.page_health import SHORT
from integrations.pages import OUR_SECRET
from integrations.refusals import Away, Refusal

# https://developers.facebook.com/docs/permissions
PAGE_PERMISSIONS = ("pages_messaging", "pages_manage_metadata")
INSTAGRAM_PERMISSION = "instagram_manage_messages"


def examine_page(page: FacebookPage) -> list[Finding]:
    """Everything that can be known about the page now. Takes some seconds."""
    channels = pages.list_channels(page)
    state = merge_health(channels)
    return [
        *_examine_at_meta(page, channels),
        findings.describe_probe(probes.probe_meta()),
        findings.describe_circuit(page, state, "Meta"),
        findings.describe_last_inbound(channels),
        *findings.describe_last_error(channels),
        _describe_human_agent(page),
        *findings.describe_alerts(state),
    ]


def merge_health(channels: list[Channel], known: dict | None = None) -> health.Health:
    """The worse of the channels' states, and the alerts of all, each once."""
    states = [(known or health.read_health(channels))[channel.pk] for channel in channels]
    worst = max(states, key=lambda state: health.STATES.index(state.state))
    alerts = {alert.pk: alert for state in states for alert in state.alerts}
    return health.Health(worst.state, worst.until, list(alerts.values()))


def count_days_left(page: FacebookPage) -> int | None:
    """Whole days until the token ends; None where Meta names no end."""
    ends_at = page.secret_expires_at
    return max((ends_at - timezone.now()) // timedelta(days=1), 0) if ends_at else None


def _examine_at_meta(page: FacebookPage, channels: list[Channel]) -> list[Finding]:
    title, token = _("Token"), read_token(page)
    mend = _("Create a new token for the page and enter it below.")
    if not token:
        return [Finding(title, FAIL, _("The token that we keep can't be read."), mend, action="token")]
    platforms = {channel.platform for channel in channels}
    try:
        if Platform.MESSENGER in platforms and settings.META_APP_ID and settings.META_APP_SECRET:
            found = _describe_token(_ask_about(token), Platform.INSTAGRAM in platforms, mend)
        elif Platform.MESSENGER in platforms:
            meta_pages.fetch_page(token)
            found = [Finding(title, OK, _("Meta accepts the token."))]
        else:
            meta_pages.fetch_instagram_account(token)
            found = [Finding(title, OK, _("Meta accepts the token.")), _describe_end(page.secret_expires_at, mend)]
        if any(finding.state == FAIL and finding.action == "token" for finding in found):
            return found
        return [*found, _describe_subscription(page, token, Platform.MESSENGER in platforms)]
    except Refusal as refusal:
        if refusal.code == OUR_SECRET:
            words = _("Meta refuses our app, so no token can be tried.")
            return [Finding(title, FAIL, words, _("Ask the operator to check META_APP_ID and META_APP_SECRET."))]
        return [Finding(title, FAIL, _("Meta rejects the token."), mend, action="token")]
    except Away:
        return [Finding(title, WARN, _("Meta can't be reached right now."), _("Try again in a moment."))]


def _ask_about(token: str) -> meta_pages.TokenState:
    """Raises Refusal of our app, for the token in question is only an answer, and Away."""
    try:
        return meta_pages.check_token(token)
    except Refusal as refusal:
        raise Refusal(str(refusal), OUR_SECRET) from None


def _describe_token(token: meta_pages.TokenState, has_instagram: bool, mend: str) -> list[Finding]:
    title = _("Token")
    if not token.is_valid:
        reason = token.reason or _("The token is not valid any more.")
        return [Finding(title, FAIL, _("Meta rejects the token: {reason}").format(reason=reason), mend, action="token")]
    needed = (*PAGE_PERMISSIONS, *([INSTAGRAM_PERMISSION] if has_instagram else []))
    missing = [name for name in needed if name not in token.scopes]
    permissions = Finding(_("Permissions"), OK, ", ".join(needed))
    if missing:
        words = _("The token lacks {names}.").format(names=", ".join(missing))
        permissions = Finding(_("Permissions"), FAIL, words, _("Create a token with all of them and enter it below."))
    return [Finding(title, OK, _("Meta accepts the token.")), _describe_end(token.expires_at, mend), permissions]


def _describe_end(expires_at, mend: str) -> Finding:
    title = _("Days left")
    if expires_at is None:
        return Finding(title, OK, _("The token has no end."))
    left = max((expires_at - timezone.now()) // timedelta(days=1), 0)
    words = ngettext("The token ends in {n} day,", "The token ends in {n} days,", left).format(n=left)
    is_short = expires_at - timezone.now() < SHORT
    return Finding(title, WARN if is_short else OK, words, mend if is_short else "", at=expires_at)


def _describe_subscription(page: FacebookPage, token: str, has_page: bool) -> Finding:
    check = meta_pages.check_subscription if has_page else meta_pages.check_instagram_subscription
    missing = check(page.external_id, token)
    if not missing:
        return Finding(_("Subscriptions"), OK, _("Meta sends us the page's messages, receipts and reactions."))
    words = _("Meta doesn't send us: {names}.").format(names=", ".join(missing))
    return Finding(_("Subscriptions"), FAIL, words, _("Subscribe again."), action="check")


def _describe_human_agent(page: FacebookPage) -> Finding:
    # https://developers.facebook.com/docs/features-reference/human-agent
    title = _("Human Agent")
    if page.has_human_agent:
        return Finding(title, INFO, _("Meta approved it: people may answer for seven days."))
    return Finding(title, INFO, _("Not approved: answers are possible for 24 hours after the customer's last message."))

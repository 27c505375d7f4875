"""The hourly look at Facebook pages and Instagram accounts: is the token good, and does Meta send us their events."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils import timezone

from accounts import audit
from integrations import health, isolation, page_moves
from integrations.meta import pages as meta_pages
from integrations.models import FacebookPage, Platform
from integrations.pages import OUR_SECRET
from integrations.refusals import Away, Refusal
from messagehub import sentences, tenancy

log = logging.getLogger(__name__)
EXPIRING, UNSUBSCRIBED = "token_expiring", "not_subscribed"
# Chatwoot renews at ten days too. Meta refuses it in a token's first day, and once the 60 days are over:
# https://developers.facebook.com/docs/instagram-platform/reference/refresh_access_token
SHORT = timedelta(days=10)


def check_pages() -> int:
    """Look at every page in service; returns how many are well. Inbound messages are taken whatever comes of it."""
    with tenancy.system():
        pages = FacebookPage.objects.filter(channels__retired_at=None).exclude(channels=None)
        rows = list(pages.distinct().order_by("pk").values_list("pk", "organization_id"))
    well_count = 0
    for pk, organization_id in rows:
        with isolation.contain("Health of pages", organization_id, pk):
            well_count += check_page(pk)
    return well_count


def check_page(page_id: UUID) -> bool:
    """Look at one page and tell its admins what is wrong; returns whether it is well. No transaction is open meanwhile.

    A page that is paused stays so here: `health.probe` resumes it.
    """
    try:
        with tenancy.system():
            page = FacebookPage.objects.get(pk=page_id)  # decrypts the token
            platforms = set(page.channels.values_list("platform", flat=True))
            has_page = Platform.MESSENGER in platforms
            has_instagram = has_page and Platform.INSTAGRAM in platforms
    except (InvalidToken, ValueError):
        with tenancy.system():
            health.pause_account(page_id, health.UNREADABLE, "The token that we keep can't be read any more.")
        return False
    try:
        expires_at = _check_token(page, has_page)
        if not has_page and _is_short(expires_at, or_unknown=True):
            expires_at = _refresh_token(page)
        is_subscribed = _check_subscription(page, has_page)
        if has_instagram:
            _follow_instagram(page)
    except Away as error:
        log.info("Page %s is looked at again in an hour: %s", page_id, error)
        return False
    except Refusal as refusal:
        _record_refusal(page, refusal)
        return False
    _record_health(page, expires_at, is_subscribed)
    return is_subscribed and not _is_short(expires_at)


def _check_token(page: FacebookPage, has_page: bool) -> datetime | None:
    """When the token ends, as far as is known. Raises Refusal for one that is not good, and Away."""
    if not has_page:
        meta_pages.fetch_instagram_account(page.secret)
        return page.secret_expires_at
    if not settings.META_APP_ID or not settings.META_APP_SECRET:
        meta_pages.fetch_page(page.secret)
        return page.secret_expires_at
    try:
        state = meta_pages.check_token(page.secret)
    except Refusal as refusal:  # of our app, for the token in question is only an answer
        raise Refusal(str(refusal), OUR_SECRET) from None
    if not state.is_valid:
        raise Refusal(state.reason or "The token is not valid any more.", "190")
    return state.expires_at


def _is_short(expires_at: datetime | None, *, or_unknown: bool = False) -> bool:
    return or_unknown if expires_at is None else expires_at - timezone.now() < SHORT


def _refresh_token(page: FacebookPage) -> datetime | None:
    """Replace the token of Instagram Login by one for 60 more days, if Meta gives one; returns the end. Raises Away."""
    try:
        token, expires_at = meta_pages.refresh_instagram_token(page.secret)
    except Refusal as refusal:
        log.info("The token of page %s is not renewed: %s", page.pk, refusal.code)
        return page.secret_expires_at
    with tenancy.system():
        # Not if an admin replaced it meanwhile.
        stored_page = FacebookPage.objects.select_for_update(no_key=True).get(pk=page.pk)
        if stored_page.secret != page.secret:
            return stored_page.secret_expires_at
        page.secret, page.secret_expires_at = token, expires_at
        page.save(update_fields=["secret", "secret_expires_at"])
        audit.record_action("page.refresh", actor=None, target=page, after={"expires_at": expires_at.isoformat()})
    return expires_at


def _check_subscription(page: FacebookPage, has_page: bool) -> bool:
    """Subscribe to what Meta does not send us; returns whether it will. Raises Away, and Refusal of a bad token."""
    check = meta_pages.check_subscription if has_page else meta_pages.check_instagram_subscription
    subscribe = meta_pages.subscribe_page if has_page else meta_pages.subscribe_instagram
    missing_fields = check(page.external_id, page.secret)
    if not missing_fields:
        return True
    try:
        subscribe(page.external_id, page.secret)
    except Refusal as refusal:
        if refusal.code == "190":
            raise
        return False
    with tenancy.system():
        audit.record_action("page.subscribe", actor=None, target=page, after={"fields": list(missing_fields)})
    return True


def _follow_instagram(page: FacebookPage) -> None:
    """Change the page's Instagram account to the one that Meta names now. Raises Refusal and Away."""
    linked = meta_pages.fetch_page(page.secret)
    with tenancy.system():
        FacebookPage.objects.select_for_update(no_key=True).get(pk=page.pk)
        page_moves.change_instagram(page, linked.instagram_account_id, linked.instagram_username)


def _record_refusal(page: FacebookPage, refusal: Refusal) -> None:
    """Pause a page whose token is not good, and tell its admins, once."""
    if refusal.code == OUR_SECRET:
        log.error("Meta refuses our app: META_APP_ID or META_APP_SECRET is wrong. No page can be checked.")
        return
    with tenancy.system():
        FacebookPage.objects.filter(pk=page.pk).update(checked_at=timezone.now())
        if page.paused_at:
            return
        health.pause_account(page.pk, refusal.code[:16], str(refusal))
        audit.record_action("page.fail", actor=None, target=page, after={"code": refusal.code})


def _record_health(page: FacebookPage, expires_at: datetime | None, is_subscribed: bool) -> None:
    with tenancy.system():
        FacebookPage.objects.filter(pk=page.pk).update(secret_expires_at=expires_at, checked_at=timezone.now())
        name = page.name or page.external_id
        if is_subscribed:
            health.close_alerts(page.pk, [UNSUBSCRIBED])
        else:
            _tell_admins(page, UNSUBSCRIBED, sentences.UNSUBSCRIBED_PAGE.format(name=name))
        if not _is_short(expires_at):
            health.close_alerts(page.pk, [EXPIRING])
        elif expires_at:
            day = expires_at.strftime(sentences.STORED_DAY)
            _tell_admins(page, EXPIRING, sentences.EXPIRING_TOKEN.format(name=name, day=day))


def _tell_admins(page: FacebookPage, code: str, words: str) -> None:
    if health.raise_alert(page.organization_id, page.pk, code, words):
        audit.record_action("page.fail", actor=None, target=page, after={"code": code})

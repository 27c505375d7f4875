"""Pages and Instagram accounts: who they are, what their tokens allow, what is subscribed, and who writes to them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.events import Profile
from integrations.meta.graph import ask_graph, find_base_url
from integrations.meta.limits import INSTAGRAM
from integrations.meta.values import EPOCH, read_object, read_text, read_url
from integrations.refusals import Away, Refusal
from messagehub import names

# https://developers.facebook.com/docs/messenger-platform/webhooks#messenger-webhook-fields
PAGE_FIELDS = (
    "messages", "messaging_postbacks", "messaging_optins", "messaging_referrals", "message_deliveries",
    "message_reads", "message_echoes", "message_reactions", "message_edits", "messaging_handovers", "standby",
)  # fmt: skip
# https://developers.facebook.com/docs/instagram-platform/webhooks
INSTAGRAM_FIELDS = ("messages", "messaging_postbacks", "messaging_referral", "messaging_seen", "message_reactions")
# There is no profile to read: an account made with a phone number, no consent yet, or nobody under this id.
# https://developers.facebook.com/docs/messenger-platform/identity/user-profile
NO_PROFILE = {"100", "100/2018218", "100/2018001", "100/2534014", "230", "9010"}
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Page:
    """A Facebook page with the Instagram account that is linked to it; for Instagram Login only the account."""

    page_id: str
    name: str
    instagram_account_id: str = ""
    instagram_username: str = ""


@dataclass(frozen=True, slots=True)
class TokenState:
    """What Meta says of a token. `expires_at` is None where no end is set."""

    is_valid: bool
    expires_at: datetime | None
    data_access_expires_at: datetime | None  # then reading ends, until somebody logs in again
    scopes: tuple[str, ...]
    reason: str = ""  # why it is not valid, in Meta's words


def fetch_page(token: str) -> Page:
    """The page of this token. Raises Refusal, also for the token of a person, and Away."""
    fields = "id,name,instagram_business_account{id,username}"
    values = ask_graph("GET", settings.META_GRAPH_BASE_URL, "me", token, {"fields": fields})
    account = read_object(values, "instagram_business_account")
    return Page(
        _read_id(values, "id"), _read_name(values, "name"), read_text(account, "id"), _read_name(account, "username")
    )


def fetch_instagram_account(token: str) -> Page:
    """The account of this token of Instagram Login, which has no page. Raises Refusal and Away."""
    # https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/get-started
    # `id` is the app's own name for the account; `user_id` is the one that webhooks have.
    values = ask_graph("GET", settings.META_INSTAGRAM_BASE_URL, "me", token, {"fields": "user_id,username,name"})
    account_id, username = _read_id(values, "user_id"), _read_name(values, "username")
    return Page("", _read_name(values, "name") or username, account_id, username)


def subscribe_page(page_id: str, token: str) -> None:
    """Have Meta send the page's events, and those of its Instagram account, to our app. Raises Refusal and Away."""
    # https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps
    _subscribe(settings.META_GRAPH_BASE_URL, page_id, token, PAGE_FIELDS)


def subscribe_instagram(account_id: str, token: str) -> None:
    """The same for an account of Instagram Login. Raises Refusal and Away."""
    _subscribe(settings.META_INSTAGRAM_BASE_URL, account_id, token, INSTAGRAM_FIELDS)


def _subscribe(base_url: str, node: str, token: str, fields: tuple[str, ...]) -> None:
    values = ask_graph("POST", base_url, f"{node}/subscribed_apps", token, {"subscribed_fields": ",".join(fields)})
    if values.get("success") is not True:
        raise Away("Meta did not confirm the subscription.")


def check_subscription(page_id: str, token: str) -> tuple[str, ...]:
    """The fields that Meta does not send us, and has to be asked for again. Raises Refusal and Away."""
    # After an hour of failures Meta drops an app's subscription and does not renew it by itself.
    return _list_missing_fields(settings.META_GRAPH_BASE_URL, page_id, token, PAGE_FIELDS)


def check_instagram_subscription(account_id: str, token: str) -> tuple[str, ...]:
    """The same for an account of Instagram Login. Raises Refusal and Away."""
    return _list_missing_fields(settings.META_INSTAGRAM_BASE_URL, account_id, token, INSTAGRAM_FIELDS)


def _list_missing_fields(base_url: str, node: str, token: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    apps = ask_graph("GET", base_url, f"{node}/subscribed_apps", token, {}).get("data")
    if not isinstance(apps, list):
        raise Away("Meta listed no apps.")
    subscribed_fields: set[str] = set()
    for app in apps:
        names = app.get("subscribed_fields") if isinstance(app, dict) else None
        if isinstance(names, list) and (not settings.META_APP_ID or read_text(app, "id") == settings.META_APP_ID):
            subscribed_fields.update(name for name in names if isinstance(name, str))
    return tuple(name for name in fields if name not in subscribed_fields)


def check_token(token: str) -> TokenState:
    """What Meta says of a page's token. Raises Refusal where it refuses our app, and Away.

    Instagram Login's tokens are not known there: for those, `fetch_instagram_account` tells.
    """
    # https://developers.facebook.com/docs/graph-api/reference/debug_token
    if not settings.META_APP_ID or not settings.META_APP_SECRET:
        raise Refusal("META_APP_ID and META_APP_SECRET are not set.", "app_secret")
    app_token = f"{settings.META_APP_ID}|{settings.META_APP_SECRET}"
    # The one token that has to stand in an address: Meta takes what is asked about nowhere else.
    values = ask_graph("GET", settings.META_GRAPH_BASE_URL, "debug_token", app_token, {"input_token": token})
    data = read_object(values, "data")
    if not isinstance(data.get("is_valid"), bool):
        raise Away("Meta did not say whether the token is valid.")
    scopes = data.get("scopes")
    return TokenState(
        is_valid=data["is_valid"],
        expires_at=_read_end(data.get("expires_at")),
        data_access_expires_at=_read_end(data.get("data_access_expires_at")),
        scopes=tuple(scope for scope in scopes if isinstance(scope, str)) if isinstance(scopes, list) else (),
        reason=read_text(read_object(data, "error"), "message").replace(token, "…")[:300],
    )


def refresh_instagram_token(token: str) -> tuple[str, datetime]:
    """A token of Instagram Login for 60 more days, and its end. Raises Refusal, also within its first day, and Away."""
    # https://developers.facebook.com/docs/instagram-platform/reference/refresh_access_token
    parameters = {"grant_type": "ig_refresh_token"}
    values = ask_graph("GET", settings.META_INSTAGRAM_BASE_URL, "refresh_access_token", token, parameters, version="")
    new_token, seconds = read_text(values, "access_token"), values.get("expires_in")
    if not new_token or not isinstance(seconds, int) or not 0 < seconds < 10**9:
        raise Away("Meta gave no new token.")
    return new_token, timezone.now() + timedelta(seconds=seconds)


def fetch_profile(scoped_id: str, platform: str, token: str, *, account: str = "", channel: str = "") -> Profile | None:
    """What a contact is called; None where Meta has nothing to tell. Raises Refusal and Away.

    Of Instagram Login `account` and `channel` are the same, as in `OutgoingText`.
    """
    is_instagram = platform == INSTAGRAM
    fields = "name,username,profile_pic" if is_instagram else "first_name,last_name,name,profile_pic"
    base_url = find_base_url(platform, account, channel) if account else settings.META_GRAPH_BASE_URL
    try:
        values = ask_graph("GET", base_url, scoped_id, token, {"fields": fields})
    except Refusal as refusal:
        if refusal.code in NO_PROFILE:
            return None
        raise
    first_name, last_name = _read_name(values, "first_name"), _read_name(values, "last_name")
    name = _read_name(values, "name") or f"{first_name} {last_name}".strip()
    profile = Profile(name, first_name, last_name, _read_name(values, "username"), read_url(values, "profile_pic"))
    return profile if profile != Profile("") else None


def _read_id(values: dict[str, Any], name: str) -> str:
    """Raises Away where there is none."""
    node = read_text(values, name, 64)
    if not node:
        raise Away("Meta's answer has no id.")
    return node


def _read_name(values: dict[str, Any], name: str) -> str:
    """Empty for a name of which nothing can be seen, which nobody here could save again."""
    text = read_text(values, name).strip()[:LONGEST_NAME]
    return text if names.is_visible(text) else ""


def _read_end(value: Any) -> datetime | None:
    """Meta writes 0 where there is no end."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**11:
        return None
    return EPOCH + timedelta(seconds=value)

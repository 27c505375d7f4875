"""Connecting, changing and disconnecting Facebook pages with their Instagram accounts, and accounts without a page."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.models import User
from chatrooms import rooms
from chatrooms.models import Chatroom
from integrations import health, page_moves
from integrations.meta import pages as meta_pages
from integrations.meta.pages import Page
from integrations.models import Channel, FacebookPage, Platform, ProviderAccount
from integrations.numbers import Claimed
from integrations.refusals import Away, Refusal
from messagehub import constraints, sentences, tenancy

log = logging.getLogger(__name__)
NO_SUBSCRIPTION = gettext_lazy(
    "Meta doesn't let this token subscribe to the messages. Create one with the permissions pages_messaging and "
    "pages_manage_metadata, or for Instagram Login instagram_business_manage_messages."
)
# The code of a refusal of our own app: nothing that an admin could enter here would help.
OUR_SECRET = "app_secret"  # noqa: S105
STILL_SUBSCRIBED = "still_subscribed"
UNIQUE_ACCOUNTS = ("provider_accounts_external_id", "provider_accounts_of_organization")
UNIQUE_CHANNELS = ("channels_address", "channels_of_organization")


class BadPageToken(Exception):
    """Meta rejected the token, or it is another page's."""

    def __init__(self, explanation: str = ""):
        rejected = _("Meta rejected this page access token. Create a new one for the page, and paste it whole.")
        self.fields = {"page_access_token": [explanation or rejected]}
        super().__init__(self.fields["page_access_token"][0])


class WrongPage(Exception):
    """The token is of another page or account than the caller says."""

    def __init__(self, field: str, explanation: str):
        self.fields = {field: [explanation]}
        super().__init__(explanation)


class PageInUse(Exception):
    """Conversations or campaigns go over the page, and its token is good."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Conversations or campaigns use this page, so it can't be disconnected. Move it to another chatroom "
                "instead."
            )
        )


class MetaAway(Exception):
    """Meta can't be reached, or gave no proper answer."""

    def __init__(self) -> None:
        super().__init__(_("Meta can't be reached right now. Try again in a moment."))


def connect_page(chatroom: Chatroom, token: str, *, by: User, **expected: str) -> FacebookPage:
    """Connect the page or Instagram account of this token to a chatroom, and have Meta send its events to us.

    Of a page that the organization has or had, the token is replaced, and its conversations go on. Another organization
    loses it, unless its own token still opens the page. `expected` is what the caller takes the page for: `page_id`,
    `page_name`, `instagram_account_id`. Raises BadPageToken, WrongPage, MetaAway and Claimed.
    """
    # All calls to Meta come before the first write, so that no transaction waits for a lock of ours meanwhile. Our app
    # is the same for every organization: a page that turns out to be claimed is not diverted by subscribing.
    page = find_page(token)
    require_expected(page, expected)
    expires_at = read_expiry(page, token)
    addresses = {address for _, address, _ in _list_lines(page)}
    former_owners = _ask(page_moves.find_former_owners, addresses, chatroom.organization_id)
    subscribe(page, token)
    with transaction.atomic():
        rooms.hold_chatroom(chatroom)
        page_moves.retire_former_owners(former_owners, chatroom.organization_id, page.name)
        account, former_values = _save_account(chatroom, page, token, expires_at)
        page_moves.change_instagram(account, page.instagram_account_id, page.instagram_username)
        for line in _list_lines(page):
            _save_channel(chatroom, account, *line)
        # An Instagram account that is connected through its page now needs no token of its own, and the reverse.
        FacebookPage.objects.filter(organization=chatroom.organization_id, channels=None).delete()
        if former_values:
            _change_chatrooms(account, chatroom, None, by)
            close_alerts(account)
        audit.record_action(
            "page.connect", actor=by, target=account, before=former_values, after=_describe_page(account)
        )
    return account


def find_page(token: str) -> Page:
    """Whose token this is: a page's, or that of an Instagram account without one. Raises BadPageToken and MetaAway."""
    try:
        return meta_pages.fetch_page(token)
    except Refusal as refusal:
        if refusal.code == OUR_SECRET:
            raise MetaAway from None
        return _ask(meta_pages.fetch_instagram_account, token)
    except Away:
        raise MetaAway from None


def require_expected(page: Page, expected: dict[str, str]) -> None:
    """Raises WrongPage."""
    known_values = {
        "page_id": page.page_id,
        "page_name": page.name,
        "instagram_account_id": page.instagram_account_id,
    }
    for field, value in expected.items():
        if value and value != known_values[field]:
            known = known_values[field]
            explanation = (
                _('Meta says that it is "{known}".').format(known=known)
                if known
                else _("Meta says that this token has none.")
            )
            raise WrongPage(field, explanation)


def read_expiry(page: Page, token: str) -> datetime | None:
    """When the token of a page ends, as far as Meta tells. Raises BadPageToken and MetaAway."""
    if not (page.page_id and settings.META_APP_ID and settings.META_APP_SECRET):
        return None
    try:
        state = meta_pages.check_token(token)
    except Refusal as refusal:  # of our app: the token has opened the page
        log.error("Meta refuses our app (%s): META_APP_ID or META_APP_SECRET is wrong.", refusal.code)
        return None
    except Away:
        raise MetaAway from None
    if not state.is_valid:
        raise BadPageToken
    return state.expires_at


def subscribe(page: Page, token: str) -> None:
    """Raises BadPageToken and MetaAway."""
    try:
        if page.page_id:
            _ask(meta_pages.subscribe_page, page.page_id, token)
        else:
            _ask(meta_pages.subscribe_instagram, page.instagram_account_id, token)
    except BadPageToken:
        raise BadPageToken(str(NO_SUBSCRIPTION)) from None


def _list_lines(page: Page) -> list[tuple[str, str, str]]:
    """Platform, address and name of each channel, that of the page first."""
    messenger = (Platform.MESSENGER, page.page_id, page.name[:80])
    instagram = (Platform.INSTAGRAM, page.instagram_account_id, (page.instagram_username or page.name)[:80])
    return [line for line in (messenger, instagram) if line[1]]


def _save_account(
    chatroom: Chatroom, page: Page, token: str, expires_at: datetime | None
) -> tuple[FacebookPage, dict | None]:
    """The account with this token, and what it was like before if it is not new. Raises Claimed."""
    external_id = page.page_id or page.instagram_account_id
    values = {"name": page.name[:120], "secret": token, "secret_expires_at": expires_at, "checked_at": timezone.now()}
    values |= {"retired_at": None}
    organization_pages = FacebookPage.objects.select_for_update(no_key=True).filter(
        organization=chatroom.organization_id, external_id=external_id
    )
    account = organization_pages.first()
    if account is None:
        with constraints.translate_violation(UNIQUE_ACCOUNTS, Claimed("page")):
            account = FacebookPage.objects.create(
                organization_id=chatroom.organization_id, external_id=external_id, **values
            )
        return account, None
    former_values = _describe_page(account)
    for name, value in values.items():
        setattr(account, name, value)
    with constraints.translate_violation(UNIQUE_ACCOUNTS, Claimed("page")):
        account.save(update_fields=list(values))
    health.resume_account(account)  # Meta has just let us in with it
    return account, former_values


def _save_channel(chatroom: Chatroom, account: FacebookPage, platform: str, address: str, name: str) -> None:
    """Put the organization's channel with this address into service; it keeps its chatroom. Raises Claimed."""
    channels = Channel.every.select_for_update(no_key=True).filter(
        platform=platform, address=address, organization=chatroom.organization_id
    )
    with constraints.translate_violation(UNIQUE_CHANNELS, Claimed("page")):
        if channel := channels.first():
            channel.account, channel.name, channel.retired_at = account, name, None
            channel.save(update_fields=["account", "name", "retired_at"])
            return
        Channel.objects.create(
            organization_id=chatroom.organization_id,
            chatroom=chatroom,
            account=account,
            platform=platform,
            address=address,
            name=name,
        )


def change_page(page: FacebookPage, *, page_access_token: str = "", by: User, **values) -> None:
    """Rename a page, replace its token, or move its channels to another chatroom with their open conversations.

    `chatroom` moves the page's Messenger and whatever is in the same chatroom with it, `instagram_chatroom` its
    Instagram account alone. Raises BadPageToken, WrongPage and MetaAway.
    """
    if not page_access_token and not values:
        return
    if page_access_token:
        values |= _try_token(page, page_access_token)
    with transaction.atomic():
        former_values = _describe_page(page)
        chatroom, instagram_chatroom = values.pop("chatroom", None), values.pop("instagram_chatroom", None)
        _change_chatrooms(page, chatroom, instagram_chatroom, by)
        for name, value in values.items():
            setattr(page, name, value)
        page.save(update_fields=list(values))
        if "name" in values:
            page.channels.filter(address=page.external_id).update(name=page.name[:80])
        if page_access_token:
            health.resume_account(page)  # Meta has just let us in with it
        close_alerts(page)
        new_values = {**_describe_page(page), **({"page_access_token": "replaced"} if page_access_token else {})}
        audit.record_action("page.change", actor=by, target=page, before=former_values, after=new_values)


def _try_token(page: FacebookPage, token: str) -> dict:
    """The columns of a token that Meta accepts for this page. Raises BadPageToken and MetaAway."""
    found_page = find_page(token)
    if (found_page.page_id or found_page.instagram_account_id) != page.external_id:
        raise BadPageToken(_("This token is another page's. Connect that page by itself."))
    expires_at = read_expiry(found_page, token)
    subscribe(found_page, token)
    return {"secret": token, "secret_expires_at": expires_at, "checked_at": timezone.now()}


def _change_chatrooms(
    page: FacebookPage, chatroom: Chatroom | None, instagram_chatroom: Chatroom | None, by: User
) -> None:
    for room in (chatroom, instagram_chatroom):
        if room:
            rooms.hold_chatroom(room)
    channels = list_channels(page)
    if chatroom:
        main = channels[0]
        together = [each for each in channels if each == main or each.chatroom_id == main.chatroom_id]
        _move_channels(together, chatroom, by)
    if instagram_chatroom:
        _move_channels([each for each in channels if each.platform == Platform.INSTAGRAM], instagram_chatroom, by)


def _move_channels(channels: list[Channel], chatroom: Chatroom, by: User) -> None:
    for channel in channels:
        if channel.chatroom_id != chatroom.pk:
            channel.chatroom = chatroom
            channel.save(update_fields=["chatroom"])
            # `messaging` moves the conversations. It may import this app, and not the other way round.
            for path in settings.CHANNEL_FOLLOWERS:
                import_string(path)(channel, by=by)


def list_channels(page: ProviderAccount) -> list[Channel]:
    """The page's channels in service, that of the page itself first."""
    return sorted(page.channels.all(), key=lambda channel: (channel.address != page.external_id, channel.created_at))


def close_alerts(page: ProviderAccount) -> None:
    """Close the alerts about the page and about its channels."""
    for subject in (page, *page.channels.all()):
        health.close_alerts(subject.pk)


def _describe_page(page: FacebookPage) -> dict:
    return {
        "page": page.external_id,
        "name": page.name,
        "has_human_agent": page.has_human_agent,
        "channels": {channel.platform: str(channel.chatroom_id) for channel in list_channels(page)},
    }


def disconnect_page(page: FacebookPage, *, by: User) -> None:
    """Delete a page that no conversation or campaign uses, and have Meta send us its events no more.

    A used page whose token Meta refuses is retired: its conversations can be read, and go on once it is connected
    again. Raises PageInUse for other used pages.
    """
    former_values = _describe_page(page)
    has_page, token = Platform.MESSENGER in former_values["channels"], _read_token(page)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM channels WHERE account_id = %s", [page.pk])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # check the deferred foreign keys now, not at the commit
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError:
        if _is_ours(page):
            raise PageInUse from None
        page_moves.retire_channels(list_channels(page))
        FacebookPage.objects.filter(pk=page.pk).update(retired_at=Now())
    close_alerts(page)
    audit.record_action("page.disconnect", actor=by, target=page, before=former_values)
    FacebookPage.objects.filter(pk=page.pk, channels=None).delete()
    transaction.on_commit(partial(_end_subscription, page, token, has_page=has_page))


def _read_token(page: FacebookPage) -> str:
    """The token, or nothing where it can't be decrypted."""
    try:
        return page.secret
    except (InvalidToken, ValueError):
        return ""


def _end_subscription(page: FacebookPage, token: str, *, has_page: bool) -> None:
    """Unsubscribe from a page that is disconnected; where Meta doesn't let us, the admins are told.

    Unless somebody has connected it in the same moment: our app has one subscription, whoever has the page.
    """
    with tenancy.system():
        if FacebookPage.objects.filter(external_id=page.external_id, retired_at=None).exists():
            return
    try:
        meta_pages.unsubscribe_account(page.external_id, token, has_page=has_page)
    except (Refusal, Away) as error:
        log.info("Meta goes on sending the events of page %s: %s", page.pk, type(error).__name__)
        words = sentences.STILL_SUBSCRIBED_PAGE.format(name=page.name or page.external_id)
        with tenancy.system():
            health.raise_alert(page.organization_id, page.pk, STILL_SUBSCRIBED, words)


def _is_ours(page: FacebookPage) -> bool:
    """Whether Meta accepts the page's token; True where Meta can't be asked."""
    try:
        find_page(page.secret)
    except BadPageToken:
        return False
    except MetaAway:
        return True
    return True


def _ask(question: Callable, *args):
    try:
        return question(*args)
    except Refusal as refusal:
        raise (MetaAway if refusal.code == OUR_SECRET else BadPageToken) from None
    except Away:
        raise MetaAway from None

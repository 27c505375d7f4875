"""Taking pages and Instagram accounts from organizations whose tokens don't open them at Meta any more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from accounts import audit, tasks
from integrations import health
from integrations.meta import pages as meta_pages
from integrations.models import Channel, FacebookPage, Platform
from integrations.numbers import Claimed
from integrations.refusals import Away, Refusal
from messagehub import sentences, tenancy

MOVED, INSTAGRAM_CHANGED = "page_moved", "instagram_changed"
# The token itself is not good any more; other refusals say nothing about whose page it is:
# https://developers.facebook.com/docs/graph-api/guides/error-handling
DEAD_TOKEN = {"102", "104", "190"}
# Of our own app (as in `integrations.pages`): nobody's token can be judged.
OUR_SECRET = "app_secret"  # noqa: S105


@dataclass(frozen=True, slots=True)
class FormerOwner:
    """An account of another organization, and which of its addresses its token does not open any more."""

    account_id: UUID
    secret: str = field(repr=False)
    lost_addresses: frozenset[str]


def find_former_owners(addresses: Collection[str], organization_id: UUID) -> list[FormerOwner]:
    """The accounts of other organizations that have these pages and Instagram accounts, and can't prove them any more.

    Meta is asked with the token of each, so no lock may be held. Raises Claimed where a token still opens what it is
    for, and Away.
    """
    # As the system role, because row security hides the other organizations' rows.
    with tenancy.system():
        has_channel = Exists(Channel.objects.filter(account=OuterRef("pk"), address__in=addresses))
        others = FacebookPage.objects.filter(Q(external_id__in=addresses) | has_channel, retired_at=None)
        account_ids = list(others.exclude(organization=organization_id).order_by("pk").values_list("pk", flat=True))
    return [_ask_owner(account_id, frozenset(addresses)) for account_id in account_ids]


def _ask_owner(account_id: UUID, addresses: frozenset[str]) -> FormerOwner:
    """Raises Claimed and Away."""
    try:
        with tenancy.system():
            account = FacebookPage.objects.get(pk=account_id)  # decrypts the token
            channels = list(account.channels.all())
    except (InvalidToken, ValueError):
        raise Claimed("page") from None  # it proves nothing, but nobody knows that it could not
    has_page = any(channel.platform == Platform.MESSENGER for channel in channels)
    lost_addresses = addresses & {account.external_id, *(channel.address for channel in channels)}
    if lost_addresses & _list_opened(account.secret, has_page):
        raise Claimed("page")
    return FormerOwner(account_id, account.secret, lost_addresses)


def _list_opened(token: str, has_page: bool) -> set[str]:
    """The page and the Instagram account that the token opens. Raises Claimed where Meta doesn't say, and Away."""
    try:
        page = meta_pages.fetch_page(token) if has_page else meta_pages.fetch_instagram_account(token)
    except Refusal as refusal:
        if refusal.code == OUR_SECRET:
            raise Away("Meta refuses our app.") from None
        if refusal.code in DEAD_TOKEN:
            return set()
        raise Claimed("page") from None
    return {page.page_id, page.instagram_account_id} - {""}


def retire_former_owners(former_owners: Sequence[FormerOwner], organization_id: UUID, name: str) -> None:
    """Retire what they lost, and tell the admins of both sides. Neither learns who the other is.

    Raises Claimed where an account got another token since Meta was asked.
    """
    for owner in former_owners:
        with tenancy.system():
            accounts = FacebookPage.objects.select_for_update(no_key=True).filter(pk=owner.account_id, retired_at=None)
            if account := accounts.first():
                if account.secret != owner.secret:
                    raise Claimed("page")
                _retire_account(account, owner.lost_addresses)
    if former_owners:
        tasks.mail_admins.defer(
            organization_id=str(organization_id),
            template="integrations/mail/alert.txt",
            path="/manage/pages/",
            context={"message": sentences.PAGE_FROM_ELSEWHERE.format(name=name)},
        )


def _retire_account(account: FacebookPage, lost_addresses: Collection[str]) -> None:
    """Retire these of an account's channels, and the account with its page or with its last channel."""
    channels = account.channels.select_for_update(no_key=True).order_by("pk")
    if account.external_id not in lost_addresses:
        channels = channels.filter(address__in=lost_addresses)
    retired_channels = list(channels)
    retire_channels(retired_channels)
    if not account.channels.exists():
        FacebookPage.objects.filter(pk=account.pk).update(retired_at=Now())
    names = " and ".join(dict.fromkeys(str(channel) for channel in retired_channels)) or account.name
    audit.record_action("page.retire", actor=None, target=account, before=describe_channels(retired_channels))
    for subject_id in (account.pk, *(channel.pk for channel in retired_channels)):
        health.close_alerts(subject_id)
    health.raise_alert(
        account.organization_id,
        account.pk,
        MOVED,
        sentences.MOVED_PAGE.format(name=names),
    )


def change_instagram(account: FacebookPage, account_id: str, username: str) -> bool:
    """Follow a page to the Instagram account that it is linked to now; returns whether it was another one.

    The former one is retired with its conversations, and its chatroom gets the new one. Where another organization has
    the new one, that stays there. Another account is all that counts: a token may not be allowed to see any.
    """
    channels = account.channels.select_for_update(no_key=True).filter(platform=Platform.INSTAGRAM)
    former = channels.exclude(address=account_id).first()
    if not account_id or former is None or account.channels.filter(address=account_id).exists():
        return False
    retire_channels([former])
    name = (username or account.name)[:80]
    try:
        with transaction.atomic():
            Channel.every.update_or_create(
                organization_id=account.organization_id,
                platform=Platform.INSTAGRAM,
                address=account_id,
                defaults={"account": account, "name": name, "retired_at": None},
                create_defaults={"account": account, "name": name, "chatroom_id": former.chatroom_id},
            )
        sentence = sentences.OTHER_INSTAGRAM
    except IntegrityError:
        sentence = sentences.OTHER_INSTAGRAM_ELSEWHERE
    audit.record_action(
        "page.change_instagram",
        actor=None,
        target=account,
        before={"instagram_account_id": former.address},
        after={"instagram_account_id": account_id},
    )
    words = sentence.format(name=account.name or account.external_id, account=name, former=former)
    health.raise_alert(account.organization_id, account.pk, INSTAGRAM_CHANGED, words)
    return True


def retire_channels(channels: Collection[Channel]) -> None:
    """Stop receiving and sending over channels. Queued messages fail and are refunded when they are claimed."""
    # The rows stay for their conversations, and come back to life with them when they are connected again.
    Channel.objects.filter(pk__in=[channel.pk for channel in channels]).update(retired_at=Now())


def describe_channels(channels: Collection[Channel]) -> dict[str, str]:
    return {channel.platform: channel.address for channel in channels}

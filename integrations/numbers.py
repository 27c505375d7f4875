"""Connecting, changing and disconnecting phone numbers and their accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Organization, User
from chatrooms import rooms
from chatrooms.models import Chatroom
from integrations import health, porting
from integrations.models import Channel, Platform, ProviderAccount, TwilioAccount
from integrations.refusals import Away, Refusal
from integrations.twilio import listing
from messagehub import constraints

# A Twilio account has a primary and a secondary token; while one replaces the other, both sign webhooks
# (https://www.twilio.com/docs/iam/api/authtoken).
PREVIOUS_TOKEN_SIGNS = timedelta(days=1)


class Claimed(Exception):
    """The number or account is connected already."""

    # The same words for this organization and for others, so that nobody learns who has it.

    def __init__(self, what: str):
        sentences = {
            "number": _("This number is connected already."),
            "account": _("This account is connected already."),
            "page": _("This page is connected already."),
        }
        super().__init__(sentences[what])


class InUse(Exception):
    """Conversations or campaigns go over the number."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Conversations or campaigns use this number, so it can't be disconnected. Move it to another chatroom "
                "instead."
            )
        )


class BadCredentials(Exception):
    """Twilio rejected the account SID and auth token."""

    def __init__(self, explanation: str = ""):
        self.fields = {"auth_token": [explanation or _("Twilio rejected this account SID and auth token.")]}
        super().__init__(self.fields["auth_token"][0])


class NotInAccount(Exception):
    """The account does not own the number."""

    def __init__(self) -> None:
        self.fields = {"phone": [_("This Twilio account doesn't own the number.")]}
        super().__init__(self.fields["phone"][0])


class ProviderAway(Exception):
    """Twilio can't be reached, or gave no proper answer."""

    def __init__(self) -> None:
        super().__init__(_("Twilio can't be reached right now. Try again in a moment."))


def connect_number(
    chatroom: Chatroom, phone: str, *, account_sid: str, auth_token: str = "", by: User, **values
) -> Channel:
    """Connect a number to a chatroom, and its webhook to us. Another organization that has it loses it.

    `auth_token` is needed for an account that is not connected yet. Raises BadCredentials, NotInAccount, ProviderAway
    and Claimed.
    """
    # Twilio's list is the proof of ownership. All calls to Twilio come before the first write, so that no transaction
    # waits for a lock of ours while Twilio takes its time. The webhook's address is the same for every organization: a
    # number that turns out to be claimed is not diverted by setting it.
    secret = auth_token or _read_known_token(account_sid)
    own_number = find_owned(_ask(listing.numbers, account_sid, secret, phone), phone)
    if own_number is None:
        raise NotInAccount
    if own_number.webhook != listing.webhook_url():
        _ask(listing.route_here, account_sid, secret, own_number.sid)
    account = connect_account(chatroom.organization, account_sid, secret, accepted=True)
    rooms.hold_chatroom(chatroom)
    porting.retire_elsewhere(phone, chatroom.organization, account)
    organization_numbers = Channel.every.select_for_update(no_key=True).filter(
        platform=Platform.SMS, address=phone, organization=chatroom.organization
    )
    if number := organization_numbers.first():
        return _reconnect(number, account, by=by, chatroom=chatroom, **values)
    with constraints.translate_violation("channels_address", Claimed("number")):
        number = Channel.objects.create(
            organization_id=chatroom.organization_id,
            chatroom=chatroom,
            account=account,
            address=phone,
            **{"name": own_number.name[:80], **values},
        )
    audit.record_action("number.connect", actor=by, target=number, after=_describe_number(number))
    return number


def find_owned(own_numbers: list[listing.OwnNumber], phone: str) -> listing.OwnNumber | None:
    # Twilio's filter is a pattern (https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource), so it
    # may list other numbers too.
    return next((own_number for own_number in own_numbers if own_number.phone == phone), None)


def _reconnect(number: Channel, account: ProviderAccount, *, by: User, **values) -> Channel:
    """Connect a number that the organization has or had before to another account. Raises Claimed."""
    if number.retired_at is None and number.account_id == account.pk:
        raise Claimed("number")
    number.account, number.retired_at = account, None
    with constraints.translate_violation("channels_address", Claimed("number")):
        number.save(update_fields=["account", "retired_at"])
    change_number(number, by=by, **values)
    return number


def connect_account(organization: Organization, sid: str, token: str, *, accepted: bool = False) -> TwilioAccount:
    """The organization's account, created or given this token. Twilio is asked unless it `accepted` it just now.

    Raises BadCredentials, ProviderAway and Claimed.
    """
    if not accepted:
        _ask(listing.numbers, sid, token)
    account = TwilioAccount.objects.filter(external_id=sid).first()
    if account is None:
        with constraints.translate_violation("provider_accounts_external_id", Claimed("account")):
            return TwilioAccount.objects.create(organization=organization, external_id=sid, secret=token)
    if account.secret != token:
        account.secret, account.other_secret = token, account.secret
        account.other_secret_until = timezone.now() + PREVIOUS_TOKEN_SIGNS
        account.save(update_fields=["secret", "other_secret", "other_secret_until"])
    health.resume_account(account)  # Twilio has just let us in with it
    return account


@transaction.atomic
def add_account(organization: Organization, sid: str, token: str, *, by: User) -> TwilioAccount:
    """Connect an account whose numbers are chosen later. Raises BadCredentials, ProviderAway and Claimed."""
    account = connect_account(organization, sid, token)
    audit.record_action("account.connect", actor=by, target=account, after={"account_sid": sid})
    return account


def list_unconnected(organization: Organization) -> tuple[list[dict], dict[str, str]]:
    """Numbers of the organization's accounts that no chatroom has, and by SID why an account could not be asked."""
    taken = set(
        Channel.objects.filter(organization=organization, platform=Platform.SMS).values_list("address", flat=True)
    )

    def list_free(account: TwilioAccount) -> list[dict]:
        return [
            {"phone": own_number.phone, "name": own_number.name, "account_sid": account.external_id}
            for own_number in _ask(listing.numbers, account.external_id, account.secret)
            if own_number.phone not in taken
        ]

    free, problems = _ask_each_account(organization, list_free)
    return free, {sid: str(problem) for sid, problem in problems.items()}


def _ask_each_account(
    organization: Organization, list_rows: Callable[[TwilioAccount], list[dict]]
) -> tuple[list[dict], dict[str, BadCredentials | ProviderAway]]:
    """The rows of all accounts, and by SID why one has none. A broken account costs only itself."""
    rows: list[dict] = []
    problems: dict[str, BadCredentials | ProviderAway] = {}
    accounts = TwilioAccount.objects.filter(organization=organization).order_by("created_at", "pk").values_list("pk")
    for (pk,) in accounts:
        account = TwilioAccount.objects.defer("secret", "other_secret").get(pk=pk)
        try:
            rows += list_rows(account)
        except (BadCredentials, ProviderAway) as problem:
            problems[account.external_id] = problem
        except (InvalidToken, ValueError):
            problems[account.external_id] = BadCredentials(
                _("The auth token that we keep can't be read. Enter it again.")
            )
    return rows, problems


def set_webhook(number: Channel, *, by: User) -> None:
    """Have Twilio send the number's messages to us. Raises BadCredentials, NotInAccount and ProviderAway."""
    account = number.account
    own_number = find_owned(_ask(listing.numbers, account.external_id, account.secret, number.address), number.address)
    if own_number is None:
        raise NotInAccount
    if own_number.webhook != listing.webhook_url():
        _ask(listing.route_here, account.external_id, account.secret, own_number.sid)
        before = {"webhook": own_number.webhook}
        audit.record_action("number.set_webhook", actor=by, target=number, before=before)


def revoke_previous_token(account: ProviderAccount, *, by: User) -> None:
    """Refuse webhooks signed with the account's previous token from now on."""
    accounts = ProviderAccount.objects.filter(pk=account.pk).exclude(other_secret_until=None)
    if accounts.update(other_secret="", other_secret_until=None):
        audit.record_action("account.revoke_token", actor=by, target=account)


@transaction.atomic
def change_number(number: Channel, *, auth_token: str = "", revoke_previous: bool = False, by: User, **values) -> None:
    """Rename a number, replace its account's token, or move it to another chatroom with its open conversations."""
    if not auth_token and not revoke_previous and not values:
        return
    if auth_token:
        connect_account(number.organization, number.account.external_id, auth_token)
    if revoke_previous:
        revoke_previous_token(number.account, by=by)
    previous_values, chatroom_id = _describe_number(number), number.chatroom_id
    if "chatroom" in values:
        rooms.hold_chatroom(values["chatroom"])
    for name, value in values.items():
        setattr(number, name, value)
    number.save(update_fields=list(values))
    if number.chatroom_id != chatroom_id:
        # `messaging` moves the conversations. It may import this app, and not the other way round.
        for path in settings.CHANNEL_FOLLOWERS:
            import_string(path)(number, by=by)
    health.close_alerts(number.pk)
    new_values = {**_describe_number(number), **({"auth_token": "replaced"} if auth_token else {})}
    audit.record_action("number.change", actor=by, target=number, before=previous_values, after=new_values)


def _describe_number(number: Channel) -> dict:
    values = {name: getattr(number, name) for name in ("name", "segments_per_second")}
    return {"phone": number.address, **values, "chatroom_id": str(number.chatroom_id)}


def disconnect_number(number: Channel, *, by: User) -> None:
    """Delete a number that no conversation or campaign uses, and the account with its last number.

    A used number that its account does not list any more is retired. Raises InUse for other used numbers.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM channels WHERE id = %s", [number.pk])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # check the deferred foreign keys now, not at the commit
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError:
        if _is_listed(number):
            raise InUse from None
        porting.retire_number(number)
    audit.record_action("number.disconnect", actor=by, target=number, before=_describe_number(number))
    TwilioAccount.objects.filter(pk=number.account_id, channels=None).delete()


def _is_listed(number: Channel) -> bool:
    """Whether the account lists the number; True where Twilio can't be asked."""
    account = number.account
    try:
        return (
            find_owned(_ask(listing.numbers, account.external_id, account.secret, number.address), number.address)
            is not None
        )
    except (BadCredentials, ProviderAway):
        return True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The organization's numbers as Twilio lists them, and by SID why an account could not be asked."""

    numbers: list[dict]
    problems: dict[str, BadCredentials | ProviderAway]


def sync_numbers(organization: Organization) -> Comparison:
    """List the numbers of the organization's accounts at Twilio, and set the webhooks of connected ones.

    Connected numbers that their account does not list any more are included, and the admins are alerted. Raises
    BadCredentials or ProviderAway where no account could be asked.
    """
    connected = Channel.objects.filter(organization=organization, platform=Platform.SMS).select_related("account")
    connected = connected.defer("account__secret", "account__other_secret")
    number_by_phone = {number.address: number for number in connected}

    def sync_account(account: TwilioAccount) -> list[dict]:
        own_numbers = _ask(listing.numbers, account.external_id, account.secret)
        return [_sync_number(account, own_number, number_by_phone.get(own_number.phone)) for own_number in own_numbers]

    descriptions, problems = _ask_each_account(organization, sync_account)
    if problems and len(problems) == TwilioAccount.objects.filter(organization=organization).count():
        raise next(iter(problems.values()))
    listed = {(each["account_sid"], each["phone"]) for each in descriptions}
    for number in number_by_phone.values():
        sid = number.account.external_id
        if sid not in problems and (sid, number.address) not in listed:
            porting.alert_gone(number)
            descriptions.append(_describe_synced(number.account, number.address, number.name, number, "not_in_account"))
    return Comparison(descriptions, problems)


def _sync_number(account: TwilioAccount, own_number: listing.OwnNumber, number: Channel | None) -> dict:
    # The webhook of a number without a chatroom is left alone: it may serve another program.
    webhook = "unchanged" if number else "not_connected"
    if number and own_number.webhook != listing.webhook_url():
        _ask(listing.route_here, account.external_id, account.secret, own_number.sid)
        webhook = "set"
    return _describe_synced(account, own_number.phone, own_number.name, number, webhook)


def _describe_synced(account: ProviderAccount, phone: str, name: str, number: Channel | None, webhook: str) -> dict:
    return {
        "phone": phone,
        "name": name,
        "account_sid": account.external_id,
        "sender_number_id": number.pk if number else None,
        "chatroom_id": number.chatroom_id if number else None,
        "webhook": webhook,
    }


def _read_known_token(account_sid: str) -> str:
    account = TwilioAccount.objects.filter(external_id=account_sid).first()
    if account is None:
        raise BadCredentials(_("An auth token is required to connect a new account."))
    return account.secret


def _ask(question: Callable, *args):
    try:
        return question(*args)
    except Refusal:
        raise BadCredentials from None
    except Away:
        raise ProviderAway from None

"""Connecting phone numbers: Twilio is asked first, and only then the database whether they are free.

The provider is called inside the request's transaction, but before it has written anything; so nobody waits for it.
"""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import audit
from accounts.models import Organization, User
from chatrooms import rooms
from chatrooms.models import Chatroom
from integrations import health, porting
from integrations.models import SenderNumber, TwilioAccount
from integrations.twilio import errors, listing
from messagehub import constraints

PREVIOUS_TOKEN_SIGNS = timedelta(days=1)


class Claimed(Exception):
    """The number or account is connected already, here or elsewhere."""

    def __init__(self, what: str):
        super().__init__(f"This {what} is connected already.")


class InUse(Exception):
    """Conversations or campaigns go over the number."""

    def __init__(self) -> None:
        super().__init__(
            "Conversations or campaigns use this number, so it can't be disconnected. Move it to another chatroom "
            "instead."
        )


class BadCredentials(Exception):
    """Twilio does not let us in with them."""

    def __init__(self, said: str = "Twilio rejected this account SID and auth token."):
        self.fields = {"auth_token": [said]}
        super().__init__(said)


class NotInAccount(Exception):
    """The account does not own the number."""

    def __init__(self) -> None:
        self.fields = {"phone": ["This Twilio account doesn't own the number."]}
        super().__init__(self.fields["phone"][0])


class ProviderAway(Exception):
    """Twilio does not answer as it should."""

    def __init__(self) -> None:
        super().__init__("Twilio can't be reached right now. Try again in a moment.")


def connect_number(
    chatroom: Chatroom, phone: str, *, account_sid: str, auth_token: str = "", by: User, **values
) -> SenderNumber:
    """Let a chatroom send from a number and be reached at it.

    That Twilio lists it in this account is the proof: whoever had it before, here or in another organization, has it no
    more. The token is needed for an account that is not connected yet. Raises BadCredentials, NotInAccount,
    ProviderAway, and Claimed once Twilio has accepted the credentials.
    """
    secret = auth_token or _known_token(account_sid)
    owned = find_owned(_ask(listing.numbers, account_sid, secret, phone), phone)
    if owned is None:
        raise NotInAccount
    if owned.webhook != listing.webhook_url():  # before anything is written: no lock is held while Twilio is asked
        _ask(listing.route_here, account_sid, secret, owned.sid)
    account = connect_account(chatroom.organization, account_sid, secret, accepted=True)
    rooms.hold_chatroom(chatroom)
    porting.retire_elsewhere(phone, chatroom.organization, account)
    own = SenderNumber.every.select_for_update(no_key=True).filter(phone=phone, organization=chatroom.organization)
    if number := own.first():
        return _reconnect(number, account, by=by, chatroom=chatroom, **values)
    with constraints.translate_violation("sender_numbers_phone", Claimed("number")):
        number = SenderNumber.objects.create(
            organization_id=chatroom.organization_id,
            chatroom=chatroom,
            twilio_account=account,
            phone=phone,
            **{"name": owned.name[:80], **values},
        )
    audit.record_action("number.connect", actor=by, target=number, after=_named(number))
    return number


def find_owned(listed: list[listing.OwnNumber], phone: str) -> listing.OwnNumber | None:
    """Exactly this number: Twilio reads what it is asked for as a pattern."""
    return next((each for each in listed if each.phone == phone), None)


def _reconnect(number: SenderNumber, account: TwilioAccount, *, by: User, **values) -> SenderNumber:
    """A number that the organization has or had, in the account that proved to own it. Raises Claimed where it is."""
    if number.retired_at is None and number.twilio_account_id == account.pk:
        raise Claimed("number")
    number.twilio_account, number.retired_at = account, None
    with constraints.translate_violation("sender_numbers_phone", Claimed("number")):
        number.save(update_fields=["twilio_account", "retired_at"])
    change_number(number, by=by, **values)
    return number


def connect_account(organization: Organization, sid: str, token: str, *, accepted: bool = False) -> TwilioAccount:
    """The organization's account with this token, asked for at Twilio unless that was `accepted` just now.

    A token that is replaced goes on signing for a day (`PREVIOUS_TOKEN_SIGNS`). Raises BadCredentials, ProviderAway
    and Claimed.
    """
    if not accepted:
        _ask(listing.numbers, sid, token)
    known = TwilioAccount.objects.filter(account_sid=sid).first()
    if known is None:
        with constraints.translate_violation("twilio_accounts_account_sid_key", Claimed("account")):
            return TwilioAccount.objects.create(organization=organization, account_sid=sid, auth_token=token)
    if known.auth_token != token:
        known.auth_token, known.other_auth_token = token, known.auth_token
        known.other_token_until = timezone.now() + PREVIOUS_TOKEN_SIGNS
        known.save(update_fields=["auth_token", "other_auth_token", "other_token_until"])
    health.resume_account(known)  # Twilio has just let us in with it
    return known


def revoke_previous_token(account: TwilioAccount, *, by: User) -> None:
    """Webhooks that the account's previous token signed are refused from now on. Nothing happens without one."""
    revoked = TwilioAccount.objects.filter(pk=account.pk).exclude(other_token_until=None)
    if revoked.update(other_auth_token="", other_token_until=None):
        audit.record_action("account.revoke_token", actor=by, target=account)


@transaction.atomic
def change_number(
    number: SenderNumber, *, auth_token: str = "", revoke_previous: bool = False, by: User, **values
) -> None:
    """Rename a number, replace its account's token, or move it to another chatroom with its open conversations."""
    if not auth_token and not revoke_previous and not values:
        return
    if auth_token:
        connect_account(number.organization, number.twilio_account.account_sid, auth_token)
    if revoke_previous:
        revoke_previous_token(number.twilio_account, by=by)
    before, chatroom_id = _named(number), number.chatroom_id
    if "chatroom" in values:
        rooms.hold_chatroom(values["chatroom"])
    for name, value in values.items():
        setattr(number, name, value)
    number.save(update_fields=list(values))
    if number.chatroom_id != chatroom_id:
        for path in settings.NUMBER_FOLLOWERS:
            import_string(path)(number, by=by)
    health.close_alerts(number.pk)
    after = {**_named(number), **({"auth_token": "replaced"} if auth_token else {})}
    audit.record_action("number.change", actor=by, target=number, before=before, after=after)


def _named(number: SenderNumber) -> dict:
    named = {name: getattr(number, name) for name in ("phone", "name", "segments_per_second")}
    return {**named, "chatroom_id": str(number.chatroom_id)}


def disconnect_number(number: SenderNumber, *, by: User) -> None:
    """Forget a number that no conversation or campaign goes over, and its account with the last one.

    One that its account does not have any more is retired instead. Raises InUse.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM sender_numbers WHERE id = %s", [number.pk])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # ask the foreign keys now, not at the commit
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError:
        if _is_listed(number):
            raise InUse from None
        porting.retire_number(number)
    audit.record_action("number.disconnect", actor=by, target=number, before=_named(number))
    TwilioAccount.objects.filter(pk=number.twilio_account_id, sender_numbers=None).delete()


def _is_listed(number: SenderNumber) -> bool:
    """Whether its account still has the number, as far as can be told."""
    account = number.twilio_account
    try:
        return (
            find_owned(_ask(listing.numbers, account.account_sid, account.auth_token, number.phone), number.phone)
            is not None
        )
    except (BadCredentials, ProviderAway):
        return True


def sync_numbers(organization: Organization) -> list[dict]:
    """All numbers of the organization's accounts as Twilio lists them; those of chatrooms are made to come to us.

    A number of a chatroom that its account does not have any more is listed too, and the admins are told.
    """
    own = SenderNumber.objects.filter(organization=organization).select_related("twilio_account")
    ours = {number.phone: number for number in own}
    listed = [
        (account, owned)
        for account in organization.twilio_accounts.order_by("created_at", "pk")
        for owned in _ask(listing.numbers, account.account_sid, account.auth_token)
    ]
    proved = {(account.pk, owned.phone) for account, owned in listed}
    gone = [number for number in ours.values() if (number.twilio_account_id, number.phone) not in proved]
    for number in gone:
        porting.alert_gone(number)
    synced = [_synced(account, owned, ours.get(owned.phone)) for account, owned in listed]
    return synced + [
        _describe(number.twilio_account, number.phone, number.name, number, "not_in_account") for number in gone
    ]


def _synced(account: TwilioAccount, owned: listing.OwnNumber, number: SenderNumber | None) -> dict:
    """A number that no chatroom has may serve something else: its webhook is left alone."""
    webhook = "unchanged" if number else "not_connected"
    if number and owned.webhook != listing.webhook_url():
        _ask(listing.route_here, account.account_sid, account.auth_token, owned.sid)
        webhook = "set"
    return _describe(account, owned.phone, owned.name, number, webhook)


def _describe(account: TwilioAccount, phone: str, name: str, number: SenderNumber | None, webhook: str) -> dict:
    return {
        "phone": phone,
        "name": name,
        "account_sid": account.account_sid,
        "sender_number_id": number.pk if number else None,
        "chatroom_id": number.chatroom_id if number else None,
        "webhook": webhook,
    }


def _known_token(account_sid: str) -> str:
    known = TwilioAccount.objects.filter(account_sid=account_sid).first()
    if known is None:
        raise BadCredentials("An auth token is required to connect a new account.")
    return known.auth_token


def _ask(question: Callable, *args):
    try:
        return question(*args)
    except errors.Refusal:
        raise BadCredentials from None
    except errors.Away:
        raise ProviderAway from None

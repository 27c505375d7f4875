"""What contacts with a scoped id are called at their provider, and a copy of their picture."""

import logging
from datetime import timedelta
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef
from django.utils import timezone

from chatrooms.models import Contact, ContactAddress
from integrations import health, providers
from integrations.downloads import DownloadPostponed, DownloadRefused, download_file
from integrations.events import Profile
from integrations.models import ProviderAccount
from integrations.refusals import Away, Refusal
from messagehub import tenancy
from messagehub.images import picture_size
from messaging.conversations import changes

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 6
LONGEST_NAME = 80
ASK_AGAIN = timedelta(days=1)  # as often as `tasks.fetch_missing_profiles` runs
# The account's token is rejected: https://developers.facebook.com/docs/graph-api/guides/error-handling
TOKEN_REJECTED = ("190", "102")


class ProfilePostponed(Exception):
    """The provider can't be asked now, and another attempt may succeed."""


def name_contact(contact_id: UUID) -> None:
    """Name a contact as the provider does, unless somebody here named them, and copy their picture.

    A contact of whom the provider tells nothing stays as they are. Raises ProfilePostponed.
    """
    # No transaction is open while the provider is asked.
    address = _find_address(contact_id)
    if address is None:
        return
    profile = _ask_provider(address)
    if profile is None:
        return
    if not _update_contact(address, profile, ""):
        return
    picture_path = _copy_picture(address, profile.picture_url)
    if picture_path and not _update_contact(address, profile, picture_path):
        _drop_picture(picture_path)


def list_unnamed() -> list[UUID]:
    """Contacts with a scoped id who wrote within a day and whom nobody has named yet.

    Their provider was away for all attempts, or told nothing before.
    """
    unnamed_contacts = Contact.objects.filter(
        name_source=Contact.NameSource.NONE, last_activity_at__gte=timezone.now() - ASK_AGAIN, blocked_at=None
    )
    named_by = ContactAddress.objects.filter(contact=OuterRef("pk")).exclude(channel=None)
    with tenancy.system():
        return list(unnamed_contacts.filter(Exists(named_by)).order_by("pk").values_list("pk", flat=True))


def _find_address(contact_id: UUID) -> ContactAddress | None:
    """The contact's newest scoped id, with its channel and account. Raises ProfilePostponed for an unreadable token."""
    addresses = ContactAddress.objects.filter(contact=contact_id).exclude(channel=None)
    try:
        with tenancy.system():
            return addresses.select_related("channel__account").order_by("-is_primary", "-pk").first()
    except (InvalidToken, ValueError):
        raise ProfilePostponed("The account's token can't be read.") from None


def _ask_provider(address: ContactAddress) -> Profile | None:
    """Raises ProfilePostponed."""
    channel = address.channel
    if channel is None:
        return None
    account = channel.account
    try:
        return providers.find_provider(account.provider).fetch_profile(
            account.external_id, account.secret, channel.platform, channel.address, address.address
        )
    except Away as error:
        raise ProfilePostponed(str(error)) from None
    except Refusal as refusal:
        if refusal.code.partition("/")[0] not in TOKEN_REJECTED:
            log.warning("The profile of contact %s is not told: %s", address.contact_id, refusal.code)
            return None
        _pause_account(account, refusal)
        raise ProfilePostponed("The account's token is rejected.") from None


def _pause_account(account: ProviderAccount, refusal: Refusal) -> None:
    with tenancy.system():
        health.pause_account(account.pk, refusal.code[:16], str(refusal))


def _update_contact(address: ContactAddress, profile: Profile, picture_path: str) -> bool:
    """Write what is new, and let open browsers know. False where the address is not the contact's any more."""
    with tenancy.system():
        contact = Contact.objects.select_for_update(no_key=True).filter(pk=address.contact_id).first()
        # Merged meanwhile, or erased: who asked to be forgotten must not be named again.
        if contact is None or not contact.addresses.filter(pk=address.pk).exists():
            return False
        values = _read_names(profile) if contact.name_source != Contact.NameSource.STAFF else {}
        if picture_path:
            values["profile_picture_url"] = picture_path
        changed_values = {name: value for name, value in values.items() if getattr(contact, name) != value}
        if changed_values:
            Contact.objects.filter(pk=contact.pk).update(**changed_values)
            changes.announce_contact_change(contact)
        return True


def _drop_picture(path: str) -> None:
    """Delete a copy that no contact has: not one who was moved or merged either."""
    with tenancy.system():
        is_used = Contact.objects.filter(profile_picture_url=path).exists()
    if not is_used:
        default_storage.delete(path)


def _read_names(profile: Profile) -> dict[str, str]:
    """The columns of a name; none where the provider knows no name. A whole name is not taken apart."""
    first_name, last_name = profile.first_name, profile.last_name
    if not first_name and not last_name:
        first_name = profile.name or profile.username
    if not first_name and not last_name:
        return {}
    names = {"first_name": first_name[:LONGEST_NAME], "last_name": last_name[:LONGEST_NAME]}
    return {**names, "name_source": Contact.NameSource.PROVIDER}


def _copy_picture(address: ContactAddress, url: str) -> str:
    """Copy the picture into our storage; returns its path there, empty without one. Raises ProfilePostponed."""
    # The provider's address of a picture ends after some days, and would tell it who looks at whom.
    if not url:
        return ""
    try:
        download = download_file(url)
    except DownloadRefused as error:
        log.warning("The picture of contact %s has no copy: %s", address.contact_id, error)
        return ""
    except DownloadPostponed as error:
        raise ProfilePostponed(str(error)) from None
    if not picture_size(download.content):
        return ""
    path = build_picture_path(address.organization_id, address.contact_id)
    default_storage.delete(path)  # save() would choose another name
    return default_storage.save(path, ContentFile(download.content))


def build_picture_path(organization_id: UUID, contact_id: UUID) -> str:
    """Where the copy is stored. `Contact.profile_picture_url` holds this path, also in copies of a moved contact."""
    return f"{organization_id}/faces/{contact_id}"

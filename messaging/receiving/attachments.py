"""Copying attachments of inbound messages into our storage. `integrations.downloads` fetches them safely."""

import logging
from datetime import timedelta
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models.functions import Now

from integrations.downloads import DownloadPostponed, DownloadRefused, Fetched, download_file
from integrations.models import TwilioAccount
from messagehub import tenancy
from messagehub.images import picture_size
from messaging.live import event_log
from messaging.models import Attachment

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 4
# A job may be lost when its worker is killed. After this time an attachment without a copy gets another one.
LOST_MINUTES = 15


def copy_attachment(attachment_id: UUID) -> None:
    """Copy an attachment. Raises DownloadPostponed where another attempt may succeed."""
    with tenancy.system():
        attachment = (
            Attachment.objects.select_related("message__channel")
            .filter(pk=attachment_id, state=Attachment.State.PENDING)
            .first()
        )
        if attachment is None:
            return
        Attachment.objects.filter(pk=attachment_id).update(attempts=attachment.attempts + 1)
    # Twilio's media URLs need the account's credentials and redirect to another host, which must not get them
    # (https://www.twilio.com/docs/messaging/api/media-resource). No transaction is open during the download.
    try:
        download = download_file(attachment.source_url, _find_account(attachment))
    except DownloadRefused as error:
        _mark_failed(attachment, str(error))
    except DownloadPostponed as error:
        if attachment.attempts + 1 < MOST_ATTEMPTS:
            raise
        _mark_failed(attachment, str(error))
    else:
        _store_copy(attachment, download)


def _find_account(attachment: Attachment) -> TwilioAccount | None:
    """The account whose credentials open the file; none for a page's, whose token is for Meta alone.

    Raises DownloadPostponed while its token can't be decrypted.
    """
    try:
        with tenancy.system():
            return TwilioAccount.objects.filter(pk=attachment.message.channel.account_id).first()
    except (InvalidToken, ValueError):
        raise DownloadPostponed("The account's token can't be read.") from None


def _store_copy(attachment: Attachment, download: Fetched) -> None:
    picture = picture_size(download.content)
    path = f"{attachment.organization_id}/{attachment.pk}"
    default_storage.delete(path)  # of an attempt that died before its transaction; save() would choose another name
    stored_path = default_storage.save(path, ContentFile(download.content))
    content_type, width, height = picture or (download.content_type or attachment.content_type, None, None)
    is_wanted = _update_attachment(
        attachment,
        state=Attachment.State.STORED,
        file=stored_path,
        size=len(download.content),
        name=attachment.name or download.name,  # what the provider calls it tells more than a file's name
        content_type=content_type[:100],
        width=width,
        height=height,
    )
    if not is_wanted:  # its message was unsent or erased during the download, and nothing else knows of the copy
        default_storage.delete(stored_path)


def _mark_failed(attachment: Attachment, reason: str) -> None:
    log.warning("Attachment %s has no copy: %s", attachment.pk, reason)
    _update_attachment(attachment, state=Attachment.State.FAILED, error=reason[:200])


def _update_attachment(attachment: Attachment, **values) -> bool:
    """Write the outcome down, once; returns whether the attachment is still there."""
    message = attachment.message
    with tenancy.system():
        if Attachment.objects.filter(pk=attachment.pk, state=Attachment.State.PENDING).update(**values):
            event_log.record_events(
                [
                    event_log.Change(
                        event_log.UPDATED,
                        message.organization_id,
                        message.chatroom_id,
                        message.conversation_id,
                        message.pk,
                    )
                ]
            )
            return True
        return Attachment.objects.filter(pk=attachment.pk).exists()


def list_forgotten(limit: int = 200) -> list[UUID]:
    """Pending attachments whose job must have been lost, those with the fewest attempts first."""
    with tenancy.system():
        pending_attachments = Attachment.objects.filter(
            state=Attachment.State.PENDING, created_at__lt=Now() - timedelta(minutes=LOST_MINUTES)
        )
        return list(pending_attachments.order_by("attempts", "pk").values_list("pk", flat=True)[:limit])

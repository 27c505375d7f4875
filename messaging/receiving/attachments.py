"""Our own copies of what customers send along.

An address in a webhook is somebody else's text: it is fetched by the worker only, over https from the providers' hosts,
from an address that was resolved once and is a public one, with an end to its size and time.
"""

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
LOST_MINUTES = 15


def copy_attachment(attachment_id: UUID) -> None:
    """Make our own copy of an attachment and show it. Raises DownloadPostponed where it is worth trying again."""
    with tenancy.system():
        attachment = (
            Attachment.objects.select_related("message__conversation__sender_number")
            .filter(pk=attachment_id, state=Attachment.State.PENDING)
            .first()
        )
        if attachment is None:
            return
        Attachment.objects.filter(pk=attachment_id).update(attempts=attachment.attempts + 1)
    try:
        fetched = download_file(attachment.source_url, _find_account(attachment))
    except DownloadRefused as error:
        _give_up(attachment, str(error))
    except DownloadPostponed as error:
        if attachment.attempts + 1 < MOST_ATTEMPTS:
            raise
        _give_up(attachment, str(error))
    else:
        _keep(attachment, fetched)


def _find_account(attachment: Attachment) -> TwilioAccount | None:
    """The account that it came by. Raises DownloadPostponed while its token can't be read."""
    number = attachment.message.conversation.sender_number
    if number is None:
        return None
    try:
        with tenancy.system():
            return TwilioAccount.objects.filter(pk=number.twilio_account_id).first()
    except (InvalidToken, ValueError):
        raise DownloadPostponed("The account's token can't be read.") from None


def _keep(attachment: Attachment, fetched: Fetched) -> None:
    picture = picture_size(fetched.content)
    path = f"{attachment.organization_id}/{attachment.pk}"
    default_storage.delete(path)  # of an attempt that was not written down
    stored = default_storage.save(path, ContentFile(fetched.content))
    kind, width, height = picture or (fetched.content_type or attachment.content_type, None, None)
    _settle(
        attachment,
        state=Attachment.State.STORED,
        file=stored,
        size=len(fetched.content),
        name=fetched.name,
        content_type=kind[:100],
        width=width,
        height=height,
    )


def _give_up(attachment: Attachment, why: str) -> None:
    log.warning("Attachment %s has no copy: %s", attachment.pk, why)
    _settle(attachment, state=Attachment.State.FAILED, error=why[:200])


def _settle(attachment: Attachment, **values) -> None:
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


def list_forgotten(limit: int = 200) -> list[UUID]:
    """Attachments that have waited so long that their job must have been lost; what was tried often comes last."""
    with tenancy.system():
        waiting = Attachment.objects.filter(
            state=Attachment.State.PENDING, created_at__lt=Now() - timedelta(minutes=LOST_MINUTES)
        )
        return list(waiting.order_by("attempts", "pk").values_list("pk", flat=True)[:limit])

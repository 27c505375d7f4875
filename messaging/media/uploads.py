"""Files to send: taken in, held by the messages that carry them, and forgotten."""

from collections.abc import Iterable, Sequence
from itertools import chain
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import User
from chatrooms.models import Chatroom
from integrations import isolation, providers
from integrations.models import Platform
from messagehub import media_types, names, sql, stored_files, tenancy
from messaging.media import links
from messaging.models import Attachment, Message, MessageTemplate, Upload

MB = 1024 * 1024
BATCH = 500
FALLBACK_NAME = "file"  # of one whose name nobody could see
# Until the commit: who deletes an upload waits, and finds that it is used.
HOLD = "SELECT id FROM uploads WHERE id = ANY(%s::uuid[]) ORDER BY id FOR KEY SHARE"
LOCK = "SELECT id FROM uploads WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE"
NAMED = """
NOT EXISTS (SELECT FROM {table} t WHERE t.organization_id = u.organization_id
            AND strpos(t.media_urls::text, '"upload:' || u.id || '/') > 0)
"""
# An organization has few templates and campaigns; messages are asked by their attachments.
UNUSED = f"""
NOT EXISTS (SELECT FROM attachments a WHERE a.upload_id = u.id)
AND {NAMED.format(table="templates")} AND {NAMED.format(table="campaigns")}
"""
DELETE = f"DELETE FROM uploads u WHERE u.id = ANY(%s::uuid[]) AND {UNUSED} RETURNING u.file"
# Keys are made in the order of time, so the primary key finds the oldest.
UNSENT = f"""
SELECT u.id FROM uploads u WHERE u.id < uuidv7(make_interval(days => -%(days)s)) AND {UNUSED}
ORDER BY u.id LIMIT %(limit)s
"""


class FileTooLarge(Exception):
    """No platform takes a file of this size."""

    def __init__(self, most: int) -> None:
        super().__init__(_("A file may have at most {most} MB.").format(most=most // MB))


class FileUnsupported(Exception):
    """No platform takes a file of this type."""

    def __init__(self) -> None:
        super().__init__(
            _("This kind of file can't be sent. Use a picture (JPEG, PNG, GIF), a PDF, a vCard, a sound or a video.")
        )


class UploadInUse(Exception):
    """A message, a template or a campaign carries the file."""

    def __init__(self) -> None:
        super().__init__(_("This file was sent, or a template or campaign uses it."))


class UploadGone(Exception):
    """The file was deleted before the message with it was stored."""

    def __init__(self) -> None:
        super().__init__(_("The attached file was deleted. Attach it again."))


def store_upload(chatroom: Chatroom, file: File, *, name: str, by: User) -> Upload:
    """Keep a file to send. Raises FileTooLarge and FileUnsupported."""
    size, most = file.size or 0, providers.count_most_bytes()
    if size > most:
        raise FileTooLarge(most)
    file.seek(0)
    found = media_types.sniff_type(file.read(media_types.HEAD))
    file.seek(0)
    if found is None or not providers.list_takers(found[0], 1):
        raise FileUnsupported
    content_type, width, height = found
    if not providers.list_takers(content_type, size):
        raise FileTooLarge(
            max(providers.read_limits(each).media_bytes.get(content_type, 0) for each in Platform.values)
        )
    pk = uuid7()
    return Upload.objects.create(
        pk=pk,
        organization_id=chatroom.organization_id,
        chatroom=chatroom,
        uploaded_by=by,
        name=clean_name if names.is_visible(clean_name := " ".join(name.split())[:200]) else FALLBACK_NAME,
        content_type=content_type,
        size=size,
        width=width,
        height=height,
        file=default_storage.save(f"{chatroom.organization_id}/{pk}", file),
    )


def hold_uploads(uploads: Sequence[Upload]) -> None:
    """Keep uploads from being deleted until the transaction ends. Raises UploadGone."""
    _hold({upload.pk for upload in uploads})


def hold_files(addresses: Iterable[str]) -> None:
    """The same for those that the addresses of a template or campaign refer to. Raises UploadGone."""
    _hold({upload_id for address in addresses if (upload_id := links.read_reference(address))})


def _hold(ids: set[UUID]) -> None:
    if ids and len(sql.fetch_rows(HOLD, [sorted(ids)])) < len(ids):
        raise UploadGone


def attach_uploads(organization_id: UUID, message_ids: Iterable[UUID], uploads: Sequence[Upload]) -> None:
    """Let stored messages carry uploads along, which their thread then shows."""
    attachments = [
        Attachment(
            organization_id=organization_id,
            message_id=message_id,
            position=position,
            content_type=upload.content_type,
            state=Attachment.State.STORED,
            name=upload.name,
            size=upload.size,
            width=upload.width,
            height=upload.height,
            upload=upload,
        )
        for message_id in message_ids
        for position, upload in enumerate(uploads)
    ]
    if attachments:
        Attachment.objects.bulk_create(attachments)


def list_uploads_of(message: Message) -> list[Upload]:
    """What a message carries along, in its order."""
    attachments = Attachment.objects.filter(message=message, upload__isnull=False).select_related("upload")
    return [attachment.upload for attachment in attachments.order_by("position") if attachment.upload]


def find_sendable(user: User, upload_ids: Iterable[UUID], kept: Iterable[str] = ()) -> dict[UUID, Upload]:
    """Those of these uploads that the user may send: of their chatrooms, of templates that they see, or among `kept`.

    An organization's template may have a file of a chatroom that not everybody is in.
    """
    ids = set(upload_ids)
    found = Upload.objects.visible_to(user).in_bulk(ids) if ids else {}
    if missing := ids - found.keys():
        named = MessageTemplate.objects.visible_to(user).exclude(media_urls=[]).values_list("media_urls", flat=True)
        offered = {links.read_reference(address) for address in chain(kept, *named)}
        found |= Upload.objects.in_bulk(missing & offered)
    return found


def find_uploads(addresses: Iterable[str]) -> list[Upload]:
    """Those that a template's or campaign's addresses refer to, in their order. Raises UploadGone."""
    ids = [upload_id for address in addresses if (upload_id := links.read_reference(address))]
    found = Upload.objects.in_bulk(ids) if ids else {}
    if len(found) < len(set(ids)):
        raise UploadGone
    return [found[upload_id] for upload_id in ids]


@transaction.atomic
def delete_upload(upload: Upload) -> None:
    """Raises UploadInUse."""
    if not _delete_unused([upload.pk]):
        raise UploadInUse


@transaction.atomic
def forget_unused(upload_ids: Iterable[UUID]) -> None:
    """Delete those of these uploads that nothing carries any more."""
    _delete_unused(sorted(set(upload_ids)))


def forget_unsent() -> int:
    """Delete uploads that nobody sent within UPLOADS_KEPT_DAYS, in batches that each commit; returns how many."""
    deleted_count = 0
    with isolation.contain("Retention of uploads"):
        while True:
            with tenancy.system():
                rows = sql.fetch_rows(UNSENT, {"days": settings.UPLOADS_KEPT_DAYS, "limit": BATCH})
                deleted_count += _delete_unused([row["id"] for row in rows])
            if len(rows) < BATCH:
                break
    return deleted_count


def _delete_unused(upload_ids: Sequence[UUID]) -> int:
    """Within the caller's transaction; the files once that is committed. Returns how many."""
    if not upload_ids:
        return 0
    # Locked before they are looked for: a message that is being stored with one of them is seen then.
    sql.fetch_rows(LOCK, [list(upload_ids)])
    files = [row["file"] for row in sql.fetch_rows(DELETE, [list(upload_ids)])]
    stored_files.delete_after_commit(files)
    return len(files)

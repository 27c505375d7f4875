"""Our own copies of what customers send along.

An address in a webhook is somebody else's text: it is fetched by the worker only, over https from the providers' hosts,
from an address that was resolved once and is a public one, with an end to its size and time.
"""

import http.client
import ipaddress
import logging
import re
import socket
import ssl
import struct
import time
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote, urljoin, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models.functions import Now

from integrations.models import TwilioAccount
from messagehub import tenancy
from messaging.live import event_log
from messaging.models import Attachment

log = logging.getLogger(__name__)
HOSTS = ("api.twilio.com", ".twiliocdn.com", ".fbcdn.net", "lookaside.fbsbx.com")
WITH_CREDENTIALS = "api.twilio.com"
SANDBOX_PATHS = ("/sandbox/",)
MOST_BYTES = 16 * 1024 * 1024
MOST_SECONDS = 10
MOST_REDIRECTS = 3
MOST_ATTEMPTS = 4
LOST_MINUTES = 15
MOST_PIXELS = 60_000_000
SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")
# Ranges that lead to private addresses, though Python counts them as global.
NOT_PUBLIC = [
    ipaddress.ip_network(each)
    for each in ("64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10", "::/96", "::ffff:0:0/96", "2002::/16", "2001::/32")
]


class Refused(Exception):
    """This will not be fetched, however often it is tried. Says why."""


class NotNow(Exception):
    """It did not come this time."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, its type as its server calls it, and its name if there is one."""

    content: bytes
    content_type: str
    name: str


# ---------------------------------------------------------------- the job
def fetch(attachment_id: UUID) -> None:
    """Make our own copy of an attachment and show it. Raises NotNow where it is worth trying again."""
    with tenancy.system():
        attachment = (
            Attachment.objects.select_related("message__conversation__sender_number__twilio_account")
            .filter(pk=attachment_id, state=Attachment.State.PENDING)
            .first()
        )
        if attachment is None:
            return
        Attachment.objects.filter(pk=attachment_id).update(attempts=attachment.attempts + 1)
    number = attachment.message.conversation.sender_number
    try:
        fetched = get(attachment.source_url, number.twilio_account if number else None)
    except Refused as error:
        _give_up(attachment, str(error))
    except NotNow as error:
        if attachment.attempts + 1 < MOST_ATTEMPTS:
            raise
        _give_up(attachment, str(error))
    else:
        _keep(attachment, fetched)


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
            event_log.record(
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


def forgotten(limit: int = 200) -> list[UUID]:
    """Attachments that have waited so long that their job must have been lost."""
    with tenancy.system():
        waiting = Attachment.objects.filter(
            state=Attachment.State.PENDING, created_at__lt=Now() - timedelta(minutes=LOST_MINUTES)
        )
        return list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])


# ---------------------------------------------------------------- the client
def get(url: str, account: TwilioAccount | None = None) -> Fetched:
    """Fetch a file of a provider. Raises Refused and NotNow."""
    deadline = time.monotonic() + MOST_SECONDS
    first_host = _checked(url).hostname
    for _ in range(MOST_REDIRECTS + 1):
        parts = _checked(url)
        credentials = account if parts.hostname == first_host and _takes_credentials(url) else None
        try:
            answer = _ask(url, parts, credentials, deadline)
        except (OSError, http.client.HTTPException) as error:
            raise NotNow(f"The provider can't be reached ({type(error).__name__}).") from None
        except UnicodeError:
            raise Refused("The provider's address is none that can be asked.") from None
        if isinstance(answer, Fetched):
            return answer
        try:
            url = urljoin(url, answer)
        except ValueError:
            raise Refused("The provider's address leads nowhere.") from None
    raise Refused("The provider's address leads on and on.")


def _checked(url: str):
    """The parts of an address that may be asked. Raises Refused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("This is no address.") from None
    if _is_sandbox(url):
        return parts
    if parts.scheme != "https" or port not in (None, 443) or parts.username:
        raise Refused("The address is not one of the provider's.")
    if not any(host == each or (each.startswith(".") and host.endswith(each)) for each in HOSTS):
        raise Refused("The address is not one of the provider's.")
    return parts


def _is_sandbox(url: str) -> bool:
    ours = settings.PUBLIC_BASE_URL
    return settings.SANDBOX and any(url.startswith(ours + path) for path in SANDBOX_PATHS)


def _takes_credentials(url: str) -> bool:
    return urlsplit(url).hostname == WITH_CREDENTIALS or _is_sandbox(url)


def public_address(host: str, port: int) -> str:
    """The address behind a name, looked up once. Raises Refused unless all of them are public."""
    try:
        found = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (socket.gaierror, UnicodeError):
        raise NotNow("The provider's name can't be looked up.") from None
    if not found or not all(is_public(str(address)) for address in found):
        raise Refused("The address leads into a private network.")
    return str(found[0])


def is_public(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if any(ip in network for network in NOT_PUBLIC if network.version == ip.version):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _ask(url: str, parts, account: TwilioAccount | None, deadline: float) -> Fetched | str:
    """The file, or the address at which it is. Nothing else is followed."""
    connection = _connection(url, parts, deadline)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {"Accept": "*/*", "User-Agent": "MessageHub"}
    if account:
        secret = b64encode(f"{account.account_sid}:{account.auth_token}".encode()).decode()
        headers["Authorization"] = f"Basic {secret}"
    try:
        connection.request("GET", path or "/", headers=headers)
        answer = connection.getresponse()
        if answer.status in (301, 302, 303, 307, 308):
            return answer.headers.get("Location", "")
        if answer.status in (404, 429) or answer.status >= 500:
            raise NotNow(f"The provider answered {answer.status}.")
        if answer.status != 200:
            raise Refused(f"The provider answered {answer.status}.")
        content = _read(connection, answer, deadline)
        kind = answer.headers.get_content_type() if answer.headers.get("Content-Type") else ""
        return Fetched(content, kind, _name(answer.headers.get_filename() or parts.path))
    finally:
        connection.close()


def _connection(url: str, parts, deadline: float) -> http.client.HTTPConnection:
    seconds = max(0.1, deadline - time.monotonic())
    if _is_sandbox(url):
        plain = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
        return plain(parts.hostname, parts.port, timeout=seconds)
    connection = http.client.HTTPSConnection(parts.hostname, 443, timeout=seconds)
    # Connected here and not by name, so that the name can't mean another address by then.
    raw = socket.create_connection((public_address(parts.hostname, 443), 443), timeout=seconds)
    connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=parts.hostname)
    return connection


def _read(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    chunks, size = [], 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotNow("The provider took too long.")
        if connection.sock:
            connection.sock.settimeout(left)
        chunk = answer.read1(65536)
        if not chunk:
            return b"".join(chunks)
        size += len(chunk)
        if size > MOST_BYTES:
            raise Refused("The file is larger than 16 MB.")
        chunks.append(chunk)


def _name(path: str) -> str:
    name = re.sub(r"[^\w .()+-]", "_", unquote(path.rpartition("/")[2])).strip(" .")
    return name[-200:] if "." in name else ""


# ---------------------------------------------------------------- pictures
def picture_size(content: bytes) -> tuple[str, int, int] | None:
    """(type, width, height) of a picture that is shown, by its own first bytes; None for anything else."""
    found = _png(content) or _gif(content) or _webp(content) or _jpeg(content)
    return found if found and 0 < found[1] * found[2] <= MOST_PIXELS else None


def _png(content: bytes) -> tuple[str, int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        return None
    return "image/png", *struct.unpack(">II", content[16:24])


def _gif(content: bytes) -> tuple[str, int, int] | None:
    if content[:6] not in (b"GIF87a", b"GIF89a") or len(content) < 10:
        return None
    return "image/gif", *struct.unpack("<HH", content[6:10])


def _webp(content: bytes) -> tuple[str, int, int] | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        return (
            "image/webp",
            int.from_bytes(content[24:27], "little") + 1,
            int.from_bytes(content[27:30], "little") + 1,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return "image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return "image/webp", width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(content: bytes) -> tuple[str, int, int] | None:
    if content[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return "image/jpeg", width, height
        if length < 2:
            return None
        at += 2 + length
    return None

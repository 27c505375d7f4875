"""Fetching files from the providers' hosts.

An address in a webhook is somebody else's text: it is fetched over https from the providers' hosts only, from an
address that was resolved once and is a public one, with an end to its size and time.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import time
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from django.conf import settings

from integrations.models import TwilioAccount

# Of Twilio exactly what it documents: where media are asked for, and where it redirects to with and without protection.
# https://help.twilio.com/articles/223183748
HOSTS = ("api.twilio.com", "mms.twiliocdn.com", "media.twiliocdn.com", ".fbcdn.net", "lookaside.fbsbx.com")
# A host that is everybody's, and the path on it that is Twilio's.
SHARED_HOSTS = {"s3-external-1.amazonaws.com": re.compile(r"/media\.twiliocdn\.com(/[0-9A-Za-z_-]+)+")}
WITH_CREDENTIALS = "api.twilio.com"
SANDBOX_PATHS = ("/sandbox/",)
MOST_BYTES = 16 * 1024 * 1024
MOST_SECONDS = 10
MOST_REDIRECTS = 3
# Ranges that lead to private addresses, though Python counts them as global.
NOT_PUBLIC = [
    ipaddress.ip_network(each)
    for each in ("64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10", "::/96", "::ffff:0:0/96", "2002::/16", "2001::/32")
]


class DownloadRefused(Exception):
    """This will not be fetched, however often it is tried. Says why."""


class DownloadPostponed(Exception):
    """It did not come this time."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, its type as its server calls it, and its name if there is one."""

    content: bytes
    content_type: str
    name: str


def download_file(url: str, account: TwilioAccount | None = None) -> Fetched:
    """Fetch a file of a provider. Raises DownloadRefused and DownloadPostponed."""
    deadline = time.monotonic() + MOST_SECONDS
    first_host = _checked(url).hostname
    for _ in range(MOST_REDIRECTS + 1):
        parts = _checked(url)
        credentials = account if parts.hostname == first_host and _takes_credentials(url) else None
        try:
            answer = _ask(url, parts, credentials, deadline)
        except (OSError, http.client.HTTPException) as error:
            raise DownloadPostponed(f"The provider can't be reached ({type(error).__name__}).") from None
        except UnicodeError:
            raise DownloadRefused("The provider's address is none that can be asked.") from None
        if isinstance(answer, Fetched):
            return answer
        try:
            url = urljoin(url, answer)
        except ValueError:
            raise DownloadRefused("The provider's address leads nowhere.") from None
    raise DownloadRefused("The provider's address leads on and on.")


def _checked(url: str):
    """The parts of an address that may be asked. Raises DownloadRefused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise DownloadRefused("This is no address.") from None
    if _is_sandbox(url):
        return parts
    if parts.scheme != "https" or port not in (None, 443) or parts.username:
        raise DownloadRefused("The address is not one of the provider's.")
    shared = SHARED_HOSTS.get(host)
    if shared and shared.fullmatch(parts.path):
        return parts
    if not any(host == each or (each.startswith(".") and host.endswith(each)) for each in HOSTS):
        raise DownloadRefused("The address is not one of the provider's.")
    return parts


def _is_sandbox(url: str) -> bool:
    ours = settings.PUBLIC_BASE_URL
    return settings.SANDBOX and any(url.startswith(ours + path) for path in SANDBOX_PATHS)


def _takes_credentials(url: str) -> bool:
    return urlsplit(url).hostname == WITH_CREDENTIALS or _is_sandbox(url)


def public_address(host: str, port: int) -> str:
    """The address behind a name, looked up once. Raises DownloadRefused unless all of them are public."""
    try:
        found = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (socket.gaierror, UnicodeError):
        raise DownloadPostponed("The provider's name can't be looked up.") from None
    if not found or not all(is_public(str(address)) for address in found):
        raise DownloadRefused("The address leads into a private network.")
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
            raise DownloadPostponed(f"The provider answered {answer.status}.")
        if answer.status != 200:
            raise DownloadRefused(f"The provider answered {answer.status}.")
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
    chunks: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DownloadPostponed("The provider took too long.")
        if connection.sock:
            connection.sock.settimeout(left)
        chunk = answer.read1(65536)
        if not chunk:
            return b"".join(chunks)
        size += len(chunk)
        if size > MOST_BYTES:
            raise DownloadRefused("The file is larger than 16 MB.")
        chunks.append(chunk)


def _name(path: str) -> str:
    name = re.sub(r"[^\w .()+-]", "_", unquote(path.rpartition("/")[2])).strip(" .")
    return name[-200:] if "." in name else ""

"""Downloading files from the providers' hosts.

The URL in a webhook is untrusted: only https, known hosts, public addresses, and a limited size and time are allowed.
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

from integrations.meta.limits import FILE_HOSTS
from integrations.models import ProviderAccount

# Of Twilio exactly what it documents: where media are asked for, and where it redirects to with and without protection.
# https://help.twilio.com/articles/223183748
HOSTS = ("api.twilio.com", "mms.twiliocdn.com", "media.twiliocdn.com", *FILE_HOSTS)
# A host that Twilio shares with other customers of Amazon's, and the paths on it that are Twilio's.
SHARED_HOSTS = {"s3-external-1.amazonaws.com": re.compile(r"/media\.twiliocdn\.com(/[0-9A-Za-z_-]+)+")}
WITH_CREDENTIALS = "api.twilio.com"
SANDBOX_PATHS = ("/sandbox/",)
MOST_BYTES = 16 * 1024 * 1024
MOST_SECONDS = 10  # for all redirects together
MOST_REDIRECTS = 3
# Ranges that embed IPv4 addresses (NAT64, 6to4, Teredo) or are deprecated site-local ones. They can lead to private
# addresses, although Python's `is_global` is true for some of them.
NOT_PUBLIC = [
    ipaddress.ip_network(each)
    for each in ("64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10", "::/96", "::ffff:0:0/96", "2002::/16", "2001::/32")
]


class DownloadRefused(Exception):
    """The file can't be downloaded, however often it is tried."""


class DownloadPostponed(Exception):
    """The download failed, and another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file with the type and the name that its server gave."""

    content: bytes
    content_type: str
    name: str


def download_file(url: str, account: ProviderAccount | None = None) -> Fetched:
    """Download a file. Raises DownloadRefused and DownloadPostponed."""
    deadline = time.monotonic() + MOST_SECONDS
    first_host = _checked(url).hostname
    for _ in range(MOST_REDIRECTS + 1):
        parts = _checked(url)
        # Twilio redirects to a CDN, which must not get the account's token. Media are protected only where the account
        # demands it, so both kinds of URL are asked with credentials.
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
    """The parts of an allowed URL. Raises DownloadRefused."""
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
    if not any(host == allowed or (allowed.startswith(".") and host.endswith(allowed)) for allowed in HOSTS):
        raise DownloadRefused("The address is not one of the provider's.")
    return parts


def _is_sandbox(url: str) -> bool:
    sandbox_url = settings.PUBLIC_BASE_URL
    return settings.SANDBOX and any(url.startswith(sandbox_url + path) for path in SANDBOX_PATHS)


def _takes_credentials(url: str) -> bool:
    return urlsplit(url).hostname == WITH_CREDENTIALS or _is_sandbox(url)


def public_address(host: str, port: int) -> str:
    """The first address of a host. Raises DownloadRefused unless all its addresses are public."""
    try:
        addresses = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (socket.gaierror, UnicodeError):
        raise DownloadPostponed("The provider's name can't be looked up.") from None
    if not addresses or not all(is_public(str(address)) for address in addresses):
        raise DownloadRefused("The address leads into a private network.")
    return str(addresses[0])


def is_public(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if any(ip in network for network in NOT_PUBLIC if network.version == ip.version):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _ask(url: str, parts, account: ProviderAccount | None, deadline: float) -> Fetched | str:
    """The file, or the URL that the answer redirects to."""
    connection = _connection(url, parts, deadline)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {"Accept": "*/*", "User-Agent": "MessageHub"}
    if account:
        secret = b64encode(f"{account.external_id}:{account.secret}".encode()).decode()
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
    # Connected to the address that was checked. Connecting by name would look it up again, and the answer may differ
    # (DNS rebinding). The certificate is still checked against the name.
    raw = socket.create_connection((public_address(parts.hostname, 443), 443), timeout=seconds)
    connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=parts.hostname)
    return connection


def _read(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise DownloadPostponed("The provider took too long.")
        if connection.sock:
            connection.sock.settimeout(remaining)
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

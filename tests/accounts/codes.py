"""What an authenticator app shows, by another implementation than the product's."""

import time
from base64 import b32decode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP


def code(secret: str, periods: int = 0) -> str:
    """The code of this secret now, or some periods of thirty seconds later."""
    return TOTP(b32decode(secret), 6, SHA1(), 30).generate(int(time.time()) + 30 * periods).decode()  # noqa: S303

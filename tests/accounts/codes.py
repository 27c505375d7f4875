"""What an authenticator app shows."""

import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value


def code(secret: str, periods: int = 0) -> str:
    """The code of this secret now, or some periods of thirty seconds later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods))

"""The link in an invitation's mail: signed, good for a week, and of no use once they have joined."""

from django.core import signing
from django.utils.translation import gettext as _

from accounts.models import User

SECONDS = 7 * 24 * 3600
SALT = "accounts.invitation"


class InvitationExpired(Exception):
    """The link is wrong, too old, used, or taken back: one message for all."""

    def __init__(self) -> None:
        super().__init__(_("This invitation is no longer valid. Ask the person who invited you for a new one."))


def make_link_part(user: User) -> str:
    """What the link carries."""
    return signing.dumps(str(user.pk), salt=SALT)


def find_invited_user(part: str) -> User:
    """Who was invited by this link. Raises InvitationExpired."""
    try:
        pk = signing.loads(part, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        raise InvitationExpired from None
    user = User.objects.filter(pk=pk, joined_at=None, is_active=True).first()
    if user is None:
        raise InvitationExpired
    return user

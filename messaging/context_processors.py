"""What the frame around every page shows: the viewer's chatrooms with what is unread, their tokens, and alerts."""

from functools import cached_property

from django.db.models.functions import Lower
from django.http import HttpRequest

from chatrooms import unread
from chatrooms.models import Chatroom
from integrations import health
from integrations.models import ChannelAlert
from messaging.live import cursors
from messaging.notifications import notices
from tokens import ledger


class Shell:
    """Read when something asks for it, and once in a request."""

    def __init__(self, request: HttpRequest):
        self.user = request.user

    @cached_property
    def rooms(self) -> list[Chatroom]:
        """The visible chatrooms by name."""
        if not self.user.is_authenticated:
            return []
        return list(Chatroom.objects.visible_to(self.user).order_by(Lower("name")))

    @cached_property
    def counted_rooms(self) -> list[Chatroom]:
        """The same, each with its `unread_count`: asked for by what shows them."""
        counts = unread.count_unread(self.user, [room.pk for room in self.rooms]) if self.rooms else {}
        for room in self.rooms:
            room.unread_count = counts.get(room.pk, 0)
        return self.rooms

    @cached_property
    def unread_total(self) -> int:
        return sum(room.unread_count for room in self.counted_rooms)

    @cached_property
    def unseen(self) -> int:
        """Mentions and assignments that they have not looked at."""
        return notices.count_unseen(self.user) if self.user.is_authenticated else 0

    @property
    def cursor(self) -> str:
        """Where the page's socket goes on. It is read with the chatrooms, before anything that events change."""
        return cursors.write_cursor(
            {str(room.pk): cursors.format_part(str(room.pk), room.last_seq) for room in self.rooms}
        )

    @cached_property
    def alerts(self) -> list[ChannelAlert]:
        """What is wrong with their organization's channels, for admins, the newest first."""
        if not (self.user.is_authenticated and self.user.is_admin and self.user.organization_id):
            return []
        return health.list_open_alerts(self.user.organization_id)

    @property
    def low(self) -> int:
        """The balance below which it warns."""
        return self.user.organization.low_balance_limit

    @cached_property
    def balance(self) -> int | None:
        """None for who needs no tokens."""
        if not self.user.is_authenticated or self.user.organization_id is None:
            return None
        return ledger.balance(self.user)


def shell_of(request: HttpRequest) -> Shell:
    if not hasattr(request, "shell"):
        request.shell = Shell(request)
    return request.shell


def shell(request: HttpRequest) -> dict:
    """A context processor: `shell` in templates."""
    return {"shell": shell_of(request)} if hasattr(request, "user") else {}

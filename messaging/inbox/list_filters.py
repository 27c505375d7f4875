"""What an address of the inbox asks for: a tab, a state, and what narrows them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import Http404, QueryDict

from accounts.models import User
from chatrooms.models import Chatroom
from messaging.conversations import listing
from messaging.models import Conversation, Label, Platform

TABS = ("mine", "unassigned", "all")
ANY = "any"  # state
MOST_COUNTED = 1000  # a tab that has more says 999+


@dataclass(frozen=True)
class Filters:
    """One list of conversations. Without anything: what is open, of everybody, in all visible chatrooms."""

    tab: str = "all"
    status: str = Conversation.Status.OPEN
    chatroom: Chatroom | None = None
    channel: str = ""
    label: Label | None = None
    search: str = ""

    @classmethod
    def read(cls, query: QueryDict, user: User, rooms: Iterable[Chatroom]) -> "Filters":
        """Raises BadRequest for what makes no sense, Http404 for what the user may not see."""
        return cls(
            tab=_one_of(query.get("tab", ""), TABS, "all", "tab"),
            status=_status(query.get("status", "")),
            chatroom=_chatroom(query.get("chatroom", ""), rooms),
            channel=_one_of(query.get("channel", "").upper(), Platform.values, "", "channel"),
            label=_label(query.get("label", ""), user),
            search=query.get("search", "").replace("\0", "").strip()[:200],
        )

    @property
    def query(self) -> str:
        """The part of an address that leads here: `?…`, or nothing."""
        given = {
            "tab": self.tab if self.tab != "all" else "",
            "status": self.status.lower() if self.status != Conversation.Status.OPEN else "",
            "chatroom": str(self.chatroom.pk) if self.chatroom else "",
            "channel": self.channel.lower(),
            "label": str(self.label.pk) if self.label else "",
            "search": self.search,
        }
        given = {name: value for name, value in given.items() if value}
        return f"?{urlencode(given)}" if given else ""

    @property
    def narrows(self) -> bool:
        """Whether something is left out but by the chatroom, so that an empty list may be the filters' doing."""
        return self != Filters(chatroom=self.chatroom)

    def but(self, **changed) -> "Filters":
        """The list beside this one."""
        return replace(self, **changed)

    def wanted(self, user: User) -> dict:
        """As `conversations.listed` and `conversations.counted` take them."""
        found: dict = {}
        if self.status != ANY:
            found["status"] = self.status
        if self.chatroom:
            found["chatroom_id"] = self.chatroom.pk
        if self.channel:
            found["platform"] = self.channel
        if self.label:
            found["label_id"] = self.label.pk
        if self.search:
            found["contact_ids"] = listing.find_contacts(user, self.search, self.chatroom)
        return found | self.of_tab(user)

    def of_tab(self, user: User) -> dict:
        return {"mine": {"assigned_to": user.pk}, "unassigned": {"unassigned": True}, "all": {}}[self.tab]

    def counts(self, user: User) -> dict[str, int]:
        """How many each tab has, MOST_COUNTED at most; from the same conditions as the list itself."""
        rest = self.but(tab="all").wanted(user)
        return {
            tab: listing.count_conversations(user, most=MOST_COUNTED, **rest, **self.but(tab=tab).of_tab(user))
            for tab in TABS
        }


def refuse_parameter(what: str):
    raise BadRequest(f"There is no such {what}.")


def parse_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        refuse_parameter("id")


def _one_of(given: str, known: Iterable[str], default: str, what: str) -> str:
    if not given:
        return default
    return given if given in known else refuse_parameter(what)


def _status(given: str) -> str:
    if given == ANY:
        return ANY
    return _one_of(given.upper(), Conversation.Status.values, Conversation.Status.OPEN, "status")


def _chatroom(given: str, rooms: Iterable[Chatroom]) -> Chatroom | None:
    if not given:
        return None
    wanted = parse_uuid(given)
    found = next((room for room in rooms if room.pk == wanted), None)
    if found is None:
        raise Http404
    return found


def _label(given: str, user: User) -> Label | None:
    if not given:
        return None
    found = Label.objects.visible_to(user).filter(pk=parse_uuid(given)).first()
    if found is None:
        raise Http404
    return found

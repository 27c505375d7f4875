"""What an address of the inbox asks for: a tab, and the list's filters under short names."""

from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest

from accounts.models import User
from chatrooms.models import Chatroom
from messaging.conversations import listing
from messaging.conversations.filters import NOBODY, ConversationFilterSet
from messaging.models import Conversation, Label

TABS = ("mine", "unassigned", "all")
ANY, WAITING = "any", "waiting"  # what stands for a status
MOST_COUNTED = 1000  # a tab that has more says 999+
PARAMETERS = {"chatroom": "chatroom_id", "channel": "platform", "label": "label_id", "status": "status"}
LONGEST_SEARCH = 200


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
    def read(cls, request: HttpRequest) -> "Filters":
        """Raises BadRequest for what makes no sense, Http404 for what the viewer may not see."""
        query = request.GET
        tab, status = query.get("tab") or "all", query.get("status")
        if tab not in TABS:
            refuse_parameter("tab")
        parameters = {name: query[short] for short, name in PARAMETERS.items() if query.get(short)}
        parameters |= {name: parameters[name].upper() for name in ("status", "platform") if name in parameters}
        if status in (ANY, WAITING):
            del parameters["status"]
        filterset = ConversationFilterSet(parameters, Conversation.objects.none(), request=request)
        if {"chatroom_id", "label_id"} & filterset.form.errors.keys():
            raise Http404
        for name in filterset.form.errors:
            refuse_parameter(name)
        values = filterset.values
        return cls(
            tab=tab,
            status=status if status in (ANY, WAITING) else values.get("status", Conversation.Status.OPEN),
            chatroom=values.get("chatroom"),
            channel=values.get("platform", ""),
            label=values.get("label"),
            search=query.get("search", "").replace("\0", "").strip()[:LONGEST_SEARCH],
        )

    @property
    def query(self) -> str:
        """The part of an address that leads here: `?…`, or nothing."""
        parameters = {
            "tab": self.tab if self.tab != "all" else "",
            "status": self.status.lower() if self.status != Conversation.Status.OPEN else "",
            "chatroom": str(self.chatroom.pk) if self.chatroom else "",
            "channel": self.channel.lower(),
            "label": str(self.label.pk) if self.label else "",
            "search": self.search,
        }
        parameters = {name: value for name, value in parameters.items() if value}
        return f"?{urlencode(parameters)}" if parameters else ""

    @property
    def narrows(self) -> bool:
        """Whether more than the chatroom is filtered by, so that an empty list may be the filters' doing."""
        return self != Filters(chatroom=self.chatroom)

    def but(self, **changed) -> "Filters":
        """The list beside this one."""
        return replace(self, **changed)

    def conditions(self, user: User) -> dict:
        """As `listing.list_conversations` and `listing.count_conversations` take them."""
        values: dict = {"platform": self.channel}
        if self.status == WAITING:
            values["waiting_minutes"] = listing.LONG_WAIT // timedelta(minutes=1)
        elif self.status != ANY:
            values["status"] = self.status
        return listing.build_conditions(
            user,
            chatroom=self.chatroom,
            label=self.label,
            search=self.search,
            **{name: value for name, value in values.items() if value},
        ) | self.tab_conditions(user)

    def tab_conditions(self, user: User) -> dict:
        assignees = {"mine": user.pk, "unassigned": NOBODY, "all": None}
        return listing.build_conditions(user, assigned_to=assignees[self.tab])

    def counts(self, user: User) -> dict[str, int]:
        """How many each tab has, MOST_COUNTED at most; from the same conditions as the list itself."""
        shared = self.but(tab="all").conditions(user)
        return {
            tab: listing.count_conversations(
                user, most=MOST_COUNTED, **shared, **self.but(tab=tab).tab_conditions(user)
            )
            for tab in TABS
        }


def refuse_parameter(what: str):
    raise BadRequest(f"There is no such {what}.")


def parse_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        refuse_parameter("id")

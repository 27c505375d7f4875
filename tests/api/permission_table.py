"""Who may do what through the API, as a table: one row for each route and verb, with every id that it takes.

The tests make the probes from it: each caller with each kind of id, in the path and in each writable place. A route
that is missing here fails the run.
"""

from dataclasses import dataclass, field
from typing import Any

EVERYBODY, ADMINS, ADMINS_OF_SEEN = "everybody", "admins", "admins of what they see"
MADE_UP = "01990000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Row:
    """`good` is what those get who may; `linked` ids must be of the same chatroom as the rest, or are `elsewhere`."""

    route: str
    verb: str
    who: str
    scope: str | None  # what an API key needs; None where no key will do
    good: set[int]
    path: str = ""  # what the id in the path names
    ids: dict[str, str] = field(default_factory=dict)  # place in body or query -> what it names
    body: dict[str, Any] = field(default_factory=dict)
    linked: frozenset = frozenset()
    elsewhere: int = 400
    variant: str = ""
    file: str = ""  # text of the file that the request uploads in a form

    @property
    def in_query(self) -> bool:
        return self.verb in ("get", "delete")

    def __str__(self) -> str:
        return f"{self.verb.upper()} {self.route}{' ' + self.variant if self.variant else ''}"


def reads(route: str, path: str = "", who: str = EVERYBODY, scope: str = "read", **ids: str) -> Row:
    return Row(route, "get", who, "admin" if who == ADMINS else scope, {200}, path, ids)


OWN = ("auth/logout", "auth/me", "keys")
OPEN = {("api/auth/login", "post")}  # anybody may try
ROOM = {"chatroom_id": "room"}
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Liam Chen\nEND:VCARD\n"
SEND = {"who": EVERYBODY, "scope": "send", "good": {201}}
TWILIO = {503}  # may ask Twilio, which is away
META = {503}  # asks Meta, which is away
NUMBER = {"phone": "+15557770001", "account_sid": "AC" + "a" * 32, "auth_token": "b" * 32}
TABLE = [
    # signing in, oneself and one's keys
    Row("auth/logout", "post", EVERYBODY, None, {204}),
    reads("auth/me"),
    Row("auth/me", "patch", EVERYBODY, None, {200}, body={"name": "Other"}),
    Row("keys", "get", EVERYBODY, None, {200}),
    Row("keys", "post", EVERYBODY, None, {201}, body={"name": "Key", "scopes": ["read"]}),
    Row("keys/<uuid:pk>", "get", EVERYBODY, None, {200}, "key"),
    Row("keys/<uuid:pk>", "delete", EVERYBODY, None, {204}, "key"),
    # the organization
    reads("settings", who=ADMINS),
    Row("settings", "patch", ADMINS, "admin", {200}, body={"name": "Other"}),
    reads("users", who=ADMINS),
    Row("users", "post", ADMINS, "admin", {201}, body={"email": "new@example.com", "name": "New", "role": "agent"}),
    reads("users/<uuid:pk>", "user", ADMINS),
    Row("users/<uuid:pk>", "patch", ADMINS, "admin", {200}, "user", body={"name": "Other"}),
    Row("users/<uuid:pk>", "delete", ADMINS, "admin", {204, 409}, "user"),
    # tokens
    reads("tokens/get", user_id="holder"),
    reads("tokens/entries", user_id="holder"),
    reads("tokens/list", who=ADMINS),
    Row("tokens/update", "patch", ADMINS, "admin", {200, 409}, ids={"user_id": "user"}, body={"delta": 1}),
    # chatrooms and who works in them
    reads("chatrooms"),
    Row("chatrooms", "post", ADMINS, "admin", {201}, body={"name": "New"}),
    reads("chatrooms/<uuid:pk>", "room"),
    Row("chatrooms/<uuid:pk>", "patch", ADMINS_OF_SEEN, "admin", {200}, "room", body={"name": "Other"}),
    Row("chatrooms/<uuid:pk>", "delete", ADMINS_OF_SEEN, "admin", {409}, "room"),
    reads("user-chatrooms", who=ADMINS, user_id="user", chatroom_id="room"),
    Row("user-chatrooms", "post", ADMINS, "admin", {200, 201}, ids={"user_id": "user", **ROOM}),
    Row("user-chatrooms", "delete", ADMINS, "admin", {204, 404}, ids={"user_id": "user", **ROOM}),
    # numbers
    reads("sender-numbers", who=ADMINS),
    Row("sender-numbers", "post", ADMINS, "admin", TWILIO, ids=ROOM, body=NUMBER),
    Row("sender-numbers/sync", "post", ADMINS, "admin", TWILIO),
    reads("sender-numbers/<uuid:pk>", "number", ADMINS),
    Row("sender-numbers/<uuid:pk>", "patch", ADMINS, "admin", {200}, "number", ROOM),
    Row("sender-numbers/<uuid:pk>", "delete", ADMINS, "admin", {409}, "number"),
    # pages
    reads("facebook-pages", who=ADMINS),
    Row("facebook-pages", "post", ADMINS, "admin", META, ids=ROOM, body={"page_access_token": "EAA0of0nobody"}),
    reads("facebook-pages/<uuid:pk>", "page", ADMINS),
    Row(
        "facebook-pages/<uuid:pk>", "patch", ADMINS, "admin", {200}, "page",
        {"chatroom_id": "room", "instagram_chatroom_id": "room"},
    ),
    Row("facebook-pages/<uuid:pk>", "delete", ADMINS, "admin", {204}, "page"),
    # contacts and groups
    reads("contacts", chatroom_id="room"),
    reads("contacts/export", chatroom_id="room", group_id="group"),
    Row("contacts", "post", EVERYBODY, "contacts", {201}, ids=ROOM, body={"phone": "+14155550123"}),
    Row(
        "contacts/import", "post", EVERYBODY, "contacts", {202}, ids={**ROOM, "group_id": "group"},
        linked=frozenset({"chatroom_id", "group_id"}), file="Phone\n+14155550123\n",
    ),
    reads("contacts/imports/<uuid:pk>", "import"),
    reads("contacts/<uuid:pk>", "contact"),
    Row("contacts/<uuid:pk>", "patch", EVERYBODY, "contacts", {200}, "contact", body={"first_name": "Other"}),
    Row("contacts/<uuid:pk>", "delete", EVERYBODY, "contacts", {409}, "contact"),
    reads("groups", chatroom_id="room"),
    Row("groups", "post", EVERYBODY, "contacts", {201}, ids=ROOM, body={"name": "New"}),
    reads("groups/<uuid:pk>", "group"),
    Row("groups/<uuid:pk>", "patch", EVERYBODY, "contacts", {200}, "group", body={"name": "Other"}),
    Row("groups/<uuid:pk>", "delete", EVERYBODY, "contacts", {204}, "group"),
    reads("groups/<uuid:pk>/members", "group"),
    Row(
        "groups/<uuid:pk>/members", "post", EVERYBODY, "contacts", {200}, "group",
        {"contact_ids[]": "contact"}, linked=frozenset({"contact_ids[]"}),
    ),
    Row(
        "groups/<uuid:pk>/members", "delete", EVERYBODY, "contacts", {204}, "group",
        {"contact_id": "contact"}, linked=frozenset({"contact_id"}), elsewhere=404,
    ),
    reads("contacts/<uuid:pk>/consent", "contact"),
    Row(
        "contacts/<uuid:pk>/consent", "post", EVERYBODY, "contacts", {201}, "contact", {"channel_id": "number"},
        {"kind": "opt_in", "reason": "Asked at the counter"}, linked=frozenset({"channel_id"}),
    ),
    # sentences that are offered as opt-outs
    reads("opt-out-offers", chatroom_id="room"),
    reads("opt-out-offers/<uuid:pk>", "offer"),
    Row("opt-out-offers/<uuid:pk>/accept", "post", EVERYBODY, "contacts", {200}, "offer"),
    Row("opt-out-offers/<uuid:pk>/dismiss", "post", EVERYBODY, "contacts", {200}, "offer", body={"reason": "A joke"}),
    # labels and templates
    reads("labels"),
    Row("labels", "post", ADMINS, "contacts", {201}, body={"name": "New"}),
    reads("labels/<uuid:pk>", "label"),
    Row("labels/<uuid:pk>", "patch", ADMINS_OF_SEEN, "contacts", {200}, "label", body={"name": "Other"}),
    Row("labels/<uuid:pk>", "delete", ADMINS_OF_SEEN, "contacts", {204}, "label"),
    reads("templates", chatroom_id="room", label_id="label"),
    Row(
        "templates", "post", EVERYBODY, "contacts", {201}, ids={**ROOM, "label_id": "label"},
        body={"name": "New", "body": "Hi"},
    ),
    Row(
        "templates", "post", EVERYBODY, "contacts", {201}, body={"name": "Mine", "body": "Hi", "scope": "personal"},
        variant="for oneself",
    ),
    Row(
        "templates", "post", EVERYBODY, "contacts", {201}, ids={**ROOM, "media[].id": "upload"},
        body={"name": "New", "body": "Hi"}, variant="with a file",
    ),
    reads("templates/<uuid:pk>", "template"),
    Row(
        "templates/<uuid:pk>", "patch", EVERYBODY, "contacts", {200}, "template", {"label_id": "label"},
        {"name": "Other"},
    ),
    Row("templates/<uuid:pk>", "delete", EVERYBODY, "contacts", {204}, "template"),
    Row(
        "templates/preview", "post", EVERYBODY, "contacts", {200}, ids={"contact_id": "contact"},
        body={"body": "Hi {{first_name|there}}"}, linked=frozenset({"contact_id"}),
    ),
    Row(
        "templates/<uuid:pk>/render", "post", EVERYBODY, "contacts", {200}, "template",
        {"contact_id": "contact"}, linked=frozenset({"contact_id"}),
    ),
    # conversations
    reads("conversations", chatroom_id="room", assigned_to="holder"),
    reads("conversations/<uuid:pk>", "conversation"),
    Row(
        "conversations/<uuid:pk>", "patch", EVERYBODY, "send", {200}, "conversation",
        {"assigned_to": "assignee", "labels[]": "label"},
    ),
    reads("conversations/<uuid:pk>/messages", "conversation"),
    reads("conversations/<uuid:pk>/notes", "conversation"),
    Row(
        "conversations/<uuid:pk>/notes", "post", EVERYBODY, "send", {201}, "conversation",
        {"mentions[]": "assignee"}, {"content": "Hm"},
    ),
    Row(
        "conversations/<uuid:pk>/read", "post", EVERYBODY, "send", {200}, "conversation",
        {"up_to": "message"}, linked=frozenset({"up_to"}),
    ),
    # files to send
    reads("media", chatroom_id="room"),
    Row("media", "post", **SEND, ids=ROOM, file=CARD),
    reads("media/<uuid:pk>", "upload"),
    Row("media/<uuid:pk>", "delete", EVERYBODY, "send", {204}, "upload"),
    # messages
    reads("messages", chatroom_id="room", contact_id="contact", campaign_id="campaign"),
    reads("messages/inbound", chatroom_id="room", contact_id="contact"),
    reads("messages/<uuid:pk>", "message"),
    Row("messages/send", "post", **SEND, ids={"conversation_id": "conversation"}, body={"content": "Hi"}),
    Row("messages/send", "post", **SEND, ids={"contact_id": "contact"}, body={"content": "Hi"}, variant="to a contact"),
    Row(
        "messages/send", "post", **SEND, ids={**ROOM, "sender_number_id": "number"},
        body={"to": "+14155550123", "content": "Hi"}, linked=frozenset({"chatroom_id", "sender_number_id"}),
        variant="to a number",
    ),
    Row(
        "messages/send", "post", **SEND, ids={"conversation_id": "conversation", "template_id": "template"},
        linked=frozenset({"conversation_id", "template_id"}), variant="by a template",
    ),
    Row(
        "messages/send", "post", **SEND, ids={"conversation_id": "conversation", "used_template_id": "template"},
        body={"content": "Hi"}, linked=frozenset({"conversation_id", "used_template_id"}),
        variant="with a text made from a template",
    ),
    Row(
        "messages/send", "post", **SEND, ids={"conversation_id": "conversation", "media[].id": "upload"},
        body={"content": "Hi"}, variant="with a file",
    ),
    Row("messages/<uuid:pk>", "patch", EVERYBODY, "send", {409}, "message", body={"content": "Later"}),
    Row("messages/<uuid:pk>/cancel", "post", EVERYBODY, "send", {409}, "message"),
    Row("messages/<uuid:pk>/retry", "post", EVERYBODY, "send", {409}, "message"),
    Row("messages/<uuid:pk>/settle", "post", EVERYBODY, "send", {409}, "message", body={"outcome": "accepted"}),
    # campaigns
    reads("campaigns", chatroom_id="room"),
    Row(
        "campaigns", "post", **SEND, ids={**ROOM, "group_ids[]": "group", "media[].id": "upload"},
        body={"name": "Sale", "content": "Hi"}, linked=frozenset({"chatroom_id", "group_ids[]"}), variant="with a file",
    ),
    Row(
        "campaigns", "post", **SEND, ids={**ROOM, "group_ids[]": "group", "sender_number_id": "number"},
        body={"name": "New", "content": "Hi"}, linked=frozenset({"chatroom_id", "group_ids[]", "sender_number_id"}),
    ),
    Row(
        "campaigns", "post", **SEND, ids={**ROOM, "group_ids[]": "group", "channel_id": "channel"},
        body={"name": "New", "content": "Hi"}, linked=frozenset({"chatroom_id", "group_ids[]", "channel_id"}),
        variant="over a page",
    ),
    Row(
        "campaigns", "post", **SEND, ids={**ROOM, "group_ids[]": "group", "template_id": "template"},
        body={"name": "New"}, linked=frozenset({"chatroom_id", "group_ids[]", "template_id"}), variant="by a template",
    ),
    reads("campaigns/<uuid:pk>", "campaign"),
    Row(
        "campaigns/<uuid:pk>", "patch", EVERYBODY, "send", {200}, "campaign",
        {"group_ids[]": "group", "sender_number_id": "number"}, linked=frozenset({"group_ids[]", "sender_number_id"}),
    ),
    Row(
        "campaigns/<uuid:pk>", "patch", EVERYBODY, "send", {200}, "campaign",
        {"channel_id": "channel"}, linked=frozenset({"channel_id"}), variant="over a page",
    ),
    Row("campaigns/<uuid:pk>", "delete", EVERYBODY, "send", {204}, "campaign"),
    reads("campaigns/<uuid:pk>/recipients", "campaign"),
    reads("campaigns/<uuid:pk>/recipients/export", "campaign"),
    Row("campaigns/<uuid:pk>/start", "post", EVERYBODY, "send", {200}, "campaign"),
    Row("campaigns/<uuid:pk>/ask-approval", "post", EVERYBODY, "send", {409}, "campaign"),
    Row("campaigns/<uuid:pk>/approve", "post", EVERYBODY, None, {200, 409}, "campaign"),
    Row("campaigns/<uuid:pk>/preflight", "post", EVERYBODY, "send", {200}, "campaign"),
    Row("campaigns/<uuid:pk>/test", "post", EVERYBODY, "send", {201}, "campaign", body={"to": "+15550107777"}),
    Row("campaigns/<uuid:pk>/retry-failed", "post", EVERYBODY, "send", {409}, "campaign"),
    Row(
        "campaigns/<uuid:pk>/group", "post", EVERYBODY, "contacts", {409}, "campaign",
        body={"outcome": "replied", "name": "Interested"},
    ),
    Row("campaigns/<uuid:pk>/duplicate", "post", EVERYBODY, "send", {201}, "campaign"),
    Row("campaigns/<uuid:pk>/pause", "post", EVERYBODY, "send", {409}, "campaign"),
    Row("campaigns/<uuid:pk>/resume", "post", EVERYBODY, "send", {409}, "campaign"),
    Row("campaigns/<uuid:pk>/cancel", "post", EVERYBODY, "send", {409}, "campaign"),
    # what happened
    reads("events"),
    reads("stats", chatroom_id="room"),
    Row("search", "get", EVERYBODY, "read", {200}, body={"q": "nina"}),
]  # fmt: skip

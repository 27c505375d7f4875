"""Texts with places to fill: `{{first_name}}`, or `{{first_name|there}}` for when nothing is known."""

import re
from collections.abc import Callable, Mapping

from accounts.models import User
from chatrooms.models import Chatroom, Contact
from messagehub import constraints
from messaging.models import MessageTemplate

PLACE = re.compile(r"{{\s*(?P<name>[^{}|]*?)\s*(?:\|(?P<fallback>[^{}]*))?}}")
VARIABLES: dict[str, Callable[[Contact, User], str]] = {
    "first_name": lambda contact, sender: contact.first_name,
    "last_name": lambda contact, sender: contact.last_name,
    "phone": lambda contact, sender: contact.phone or "",
    "email": lambda contact, sender: contact.email,
    "chatroom": lambda contact, sender: contact.chatroom.name,
    "organization": lambda contact, sender: contact.organization.name,
    "agent": lambda contact, sender: sender.name,
}


class BadTemplate(Exception):
    """The text names something that is not known, or its braces do not pair."""

    def __init__(self, said: str):
        self.fields = {"body": [said]}
        super().__init__(said)


class MissingVariables(Exception):
    """Nothing is known for some places of the text."""

    def __init__(self, names: list[str]):
        self.fields = {
            f"variables.{name}": [f"Nothing is known for {name}. Give it, or write {{{{{name}|…}}}}."] for name in names
        }
        super().__init__("There is nothing to fill in for " + ", ".join(names) + ".")


def check_template(body: str) -> None:
    """Raises BadTemplate for a text that could not be filled in."""
    for place in PLACE.finditer(body):
        if place["name"] not in VARIABLES:
            known = ", ".join(VARIABLES)
            raise BadTemplate(f"There is no variable “{place['name']}”. There are: {known}.")
    rest = PLACE.sub("", body)
    if "{{" in rest or "}}" in rest:
        raise BadTemplate("A {{ or }} has no partner.")


def create_template(organization_id, chatroom: Chatroom | None, *, name: str, body: str) -> MessageTemplate:
    """A new template, of a chatroom or of the whole organization. Raises BadTemplate and NameTaken."""
    check_template(body)
    with _named():
        return MessageTemplate.objects.create(organization_id=organization_id, chatroom=chatroom, name=name, body=body)


def change_template(template: MessageTemplate, **values) -> None:
    """Give a template another name or text. Raises BadTemplate and NameTaken."""
    check_template(values.get("body", ""))
    for name, value in values.items():
        setattr(template, name, value)
    with _named():
        template.save(update_fields=list(values))


def render_template(
    template: MessageTemplate, contact: Contact, *, sender: User, given: Mapping[str, str] | None = None
) -> str:
    """The text for a contact. What is given goes before what is known. Raises MissingVariables."""
    return fill_in_template(template.body, contact, sender=sender, given=given)


def fill_in_template(body: str, contact: Contact, *, sender: User, given: Mapping[str, str] | None = None) -> str:
    """A text that is no template of its own, filled in the same way."""
    given = given or {}
    missing: list[str] = []

    def fill(place: re.Match) -> str:
        name = place["name"]
        found = given.get(name) or VARIABLES[name](contact, sender) or place["fallback"]
        if not found and place["fallback"] is None:
            missing.append(name)
        return found or ""

    text = PLACE.sub(fill, body)
    if missing:
        raise MissingVariables(list(dict.fromkeys(missing)))
    return text


def split_placeholders(template: MessageTemplate, contact: Contact, *, sender: User) -> list[tuple[str, str]]:
    """The text for a contact in pieces: ("text" | "known" | "missing", words). A missing piece is its place's name."""
    pieces: list[tuple[str, str]] = []
    end = 0
    for place in PLACE.finditer(template.body):
        pieces.append(("text", template.body[end : place.start()]))
        known = VARIABLES[place["name"]](contact, sender) or place["fallback"]
        missing = not known and place["fallback"] is None
        pieces.append(("missing", place["name"]) if missing else ("known", known or ""))
        end = place.end()
    pieces.append(("text", template.body[end:]))
    return [(kind, words) for kind, words in pieces if words]


def _named():
    return constraints.translate_violation("templates_name", constraints.NameTaken("template"))

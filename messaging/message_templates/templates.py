"""Templates with variables: `{{first_name}}`, or `{{first_name|there}}` with a fallback."""

import re
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from chatrooms.models import Chatroom, Contact
from integrations import segments
from messagehub import constraints
from messaging.consent import footers
from messaging.media import uploads
from messaging.models import Label, MessageTemplate, Platform

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
    """The text has an unknown variable or unpaired braces."""

    def __init__(self, explanation: str):
        self.fields = {"body": [explanation]}
        super().__init__(explanation)


class MissingVariables(Exception):
    """Some variables without a fallback have no value."""

    def __init__(self, names: list[str]):
        self.fields = {
            f"variables.{name}": [
                _("Nothing is known for {name}. Give it, or write {place}.").format(
                    name=name, place=f"{{{{{name}|…}}}}"
                )
            ]
            for name in names
        }
        super().__init__(_("There is nothing to fill in for {names}.").format(names=", ".join(names)))


def check_template(body: str) -> None:
    """Raises BadTemplate."""
    for place in PLACE.finditer(body):
        if place["name"] not in VARIABLES:
            variable_names = ", ".join(VARIABLES)
            explanation = _("There is no variable “{name}”. There are: {names}.")
            raise BadTemplate(explanation.format(name=place["name"], names=variable_names))
    plain_text = PLACE.sub("", body)
    if "{{" in plain_text or "}}" in plain_text:
        raise BadTemplate(_("A {{ or }} has no partner."))


@transaction.atomic
def create_template(
    organization_id,
    chatroom: Chatroom | None,
    *,
    name: str,
    body: str,
    media_urls: Sequence[str] = (),
    label: Label | None = None,
    owner: User | None = None,
) -> MessageTemplate:
    """Create a template of a chatroom, of its owner, or of the organization. Raises BadTemplate, NameTaken and
    UploadGone."""
    check_template(body)
    uploads.hold_files(media_urls)
    with _named():
        return MessageTemplate.objects.create(
            organization_id=organization_id,
            chatroom=chatroom,
            name=name,
            body=body,
            media_urls=list(media_urls),
            label=label,
            owner=owner,
        )


@transaction.atomic
def change_template(template: MessageTemplate, **values) -> None:
    """Change a template's name, text, files or label. Raises BadTemplate, NameTaken and UploadGone."""
    check_template(values.get("body", ""))
    uploads.hold_files(values.get("media_urls", ()))
    for name, value in values.items():
        setattr(template, name, value)
    with _named():
        template.save(update_fields=list(values))


def archive_template(template: MessageTemplate, *, is_archived: bool) -> None:
    """Take a template out of what is offered, or put it back. Its text stays, and so do the messages made of it."""
    template.archived_at = timezone.now() if is_archived else None
    template.save(update_fields=["archived_at"])


def duplicate_template(template: MessageTemplate) -> MessageTemplate:
    """Another one with the same text, named after it. Raises NameTaken once there are a hundred."""
    with transaction.atomic():
        siblings = MessageTemplate.objects.filter(
            organization_id=template.organization_id, chatroom=template.chatroom, owner=template.owner
        )
        taken = {name.lower() for name in siblings.values_list("name", flat=True)}
        endings = ["(copy)", *(f"(copy {number})" for number in range(2, 101))]
        names = (f"{template.name[: 79 - len(ending)]} {ending}" for ending in endings)
        name = next((name for name in names if name.lower() not in taken), template.name)
        return create_template(
            template.organization_id,
            template.chatroom,
            name=name,
            body=template.body,
            media_urls=template.media_urls,
            label=template.label,
            owner=template.owner,
        )


def list_offered(user: User, chatroom_id: UUID) -> QuerySet[MessageTemplate]:
    """What the user may write with in a chatroom: its templates, those of all chatrooms and personal ones, by name."""
    templates = MessageTemplate.objects.visible_to(user).filter(archived_at=None).select_related("label")
    return templates.filter(Q(chatroom=chatroom_id) | Q(chatroom=None)).order_by(Lower("name"), "pk")


def render_template(
    template: MessageTemplate, contact: Contact, *, sender: User, variables: Mapping[str, str] | None = None
) -> str:
    """The text for a contact. `variables` override the contact's own values. Raises MissingVariables."""
    return fill_in_template(template.body, contact, sender=sender, variables=variables)


def fill_in_template(body: str, contact: Contact, *, sender: User, variables: Mapping[str, str] | None = None) -> str:
    """Fill in a text that need not be a stored template. Raises MissingVariables."""
    variables = variables or {}
    missing_names: list[str] = []

    def fill(place: re.Match) -> str:
        name = place["name"]
        value = variables.get(name) or VARIABLES[name](contact, sender) or place["fallback"]
        if not value and place["fallback"] is None:
            missing_names.append(name)
        return value or ""

    text = PLACE.sub(fill, body)
    if missing_names:
        raise MissingVariables(list(dict.fromkeys(missing_names)))
    return text


def fill_in_sample(body: str, contact: Contact | None, *, sender: User) -> tuple[str, list[str]]:
    """The text with what is known, and the variables that aren't, left as they are written. Raises BadTemplate."""
    check_template(body)
    missing_names: list[str] = []

    def fill(place: re.Match) -> str:
        value = find_sample_value(place["name"], contact, sender) or place["fallback"]
        if not value and place["fallback"] is None:
            missing_names.append(place["name"])
            return place[0]
        return value or ""

    text = PLACE.sub(fill, body)
    return text, list(dict.fromkeys(missing_names))


def describe_sample(body: str, contact: Contact | None, *, sender: User) -> dict:
    """The text as it would go out, its segments, and the characters that make them shorter. Raises BadTemplate."""
    text, missing_names = fill_in_sample(body, contact, sender=sender)
    characters = segments.find_unicode_characters(text)
    plain_text = segments.simplify_text(text)
    return {
        "content": text,
        "missing": missing_names,
        "encoding": "UCS-2" if characters else "GSM-7",
        "segments": segments.count_segments(text),
        "unicode_characters": [
            {
                "character": character,
                "name": segments.describe_character(character),
                "plain": segments.find_plain_form(character),
            }
            for character in characters
        ],
        "plain_content": plain_text,
        "plain_segments": segments.count_segments(plain_text),
        **describe_footer(text, sender.organization, contact),
    }


def describe_footer(text: str, organization: Organization | None, contact: Contact | None = None) -> dict:
    """What a first SMS to the contact (or to anybody, without one) has besides, and the segments with it."""
    footer = footers.build_footer(organization)
    if contact is not None:
        footer = footers.find_footer(Platform.SMS, organization, contact.pk)
    whole_text = footers.add_footer(text, organization) if footer else text
    return {"footer": footer.strip(), "segments_with_footer": segments.count_segments(whole_text)}


def find_sample_value(name: str, contact: Contact | None, sender: User) -> str:
    """A variable's value; without a contact only the sender's own are known."""
    if contact is not None:
        return VARIABLES[name](contact, sender)
    if name == "organization" and sender.organization is not None:
        return sender.organization.name
    return sender.name if name == "agent" else ""


def split_placeholders(template: MessageTemplate, contact: Contact, *, sender: User) -> list[tuple[str, str]]:
    """The text in pieces ("text" | "known" | "missing", words). A missing piece has the variable's name."""
    pieces: list[tuple[str, str]] = []
    end = 0
    for place in PLACE.finditer(template.body):
        pieces.append(("text", template.body[end : place.start()]))
        value = VARIABLES[place["name"]](contact, sender) or place["fallback"]
        is_missing = not value and place["fallback"] is None
        pieces.append(("missing", place["name"]) if is_missing else ("known", value or ""))
        end = place.end()
    pieces.append(("text", template.body[end:]))
    return [(kind, words) for kind, words in pieces if words]


def _named():
    return constraints.translate_violation("templates_name", constraints.NameTaken("template"))

"""What the inbox's pages and parts are made from."""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import User
from chatrooms import contacts
from chatrooms.models import Chatroom, Contact
from integrations import providers
from messagehub import datetimes
from messagehub.ui import commands
from messagehub.ui.templatetags.ui import channel_name
from messaging import context_processors, payloads
from messaging.consent import evidence, footers
from messaging.conversations import listing, notes
from messaging.conversations.activity_lines import Line
from messaging.inbox import forms, list_filters
from messaging.inbox.list_filters import Filters
from messaging.media import links
from messaging.models import UNSUCCESSFUL, Conversation, Label, Message, Note, OptOutOffer, Platform
from messaging.sending import eligibility, reply_windows
from messaging.templatetags.thread import is_lost, status_name

ROWS, MESSAGES, ACTIVITIES = 50, 60, 20
MOST_COLLEAGUES = 200


def build_page(request: HttpRequest, conversation: Conversation | None = None) -> dict:
    """The whole inbox. Chatrooms and cursor are read first: no event falls between the page and its socket."""
    rooms = context_processors.shell_of(request).rooms
    filters = Filters.read(request)
    context = {
        "chatrooms": rooms,
        "commands_page": "inbox-commands",
        **build_rows(request, rooms, filters),
        **build_tabs(request, filters, rooms),
        "admins": ",".join(
            User.objects.filter(organization_id=request.user.organization_id, role=User.Role.ADMIN, is_active=True)
            .order_by("name")
            .values_list("email", flat=True)[:5]
        ),
    }
    if conversation:
        context |= build_conversation(request, conversation)
    return context


def list_commands(request: HttpRequest) -> list[dict]:
    """Everything that has a key or stands in the menu of Ctrl K. What it does is in static/ui/inbox/keyboard.js.

    `needs` selects what must be on the page, so that an act can be done.
    """
    always = [
        ("next", _("Next conversation"), "J"),
        ("previous", _("Previous conversation"), "K"),
        ("select", _("Select or unselect the conversation"), "X"),
        ("search", _("Search people and numbers"), "/"),
        ("tab-mine", _("Show mine"), ""),
        ("tab-unassigned", _("Show unassigned"), ""),
        ("tab-all", _("Show all"), ""),
    ]
    with_one_open = [
        ("reply", _("Reply"), "R"),
        ("note", _("Add a note"), "N"),
        ("templates", _("Insert a template"), ""),
        ("resolve", _("Resolve and open next"), "E"),
        ("reopen", _("Reopen"), ""),
        ("pending", _("Mark as pending"), ""),
        ("assign", _("Assign"), "A"),
        ("mine", _("Assign to me"), ""),
        ("label", _("Label"), "L"),
        ("snooze", _("Snooze"), "Z"),
        ("unread", _("Mark as unread"), "U"),
        ("optOut", _("Opt out who asks for no more messages"), "O"),
        ("aside", _("Hide or show the contact"), "]"),
    ]
    needs = {"resolve": "#resolve", "reopen": "#thread-head [name=status][value=OPEN]", "optOut": "[data-opt-out]"}
    return [
        {"do": do, "name": name, "key": key, "needs": needs.get(do, "#thread[data-conversation]")}
        for do, name, key in with_one_open
    ] + [
        *({"do": do, "name": name, "key": key} for do, name, key in always),
        *commands.list_commands(request),
    ]


def build_rows(request: HttpRequest, rooms: list[Chatroom], filters: Filters, **narrower) -> dict:
    """A page of rows that fit the filters."""
    by_id = {str(room.pk): room for room in rooms}
    rows = listing.list_conversations(request.user, limit=ROWS + 1, **filters.conditions(request.user), **narrower)
    more = len(rows) > ROWS
    rows = rows[:ROWS]
    for row in rows:
        row["chatroom"] = by_id[row["chatroom_id"]]
    more_url = ""
    if more and "ids" not in narrower:
        last = f"{rows[-1]['last_message_at']},{rows[-1]['id']}"
        more_url = f"{reverse('inbox')}{filters.query or '?'}&{urlencode({'after': last})}".replace("?&", "?")
    return {
        "conversations": rows,
        "more_url": more_url,
        "filters": filters,
        "filter_query": filters.query,
        "chatroom": filters.chatroom,
        "several_chatrooms": len(rooms) > 1 and not filters.chatroom,
        "me": str(request.user.pk),
    }


def build_tabs(request: HttpRequest, filters: Filters, rooms: list[Chatroom]) -> dict:
    """The list's head: tabs with their counts, and menus of what the list can be narrowed by."""
    counts = filters.counts(request.user)
    names = {"mine": _("Mine"), "unassigned": _("Unassigned"), "all": _("All")}
    labels = Label.objects.visible_to(request.user).order_by(Lower("name"))
    return {
        "most_counted": list_filters.MOST_COUNTED,
        "tab_links": [
            {
                "key": tab,
                "name": names[tab],
                "count": counts[tab],
                "url": list_url(filters.but(tab=tab)),
                "current": tab == filters.tab,
            }
            for tab in list_filters.TABS
        ],
        "filter_menus": [menu for menu in _menus(filters, rooms, list(labels)) if len(menu["choices"]) > 1],
        "everywhere": list_url(Filters(status=list_filters.ANY, search=filters.search)),
    }


def list_url(filters: Filters) -> str:
    return reverse("inbox") + filters.query


def _menus(filters: Filters, rooms: list[Chatroom], labels: list[Label]) -> list[dict]:
    is_open, *others = Conversation.Status.values
    states = [is_open, list_filters.WAITING, *others, list_filters.ANY]
    return [
        _menu(
            _("State"),
            [_choice(filters, status_name(state), status=state) for state in states],
            on=filters.status != Conversation.Status.OPEN,
        )
        | {"value": status_name(filters.status)},
        _menu(
            _("Chatroom"),
            [_choice(filters, _("All chatrooms"), chatroom=None)]
            + [
                _choice(filters, room.name, chatroom=room) | {"color": room.color, "room": room.pk}
                for room in rooms
                if len(rooms) > 1
            ],
            on=filters.chatroom is not None,
        )
        | {"place": "only-rail"},  # elsewhere the shell has them
        _menu(
            _("Channel"),
            [_choice(filters, _("Any channel"), channel="")]
            + [_choice(filters, channel_name(platform), channel=platform) for platform in Platform.values],
            on=bool(filters.channel),
        ),
        _menu(
            _("Label"),
            [_choice(filters, _("Any label"), label=None)]
            + [_choice(filters, label.name, label=label) | {"color": label.color} for label in labels],
            on=filters.label is not None,
        ),
    ]


def _menu(title: str, choices: list[dict], *, on: bool) -> dict:
    value = next((choice["name"] for choice in choices if choice["current"]), title) if on else title
    return {"title": title, "choices": choices, "value": value, "on": on}


def _choice(filters: Filters, name: str, **changed) -> dict:
    chosen = filters.but(**changed)
    return {"name": name, "url": list_url(chosen), "current": chosen == filters}


def get_conversation(request: HttpRequest, pk: UUID) -> Conversation:
    visible = Conversation.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("contact", "chatroom", "channel", "assigned_to").prefetch_related("labels"), pk=pk
    )


def build_conversation(request: HttpRequest, conversation: Conversation) -> dict:
    """Everything about one conversation: its thread, what can be done with it, whom it is with."""
    return (
        build_thread(request, conversation) | build_composer(request, conversation) | build_side(request, conversation)
    )


def build_thread(request: HttpRequest, conversation: Conversation, after: listing.Position | None = None) -> dict:
    """A page of the thread, oldest first: messages, and between them notes and what people did."""
    rows = listing.list_thread(conversation, limit=MESSAGES + 1, after=after)
    more = len(rows) > MESSAGES
    rows = rows[:MESSAGES][::-1]
    older_url, begin = "", None
    if more:
        begin = rows[0]["occurred_at"]
        older_url = (
            f"{reverse('conversation', args=[conversation.pk])}?{urlencode({'before': format_position(rows[0])})}"
        )
    return {
        "conversation": conversation,
        "open_id": str(conversation.pk),
        "entries": build_entries(
            messages=build_bubbles(
                zip(rows, payloads.describe_messages(rows), strict=True),
                {conversation.contact_id: conversation.contact},
            ),
            notes=notes.notes_between(conversation, begin, after and after[0]),
            lines=[
                line
                for line in notes.lines_between(conversation, begin, after and after[0])
                if line.effects and (begin is None or line.first.created_at >= begin)
            ],
        ),
        "unread": 0 if after else listing.read_conversation(request.user, conversation)["unread_count"],
        "older_url": older_url,
        "me": str(request.user.pk),
    }


def format_position(row: dict) -> str:
    return f"{row['occurred_at'].isoformat()},{row['id']}"


def build_bubbles(pairs: Iterable[tuple[dict, dict]], contacts: dict[UUID, Contact]) -> list[dict]:
    """Rows and shapes of messages as bubbles show them: with their contact, and the message that they answer."""
    pairs = list(pairs)
    lost = [row["id"] for row, shape in pairs if is_lost(shape)]
    tried = Message.objects.filter(retry_of__in=lost).exclude(status__in=UNSUCCESSFUL) if lost else []
    retried = {message.retry_of_id for message in tried}
    quoted = payloads.describe_messages_by_id({row["reply_to_id"] for row, _ in pairs if row["reply_to_id"]})
    inbound_ids = [row["id"] for row, shape in pairs if shape["direction"] == Message.Direction.INBOUND]
    open_offers = OptOutOffer.objects.filter(message__in=inbound_ids, state=OptOutOffer.State.OPEN)
    offer_of = {offer.message_id: offer for offer in open_offers} if inbound_ids else {}
    return [
        shape
        | {
            "entry": "message",
            "occurred_at": row["occurred_at"],
            "contact": contacts[row["contact_id"]],
            "retried": row["id"] in retried,
            "quoted": quoted.get(row["reply_to_id"]),
            "opt_out_offer": offer_of.get(row["id"]),
            "media_urls": links.list_elsewhere(_read_list(row["media_urls"])),
        }
        for row, shape in pairs
    ]


def _read_list(stored: str | list[str]) -> list[str]:
    return orjson.loads(stored) if isinstance(stored, str) else stored


def build_entries(messages: Iterable[dict] = (), notes: Iterable[Note] = (), lines: Iterable[Line] = ()) -> list[dict]:
    """What a thread is made of, in the order of time."""
    entries = list(messages)
    entries += [{"entry": "note", "id": str(note.pk), "occurred_at": note.created_at, "note": note} for note in notes]
    entries += [
        {"entry": "activity", "id": str(line.first.pk), "occurred_at": line.first.created_at, "line": line}
        for line in lines
    ]
    return sorted(entries, key=lambda entry: (entry["occurred_at"], entry["id"]))


def build_side(request: HttpRequest, conversation: Conversation) -> dict:
    """What stands around a thread: its head with what can be done, and the contact."""
    label_ids = {label.pk for label in conversation.labels.all()}
    consent = payloads.consent_of([conversation.contact]).get(conversation.contact_id)
    return {
        "conversation": conversation,
        "colleagues": notes.list_colleagues(conversation)[:MOST_COLLEAGUES],
        "labels": list(Label.objects.visible_to(request.user).order_by(Lower("name"))),
        "given_labels": label_ids,
        "moments": forms.moments_ahead(),
        "consent": consent,
        "opt_outs": evidence.list_opt_outs(conversation.contact) if consent == "opted_out" else [],
        "activities": conversation.contact.activities.select_related("actor").order_by("-created_at", "-pk")[
            :ACTIVITIES
        ],
        "earlier": Conversation.objects.filter(contact=conversation.contact)
        .exclude(pk=conversation.pk)
        .order_by("-last_message_at")[:5],
        "doubles": contacts.list_doubles(conversation.contact),
        "me": str(request.user.pk),
    }


def _leaves_box(reason: eligibility.Reason) -> bool:
    """Whether the box stays where it is: a later time would do, or tokens that may be there by then."""
    return reason.code == "insufficient_tokens" or (reason.code == "quiet_hours" and reason.opens_at is not None)


def build_composer(request: HttpRequest, conversation: Conversation) -> dict:
    """What the box needs: why nothing may be sent, or what to expect of what is."""
    verdict, limits = eligibility.may_send(request.user, conversation), providers.read_limits(conversation.platform)
    last, organization = conversation.last_inbound_at, request.user.organization
    return {
        "footer_words": footers.build_footer(organization).strip() if conversation.platform == Platform.SMS else "",
        "footer": footers.find_footer(conversation.platform, organization, conversation.contact_id),
        "client_id": uuid7(),
        "price": eligibility.price_of(request.user, conversation.platform),
        "file_price": eligibility.price_of(request.user, conversation.platform, has_media=True)
        - eligibility.price_of(request.user, conversation.platform),
        "limits": limits,
        "most_files": providers.count_most_media(),
        "accepted_files": ",".join(limits.media_bytes),
        "longest_note": forms.LONGEST_NOTE,
        "cannot_send": next((reason for reason in verdict.reasons if not _leaves_box(reason)), None),
        "quiet": next((reason for reason in verdict.reasons if reason.code == "quiet_hours" and reason.opens_at), None),
        "warnings": verdict.warnings,
        "open_until": reply_windows.open_until(conversation),
        "is_late": bool(limits.window and last and timezone.now() >= last + limits.window),
        "token_balance": context_processors.shell_of(request).balance,
        "moments": forms.moments_ahead(),
    }


def parse_since(text: str) -> datetime:
    try:
        return datetimes.parse_moment(text)
    except ValueError:
        list_filters.refuse_parameter("moment")


def build_messages(request: HttpRequest, ids: list[UUID]) -> list[dict]:
    """These messages as bubbles, oldest first, as far as the viewer may see them."""
    visible = Message.objects.visible_to(request.user).filter(pk__in=ids)
    known = {row["id"]: row for row in visible.values("id", "occurred_at", "contact_id", "reply_to_id", "media_urls")}
    shaped = payloads.describe_messages_by_id(known)
    contacts = Contact.objects.in_bulk({row["contact_id"] for row in known.values()})
    return build_entries(messages=build_bubbles(((row, shaped[pk]) for pk, row in known.items()), contacts))

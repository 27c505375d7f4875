"""/send/: one text to a few people, looked at before it goes."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from uuid_utils.compat import uuid7

from chatrooms.models import Chatroom, Contact
from messagehub import languages, limits
from messagehub.ui import lists
from messaging.media import uploads
from messaging.sending import direct, eligibility, enqueue
from messaging.sending.forms import SendForm
from tokens import ledger

MOST_SHOWN = 10  # letters of a preview
REFUSALS = (
    eligibility.SendRefused,
    ledger.InsufficientTokens,
    limits.TooMany,
    enqueue.ClientIdTaken,
    uploads.UploadGone,
)


@require_http_methods(["GET", "HEAD", "POST"])
def send_texts(request: HttpRequest) -> HttpResponse:
    """POST looks, or sends what was looked at; what was changed since is looked at again."""
    rooms = list(Chatroom.objects.visible_to(request.user).order_by("name", "pk"))
    contact = _read_contact(request)
    chatroom = _read_chatroom(request, rooms, contact)
    context = {"own_page": "send", "rooms": rooms, "chatroom": chatroom, "most": direct.MOST_RECIPIENTS}
    if chatroom is None:
        return render(request, "sending/choose_chatroom.html", context, status=200 if rooms else 403)
    initial = {"to": contact.phone if contact else _read_chosen(request, chatroom)}
    form = SendForm(chatroom, request.user, request.POST or None, initial=initial)
    context |= {"form": form, "has_numbers": form.fields["channel"].queryset.exists()}
    if request.method != "POST" or not form.is_valid():
        return render(request, "sending/send.html", context, status=422 if form.errors else 200)
    data = form.cleaned_data
    try:
        plan = direct.plan_letters(
            data["channel"],
            data["content"],
            numbers=direct.split_numbers(data["to"]),
            groups=data["groups"],
            by=request.user,
            at=data["send_at"],
            media_urls=data["media_urls"],
        )
    except direct.TooManyRecipients as error:
        form.add_error("groups" if data["groups"] else "to", str(error))
        return render(request, "sending/send.html", context, status=422)
    seen_form, _dot, seen_plan = data["seen"].partition(".")
    is_same = seen_form == form.fingerprint and data["key"] is not None
    has_same_people = seen_plan == plan.fingerprint
    if request.POST.get("action") == "send" and is_same and has_same_people and plan.ready:
        try:
            enqueue.count_send(request.user)
            conversation_ids = direct.send_letters(
                plan,
                data["channel"],
                by=request.user,
                key=data["key"],
                send_at=data["send_at"],
                template_id=data.get("used_template_id"),
            )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _say_sent(len(conversation_ids), scheduled=data["send_at"] is not None))
            if len(conversation_ids) == 1:
                return redirect("conversation", conversation_ids[0])
            return redirect(f"{reverse('send')}?{urlencode({'chatroom': chatroom.pk})}")
    # The key belongs to what is looked at now: what is sent for it is sent once.
    form.data = form.data.copy()
    form.data["seen"] = f"{form.fingerprint}.{plan.fingerprint}"
    form.data["key"] = data["key"] if is_same else uuid7()
    context |= {
        "plan": plan,
        "files": form["media_urls"].files,
        "letters": plan.ready[:MOST_SHOWN],
        "more_count": max(0, len(plan.ready) - MOST_SHOWN),
        "was_changed": request.POST.get("action") == "send" and not is_same,
        "others_changed": request.POST.get("action") == "send" and is_same and not has_same_people,
    }
    return render(request, "sending/send.html", context, status=422 if form.errors else 200)


def _say_sent(count: int, *, scheduled: bool) -> str:
    if scheduled:
        words = ngettext("{n} message scheduled.", "{n} messages scheduled.", count)
    else:
        words = ngettext("{n} message is on its way.", "{n} messages are on their way.", count)
    return words.format(n=languages.format_number(count))


def _read_contact(request: HttpRequest) -> Contact | None:
    """The contact that the address names. Raises Http404."""
    if not (pk := request.GET.get("contact")):
        return None
    try:
        return Contact.objects.visible_to(request.user).get(pk=UUID(pk))
    except (Contact.DoesNotExist, ValueError):
        raise Http404 from None


def _read_chosen(request: HttpRequest, chatroom: Chatroom) -> str:
    """The numbers of the contacts that were selected in the list, one a line."""
    if "chosen" not in request.GET:
        return ""
    chosen = Contact.objects.filter(
        pk__in=request.session.get(lists.CHOSEN_CONTACTS, []), chatroom=chatroom, phone__isnull=False
    )
    return "\n".join(chosen.order_by("created_at", "pk").values_list("phone", flat=True))


def _read_chatroom(request: HttpRequest, rooms: list[Chatroom], contact: Contact | None) -> Chatroom | None:
    """The chatroom that the address names, the contact's, or the only one. Raises Http404."""
    wanted = str(contact.chatroom_id) if contact else request.GET.get("chatroom")
    if not wanted:
        return rooms[0] if len(rooms) == 1 else None
    for room in rooms:
        if str(room.pk) == wanted:
            return room
    raise Http404

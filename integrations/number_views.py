"""/manage/numbers/: Twilio accounts, their numbers, and the doctor of a number. For admins."""

from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.pages.manage import admins_only, cut_page
from chatrooms.models import Chatroom
from chatrooms.rooms import ChatroomArchived
from integrations import health, number_doctor, numbers
from integrations.models import Channel, Platform, TwilioAccount
from integrations.number_forms import AccountForm, ImportForm, NumberForm, TokenForm

NUMBERS = 50


@require_safe
@admins_only
def show_numbers(request: HttpRequest) -> HttpResponse:
    return _list_page(request)


@sensitive_post_parameters()
@require_POST
@admins_only
def add_twilio_account(request: HttpRequest) -> HttpResponse:
    form = AccountForm(request.POST)
    if form.is_valid():
        sid, token = form.cleaned_data["account_sid"], form.cleaned_data["auth_token"]
        try:
            numbers.add_account(request.user.organization, sid, token, by=request.user)
        except numbers.BadCredentials as error:
            form.add_error("auth_token", str(error))
        except (numbers.ProviderAway, numbers.Claimed) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The account is connected. Choose which of its numbers to use."))
            return redirect("manage-numbers-import")
    return _list_page(request, form, status=422)


@require_safe
@admins_only
def show_unconnected(request: HttpRequest) -> HttpResponse:
    return _import_page(request)


@require_POST
@admins_only
def import_number(request: HttpRequest) -> HttpResponse:
    """One number of a connected account. Sent twice, it is connected once."""
    form, problem = ImportForm(request.user, request.POST), ""
    if form.is_valid():
        phone, room = form.cleaned_data["phone"], form.cleaned_data["chatroom"]
        try:
            numbers.connect_number(room, phone, account_sid=form.cleaned_data["account_sid"], by=request.user)
        except numbers.Claimed as error:
            problem = "" if _numbers(request).filter(address=phone, chatroom=room).exists() else str(error)
        except (numbers.BadCredentials, numbers.NotInAccount, numbers.ProviderAway, ChatroomArchived) as error:
            problem = str(error)
        if not problem:
            words = _("{phone} is connected to {chatroom}. Its messages arrive there.")
            messages.success(request, words.format(phone=phone, chatroom=room.name))
            return redirect("manage-numbers-import")
    return _import_page(request, problem or _("Choose a chatroom for the number."), status=422)


@require_POST
@admins_only
def compare_numbers(request: HttpRequest) -> HttpResponse:
    """Compare every number with Twilio, and set webhooks that lead elsewhere."""
    try:
        comparison = numbers.sync_numbers(request.user.organization)
    except (numbers.BadCredentials, numbers.ProviderAway) as error:
        return _list_page(request, status=422, problem=str(error))
    for sid, problem in comparison.problems.items():
        messages.warning(request, f"{sid}: {problem}")
    outcomes = [each["webhook"] for each in comparison.numbers]
    words = _("Twilio has {n} numbers. Webhooks set: {set}. Missing there: {missing}. Not connected: {free}.")
    counts = {name: outcomes.count(name) for name in ("set", "not_in_account", "not_connected")}
    text = words.format(
        n=len(outcomes) - counts["not_in_account"],
        set=counts["set"],
        missing=counts["not_in_account"],
        free=counts["not_connected"],
    )
    messages.success(request, text)
    return redirect("manage-numbers")


@require_safe
@admins_only
def show_number(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _number_page(request, _find(request, pk))


@require_safe
@admins_only
def show_number_doctor(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is wrong with the number: a part for htmx, and a page without it."""
    channel = _find(request, pk)
    context = {"number": channel, "findings": number_doctor.examine_number(channel)}
    if request.htmx:
        return render(request, "integrations/_findings.html", context)
    return _number_page(request, channel, findings=context["findings"])


@require_POST
@admins_only
def save_number(request: HttpRequest, pk: UUID) -> HttpResponse:
    channel = _find(request, pk)
    form = NumberForm(channel, request.user, request.POST)
    if form.is_valid():
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        try:
            numbers.change_number(channel, by=request.user, **changed)
        except ChatroomArchived:
            form.add_error("chatroom", _("This chatroom is archived. Choose another one."))
        else:
            messages.success(request, _("{phone} is saved.").format(phone=channel.address))
            return redirect("manage-number", pk)
    return _number_page(request, _find(request, pk), status=422, form=form)


@sensitive_post_parameters()
@require_POST
@admins_only
def replace_token(request: HttpRequest, pk: UUID) -> HttpResponse:
    channel, form = _find(request, pk), TokenForm(request.POST)
    if form.is_valid():
        try:
            numbers.change_number(channel, auth_token=form.cleaned_data["auth_token"], by=request.user)
        except (numbers.BadCredentials, numbers.ProviderAway, numbers.Claimed) as error:
            form.add_error("auth_token", str(error))
        else:
            messages.success(request, _("The new auth token is saved, and Twilio accepts it."))
            return redirect("manage-number", pk)
    return _number_page(request, _find(request, pk), status=422, token_form=form)


@require_POST
@admins_only
def revoke_token(request: HttpRequest, pk: UUID) -> HttpResponse:
    numbers.change_number(_find(request, pk), revoke_previous=True, by=request.user)
    messages.success(request, _("The previous auth token no longer signs webhooks."))
    return redirect("manage-number", pk)


@require_POST
@admins_only
def mend_webhook(request: HttpRequest, pk: UUID) -> HttpResponse:
    channel = _find(request, pk)
    try:
        numbers.set_webhook(channel, by=request.user)
    except (numbers.BadCredentials, numbers.NotInAccount, numbers.ProviderAway) as error:
        return _number_page(request, channel, status=422, problem=str(error))
    messages.success(request, _("Twilio sends the messages of {phone} to us now.").format(phone=channel.address))
    return redirect("manage-number", pk)


@require_POST
@admins_only
def remove_number(request: HttpRequest, pk: UUID) -> HttpResponse:
    channel = _find(request, pk)
    try:
        numbers.disconnect_number(channel, by=request.user)
    except numbers.InUse as error:
        return _number_page(request, channel, status=422, problem=str(error))
    messages.success(request, _("{phone} is disconnected.").format(phone=channel.address))
    return redirect("manage-numbers")


# ---------------------------------------------------------------- the pages
def _numbers(request: HttpRequest) -> QuerySet[Channel]:
    # One token that can't be decrypted must not close the whole list.
    channels = Channel.objects.select_related("account", "chatroom").defer("account__secret", "account__other_secret")
    return channels.filter(organization_id=request.user.organization_id, platform=Platform.SMS)


def _find(request: HttpRequest, pk: UUID) -> Channel:
    return get_object_or_404(_numbers(request), pk=pk)


def _list_page(
    request: HttpRequest, form: AccountForm | None = None, status: int = 200, problem: str = ""
) -> HttpResponse:
    channels, more = cut_page(request, _numbers(request), NUMBERS, "address")
    health_by_number = health.read_health(channels)
    accounts = TwilioAccount.objects.filter(organization=request.user.organization_id)
    context = {
        "own_page": "manage-numbers",
        "numbers": [(channel, health_by_number[channel.pk]) for channel in channels],
        "more": more,
        "has_account": accounts.exists(),
        "form": form or AccountForm(),
        "problem": problem,
    }
    return render(request, "integrations/numbers.html", context, status=status)


def _import_page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    unconnected, problems = numbers.list_unconnected(request.user.organization)
    rooms = Chatroom.objects.visible_to(request.user).order_by("name", "pk")
    context = {
        "own_page": "manage-numbers",
        "numbers": unconnected,
        "problems": problems,
        "problem": problem,
        "rooms": rooms,
        "wanted": request.POST.get("phone", ""),
        "wanted_room": request.POST.get("chatroom", ""),
    }
    return render(request, "integrations/import_numbers.html", context, status=status)


def _number_page(request: HttpRequest, channel: Channel, status: int = 200, **more) -> HttpResponse:
    account = channel.account
    context = {
        "own_page": "manage-numbers",
        "number": channel,
        "health": health.read_health([channel])[channel.pk],
        "form": NumberForm(channel, request.user),
        "token_form": TokenForm(auto_id="token_%s"),
        "has_previous_token": bool(account.other_secret_until and account.other_secret_until > timezone.now()),
    } | more
    return render(request, "integrations/number.html", context, status=status)

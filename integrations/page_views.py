"""/manage/pages/: Facebook pages and Instagram accounts, and the doctor of each. For admins."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.pages.manage import admins_only, cut_page
from chatrooms.models import Chatroom
from chatrooms.rooms import ChatroomArchived
from integrations import health, page_doctor, page_health, pages
from integrations.models import Channel, FacebookPage
from integrations.numbers import Claimed
from integrations.page_forms import ConnectForm, PageForm, PageTokenForm

PAGES = 50


@require_safe
@admins_only
def manage(request: HttpRequest) -> HttpResponse:
    return _list_page(request)


@sensitive_post_parameters()
@require_POST
@admins_only
def connect(request: HttpRequest) -> HttpResponse:
    """Sent twice, it is connected once."""
    form = ConnectForm(request.user, request.POST)
    if form.is_valid():
        token, room = form.cleaned_data["page_access_token"], form.cleaned_data["chatroom"]
        try:
            page = pages.connect_page(room, token, by=request.user)
        except pages.BadPageToken as error:
            form.add_error("page_access_token", str(error))
        except (pages.MetaAway, Claimed, ChatroomArchived) as error:
            form.add_error(None, str(error))
        else:
            words = _("{name} is connected. Its messages arrive in {chatroom}.")
            messages.success(request, words.format(name=page.name or page.external_id, chatroom=room.name))
            return redirect("manage-page", page.pk)
    return _list_page(request, form, status=422)


@require_safe
@admins_only
def page(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _page_page(request, _find(request, pk))


@require_safe
@admins_only
def doctor(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is wrong with the page: a part for htmx, and a page without it."""
    account = _find(request, pk)
    context = {"page": account, "findings": page_doctor.examine_page(account)}
    if request.htmx:
        return render(request, "integrations/_findings.html", context)
    return _page_page(request, account, findings=context["findings"])


@require_POST
@admins_only
def check(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is done each hour, now: the token is looked at, and Meta asked for what it does not send."""
    account = _find(request, pk)
    if page_health.check_page(account.pk):
        messages.success(request, _("Meta sends us the messages of {name}.").format(name=account.name))
        return redirect("manage-page", pk)
    problem = _("It is not well yet. The doctor below says why.")
    return _page_page(request, _find(request, pk), status=422, problem=problem)


@require_POST
@admins_only
def change(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = _find(request, pk)
    form = PageForm(account, pages.list_channels(account), request.user, request.POST)
    if form.is_valid():
        try:
            pages.change_page(account, by=request.user, **form.read_changes())
        except ChatroomArchived:
            form.add_error("chatroom", _("This chatroom is archived. Choose another one."))
        else:
            messages.success(request, _("{name} is saved.").format(name=form.cleaned_data["name"]))
            return redirect("manage-page", pk)
    return _page_page(request, _find(request, pk), status=422, form=form)


@sensitive_post_parameters()
@require_POST
@admins_only
def replace_token(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Reconnect: with a token that Meta accepts, queued messages go out."""
    account, form = _find(request, pk), PageTokenForm(request.POST)
    if form.is_valid():
        token = form.cleaned_data["page_access_token"]
        try:
            pages.change_page(account, page_access_token=token, by=request.user)
        except (pages.BadPageToken, pages.MetaAway, pages.WrongPage) as error:
            form.add_error("page_access_token", str(error))
        else:
            messages.success(request, _("The new token is saved, and Meta accepts it."))
            return redirect("manage-page", pk)
    return _page_page(request, _find(request, pk), status=422, token_form=form)


@require_POST
@admins_only
def disconnect(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = _find(request, pk)
    try:
        pages.disconnect_page(account, by=request.user)
    except pages.PageInUse as error:
        return _page_page(request, _find(request, pk), status=422, problem=str(error))
    messages.success(request, _("{name} is disconnected.").format(name=account.name or account.external_id))
    return redirect("manage-pages")


# ---------------------------------------------------------------- the pages
def _accounts(request: HttpRequest) -> QuerySet[FacebookPage]:
    """Those in service. One token that can't be decrypted must not close the list."""
    in_service = Exists(Channel.objects.filter(account=OuterRef("pk")))
    accounts = FacebookPage.objects.prefetch_related("channels__chatroom", "channels__account")
    accounts = accounts.defer("secret", "other_secret").filter(organization_id=request.user.organization_id)
    return accounts.filter(in_service)


def _find(request: HttpRequest, pk: UUID) -> FacebookPage:
    # Its channels join the account for their health, and must not read its token either.
    return get_object_or_404(_accounts(request), pk=pk)


def _describe(accounts: list[FacebookPage]) -> list[dict]:
    """Each with its channels, the page's own first, and what is known of its health."""
    channels_of = {account.pk: pages.list_channels(account) for account in accounts}
    known = health.read_health(channel for channels in channels_of.values() for channel in channels)
    return [
        {
            "page": account,
            "channels": channels_of[account.pk],
            "health": page_doctor.merge_health(channels_of[account.pk], known),
            "days_left": page_doctor.count_days_left(account),
            "is_short": account.secret_expires_at and page_doctor.count_days_left(account) < page_health.SHORT.days,
        }
        for account in accounts
    ]


def _list_page(request: HttpRequest, form: ConnectForm | None = None, status: int = 200) -> HttpResponse:
    accounts, more = cut_page(request, _accounts(request), PAGES)
    context = {
        "own_page": "manage-pages",
        "rows": _describe(accounts),
        "more": more,
        "form": form or ConnectForm(request.user),
        "has_room": Chatroom.objects.visible_to(request.user).exists(),
    }
    return render(request, "integrations/pages.html", context, status=status)


def _page_page(request: HttpRequest, account: FacebookPage, status: int = 200, **more) -> HttpResponse:
    described = _describe([account])[0]
    context = {
        "own_page": "manage-pages",
        **described,
        "form": PageForm(account, described["channels"], request.user),
        "token_form": PageTokenForm(auto_id="token_%s"),
    } | more
    return render(request, "integrations/page.html", context, status=status)

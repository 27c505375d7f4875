"""/manage/tokens/: what everybody has left, the ledger that explains it, and the proof that both agree. For admins."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from uuid_utils.compat import uuid7

from accounts.models import User
from messagehub import languages
from tokens import ledger, proof
from tokens.forms import GrantForm
from tokens.models import TokenAccount, TokenEntry

PEOPLE, ENTRIES = 50, 50
Kind = TokenEntry.Kind
# What the segments above the ledger show.
KINDS = {
    "": None,
    "grants": [Kind.GRANT, Kind.ADJUST],
    "sends": [Kind.DEBIT],
    "refunds": [Kind.REFUND],
    "held": [Kind.RESERVE, Kind.RELEASE],
}
WORDS = {"": _("All"), "grants": _("Grants"), "sends": _("Sends"), "refunds": _("Refunds"), "held": _("Reserved")}


@require_safe
def manage(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
def grant(request: HttpRequest) -> HttpResponse:
    """Grant or take back tokens, once for each form, however often it is sent."""
    _admins_only(request)
    form = GrantForm(request.POST, admin=request.user)
    if form.is_valid():
        person = form.cleaned_data["person"]
        try:
            _entry, remaining = ledger.adjust(
                person,
                form.cleaned_data["tokens"],
                actor=request.user,
                reason=form.cleaned_data["reason"],
                idempotency_key=str(form.cleaned_data["key"]),
            )
        except ledger.InsufficientTokens:
            form.add_error("tokens", gettext("{name} doesn't have that many tokens.").format(name=person.name))
        except ledger.KeyUsed as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request,
                gettext("{name} now has {n} tokens.").format(name=person.name, n=languages.format_number(remaining)),
            )
            return redirect(f"{reverse('manage-tokens')}?{urlencode({'to': person.pk})}")
    return _page(request, form, status=422)


def _page(request: HttpRequest, form: GrantForm | None = None, status: int = 200) -> HttpResponse:
    _admins_only(request)
    organization = request.user.organization
    people, more_people = _people(request)
    entries, older = _entries(request)
    accounts = TokenAccount.objects.filter(organization=organization)
    sums = accounts.aggregate(left=Sum("balance", default=0), reserved=Sum("reserved", default=0))
    context = {
        "own_page": "manage-tokens",
        "limit": organization.low_balance_limit,
        "sums": sums | {"low": ledger.count_low_balances(organization)},
        "people": people,
        "more_people": more_people,
        "entries": entries,
        "older": older,
        "kind": request.GET.get("kind", ""),
        "kinds": WORDS.items(),
        "proof": proof.newest_run(),
        "form": form or GrantForm(admin=request.user, initial={"key": uuid7(), "person": request.GET.get("to")}),
        "search": request.GET.get("search", ""),
    }
    return render(request, "tokens/manage.html", context, status=status)


def _admins_only(request: HttpRequest) -> None:
    if not request.user.is_admin:
        raise PermissionDenied


def _people(request: HttpRequest) -> tuple[list[User], str]:
    """Agents by balance, lowest first, then admins."""
    people = User.objects.filter(organization_id=request.user.organization_id, is_active=True)
    if search := request.GET.get("search", "").replace("\0", "").strip()[:200]:
        people = people.filter(Q(name__icontains=search) | Q(email__icontains=search))
    people = people.select_related("token_account").order_by(
        F("role").desc(), F("token_account__balance").asc(nulls_first=True), "name", "pk"
    )[: PEOPLE + 1]
    people = list(people)
    for person in people:
        account = getattr(person, "token_account", None)
        person.left, person.held = (account.balance, account.reserved) if account else (0, 0)
    return people[:PEOPLE], str(PEOPLE) if len(people) > PEOPLE else ""


def _entries(request: HttpRequest) -> tuple[list[TokenEntry], str]:
    """A page of the ledger, newest first, and the position of the next page."""
    kind = request.GET.get("kind", "")
    if kind not in KINDS:
        raise BadRequest("Unknown kind of entry.")
    entries: QuerySet = TokenEntry.objects.filter(organization_id=request.user.organization_id)
    if KINDS[kind]:
        entries = entries.filter(kind__in=KINDS[kind])
    if before := request.GET.get("before"):
        try:
            entries = entries.filter(pk__lt=UUID(before))
        except ValueError:
            raise BadRequest("Unknown entry.") from None
    entries = list(entries.select_related("account__user", "actor").order_by("-pk")[: ENTRIES + 1])
    return entries[:ENTRIES], str(entries[ENTRIES - 1].pk) if len(entries) > ENTRIES else ""

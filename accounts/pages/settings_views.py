"""/manage/settings/: what an organization decides for itself, and the API keys of its people. For admins."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys, organizations
from accounts.models import ApiKey, Organization
from accounts.pages.manage import admins_only, next_query, read_position
from accounts.pages.settings_forms import OrganizationForm

KEYS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def organization(request: HttpRequest) -> HttpResponse:
    # A copy: the form writes what it was given into it, also what is refused.
    form = OrganizationForm(request.POST or None, instance=Organization.objects.get(pk=request.user.organization_id))
    if request.method == "POST" and form.is_valid():
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        try:
            fresh = Organization.objects.get(pk=request.user.organization_id)
            organizations.change_organization(fresh, by=request.user, **changed)
        except organizations.OwnSecondFactorFirst as error:
            form.add_error("require_mfa_for_admins", str(error))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The settings are saved."))
            return redirect("manage-settings")
    context = {
        "own_page": "manage-settings",
        "tab": "organization",
        "form": form,
        "groups": form.groups(),
        "kept_days": settings.WEBHOOKS_KEPT_DAYS,
    }
    return render(request, "settings/organization.html", context, status=422 if request.method == "POST" else 200)


@require_safe
@admins_only
def api_keys(request: HttpRequest) -> HttpResponse:
    """Every key of the organization's people, the newest first."""
    position, owned = read_position(request), _keys(request)
    if position:
        owned = owned.filter(pk__lt=position)
    page = list(owned.order_by("-pk")[: KEYS + 1])
    context = {
        "own_page": "manage-settings",
        "tab": "keys",
        "rows": page[:KEYS],
        "more": next_query(request, after=page[KEYS - 1].pk) if len(page) > KEYS else "",
        "now": timezone.now(),
    }
    return render(request, "settings/keys.html", context)


@require_POST
@admins_only
def revoke_key(request: HttpRequest, pk: UUID) -> HttpResponse:
    """After a question, because a key can't be brought back."""
    key = get_object_or_404(_keys(request), pk=pk)
    if "sure" not in request.POST:
        context = {"own_page": "manage-settings", "tab": "keys", "key": key}
        return render(request, "settings/revoke_key.html", context)
    keys.delete_key(key, by=request.user)
    messages.success(request, _("{name} no longer works.").format(name=key.name))
    return redirect("manage-keys")


def _keys(request: HttpRequest) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(user__organization_id=request.user.organization_id).select_related("user")

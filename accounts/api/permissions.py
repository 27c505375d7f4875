"""Who may call the API at all, what only admins may, and which scope an API key needs for it."""

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.permissions import SAFE_METHODS, BasePermission

from accounts.models import ApiKey
from accounts.sessions import OperatorsUseAdmin

# What a key needs for changing something below /api/<this>. What is guarded by IsAdmin needs `admin` instead.
CHANGES = {
    "messages": "send",
    "conversations": "send",
    "campaigns": "send",
    "media": "send",
    "contacts": "contacts",
    "opt-out-offers": "contacts",
    "groups": "contacts",
    "templates": "contacts",
    "labels": "contacts",
}
PERSONAL = {"auth", "keys"}  # a key changes neither its person's password nor makes further keys


class ScopeMissing(Exception):
    """The key may not do this, even where its person may."""

    def __init__(self, scope: str | None):
        super().__init__(
            _("This API key does not have the scope `{scope}`.").format(scope=scope)
            if scope
            else _("API keys can't be used here. Sign in instead.")
        )


def find_own_scopes(view) -> dict[str, str | None]:
    """The last part of an action's address -> its scope, where that is another than the resource's."""
    return getattr(view, "own_scopes", {})


def scope_of(
    route: str, method: str, permission_classes, own_scopes: Mapping[str, str | None] = MappingProxyType({})
) -> str | None:
    """The scope that a request needs of a key; None where no key will do."""
    last_part = route.rstrip("/").split("/")[-1]
    if method not in SAFE_METHODS and last_part in own_scopes:
        return own_scopes[last_part]
    resource = route.removeprefix("api/").split("/")[0]
    safe = method in SAFE_METHODS
    if resource in PERSONAL:
        return "read" if safe and resource == "auth" else None
    if any(guard is IsAdmin for guard in permission_classes):
        return "admin"
    if safe:
        return "read"
    if resource in CHANGES:
        return CHANGES[resource]
    return "admin" if any(issubclass(guard, IsAdmin) for guard in permission_classes) else None


class IsStaffOfOrganization(BasePermission):
    """Signed in, as an admin or agent of an organization; by a key, only within its scopes."""

    def has_permission(self, request, view) -> bool:
        if not request.user.is_authenticated:
            return False
        if request.user.organization_id is None:
            raise OperatorsUseAdmin
        if isinstance(request.auth, ApiKey):
            needed = scope_of(
                request.resolver_match.route, request.method, view.permission_classes, find_own_scopes(view)
            )
            if needed not in request.auth.scopes:
                raise ScopeMissing(needed)
        return True


class IsAdmin(IsStaffOfOrganization):
    """An admin of their organization."""

    message = gettext_lazy("Only admins of your organization can do this.")

    def has_permission(self, request, view) -> bool:
        return super().has_permission(request, view) and request.user.is_admin


class AdminWrites(IsAdmin):
    """Everybody of the organization reads; only admins change. Who may not see a row gets 404, who sees it 403."""

    def has_permission(self, request, view) -> bool:
        if request.method in SAFE_METHODS or view.detail:
            return IsStaffOfOrganization.has_permission(self, request, view)
        return super().has_permission(request, view)

    def has_object_permission(self, request, view, row) -> bool:
        return request.method in SAFE_METHODS or request.user.is_admin

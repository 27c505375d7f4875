"""Who may call the API at all, and what only admins may."""

from rest_framework.permissions import SAFE_METHODS, BasePermission

from accounts.sessions import OperatorsUseAdmin


class IsStaffOfOrganization(BasePermission):
    """Signed in, as an admin or agent of an organization."""

    def has_permission(self, request, view) -> bool:
        if not request.user.is_authenticated:
            return False
        if request.user.organization_id is None:
            raise OperatorsUseAdmin
        return True


class IsAdmin(IsStaffOfOrganization):
    """An admin of their organization."""

    message = "Only admins of your organization may do this."

    def has_permission(self, request, view) -> bool:
        return super().has_permission(request, view) and request.user.is_admin


class AdminWrites(IsAdmin):
    """Everybody of the organization reads; only admins change."""

    def has_permission(self, request, view) -> bool:
        if request.method in SAFE_METHODS:
            return IsStaffOfOrganization.has_permission(self, request, view)
        return super().has_permission(request, view)

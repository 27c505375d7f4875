"""Organizations, people, their sign-ins and keys, and the audit log in the back office."""

import json

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.db.models.functions import Lower
from django.shortcuts import redirect
from knox.models import AuthToken
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts import organizations, team
from accounts.backoffice import FirstRows, OfferedLookups, Rows
from accounts.models import ApiKey, AuditEntry, Organization, SignIn, User


class NewOrganization(forms.ModelForm):
    admin_email = forms.EmailField(
        label="First admin's email", max_length=254, help_text="An invitation is mailed to this address."
    )

    class Meta:
        model = Organization
        fields = ["name", "default_country", "time_zone"]


# Registered by what we stand on: they hold digests and ciphertext, and our own pages change them; jobs come back below.
for model in (AuthToken, Authenticator, EmailAddress, Group, ProcrastinateJob):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Organization)
class OrganizationAdmin(Rows):
    organization_path = "pk"
    list_display = ["name", "slug", "time_zone", "default_country", "require_mfa_for_admins", "created_at"]
    editable = ["name", "time_zone", "default_country", "keyword_languages"]
    search_help_text = "An id or a slug"

    def has_add_permission(self, request):
        return self.has_view_permission(request) and request.user.is_superuser

    def add_view(self, request, form_url="", extra_context=None):
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewOrganization(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                creation = organizations.create_organization(**form.cleaned_data, by=request.user)
            except (organizations.OrganizationExists, ValidationError) as error:
                form.add_error(None, error if isinstance(error, ValidationError) else str(error))
            except organizations.AddressInUse as error:
                form.add_error("admin_email", str(error))
            else:
                self.message_user(request, str(creation), messages.SUCCESS)
                return redirect("admin:accounts_organization_change", creation.organization.pk)
        return self.ask(request, "add", "Add organization", form, chosen=[], submit="Add organization")

    def finding(self, term):
        return Q(slug=term)

    def change_row(self, request, obj, before, after):
        fresh = Organization.objects.get(pk=obj.pk)
        organizations.change_organization(fresh, by=request.user, **after)


@admin.register(User)
class UserAdmin(Rows):
    list_display = ["email", "name", "role", "organization", "is_active", "joined_at"]
    list_select_related = ["organization"]
    list_filter = ["role", "is_active"]
    editable = ["name"]
    hidden = ["password", "token_version"]
    actions = ["deactivate"]
    search_help_text = "An id or an email address"

    def finding(self, term):
        return Q(address=term.lower())

    def get_queryset(self, request):
        return super().get_queryset(request).alias(address=Lower("email"))

    def change_row(self, request, obj, before, after):
        team.change_user(User.objects.get(pk=obj.pk), by=request.user, **after)

    @admin.action(description="Deactivate and sign out everywhere", permissions=["change"])
    def deactivate(self, request, queryset):
        for user in queryset:
            try:
                team.deactivate_user(user, by=request.user)
            except (team.OwnRole, team.LastAdmin) as error:
                self.message_user(request, f"{user}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{user} was deactivated.", messages.SUCCESS)


@admin.register(SignIn)
class SignInAdmin(Rows):
    organization_path = "user__organization"
    list_display = ["user", "address", "user_agent", "created_at", "last_seen_at"]
    list_select_related = ["user"]
    hidden = ["token_digest", "session_digest"]


@admin.register(ApiKey)
class ApiKeyAdmin(Rows):
    organization_path = "user__organization"
    list_display = ["name", "prefix", "user", "scopes", "last_used_at", "expires_at"]
    list_select_related = ["user"]
    hidden = ["digest"]


@admin.register(AuditEntry)
class AuditEntryAdmin(Rows):
    list_display = ["created_at", "action", "actor", "target", "organization", "address"]
    list_select_related = ["actor", "organization"]

    @admin.display(description="target")
    def target(self, entry):
        return f"{entry.target_type} {entry.target_id}".strip()


@admin.register(ProcrastinateJob)
class JobAdmin(OfferedLookups, ProcrastinateJobAdmin):
    """Background jobs as Procrastinate shows them, without the styles inside its cells, which our policy forbids."""

    list_display = ["pk", "short_task_name", "arguments", "pretty_status", "attempts", "scheduled_at"]
    list_filter = ["status", "task_name"]
    fields = ["short_task_name", "arguments", "pretty_status", "queueing_lock", "attempts", "scheduled_at"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = FirstRows

    def get_readonly_fields(self, request, obj=None):
        return self.fields

    @admin.display(description="Arguments")
    def arguments(self, job) -> str:
        return json.dumps(job.args)[:500]

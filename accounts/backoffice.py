"""Django's admin as the back office: who gets in, what they see, and that every change is written down.

Operators come with their second factor done and see every organization (TenantMiddleware takes the system role for
them); an organization's admins see their own rows, by a filter here and by row security below it.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, ValidationError
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import urlencode

from accounts import audit, sessions
from accounts.models import Organization

MOST_ROWS = 1000
# Pages of Django's that nothing here leads to. Both look rows up by whatever their address says.
CLOSED = {"autocomplete", "view_on_site"}


class Site(admin.AdminSite):
    site_header = site_title = "MessageHub back office"
    index_title = "Back office"
    site_url = "/"

    def get_urls(self) -> list:
        return [each for each in super().get_urls() if getattr(each, "name", None) not in CLOSED]

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not user.is_active or not user.is_staff:
            return False
        return not user.is_superuser or bool(request.session.get(sessions.SECOND_FACTOR))

    def index(self, request: HttpRequest, extra_context=None):
        return super().index(request, {**(extra_context or {}), "is_empty": not Organization.objects.exists()})

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context=None):
        """Our own page, which knows limits and the second factor."""
        if request.user.is_authenticated and not self.has_permission(request):
            return redirect("home")
        return redirect(f"/login/?{urlencode({'next': request.GET.get('next', '/admin/')})}")

    def logout(self, request: HttpRequest, extra_context=None):
        sessions.sign_out(request)
        return redirect("login")

    def password_change(self, request: HttpRequest, extra_context=None):
        return redirect("me")


class FirstRows(Paginator):
    """Pages over the first thousand rows. More are not counted: who looks for one of them searches."""

    @cached_property
    def count(self) -> int:
        return len(self.object_list.values_list("pk")[:MOST_ROWS])


class OfferedLookups(admin.ModelAdmin):
    """A list that is narrowed by what its filters offer and by nothing else.

    Django lets anybody who sees a list filter it by each of its columns, also those that are not shown: letter by
    letter that reads whole secrets. Every ModelAdmin here derives from this one.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in self.offered_lookups(request)

    def offered_lookups(self, request: HttpRequest) -> set[str]:
        offered: set[str] = set()
        for each in self.get_list_filter(request):
            if isinstance(each, type):
                offered.add(each.parameter_name)
            else:
                offered |= {each, f"{each}__exact", f"{each}__isnull"}
        return offered

    def get_changelist_instance(self, request: HttpRequest):
        """Raises BadRequest for what Django would answer with the whole list, and PostgreSQL with an error."""
        try:
            return super().get_changelist_instance(request)
        except (IncorrectLookupParameters, DataError):
            raise BadRequest("This list doesn't support that filter.") from None

    def response_action(self, request: HttpRequest, queryset: QuerySet):
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.model._meta.pk.to_python(chosen)
        except ValidationError:
            raise BadRequest("Invalid id.") from None
        return super().response_action(request, queryset)


class Rows(OfferedLookups):
    """Rows to look at, newest first. Nothing is added or deleted here, and only what is in `editable` is changed."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = FirstRows
    list_per_page = 50
    ordering = ["-pk"]
    search_fields = ["pk"]  # shows the box; `finding` says what it does
    search_help_text = "An id"
    organization_path = "organization"
    operators_only = False
    editable: Iterable[str] = ()
    hidden: Iterable[str] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        return rows.filter(**{self.organization_path: request.user.organization_id})

    def ask(self, request: HttpRequest, action: str, title: str, form, *, chosen, submit: str):
        """The page on which an action asks for more than the rows."""
        context = {**self.admin_site.each_context(request), "title": title, "form": form, "opts": self.opts}
        return render(request, "admin/ask.html", context | {"action": action, "chosen": chosen, "submit": submit})

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        """By an indexed column, whole: a part of a word would read the whole table."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            wanted = self.finding(term) if "\0" not in term else None
        return (queryset.none() if wanted is None else queryset.filter(wanted)), False

    def finding(self, term: str) -> Q | None:
        """What is looked for besides an id."""
        return None

    # ------------------------------------------------------------ who may
    def _allowed(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and (user.is_superuser or (user.is_admin and not self.operators_only))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._allowed(request)

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return self._allowed(request)

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return bool(self.editable) and self._allowed(request)

    def has_add_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    # ------------------------------------------------------------ the form
    def get_fields(self, request: HttpRequest, obj=None) -> list[str]:
        names = [field.name for field in self.model._meta.concrete_fields]
        return [name for name in names if name not in self.hidden]

    def get_readonly_fields(self, request: HttpRequest, obj=None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name not in self.editable]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = {name: form.initial.get(name) for name in form.changed_data}
        after = {name: form.cleaned_data[name] for name in form.changed_data}
        if before:
            self.change_row(request, obj, before, after)

    def change_row(self, request: HttpRequest, obj: Any, before: dict, after: dict) -> None:
        """Saves and writes it down. Where there is an operation for it, that is called instead."""
        obj.save(update_fields=list(after))
        audit.record_action(
            f"{obj._meta.model_name}.change", actor=request.user, target=obj, before=_plain(before), after=_plain(after)
        )


def _plain(values: dict) -> dict:
    return {name: value if isinstance(value, bool | int | None) else str(value) for name, value in values.items()}

"""/contacts/imports/: a CSV file, its columns, what would happen, what happened, and undoing it."""

import csv
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import COUNTRIES, COUNTRY_CHOICES
from chatrooms import groups
from chatrooms.models import Chatroom, Group
from messagehub import constraints, names
from messaging.contacts import csv_files, imports
from messaging.contacts.forms import InChatroomForm
from messaging.models import ContactImport, ImportRow

SHOWN, EXAMPLES, LISTED = 50, 3, 20
KINDS = [
    ("", gettext_lazy("Leave out")),
    ("phone", gettext_lazy("Phone")),
    ("first_name", gettext_lazy("First name")),
    ("last_name", gettext_lazy("Last name")),
    ("name", gettext_lazy("Whole name")),
    ("email", gettext_lazy("Email")),
    ("consent", gettext_lazy("Wants messages")),
    ("opt_out", gettext_lazy("Opted out")),
]
State = ContactImport.State


class UploadForm(InChatroomForm):
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
        help_text=gettext_lazy("CSV with a line of column names, up to 4,000 KB (about 60,000 contacts)."),
    )


class StartForm(forms.Form):
    """How numbers are read, and the group that all contacts of the file are added to: one that exists, or a new one."""

    country = forms.ChoiceField(
        label=gettext_lazy("Country of numbers without a country code"), choices=COUNTRY_CHOICES, required=False
    )

    group = forms.ModelChoiceField(queryset=Group.objects.none(), required=False, label=gettext_lazy("Add to group"))
    new_group = forms.CharField(
        label=gettext_lazy("Or to a new group"), max_length=80, required=False, validators=[names.validate_name]
    )

    def __init__(self, contact_import: ContactImport, *args, **kwargs) -> None:
        super().__init__(*args, initial={"country": contact_import.country}, **kwargs)
        self.fields["group"].queryset = Group.objects.filter(chatroom=contact_import.chatroom_id).order_by("name")
        self.fields["group"].empty_label = _("No group")
        self.contact_import = contact_import

    def clean_country(self) -> str:
        return self.cleaned_data["country"] or self.contact_import.country


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The imports so far, and a form for the next file."""
    if not Chatroom.objects.visible_to(request.user).exists():
        return render(request, "contacts/no_chatroom.html", {"own_page": "contacts"}, status=403)
    form = UploadForm(request.user, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            contact_import = imports.create_import(
                form.cleaned_data["chatroom"], file.name, file.read(), by=request.user
            )
        except csv_files.BadFile as error:
            form.add_error("file", str(error))
        else:
            return redirect("contact-import", contact_import.pk)
    past = ContactImport.objects.visible_to(request.user).select_related("chatroom", "created_by", "group")
    past = past.defer("content").exclude(state=State.UPLOADED).order_by("-created_at", "-pk")[:LISTED]
    context = {"own_page": "contacts", "form": form, "imports": past}
    return render(request, "contacts/imports.html", context, status=422 if form.errors else 200)


@require_safe
def show_import(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The import in its state: columns to match, in progress, or done."""
    contact_import = _get_import(request, pk)
    if contact_import.state == State.UPLOADED:
        columns = request.GET.getlist("column") or contact_import.columns
        form = StartForm(contact_import, request.GET if "column" in request.GET else None)
        return _columns_page(request, contact_import, columns, form)
    skipped = contact_import.rows.filter(outcome=ImportRow.Outcome.SKIPPED).order_by("number")[:SHOWN]
    context = {
        "own_page": "contacts",
        "import": contact_import,
        "is_running": contact_import.state in (State.QUEUED, State.UNDOING),
        "skipped": skipped,
    }
    return render(request, "contacts/import.html", context)


@require_POST
def start_import(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Import the file. A second press leads to the same import."""
    contact_import = _get_import(request, pk)
    if contact_import.state != State.UPLOADED:
        return redirect("contact-import", pk)
    columns, form = request.POST.getlist("column"), StartForm(contact_import, request.POST)
    try:
        columns = imports.check_columns(columns, len(contact_import.columns))
    except imports.BadColumns:
        return _columns_page(request, contact_import, columns, form, status=422)
    if form.is_valid():
        try:
            group = form.cleaned_data["group"]
            if name := form.cleaned_data["new_group"]:
                group = groups.create_group(contact_import.chatroom, name)
            imports.start_import(contact_import, columns, form.cleaned_data["country"], group, by=request.user)
        except constraints.NameTaken as error:
            form.add_error("new_group", str(error))
        except imports.WrongImportState as error:
            messages.error(request, str(error))
            return redirect("contact-import", pk)
        else:
            return redirect("contact-import", pk)
    return _columns_page(request, contact_import, columns, form, status=422)


@require_POST
def undo_import(request: HttpRequest, pk: UUID) -> HttpResponse:
    contact_import = _get_import(request, pk)
    try:
        imports.start_undo(contact_import, by=request.user)
    except imports.WrongImportState as error:
        messages.error(request, str(error))
    return redirect("contact-import", pk)


@require_safe
def skipped(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The rows that were not imported, as CSV: their place in the file and why."""
    contact_import = _get_import(request, pk)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="skipped.csv"'
    writer = csv.writer(response)
    writer.writerow([_("Row"), _("Reason")])
    rows = contact_import.rows.filter(outcome=ImportRow.Outcome.SKIPPED).order_by("number")
    writer.writerows(rows.values_list("number", "reason"))
    return response


def _get_import(request: HttpRequest, pk: UUID) -> ContactImport:
    visible_imports = ContactImport.objects.visible_to(request.user).defer("content")
    return get_object_or_404(visible_imports.select_related("chatroom", "organization", "group", "created_by"), pk=pk)


def _columns_page(
    request: HttpRequest, contact_import: ContactImport, columns: list[str], form: StartForm, status: int = 200
) -> HttpResponse:
    """What each column is, and what would become of the rows."""
    table = csv_files.read_table(contact_import.content)
    preview, problem = None, ""
    country = form.data.get("country", "")
    country = country if country in COUNTRIES else contact_import.country
    try:
        columns = imports.check_columns(columns, len(table.headings))
        preview = imports.preview_import(contact_import, columns, country)
    except imports.BadColumns as error:
        problem = str(error)
    columns = (columns + [""] * len(table.headings))[: len(table.headings)]
    context = {
        "own_page": "contacts",
        "import": contact_import,
        "columns": [
            {
                "heading": heading,
                "examples": [row[place] for row in table.rows[:EXAMPLES] if row[place]],
                "kind": columns[place],
            }
            for place, heading in enumerate(table.headings)
        ],
        "kinds": KINDS,
        "form": form,
        "preview": preview,
        "problem": problem,
        "rest": contact_import.total - preview.seen if preview else 0,
        "back": reverse("contacts"),
    }
    return render(request, "contacts/import_columns.html", context, status=status)

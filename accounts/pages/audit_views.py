"""/manage/settings/audit/: who did what in the organization, and the same as a file. For admins."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.api.filters import SUBJECTS, AuditFilterSet
from accounts.models import AuditEntry, User
from accounts.pages.audit_words import WORDS, name_value
from accounts.pages.manage import admins_only, filter_page, next_query, read_position

ENTRIES, CHUNK, MOST_EXPORTED = 50, 1000, 100_000
COLUMNS = ("time", "person", "email", "action", "target", "target_id", "before", "after", "address", "request_id")
LONGEST = 160  # characters of a value on the page; the file has all of it
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets calculate


@require_safe
@admins_only
def show_audit_log(request: HttpRequest) -> HttpResponse:
    entries = _filtered(request)
    if position := read_position(request):
        entries = entries.filter(pk__lt=position)
    page = list(entries.select_related("actor").order_by("-pk")[: ENTRIES + 1])
    names = _name_people(request, page)
    filters = {name: request.GET.get(name, "") for name in AuditFilterSet.base_filters}
    context = {
        "own_page": "manage-settings",
        "tab": "audit",
        "rows": [_describe(entry, names) for entry in page[:ENTRIES]],
        "more": next_query(request, after=page[ENTRIES - 1].pk) if len(page) > ENTRIES else "",
        "filters": filters,
        "is_filtered": any(filters.values()),
        "subjects": [(name, name_value(name)) for name in SUBJECTS],
        "export": next_query(request),
    }
    return render(request, "settings/audit.html", context)


@require_safe
@admins_only
def export_audit_log(request: HttpRequest) -> HttpResponse:
    """The entries of the page's filters as CSV, the newest MOST_EXPORTED. That it was taken is written down too."""
    # A file and no stream: a stream would outlive the request's transaction.
    file = tempfile.SpooledTemporaryFile(max_size=5_000_000)  # noqa: SIM115  closed by the response
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    count = 0
    for entry in _read_all(_filtered(request)):
        writer.writerow([_as_cell(value) for value in _as_row(entry)])
        count += 1
    text.detach()
    file.seek(0)
    audit.record_action("audit.export", actor=request.user, target=request.user.organization, after={"entries": count})
    name = f"audit-{timezone.localdate().isoformat()}.csv"
    return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")


def _filtered(request: HttpRequest) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.filter(organization_id=request.user.organization_id)
    return filter_page(request, AuditFilterSet, entries)


def _read_all(entries: QuerySet[AuditEntry]) -> Iterator[AuditEntry]:
    """In chunks by id, so that memory stays small."""
    position: UUID | None = None
    for _chunk in range(MOST_EXPORTED // CHUNK):
        chunk = entries.filter(pk__lt=position) if position else entries
        rows = list(chunk.select_related("actor").order_by("-pk")[:CHUNK])
        yield from rows
        if len(rows) < CHUNK:
            return
        position = rows[-1].pk


def _as_row(entry: AuditEntry) -> list[Any]:
    actor = _actor_of(entry)
    return [
        entry.created_at.isoformat(),
        actor.name if actor else "",
        actor.email if actor else "",
        entry.action,
        entry.target_type,
        entry.target_id,
        json.dumps(entry.before, ensure_ascii=False) if entry.before else "",
        json.dumps(entry.after, ensure_ascii=False) if entry.after else "",
        entry.address or "",
        entry.request_id,
    ]


def _as_cell(value: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FORMULA) else value


def _actor_of(entry: AuditEntry) -> User | None:
    """None for the product itself. Operators are not named to organizations."""
    return entry.actor if entry.actor and entry.actor.organization_id == entry.organization_id else None


def _name_people(request: HttpRequest, entries: list[AuditEntry]) -> dict[str, str]:
    """The names of colleagues to whom something was done."""
    ids = {entry.target_id for entry in entries if entry.target_type == "user"}
    people = User.objects.filter(organization_id=request.user.organization_id, pk__in=ids)
    return {str(pk): name for pk, name in people.values_list("pk", "name")}


def _describe(entry: AuditEntry, names: dict[str, str]) -> dict:
    """An entry as the page shows it: who, what, and each value that changed."""
    before, after = _as_dict(entry.before), _as_dict(entry.after)
    actor = _actor_of(entry)
    return {
        "at": entry.created_at,
        "who": actor,
        "by_us": _("MessageHub") if entry.actor_id is None else _("Operator"),
        "action": WORDS.get(entry.action) or entry.action.replace(".", ": ").replace("_", " "),
        "whom": "" if entry.target_id == str(entry.actor_id) else names.get(entry.target_id, ""),
        "changes": [
            (name_value(name), _shorten(before.get(name)), _shorten(after.get(name)))
            for name in dict.fromkeys([*before, *after])
        ],
        "address": entry.address,
    }


def _as_dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {"value": value} if value is not None else {}


def _shorten(value: Any) -> str:
    if isinstance(value, list) and len(value) > 5:
        return _("{n} entries").format(n=len(value))
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

"""/templates/: texts to write often, each with a sample of what goes out."""

from datetime import datetime
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from chatrooms import contacts
from chatrooms.models import Chatroom
from integrations import segments
from messagehub import constraints
from messagehub.ui import lists
from messaging import payloads
from messaging.media import uploads
from messaging.message_templates import templates
from messaging.message_templates.filters import TemplateListFilterSet
from messaging.message_templates.forms import TemplateForm
from messaging.models import Label, Message, MessageTemplate

Position = tuple[datetime, UUID]
LIST = lists.ListDefinition(
    MessageTemplate,
    TemplateListFilterSet,
    labels={
        "chatroom_id": gettext_lazy("Chatroom"),
        "scope": gettext_lazy("For"),
        "label_id": gettext_lazy("Label"),
        "state": gettext_lazy("State"),
    },
    search_label=gettext_lazy("Name or text of a template"),
)


@require_safe
def show_templates(request: HttpRequest) -> HttpResponse:
    fetch = partial(list_templates, request.user)
    page = lists.build_list(request, LIST, fetch, lambda template: (template.created_at, template.pk))
    uses_of = payloads.count_template_uses(template.pk for template in page.rows)
    context = {
        "own_page": "templates",
        "list": page,
        "rows": [(template, uses_of[template.pk]) for template in page.rows],
        "most_uses": payloads.MOST_USES,
    }
    return render(request, "message_templates/list.html", context, status=page.status)


@require_http_methods(["GET", "HEAD", "POST"])
def write_template(request: HttpRequest) -> HttpResponse:
    if not (request.user.is_admin or Chatroom.objects.visible_to(request.user).exists()):
        raise PermissionDenied
    form = TemplateForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            templates.create_template(request.user.organization_id, **data)
        except uploads.UploadGone as error:
            form.add_error("media_urls", str(error))
        except constraints.NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("Template created."))
            return redirect("templates")
    return _draw(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_template(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A template to change, or only to read where it is not the viewer's to change."""
    template = get_object_or_404(
        MessageTemplate.objects.visible_to(request.user).select_related("chatroom", "label"), pk=pk
    )
    may_change = _may_change(request.user, template)
    initial = {name: getattr(template, name) for name in ("name", "body", "label", "media_urls")}
    form = TemplateForm(request.user, request.POST or None, template=template, initial=initial)
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        if form.is_valid():
            try:
                templates.change_template(template, **form.cleaned_data)
            except uploads.UploadGone as error:
                form.add_error("media_urls", str(error))
            except constraints.NameTaken as error:
                form.add_error("name", str(error))
            else:
                messages.success(request, _("Template saved."))
                return redirect("templates")
    return _draw(request, form, template, may_change=may_change)


@require_POST
def show_sample(request: HttpRequest) -> HttpResponse:
    """What a text that is being written would be, for a contact of the viewer's: a part of the page."""
    body = request.POST.get("body", "")[: segments.LONGEST_TEXT]
    # Asked for at each pause in typing: the newest few, along their index.
    newest = contacts.list_contacts(request.user, limit=20)
    contact = next((each for each in newest if each.first_name), newest[0] if newest else None)
    try:
        sample = templates.describe_sample(body, contact, sender=request.user)
        footer = templates.describe_footer(sample["content"], request.user.organization)
        context: dict = {"sample": sample | footer, "contact": contact}
    except templates.BadTemplate as error:
        context = {"problem": str(error)}
    return render(request, "message_templates/_sample.html", context)


@require_POST
def copy_template(request: HttpRequest, pk: UUID) -> HttpResponse:
    template = _get_own_template(request, pk)
    try:
        copy = templates.duplicate_template(template)
    except constraints.NameTaken as error:
        messages.error(request, str(error))
        return redirect("template", pk)
    messages.success(request, _("Template duplicated."))
    return redirect("template", copy.pk)


@require_POST
def put_away_template(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Archive, or with `restore` put back."""
    template = _get_own_template(request, pk)
    is_archived = "restore" not in request.POST
    templates.archive_template(template, is_archived=is_archived)
    if is_archived:
        words = _("{name} is archived. It isn't offered any more.")
    else:
        words = _("{name} is offered again.")
    messages.success(request, words.format(name=template.name))
    return redirect("templates")


def list_templates(
    user: User,
    *,
    limit: int,
    after: Position | None = None,
    before: Position | None = None,
    chatroom: Chatroom | None = None,
    search: str = "",
    state: str = "",
    scope: str = "",
    label: Label | None = None,
) -> list[MessageTemplate]:
    """What the user may see, newest first; of a chatroom with those of all chatrooms and personal ones."""
    rows = MessageTemplate.objects.visible_to(user).select_related("chatroom", "label")
    rows = rows.filter(archived_at__isnull=state != "archived")
    if state == "unused":
        rows = rows.exclude(Exists(Message.objects.filter(template_id=OuterRef("pk"))))
    if chatroom:
        rows = rows.filter(Q(chatroom=chatroom) | Q(chatroom=None))
    if scope:
        rows = rows.of_scope(scope)
    if label:
        rows = rows.filter(label=label)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(body__icontains=search))
    if after:
        rows = rows.filter(Q(created_at__lt=after[0]) | Q(created_at=after[0], pk__lt=after[1]))
    if before:
        rows = rows.filter(Q(created_at__gt=before[0]) | Q(created_at=before[0], pk__gt=before[1]))
    order = ("created_at", "pk") if before else ("-created_at", "-pk")
    return list(rows.order_by(*order)[:limit])[:: -1 if before else 1]


def _draw(
    request: HttpRequest, form: TemplateForm, template: MessageTemplate | None = None, *, may_change: bool = True
) -> HttpResponse:
    context = {
        "own_page": "templates",
        "form": form,
        "template": template,
        "uses": payloads.count_template_uses([template.pk])[template.pk] if template else None,
        "most_uses": payloads.MOST_USES,
        "may_change": may_change,
        "fallback": "{{first_name|there}}",
        "variables": [f"{{{{{name}}}}}" for name in templates.VARIABLES],
    }
    return render(request, "message_templates/edit.html", context, status=422 if form.errors else 200)


def _may_change(user: User, template: MessageTemplate) -> bool:
    return user.is_admin or template.scope != MessageTemplate.Scope.ORGANIZATION


def _get_own_template(request: HttpRequest, pk: UUID) -> MessageTemplate:
    """Raises Http404, and PermissionDenied where it can only be read."""
    template = get_object_or_404(MessageTemplate.objects.visible_to(request.user), pk=pk)
    if not _may_change(request.user, template):
        raise PermissionDenied
    return template

"""/manage/settings/labels/: the labels of an organization. For admins."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.pages.manage import admins_only
from messagehub import constraints, names
from messaging.conversations import labels
from messaging.models import Label
from messaging.models.wording import Color

LABELS = 200
COLOR_NAMES = {
    Color.PETROL: gettext_lazy("Petrol"),
    Color.OCHRE: gettext_lazy("Ochre"),
    Color.MAGENTA: gettext_lazy("Magenta"),
    Color.BLUE: gettext_lazy("Blue"),
    Color.GREEN: gettext_lazy("Green"),
}


class LabelForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=40, validators=[names.validate_name])
    color = forms.ChoiceField(label=gettext_lazy("Color"), choices=list(COLOR_NAMES.items()))


@require_safe
@admins_only
def manage(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
@admins_only
def create(request: HttpRequest) -> HttpResponse:
    form = LabelForm(request.POST, auto_id="new_%s")
    if form.is_valid():
        try:
            label = labels.create_label(request.user.organization, by=request.user, **form.cleaned_data)
        except constraints.NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("{name} can be used in every chatroom now.").format(name=label.name))
            return redirect("manage-labels")
    return _page(request, form=form, status=422)


@require_POST
@admins_only
def change(request: HttpRequest, pk: UUID) -> HttpResponse:
    label, form = _find(request, pk), LabelForm(request.POST, auto_id=f"label_{pk}_%s")
    if form.is_valid():
        try:
            labels.change_label(label, by=request.user, **form.cleaned_data)
        except constraints.NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("{name} is saved.").format(name=form.cleaned_data["name"]))
            return redirect("manage-labels")
    return _page(request, changing=(label.pk, form), status=422)


@require_POST
@admins_only
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """At once, and to be undone; after a question where so many conversations have it that it can't be."""
    label = _find(request, pk)
    if not labels.can_undo_deletion(label) and "sure" not in request.POST:
        return render(request, "labels/delete.html", {"own_page": "manage-settings", "tab": "labels", "label": label})
    labels.delete_label(label, by=request.user)
    messages.success(request, _("{name} is deleted.").format(name=label.name))
    return redirect(f"{request.path.split(str(pk))[0]}?deleted={pk}")


@require_POST
@admins_only
def restore(request: HttpRequest, pk: UUID) -> HttpResponse:
    try:
        label = labels.restore_label(request.user.organization, pk, by=request.user)
    except labels.CannotUndo:
        return _page(request, status=422, problem=_("This deletion can't be undone any more."))
    except constraints.NameTaken as error:
        return _page(request, status=422, problem=str(error))
    messages.success(request, _("{name} is back, on the same conversations.").format(name=label.name))
    return redirect("manage-labels")


def _find(request: HttpRequest, pk: UUID) -> Label:
    return get_object_or_404(Label, pk=pk, organization_id=request.user.organization_id)


def _page(
    request: HttpRequest,
    form: LabelForm | None = None,
    changing: tuple[UUID, LabelForm] | None = None,
    status: int = 200,
    problem: str = "",
) -> HttpResponse:
    rows = Label.objects.filter(organization_id=request.user.organization_id).order_by("name", "pk")[:LABELS]
    forms_by_label = {
        row.pk: LabelForm(initial={"name": row.name, "color": row.color}, auto_id=f"label_{row.pk}_%s") for row in rows
    }
    if changing:
        forms_by_label[changing[0]] = changing[1]
    context = {
        "own_page": "manage-settings",
        "tab": "labels",
        "rows": [(row, forms_by_label[row.pk]) for row in rows],
        "form": form or LabelForm(auto_id="new_%s"),
        "deleted": _read_deleted(request),
        "problem": problem,
    }
    return render(request, "labels/manage.html", context, status=status)


def _read_deleted(request: HttpRequest) -> dict | None:
    """What was just deleted and can be brought back."""
    try:
        pk = UUID(request.GET.get("deleted", ""))
    except ValueError:
        return None
    deleted = labels.find_deletion(request.user.organization, pk)
    return {"pk": pk, "name": deleted["name"]} if deleted else None

"""Keeping the filters of a list under a name, and deleting them."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import saved_views
from accounts.models import SavedView
from accounts.redirects import next_page_url
from messagehub import names
from messagehub.ui import navigation


class ViewForm(forms.Form):
    page = forms.CharField(max_length=40)
    name = forms.CharField(max_length=40, validators=[names.validate_name])
    query = forms.CharField(max_length=1000)


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    form = ViewForm(request.POST)
    is_valid = form.is_valid()
    if form.cleaned_data.get("page") not in {page.url_name for page in navigation.list_pages(request.user)}:
        raise BadRequest("There is no such list.")
    back = next_page_url(request, reverse(form.cleaned_data["page"]))
    if not is_valid:
        messages.error(request, _("Give the view a name of at most 40 characters."))
        return redirect(back)
    try:
        view = saved_views.save_view(request.user, **form.cleaned_data)
    except saved_views.TooManyViews as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("View {name} saved.").format(name=view.name))
    return redirect(back)


@require_POST
def delete_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    view = get_object_or_404(SavedView, user=request.user, pk=pk)
    back = next_page_url(request, reverse(view.page))
    view.delete()
    messages.success(request, _("View {name} deleted.").format(name=view.name))
    return redirect(back)

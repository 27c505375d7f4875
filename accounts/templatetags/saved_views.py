"""What lists draw of a person's saved views."""

from django import template

from accounts import saved_views as operations
from messagehub.ui import navigation
from messagehub.ui.lists import ListPage

register = template.Library()


@register.inclusion_tag("ui/lists/saved_views.html", takes_context=True)
def saved_views(context: template.Context, page: ListPage) -> dict:
    """Links to the views of this list that the person keeps; nothing for a list that is below another page."""
    request = context["request"]
    name = _name_of_list(request)
    views = operations.list_views(request.user, name) if name else []
    return {"request": request, "views": views, "list": page, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("ui/lists/save_view.html", takes_context=True)
def save_view_form(context: template.Context, page: ListPage) -> dict:
    request = context["request"]
    return {
        "request": request,
        "page": _name_of_list(request),
        "list": page,
        "csrf_token": context.get("csrf_token"),
    }


def _name_of_list(request) -> str:
    name = request.resolver_match.url_name
    return name if name in {page.url_name for page in navigation.list_pages(request.user)} else ""

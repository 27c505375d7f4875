"""Filters of lists that people keep under a name."""

from django.utils.translation import gettext as _

from accounts.models import SavedView, User

MOST_VIEWS = 20  # of a person, for one list


class TooManyViews(Exception):
    """The person keeps as many as there may be."""

    def __init__(self) -> None:
        super().__init__(_("You have 20 saved views of this list. Delete one first."))


def list_views(user: User, page: str) -> list[SavedView]:
    """By name."""
    return list(SavedView.objects.filter(user=user, page=page).order_by("name", "pk")[:MOST_VIEWS])


def save_view(user: User, *, page: str, name: str, query: str) -> SavedView:
    """Keep the filters; a view of the same name is replaced. Raises TooManyViews."""
    views = SavedView.objects.filter(user=user, page=page)
    if views.exclude(name=name).count() >= MOST_VIEWS:
        raise TooManyViews
    view, _created = SavedView.objects.update_or_create(
        user=user, page=page, name=name, defaults={"query": query, "organization_id": user.organization_id}
    )
    return view

"""Filters of a list under a name: kept on the server, each person's own, and nothing but an address to share."""

import re

import pytest

from accounts import saved_views
from accounts.models import SavedView

SAVE = "/me/views/"
FORM = {"page": "contacts", "name": "Opted out", "query": "consent=opted_out", "next": "/contacts/?consent=opted_out"}


def views_on(page: str) -> list[str]:
    return re.findall(r'<a class="row-link truncate" href="([^"]+)"', page)


def test_a_view_is_kept_shown_replaced_and_deleted(browser, bo, acme, inside):
    client = browser(bo)
    assert 'name="query" value="consent=opted_out"' in client.get(FORM["next"]).content.decode()
    answer = client.post(SAVE, FORM)
    assert answer["Location"] == FORM["next"]
    assert views_on(client.get("/contacts/").content.decode()) == ["/contacts/?consent=opted_out"]
    assert views_on(client.get("/groups/").content.decode()) == []
    client.post(SAVE, {**FORM, "query": "consent=opted_in"})
    page = client.get("/contacts/?consent=opted_in").content.decode()
    assert views_on(page) == ["/contacts/?consent=opted_in"]
    delete = re.search(r'action="(/me/views/[^"]+/delete/)"', page)[1]
    assert client.post(delete, {"next": "/contacts/"})["Location"] == "/contacts/"
    with inside(acme):
        assert not SavedView.objects.exists()


def test_views_are_each_persons_own(browser, ann, bo, zed, acme, inside):
    browser(bo).post(SAVE, FORM)
    with inside(acme):
        view = SavedView.objects.get()
        assert (view.user_id, view.organization_id) == (bo.pk, acme.organization.pk)
    for other in (ann, zed):
        assert views_on(browser(other).get("/contacts/").content.decode()) == []
        assert browser(other).post(f"{SAVE}{view.pk}/delete/").status_code == 404
    assert len(views_on(browser(bo).get("/contacts/").content.decode())) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"page": "me"}, 400),
        ({"page": "manage-tokens"}, 400),  # for admins
        ({"page": ""}, 400),
        ({"name": ""}, 302),
        ({"name": "\u200b"}, 302),
        ({"name": "x" * 41}, 302),
        ({"query": ""}, 302),
    ],
)
def test_what_is_no_view_is_not_kept(browser, bo, acme, inside, change, status):
    assert browser(bo).post(SAVE, {**FORM, **change}).status_code == status
    with inside(acme):
        assert not SavedView.objects.exists()


def test_there_is_a_most_for_each_list(browser, bo, acme, inside, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST_VIEWS", 2)
    client = browser(bo)
    for name in ("A", "B"):
        client.post(SAVE, {**FORM, "name": name})
    assert "Delete one first" in client.post(SAVE, {**FORM, "name": "C"}, follow=True).content.decode()
    client.post(SAVE, {**FORM, "name": "B", "query": "consent=unknown"})
    client.post(SAVE, {**FORM, "page": "groups", "name": "C"})
    with inside(acme):
        found = SavedView.objects.order_by("name").values_list("page", "name", "query")
        assert list(found) == [
            ("contacts", "A", "consent=opted_out"),
            ("contacts", "B", "consent=unknown"),
            ("groups", "C", "consent=opted_out"),
        ]

"""Where signing in leads: to a path of ours, never to a view by its name and never to an error."""

import pytest

from tests import factories
from tests.accounts.codes import code

pytestmark = pytest.mark.django_db

NOT_OURS = [
    "foo", "logout", "home", "me", "admin:index", "inbox/", "./", "..", "?x=1", "#top", " ", "//elsewhere.example/",
    "/\\elsewhere.example/", "\\\\elsewhere.example", "/\t/elsewhere.example", "http://testserver/me/",
    "https://elsewhere.example/", "javascript:alert(1)", "///elsewhere.example", "\x00", "http://[", "accounts.models",
]  # fmt: skip


@pytest.mark.parametrize("wanted", NOT_OURS)
def test_sign_in_leads_home_where_next_is_no_path_of_ours(browser, bo, wanted):
    client = browser()
    assert client.get("/login/", {"next": wanted}).status_code == 200

    answer = client.post("/login/", {"email": bo.email, "password": factories.PASSWORD, "next": wanted})

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/login/", {"next": wanted})["Location"] == "/"


@pytest.mark.parametrize("wanted", ["/me/", "/inbox/?chatroom=1#last", "/nowhere", "/logout/", "/caf\u00e9/"])
def test_sign_in_leads_to_a_path_of_ours(browser, bo, wanted):
    answer = browser().post("/login/", {"email": bo.email, "password": factories.PASSWORD, "next": wanted})

    assert answer.status_code == 302
    assert answer["Location"] == wanted.replace("\u00e9", "%C3%A9")


@pytest.mark.parametrize("wanted", NOT_OURS)
def test_theme_leads_to_ones_own_page_where_next_is_no_path_of_ours(browser, bo, wanted):
    client = browser()
    client.force_login(bo)

    assert client.post("/me/theme/", {"theme": "dark", "next": wanted})["Location"] == "/me/"


def test_second_page_of_signing_in_leads_home_where_next_is_no_path_of_ours(browser, bo):
    from accounts import second_factor

    secret, client = second_factor.begin_enrollment(bo), browser()
    client.post("/login/", {"email": bo.email, "password": factories.PASSWORD})

    assert client.post("/login/code/", {"code": code(secret), "next": "logout"})["Location"] == "/"


@pytest.mark.parametrize("wanted", ["foo", "logout", "//elsewhere.example/"])
def test_back_office_passes_on_only_paths_of_ours(browser, bo, wanted):
    client = browser()
    answer = client.get("/admin/login/", {"next": wanted}, follow=True)

    assert answer.status_code == 200
    assert (
        client.post("/login/", {"email": bo.email, "password": factories.PASSWORD, "next": wanted})["Location"] == "/"
    )

"""/login/ and signing out, without a script."""

import re

import pytest

from tests import factories


def test_the_login_page_has_one_of_each(browser, db):
    page = browser().get("/login/").content.decode()

    for field in ('type="email"', 'type="password"', 'type="submit"'):
        assert page.count(field) == 1


def test_signing_in_leads_to_where_one_was_going(browser, bo):
    client = browser()

    answer = client.get("/inbox/")
    assert answer.status_code == 302
    answer = client.post(answer["Location"], {"email": bo.email.upper(), "password": factories.PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, "/inbox/")
    assert client.get("/inbox/").status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_elsewhere(browser, bo, target):
    answer = browser().post("/login/", {"email": bo.email, "password": factories.PASSWORD, "next": target})

    assert answer["Location"] == "/"


@pytest.mark.parametrize("email", ["bo@acme.example", "nobody@acme.example"])
def test_a_wrong_pair_is_told_in_the_same_words(browser, bo, email):
    answer = browser().post("/login/", {"email": email, "password": "wrong"})

    assert answer.status_code == 401
    assert "Incorrect email or password." in answer.content.decode()
    assert "wrong" not in re.findall(r'value="([^"]*)"', answer.content.decode())


def test_operators_set_up_their_second_factor_first(browser, olga):
    client = browser()

    assert client.post("/login/", {"email": olga.email, "password": factories.PASSWORD}).status_code == 302

    assert client.get("/inbox/")["Location"] == client.get("/admin/")["Location"] == "/me/#second-factor"


def test_too_many_attempts_are_told_when_to_go_on(browser, bo, settings):
    settings.LIMITS = settings.LIMITS | {"login_per_account": 2}
    client = browser()
    for _ in range(2):
        client.post("/login/", {"email": bo.email, "password": "wrong"})

    answer = client.post("/login/", {"email": bo.email, "password": factories.PASSWORD})

    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60


def test_signing_out_takes_a_form_and_ends_the_session(browser, bo):
    client = browser(bo)

    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/inbox/").status_code == 302


def test_the_picture_beside_the_form_shows_only_channels_that_there_are(browser, db):
    page = browser().get("/login/").content.decode()
    assert "by SMS" in page
    assert "Instagram" not in page
    assert "Messenger" not in page

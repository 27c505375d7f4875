"""Guesses at the current password are counted with those at the sign-in, at whichever door."""

import pytest

from tests import factories

pytestmark = pytest.mark.django_db

MOST = 3
NEW = "another-long-password"


@pytest.fixture(autouse=True)
def _few_guesses(settings):
    settings.LIMITS = settings.LIMITS | {"login_per_account": MOST}


def test_api_refuses_more_guesses_at_the_current_password_than_the_sign_in(api, bo):
    client, guess = api(bo), {"current_password": "wrong", "password": NEW}
    assert [client.patch("/api/auth/me", guess).status_code for _ in range(MOST)] == [400] * MOST

    answer = client.patch("/api/auth/me", guess | {"current_password": factories.PASSWORD})

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "throttled")
    assert answer["Retry-After"]
    bo.refresh_from_db()
    assert bo.check_password(factories.PASSWORD)


@pytest.mark.parametrize("path", ["password/", "second-factor/", "second-factor/remove/", "recovery-codes/"])
def test_page_refuses_more_guesses_at_the_current_password_than_the_sign_in(browser, bo, path):
    client = browser()
    client.force_login(bo)
    client.get("/me/")
    guess = {"current_password": "wrong", "password": NEW, "code": "000000"}
    assert [client.post(f"/me/{path}", guess).status_code for _ in range(MOST)] == [400] * MOST

    answer = client.post(f"/me/{path}", guess | {"current_password": factories.PASSWORD})

    assert answer.status_code == 429
    assert answer["Retry-After"]


def test_guesses_at_one_door_count_at_the_other(api, bo, login):
    client = api(bo)
    for _ in range(MOST):
        client.patch("/api/auth/me", {"current_password": "wrong", "password": NEW})

    assert login(bo).status_code == 429


def test_guesses_of_a_code_at_the_browser_count_at_the_api(browser, bo, login, settings):
    from accounts import second_factor

    settings.LIMITS = settings.LIMITS | {"login_per_account": 30, "code_per_account": MOST}
    second_factor.begin_enrollment(bo)
    client = browser()
    client.post("/login/", {"email": bo.email, "password": factories.PASSWORD})
    for _ in range(MOST):
        client.post("/login/code/", {"code": "000000"})

    assert login(bo, code="000000").status_code == 429

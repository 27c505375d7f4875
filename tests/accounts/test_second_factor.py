"""TOTP and recovery codes: at the API, on the second page of signing in, and who owes them."""

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client

from accounts import organizations, second_factor, sessions, team
from accounts.models import AuditEntry
from tests import factories
from tests.accounts.codes import code

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret(bo) -> str:
    """Bo signs in with a second factor."""
    return second_factor.begin_enrollment(bo)


def outcome(answer) -> tuple:
    return answer.status_code, answer.json().get("error", {}).get("code")


def test_a_code_is_owed_checked_and_used_up(login, bo, secret):
    assert outcome(login(bo)) == (401, "mfa_required")
    assert outcome(login(bo, code="000000")) == (401, "wrong_credentials")
    # One code, read once: the next half minute may begin between two lines of this test.
    now = code(secret)
    assert outcome(login(bo, "wrong", code=now)) == (401, "wrong_credentials")
    assert outcome(login(bo, code=now)) == (200, None)
    assert outcome(login(bo, code=now)) == (401, "wrong_credentials")


def test_an_older_code_does_not_work_after_a_newer_one(login, bo, secret):
    assert outcome(login(bo, code=code(secret, 1))) == (200, None)
    assert outcome(login(bo, code=code(secret))) == (401, "wrong_credentials")


def test_a_recovery_code_works_once(login, bo, secret):
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        assert secret not in str(cursor.fetchall())
    one = second_factor.renew_recovery_codes(bo)[0]

    assert outcome(login(bo, code=one)) == (200, None)
    assert outcome(login(bo, code=one)) == (401, "wrong_credentials")
    assert second_factor.count_recovery_codes(bo) == 9


def test_codes_can_not_be_tried_out(login, bo, secret, settings):
    settings.LIMITS = settings.LIMITS | {"code_per_account": 3}
    for _ in range(3):
        login(bo, code="000000")

    answer = login(bo, code=code(secret))
    assert outcome(answer) == (429, "throttled")
    assert answer["Retry-After"]


def test_failed_codes_are_recorded(login, bo, secret, acme, inside):
    login(bo, code="000000")
    login(bo, code=code(secret))

    with inside(acme):
        assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
            "second_factor.fail",
            "sign_in.start",
        ]


# ---------------------------------------------------------------- in the browser
def test_the_code_is_asked_for_on_a_second_page(browser, bo, secret):
    client = browser()
    answer = client.post("/login/", {"email": bo.email, "password": factories.PASSWORD, "next": "/me/"})

    assert answer["Location"] == "/login/code/?next=%2Fme%2F"
    assert client.get("/inbox/").status_code == 302
    page = client.get(answer["Location"])
    assert 'autocomplete="one-time-code"' in page.content.decode()
    assert client.post("/login/code/", {"code": "000000"}).status_code == 401
    answer = client.post("/login/code/", {"code": code(secret), "next": "/me/"})
    assert (answer.status_code, answer["Location"]) == (302, "/me/")
    assert client.get("/inbox/").status_code == 200


def test_the_second_page_alone_leads_nowhere(browser, bo, secret, time_passes):
    assert browser().post("/login/code/", {"code": code(secret)})["Location"] == "/login/"
    client = browser()
    client.post("/login/", {"email": bo.email, "password": factories.PASSWORD})
    time_passes(sessions.HALF_SECONDS + 1)
    assert client.post("/login/code/", {"code": code(secret)})["Location"] == "/login/"


@pytest.fixture
def time_passes(monkeypatch):
    def by(seconds: int) -> None:
        monkeypatch.setattr(sessions, "HALF_SECONDS", sessions.HALF_SECONDS - seconds)

    return by


def test_a_new_password_in_between_ends_the_half(browser, bo, secret):
    client = browser()
    client.post("/login/", {"email": bo.email, "password": factories.PASSWORD})
    sessions.change_password(bo, "another-long-password")

    assert client.post("/login/code/", {"code": code(secret)})["Location"] == "/login/"


# ---------------------------------------------------------------- who owes it
def test_operators_get_in_with_it_only(browser, login, olga):
    assert outcome(login(olga)) == (403, "operators_use_admin")
    client = browser()
    client.post("/login/", {"email": olga.email, "password": factories.PASSWORD})
    assert client.get("/admin/")["Location"] == "/me/#second-factor"
    assert client.get("/api/conversations").json()["error"]["code"] == "operators_use_admin"

    secret = second_factor.begin_enrollment(olga)
    client = browser()
    client.post("/login/", {"email": olga.email, "password": factories.PASSWORD})
    client.post("/login/code/", {"code": code(secret)})
    assert client.get("/inbox/")["Location"] == "/admin/"
    assert client.get("/api/conversations").json()["error"]["code"] == "operators_use_admin"


def test_admins_owe_it_where_their_organization_says_so(browser, api, login, bearer, ann, bo, acme, inside):
    team.change_user(bo, by=ann, role="admin")
    token = bearer(login(bo).json()["token"])
    with inside(acme), pytest.raises(organizations.OwnSecondFactorFirst):
        organizations.change_organization(acme.organization, by=ann, require_mfa_for_admins=True)
    second_factor.begin_enrollment(ann)
    with inside(acme):
        organizations.change_organization(acme.organization, by=ann, require_mfa_for_admins=True)

    assert token.get("/api/auth/me").status_code == 401
    assert outcome(login(bo)) == (401, "mfa_required")
    client = browser()
    client.post("/login/", {"email": bo.email, "password": factories.PASSWORD})
    assert client.get("/inbox/")["Location"] == "/me/#second-factor"
    assert client.get("/api/auth/me").json()["error"]["code"] == "mfa_required"
    assert client.get("/me/").status_code == 200


# ---------------------------------------------------------------- limits
def test_strangers_do_not_lock_the_owner_out(bo, settings):
    settings.LIMITS = settings.LIMITS | {"login_per_account": 2, "login_per_account_anywhere": 4}
    right = {"email": bo.email, "password": factories.PASSWORD}
    home = Client(REMOTE_ADDR="192.0.2.1")
    assert home.post("/login/", right).status_code == 302
    for number in range(10, 20):
        Client(REMOTE_ADDR=f"198.51.100.{number}").post("/login/", right | {"password": "wrong"})

    assert Client(REMOTE_ADDR="198.51.100.99").post("/login/", right).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.1").post("/login/", right).status_code == 302
    assert Client(REMOTE_ADDR="192.0.2.1").post("/login/", right).status_code == 429


def test_an_unknown_address_costs_a_hash_too(login, bo, monkeypatch):
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *args, **more: hashed.append(1) or encode(*args, **more))
    login(bo, "wrong")
    known, hashed[:] = len(hashed), []
    login("nobody@acme.example", "wrong")

    assert len(hashed) == known == 1


def test_nothing_is_left_of_a_removed_one(bo, secret, inside, acme, login):
    with inside(acme):
        second_factor.remove_second_factor(bo)

    assert not Authenticator.objects.exists()
    assert login(bo).status_code == 200


def test_a_socket_is_refused_while_it_is_owed(signed_in, ann, acme, inside):
    client = signed_in(ann)
    identity = sessions.Identity(session_key=client.cookies["sessionid"].value)
    assert sessions.find_signed_in_user(identity) == ann
    with inside(acme):
        acme.organization.require_mfa_for_admins = True
        acme.organization.save()

    assert sessions.find_signed_in_user(identity) is None

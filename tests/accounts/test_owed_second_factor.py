"""The second factor is owed on every way in: by cookie, by token, by API key and over a socket."""

import pytest
from django.test import Client

from accounts import keys, organizations, second_factor, sessions, team
from accounts.models import ApiKey, SignIn
from tests import factories
from tests.accounts.codes import code

pytestmark = pytest.mark.django_db


def outcome(answer) -> tuple:
    return answer.status_code, answer.json().get("error", {}).get("code")


@pytest.fixture
def require(acme, ann, inside):
    """Ann, who has a second factor, asks it of all admins of Acme."""

    def switch_on() -> None:
        second_factor.begin_enrollment(ann)
        with inside(acme):
            organizations.change_organization(acme.organization, by=ann, require_mfa_for_admins=True)

    return switch_on


@pytest.fixture
def promote(acme, ann, inside):
    def change_role(user) -> None:
        with inside(acme):
            team.change_user(user, by=ann, role="admin")

    return change_role


def test_token_without_a_factor_ends_at_promotion(require, promote, login, bearer, bo):
    require()
    token = login(bo).json()["token"]
    client = bearer(token)
    assert client.get("/api/auth/me").status_code == 200

    promote(bo)

    assert client.get("/api/users").status_code == 401
    assert sessions.find_signed_in_user(sessions.Identity(token=token)) is None
    assert not SignIn.objects.filter(user=bo).exists()


def test_browser_without_a_factor_is_signed_out_at_promotion(require, promote, signed_in, bo):
    require()
    client = signed_in(bo)

    promote(bo)

    assert client.get("/inbox/")["Location"].startswith("/login/")


def test_sign_in_with_a_factor_outlives_promotion(require, promote, login, bearer, bo):
    require()
    secret = second_factor.begin_enrollment(bo)
    client = bearer(login(bo, code=code(secret)).json()["token"])

    promote(bo)

    assert client.get("/api/users").status_code == 200


def test_promotion_ends_nothing_where_no_factor_is_required(promote, login, bearer, bo):
    client = bearer(login(bo).json()["token"])

    promote(bo)

    assert client.get("/api/users").status_code == 200


def test_older_sign_in_without_a_factor_ends_when_it_is_required(require, login, bearer, promote, bo):
    promote(bo)
    older = bearer(login(bo).json()["token"])
    secret = second_factor.begin_enrollment(bo)  # set up in another browser
    newer = bearer(login(bo, code=code(secret)).json()["token"])

    require()

    assert older.get("/api/users").status_code == 401
    assert newer.get("/api/users").status_code == 200


def test_token_is_refused_while_its_sign_in_lacks_the_factor(login, bearer, ann, acme, inside):
    token = login(ann).json()["token"]
    with inside(acme):
        acme.organization.require_mfa_for_admins = True
        acme.organization.save()  # past the operation that ends sign-ins

    assert outcome(bearer(token).get("/api/users")) == (403, "mfa_required")
    assert outcome(bearer(token).patch("/api/settings", {"require_mfa_for_admins": False})) == (403, "mfa_required")
    assert sessions.find_signed_in_user(sessions.Identity(token=token)) is None


def test_key_is_refused_while_its_owner_lacks_the_factor(require, promote, bearer, bo):
    promote(bo)
    _, secret = keys.create_key(bo, "Report", ["read", "admin"])
    client = bearer(secret)
    require()

    assert outcome(client.get("/api/users")) == (403, "mfa_required")
    assert outcome(client.patch("/api/settings", {"require_mfa_for_admins": False})) == (403, "mfa_required")
    assert sessions.find_signed_in_user(sessions.Identity(token=secret)) is None

    second_factor.begin_enrollment(bo)
    assert client.get("/api/users").status_code == 200
    assert sessions.find_signed_in_user(sessions.Identity(token=secret)) == bo


def test_browser_without_the_factor_is_signed_out_once_it_is_set_up_elsewhere(signed_in, ann, acme, inside):
    client = signed_in(ann)
    second_factor.begin_enrollment(ann)
    with inside(acme):
        acme.organization.require_mfa_for_admins = True
        acme.organization.save()

    answer = client.post("/me/recovery-codes/", {"current_password": factories.PASSWORD})

    assert answer["Location"] == "/login/"
    assert client.get("/me/")["Location"].startswith("/login/")


def test_token_given_with_the_browser_session_gains_its_factor(require, promote, bo, browser):
    """Setting a factor up proves the whole sign-in, not its cookie alone."""
    promote(bo)
    require()
    client = browser()
    client.post("/login/", {"email": bo.email, "password": factories.PASSWORD})
    page = client.get("/me/").content.decode()
    secret = page.split('class="secret">')[1].split("<")[0].replace(" ", "")

    done = client.post("/me/second-factor/", {"current_password": factories.PASSWORD, "code": code(secret)})

    assert done.status_code == 200
    assert SignIn.objects.get(user=bo).second_factor
    assert client.get("/inbox/").status_code == 200


# ---------------------------------------------------------------- what is open until then
@pytest.fixture
def owing(require, promote, bo) -> Client:
    """A browser of somebody who owes a second factor and has none, signed in by password."""
    promote(bo)
    require()
    client = Client()
    assert client.post("/login/", {"email": bo.email, "password": factories.PASSWORD}).status_code == 302
    return client


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/me/keys/", {"name": "A way in", "scopes": ["read", "admin"]}),
        ("/me/name/", {"name": "Somebody"}),
        ("/me/password/", {"current_password": factories.PASSWORD, "password": "another-long-password"}),
        ("/me/recovery-codes/", {"current_password": factories.PASSWORD}),
        ("/me/second-factor/remove/", {"current_password": factories.PASSWORD}),
    ],
)
def test_page_is_closed_while_a_factor_is_owed(owing, bo, path, body):
    answer = owing.post(path, body)

    assert (answer.status_code, answer["Location"]) == (302, "/me/#second-factor")
    assert not ApiKey.objects.exists()
    bo.refresh_from_db()
    assert bo.name == "Bo"


def test_key_can_not_be_created_or_deleted_while_a_factor_is_owed(owing, bo):
    key, _ = keys.create_key(bo, "Kept", ["read"])

    assert outcome(owing.post("/api/keys", {"name": "A way in", "scopes": ["admin"]})) == (403, "mfa_required")
    assert owing.post(f"/me/keys/{key.pk}/delete/")["Location"] == "/me/#second-factor"
    assert owing.post(f"/me/sign-ins/{SignIn.objects.filter(user=bo).get().pk}/end/").status_code == 302
    assert ApiKey.objects.filter(pk=key.pk).exists()


def test_own_page_shows_nothing_but_the_factor_while_it_is_owed(owing):
    page = owing.get("/me/").content.decode()

    assert "Set it up to continue" in page
    assert "/me/second-factor/" in page
    for closed in ("/me/keys/", "/me/name/", "/me/password/", "/me/sign-ins/"):
        assert closed not in page


def test_signing_in_and_out_stays_open_while_a_factor_is_owed(owing, bo):
    right = {"email": bo.email, "password": factories.PASSWORD}
    answer = owing.post("/api/auth/login", right, content_type="application/json")
    assert outcome(answer) == (401, "mfa_required")
    assert owing.post("/logout/")["Location"] == "/login/"

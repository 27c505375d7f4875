"""Profile and security, as plain forms."""

import re

import pytest

from accounts import keys, second_factor
from accounts.models import ApiKey, SignIn
from tests import factories
from tests.accounts.codes import code

pytestmark = pytest.mark.django_db

NEW = "another-long-password"


def test_a_name_is_changed(signed_in, bo):
    client = signed_in(bo)

    assert client.post("/me/name/", {"name": "Bo Brandt"}).status_code == 302
    assert 'value="Bo Brandt"' in client.get("/me/").content.decode()
    assert client.post("/me/name/", {"name": ""}).status_code == 400


def test_a_new_password_ends_every_other_sign_in(signed_in, bo, login, bearer):
    here, there, token = signed_in(bo), signed_in(bo), bearer(login(bo).json()["token"])

    for given in ({"current_password": "wrong", "password": NEW},
                  {"current_password": factories.PASSWORD, "password": "123"}):  # fmt: skip
        assert here.post("/me/password/", given).status_code == 400
    done = here.post("/me/password/", {"current_password": factories.PASSWORD, "password": NEW})

    assert done.status_code == 200
    assert here.get("/inbox/").status_code == 200
    assert there.get("/inbox/").status_code == 302
    assert token.get("/api/auth/me").status_code == 401
    assert login(bo, NEW).status_code == 200


def test_a_second_factor_is_set_up_by_hand_or_camera(signed_in, bo, login):
    client = signed_in(bo)
    page = client.get("/me/").content.decode()
    secret = re.search(r'class="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    picture = client.get("/me/second-factor/picture.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert b"<svg" in picture.content
    assert secret not in str(dict(client.session))

    wrong = client.post("/me/second-factor/", {"current_password": factories.PASSWORD, "code": "000000"})
    assert wrong.status_code == 400
    assert not second_factor.is_set_up(bo)
    done = client.post("/me/second-factor/", {"current_password": factories.PASSWORD, "code": code(secret)})

    codes = re.findall(r"<code>(\d{8})</code>", done.content.decode())
    assert len(codes) == 10
    assert login(bo).json()["error"]["code"] == "mfa_required"
    assert login(bo, code=codes[0]).status_code == 200
    assert client.get("/me/second-factor/picture.svg").status_code == 404
    assert client.post("/me/recovery-codes/", {"current_password": "wrong"}).status_code == 400
    renewed = client.post("/me/recovery-codes/", {"current_password": factories.PASSWORD}).content.decode()
    assert codes[1] not in renewed
    assert client.post("/me/second-factor/remove/", {"current_password": factories.PASSWORD}).status_code == 200
    assert login(bo).status_code == 200


def test_an_operator_can_not_do_without(signed_in, olga):
    client = signed_in(olga)
    assert client.get("/me/").status_code == 200
    secret = second_factor.begin_enrollment(olga)
    client = signed_in(olga)
    client.post("/login/code/", {"code": code(secret)})

    assert client.post("/me/second-factor/remove/", {"current_password": factories.PASSWORD}).status_code == 400
    assert second_factor.is_set_up(olga)


def test_sign_ins_are_listed_and_ended(signed_in, bo, ann):
    here, there = signed_in(bo), signed_in(bo, headers={"User-Agent": "Another browser"})
    theirs = signed_in(ann)
    page = here.get("/me/").content.decode()
    assert "Another browser" in page
    assert page.count("This browser") == 1
    other = SignIn.objects.get(user_agent="Another browser")
    assert theirs.post(f"/me/sign-ins/{other.pk}/end/").status_code == 404

    assert here.post(f"/me/sign-ins/{other.pk}/end/").status_code == 302

    assert there.get("/inbox/").status_code == 302
    assert here.get("/inbox/").status_code == 200
    assert theirs.get("/inbox/").status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "program"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0", "Firefox on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "Unknown program"),
    ],
)
def test_a_browser_is_called_what_people_call_it(user_agent, program):
    assert SignIn(user_agent=user_agent).program == program


def test_a_sign_in_says_when_it_was_last_used(signed_in, bo):
    client = signed_in(bo)
    SignIn.objects.update(last_seen_at=None)

    client.get("/inbox/")

    assert SignIn.objects.get().last_seen_at


def test_keys_are_made_and_deleted(signed_in, bo, ann, bearer):
    client = signed_in(bo)
    made = client.post("/me/keys/", {"name": "Report", "scopes": ["read"]}).content.decode()
    secret = re.search(r"mhk_[\w-]{20,}", made)[0]
    assert bearer(secret).get("/api/auth/me").status_code == 200
    assert secret not in client.get("/me/").content.decode()
    assert client.post("/me/keys/", {"name": "Too much", "scopes": ["admin"]}).status_code == 400
    theirs, _ = keys.create_key(ann, "Theirs", ["read"])
    assert client.post(f"/me/keys/{theirs.pk}/delete/").status_code == 404

    client.post(f"/me/keys/{ApiKey.objects.get(user=bo).pk}/delete/")

    assert bearer(secret).get("/api/auth/me").status_code == 401


def test_compact_rows_are_kept_for_the_person(browser, bo):
    assert 'data-rows="compact"' not in browser(bo).get("/inbox/").content.decode()
    assert browser(bo).post("/me/rows/", {"compact_rows": "on"}).status_code == 302
    assert 'data-rows="compact"' in browser(bo).get("/inbox/").content.decode()
    assert browser(bo).post("/me/rows/").status_code == 302
    assert 'data-rows="compact"' not in browser(bo).get("/inbox/").content.decode()


def test_the_first_invalid_field_has_the_focus(browser, bo):
    page = browser(bo).post("/me/password/", {"current_password": factories.PASSWORD, "password": "short"})
    fields = re.findall(r"<input[^>]*autofocus[^>]*>", page.content.decode())
    assert [re.search(r'name="(\w+)"', field)[1] for field in fields] == ["password"]


def test_what_is_shown_once_has_the_focus(browser, bo):
    page = browser(bo).post("/me/keys/", {"name": "Zapier", "scopes": ["read"]}).content.decode()
    assert re.search(r'<section[^>]*aria-labelledby="secret"[^>]*autofocus', page)
    assert 'data-copy="new-key"' in page

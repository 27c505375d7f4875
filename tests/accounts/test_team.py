"""Invitations, roles and deactivation."""

import re

import pytest
from django.core import mail
from django.utils import timezone

from accounts import invitations, sessions, tasks, team
from accounts.models import AuditEntry, User
from messagehub import bus
from tests import factories

pytestmark = pytest.mark.django_db

NOOR = {"email": "Noor@new.example", "name": "Noor Haddad", "role": "agent"}


@pytest.fixture
def jobs(monkeypatch) -> list[dict]:
    """Mail jobs as they are deferred."""
    deferred: list[dict] = []
    monkeypatch.setattr(tasks.mail_invitation, "defer", lambda **job: deferred.append(job))
    monkeypatch.setattr(tasks.mail_password_reset, "defer", lambda **job: deferred.append(job))
    return deferred


def link(message) -> str:
    return re.search(r"http://testserver(\S+)", message.body)[1]


def test_somebody_is_invited_joins_and_works(api, browser, ann, jobs, login):
    made = api(ann).post("/api/users", NOOR)

    assert made.status_code == 201
    assert made["Location"].endswith(made.json()["id"])
    assert made.json() | {"id": ""} == {
        "id": "", "email": "noor@new.example", "name": "Noor Haddad", "role": "agent",
        "organization": {"id": str(ann.organization_id), "name": "Acme", "slug": "acme"},
        "chatroom_ids": [], "token_balance": 0, "is_active": True,
    }  # fmt: skip
    tasks.mail_invitation.func(**jobs[0])
    assert mail.outbox[0].to == ["noor@new.example"]
    assert "Ann invited you to Acme" in mail.outbox[0].subject
    path = link(mail.outbox[0])
    client = browser()
    assert "You will sign in as noor@new.example" in client.get(path).content.decode()
    assert client.post(path, {"name": "Noor H", "password": "short"}).status_code == 400
    answer = client.post(path, {"name": "Noor H", "password": factories.PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/inbox/").status_code == 200
    assert login("noor@new.example").json()["user"]["name"] == "Noor H"
    again = browser().post(path, {"name": "X", "password": factories.PASSWORD})
    assert again.status_code == 410


def test_a_link_is_signed_and_ends(browser, acme, ann, jobs):
    user = team.invite_user(ann.organization, **{**NOOR, "email": "a@new.example"}, by=ann)
    part = invitations.make_link_part(user)

    assert browser().get("/invitation/made-up/").status_code == 410
    assert browser().get(f"/invitation/{part[:-2]}xx/").status_code == 410
    team.change_user(user, by=ann, is_active=False)
    assert browser().get(f"/invitation/{part}/").status_code == 410


def test_nobody_signs_in_before_they_joined(ann, login, jobs):
    team.invite_user(ann.organization, **NOOR, by=ann)

    assert login("noor@new.example", "").status_code in (400, 401)
    assert login("noor@new.example").status_code == 401


def test_an_address_of_another_organization_is_answered_like_any_other(api, browser, ann, zed, jobs):
    ours = api(ann).post("/api/users", NOOR)
    theirs = api(ann).post("/api/users", NOOR | {"email": zed.email})

    def shape(answer):
        return answer.status_code, {**answer.json(), "id": "", "email": ""}

    assert shape(theirs) == shape(ours)
    detail = api(ann).get(f"/api/users/{theirs.json()['id']}")
    assert detail.json() == theirs.json()
    for job in jobs:
        tasks.mail_invitation.func(**job)
    assert "invited you" in mail.outbox[0].subject
    assert "tried to invite" in mail.outbox[1].subject
    assert "http" not in mail.outbox[1].body
    invited = User.objects.get(pk=theirs.json()["id"])
    answer = browser().post(
        f"/invitation/{invitations.make_link_part(invited)}/", {"name": "Zed", "password": factories.PASSWORD}
    )
    assert answer.status_code == 410
    zed.refresh_from_db()
    assert zed.check_password(factories.PASSWORD)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        (NOOR | {"email": "no address"}, 400),
        (NOOR | {"role": "owner"}, 400),
        (NOOR | {"email": "BO@acme.example"}, 409),
    ],
)
def test_who_can_not_be_invited(api, ann, bo, body, status):
    assert api(ann).post("/api/users", body).status_code == status


def test_agents_do_not_manage_people(api, bo, cy):
    assert api(bo).get("/api/users").status_code == 403
    assert api(bo).post("/api/users", NOOR).status_code == 403
    assert api(bo).patch(f"/api/users/{cy.pk}", {"role": "admin"}).status_code == 403


def test_people_of_another_organization_do_not_exist(api, ann, zed):
    for method in ("get", "patch", "delete"):
        assert getattr(api(ann), method)(f"/api/users/{zed.pk}").status_code == 404
    assert str(zed.pk) not in api(ann).get("/api/users").content.decode()


def test_the_list_takes_as_many_queries_with_more_people(api, ann, sales, acme, inside, assert_constant_queries):
    def add():
        with inside(acme):
            user = factories.UserFactory(organization=acme.organization)
            factories.UserChatroomFactory(user=user, chatroom=sales.room)

    assert_constant_queries(api(ann), "/api/users", add)


def test_a_role_counts_from_the_next_request_on(api, ann, bo, django_capture_on_commit_callbacks, monkeypatch):
    told = []
    monkeypatch.setattr(bus, "publish", lambda channel, payloads: told.append((channel, payloads)))
    client = api(bo)
    assert client.get("/api/users").status_code == 403

    with django_capture_on_commit_callbacks(execute=True):
        assert api(ann).patch(f"/api/users/{bo.pk}", {"role": "admin"}).json()["role"] == "admin"

    assert client.get("/api/users").status_code == 200
    assert str(bo.pk) in str(told)


def test_a_deactivated_person_is_out_at_once(api, ann, bo, by_key, bearer, login):
    token, key = bearer(login(bo).json()["token"]), by_key(bo, "read")
    cookie = api(bo)
    session = sessions.Identity(session_key=cookie.cookies["sessionid"].value)

    assert api(ann).delete(f"/api/users/{bo.pk}").status_code == 204

    for client in (token, key, cookie):
        assert client.get("/api/auth/me").status_code == 401
    assert login(bo).status_code == 401
    assert sessions.find_signed_in_user(session).is_active is False
    assert api(ann).patch(f"/api/users/{bo.pk}", {"is_active": True}).json()["is_active"] is True
    assert token.get("/api/auth/me").status_code == 401
    assert cookie.get("/api/auth/me").status_code == 401
    assert key.get("/api/auth/me").status_code == 401


def test_somebody_is_left_who_can_undo_it(api, ann, bo, acme, jobs):
    for body in ({"role": "agent"}, {"is_active": False}):
        answer = api(ann).patch(f"/api/users/{ann.pk}", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "own_role")
    assert api(ann).delete(f"/api/users/{ann.pk}").status_code == 409
    team.change_user(bo, by=ann, role="admin")
    team.invite_user(ann.organization, **NOOR | {"role": "admin"}, by=ann)
    assert api(bo).patch(f"/api/users/{ann.pk}", {"role": "agent"}).status_code == 200
    with pytest.raises(team.LastAdmin):
        team.change_user(bo, by=ann, role="agent")
    assert api(bo).patch(f"/api/users/{bo.pk}", {"name": "Bo B"}).json()["name"] == "Bo B"


def test_what_is_done_to_people_is_recorded(api, ann, bo, acme, inside, jobs):
    api(ann).patch(f"/api/users/{bo.pk}", {"role": "admin", "name": bo.name})
    api(ann).post("/api/users", NOOR)

    with inside(acme):
        change, invited = AuditEntry.objects.filter(action__startswith="user.").order_by("pk")
        assert (change.action, change.before, change.after) == ("user.change", {"role": "agent"}, {"role": "admin"})
        assert (change.actor_id, change.target_id) == (ann.pk, str(bo.pk))
        assert invited.after["email"] == "noor@new.example"


# ---------------------------------------------------------------- a new password by mail
def test_a_reset_reveals_nothing_and_ends_everything(browser, bo, jobs, login, bearer):
    token = bearer(login(bo).json()["token"])
    known = browser().post("/password/reset/", {"email": bo.email.upper()})
    unknown = browser().post("/password/reset/", {"email": "nobody@acme.example"})

    assert known.status_code == unknown.status_code == 200
    # The page says again what was typed, and nothing else tells the two apart.
    assert known.content.replace(bo.email.upper().encode(), b"nobody@acme.example") == unknown.content
    for job in jobs:
        tasks.mail_password_reset.func(**job)
    assert [message.to for message in mail.outbox] == [[bo.email]]
    path = link(mail.outbox[0])
    assert browser().get(path).status_code == 200
    assert browser().post(path, {"password": "12345678901"}).status_code == 400
    assert browser().post(path, {"password": "another-long-password"}).status_code == 200
    assert token.get("/api/auth/me").status_code == 401
    assert browser().get(path).status_code == 410
    assert login(bo, "another-long-password").status_code == 200


def test_an_address_is_not_flooded_with_links(browser, bo, jobs):
    answers = {browser().post("/password/reset/", {"email": bo.email}).content for _ in range(5)}

    assert len(jobs) == 2
    assert len(answers) == 1


def test_a_made_up_reset_link_is_told_so(browser, bo, olga):
    assert browser().get("/password/reset/%00/x/").status_code == 410
    assert browser().get("/password/reset/MQ/x-y/").status_code == 410


def test_a_person_joins_at_a_moment(ann, jobs):
    user = team.invite_user(ann.organization, **NOOR, by=ann)
    assert user.joined_at is None
    assert (
        team.accept_invitation(invitations.make_link_part(user), name="N", password=factories.PASSWORD).joined_at
        <= timezone.now()
    )

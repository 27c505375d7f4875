"""The audit log: what is written, for whom it is visible, and that no secret is in it."""

import pytest

from accounts import audit, sessions
from accounts.models import AuditEntry
from messagehub import tenancy
from tests import factories

pytestmark = pytest.mark.django_db


def written(world, inside) -> list[str]:
    with inside(world):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_what_admins_do_is_written_down(api, ann, cy, sales, acme, inside):
    client = api(ann)
    pair = {"user_id": str(cy.pk), "chatroom_id": str(sales.room.pk)}
    client.post("/api/user-chatrooms", pair)
    client.post("/api/user-chatrooms", pair)
    client.delete(f"/api/user-chatrooms?user_id={cy.pk}&chatroom_id={sales.room.pk}")
    client.patch("/api/tokens/update", {"user_id": str(cy.pk), "delta": 5, "reason": "March"})
    client.patch("/api/tokens/update", {"user_id": str(cy.pk), "balance": 2, "reason": "Too many"})
    client.patch("/api/settings", {"name": "Acme Ltd"})

    assert written(acme, inside) == [
        "chatroom.assign", "chatroom.unassign", "tokens.grant", "tokens.take_back", "organization.change",
    ]  # fmt: skip
    with inside(acme):
        grant = AuditEntry.objects.get(action="tokens.grant")
        assert (grant.actor_id, grant.target_type, grant.target_id) == (ann.pk, "user", str(cy.pk))
        assert grant.after == {"delta": 5, "balance": 5, "reason": "March"}


def test_what_is_refused_leaves_no_line(api, ann, cy, acme, inside):
    assert api(ann).patch("/api/tokens/update", {"user_id": str(cy.pk), "delta": -5, "reason": "x"}).status_code == 400

    assert written(acme, inside) == []


def test_signing_in_and_out_and_a_password_are_written_down(login, bearer, bo, acme, inside):
    token = bearer(login(bo).json()["token"])
    token.post("/api/auth/logout")
    sessions.change_password(bo, "another-long-password")

    assert written(acme, inside) == ["sign_in.start", "sign_in.end", "password.change"]
    with inside(acme):
        everything = str(list(AuditEntry.objects.values()))
        assert factories.PASSWORD not in everything
        assert "another-long-password" not in everything


def test_an_organization_sees_its_own_lines(ann, zed, olga, acme, globex, inside):
    for person in (ann, zed, olga):
        audit.record_action("something.done", actor=person)

    for world, person in ((acme, ann), (globex, zed)):
        with inside(world):
            assert AuditEntry.objects.get().actor_id == person.pk
    with tenancy.system():
        assert AuditEntry.objects.count() == 3
        assert AuditEntry.objects.get(organization=None).actor == olga


def test_an_operators_act_on_an_organization_is_seen_there(bo, olga, acme, inside):
    with tenancy.system():
        audit.record_action("something.done", actor=olga, target=bo)

    assert written(acme, inside) == ["something.done"]


@pytest.mark.parametrize(("given", "kept"), [("abc-1", True), ("x" * 65, False), ("a\nb", False)])
def test_every_answer_names_its_request(client, given, kept):
    answer = client.get("/login/", headers={"X-Request-ID": given})

    assert answer["X-Request-ID"]
    assert (answer["X-Request-ID"] == given) is kept


def test_chatrooms_and_names_leave_a_line_each(api, ann):
    client = api(ann)
    made = client.post("/api/chatrooms", {"name": "Showroom"}, format="json").json()
    path = f"/api/chatrooms/{made['id']}"
    assert client.patch(path, {"name": "Shop floor"}, format="json").status_code == 200
    assert client.delete(path).status_code == 204
    assert client.patch("/api/auth/me", {"name": "Ann Other"}, format="json").status_code == 200

    with tenancy.organization(ann.organization_id):
        lines = list(AuditEntry.objects.order_by("id").values_list("action", "before", "after"))
    assert ("chatroom.create", None, {"name": "Showroom"}) in lines
    assert ("chatroom.rename", {"name": "Showroom"}, {"name": "Shop floor"}) in lines
    assert ("chatroom.archive", {"name": "Shop floor"}, None) in lines
    assert [after for action, _, after in lines if action == "user.change"] == [{"name": "Ann Other"}]

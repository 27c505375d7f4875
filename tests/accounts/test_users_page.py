"""/manage/users/: inviting, roles, handing over, and who gets in. For admins of one organization."""

import re

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import invitations, second_factor, tasks, team
from accounts.models import AuditEntry, User
from messagehub import tenancy
from messaging.models import Conversation, ConversationActivity, Notification
from tests import factories

pytestmark = pytest.mark.django_db
PAGE = "/manage/users/"
NOOR = {"email": "noor@new.example", "name": "Noor Haddad", "role": "agent"}


@pytest.fixture
def jobs(monkeypatch) -> list[dict]:
    """Mail jobs as they are deferred."""
    deferred: list[dict] = []
    for task in (tasks.mail_invitation, tasks.mail_password_reset, tasks.mail_second_factor_reset):
        monkeypatch.setattr(task, "defer", lambda **job: deferred.append(job))
    return deferred


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def of(person, action: str = "") -> str:
    return f"{PAGE}{person.pk}/{action}"


def actions(world, inside) -> list[str]:
    with inside(world):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.mark.parametrize("path", ["", "{bo}/", "invite/", "{bo}/change/", "{bo}/deactivate/", "{bo}/second-factor/"])
def test_agents_and_strangers_get_nothing(browser, bo, olga, path):
    address = PAGE + path.format(bo=bo.pk)
    posted = not path or path.endswith("}/")
    ask = "get" if posted else "post"
    assert getattr(browser(bo), ask)(address).status_code == 403
    assert getattr(browser(), ask)(address).status_code == 302
    assert getattr(browser(olga), ask)(address).status_code in (302, 403)


@pytest.mark.parametrize("action", ["", "change/", "deactivate/", "reactivate/", "password/", "resend/", "withdraw/"])
def test_person_of_another_organization_does_not_exist(browser, ann, zed, inside, globex, action):
    client = browser(ann)
    answer = client.post(of(zed, action), {"name": "X", "role": "agent"}) if action else client.get(of(zed))
    assert answer.status_code == 404
    assert "zed@" not in text(client.get(PAGE))
    with inside(globex):
        assert User.objects.get(pk=zed.pk).name == "Zed"


def test_list_shows_chatrooms_tokens_and_state_of_each(browser, ann, bo, acme, jobs):
    team.invite_user(ann.organization, **NOOR, by=ann)
    second_factor.begin_enrollment(bo)
    shown = text(browser(ann).get(PAGE))
    assert "Ann ann@acme.example Admin All chatrooms Unlimited Off" in shown
    assert "Bo bo@acme.example Agent Sales 0 On" in shown
    assert "Cy cy@acme.example Agent No chatroom yet 0 Off" in shown
    assert "Noor Haddad noor@new.example Invited No chatroom yet 0 Off Not signed in" in shown


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=CY", {"Cy"}),
        ("search=bo@acme", {"Bo"}),
        ("role=admin", {"Ann"}),
        ("state=pending", {"Noor Haddad"}),
        ("state=deactivated", set()),
        ("role=agent&state=active", {"Bo", "Cy"}),
    ],
)
def test_list_is_filtered_as_the_endpoint_is(browser, api, ann, jobs, query, names):
    team.invite_user(ann.organization, **NOOR, by=ann)
    answer = browser(ann).get(f"{PAGE}?{query}")
    shown = set(
        re.findall(
            r'<span class="truncate" dir="auto">([^<]+)</span>\s*<span class="truncate small', answer.content.decode()
        )
    )
    assert shown == names
    assert {row["name"] for row in api(ann).get(f"/api/users?{query}").json()["results"]} == names
    assert ("Clear filters" in text(answer)) is True
    if not names:
        assert "No one matches these filters" in text(answer)


@pytest.mark.parametrize("query", ["role=boss", "state=gone", "after=x"])
def test_unknown_filter_is_refused(browser, ann, query):
    assert browser(ann).get(f"{PAGE}?{query}").status_code == 400


def test_list_is_leafed_through_with_as_many_queries(browser, ann, acme, inside):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser(ann).get(PAGE).status_code == 200
        return len(captured)

    before = count()
    with inside(acme):
        for number in range(55):
            person = factories.UserFactory(organization=acme.organization, name=f"Person {number:02}")
            factories.UserChatroomFactory(user=person, chatroom=acme.rooms["Sales"].room)
    assert count() == before
    first = browser(ann).get(PAGE).content.decode()
    after = re.search(r"after=([0-9a-f-]{36})", first)[1]
    second = browser(ann).get(f"{PAGE}?after={after}").content.decode()
    names = re.findall(r"Person \d\d(?=</span>)", first + second)
    assert sorted(names) == [f"Person {number:02}" for number in range(55)]
    assert ("More people" in first, "More people" in second) == (True, False)


# ---------------------------------------------------------------- invitations
def test_form_that_is_sent_twice_invites_once(browser, ann, jobs, acme, inside):
    for _ in range(2):
        answer = browser(ann).post(f"{PAGE}invite/", NOOR, follow=True)
        assert "Noor Haddad is invited" in text(answer)
    assert len(jobs) == 1
    assert actions(acme, inside) == ["user.invite"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"email": "bo@acme.example"}, "already uses this email"),
        ({"email": "no address"}, "valid email"),
        ({"name": ""}, "required"),
        ({"role": "boss"}, "valid choice"),
    ],
)
def test_refused_invitation_keeps_what_was_typed(browser, ann, bo, jobs, change, words):
    answer = browser(ann).post(f"{PAGE}invite/", NOOR | change)
    assert answer.status_code == 422
    assert words in text(answer)
    assert (NOOR | change)["email"] in answer.content.decode()
    assert jobs == []


def test_invitation_is_sent_again_and_withdrawn(browser, ann, jobs, acme, inside):
    noor = team.invite_user(ann.organization, **NOOR, by=ann)
    link = invitations.make_link_part(noor)
    assert "on its way to noor@new.example again" in text(browser(ann).post(of(noor, "resend/"), follow=True))
    assert len(jobs) == 2
    answer = browser(ann).post(of(noor, "withdraw/"), follow=True)
    assert "is withdrawn" in text(answer)
    assert "Withdrawn" in text(browser(ann).get(f"{PAGE}?state=deactivated"))
    assert browser().get(f"/invitation/{link}/").status_code == 410
    assert browser(ann).post(f"{PAGE}invite/", NOOR | {"name": "Noor H", "role": "admin"}).status_code == 302
    noor.refresh_from_db()
    assert (noor.name, noor.role, noor.is_active, noor.joined_at) == ("Noor H", "admin", True, None)
    assert len(jobs) == 3
    assert actions(acme, inside) == ["user.invite", "user.invite_again", "user.withdraw", "user.invite"]


def test_deactivated_colleague_is_not_invited_anew(browser, ann, bo, jobs, acme, inside):
    with inside(acme):
        team.deactivate_user(bo, by=ann)
    answer = browser(ann).post(f"{PAGE}invite/", {**NOOR, "email": bo.email})
    assert (answer.status_code, jobs) == (422, [])


def test_invitation_mails_are_limited(browser, ann, jobs, settings):
    settings.LIMITS = settings.LIMITS | {"reset_per_account": 1}
    noor = team.invite_user(ann.organization, **NOOR, by=ann)
    assert browser(ann).post(of(noor, "resend/")).status_code == 302
    answer = browser(ann).post(of(noor, "resend/"))
    assert (answer.status_code, len(jobs)) == (422, 2)
    assert "Too many requests" in text(answer)


@pytest.mark.parametrize("action", ["resend/", "withdraw/"])
def test_invitation_that_was_accepted_is_left_alone(browser, ann, bo, jobs, action):
    answer = browser(ann).post(of(bo, action))
    assert answer.status_code == 422
    assert "already joined" in text(answer)
    assert User.objects.get(pk=bo.pk).is_active


# ---------------------------------------------------------------- roles and signing in
def test_role_and_name_are_changed(browser, ann, bo, acme, inside):
    answer = browser(ann).post(of(bo, "change/"), {"name": "Bo Lind", "role": "admin"}, follow=True)
    assert "Bo Lind is saved" in text(answer)
    bo.refresh_from_db()
    assert (bo.name, bo.role) == ("Bo Lind", "admin")
    assert actions(acme, inside) == ["user.change"]


def test_own_role_and_the_last_admin_stay(browser, ann, bo):
    for action, form in (("change/", {"name": "Ann", "role": "agent"}), ("deactivate/", {})):
        answer = browser(ann).post(of(ann, action), form)
        assert answer.status_code == 422
        assert "change your own role" in text(answer)
    ann.refresh_from_db()
    assert (ann.role, ann.is_active) == ("admin", True)


def test_second_factor_is_reset_with_every_sign_in(browser, signed_in, ann, bo, jobs, acme, inside):
    phone = signed_in(bo)
    second_factor.begin_enrollment(bo)
    assert "Reset two-factor now" in text(browser(ann).get(of(bo)))
    answer = browser(ann).post(of(bo, "second-factor/"), follow=True)
    assert "Two-factor authentication of Bo is reset" in text(answer)
    assert not second_factor.is_set_up(bo)
    assert phone.get("/me/").status_code == 302
    assert "second_factor.reset" in actions(acme, inside)
    tasks.mail_second_factor_reset.func(**jobs[0])
    assert mail.outbox[0].to == ["bo@acme.example"]
    assert "Ann reset your two-factor authentication" in mail.outbox[0].body


def test_own_second_factor_is_not_reset_here(browser, ann, jobs):
    second_factor.begin_enrollment(ann)
    with tenancy.organization(ann.organization_id), pytest.raises(team.OwnSecondFactor):
        team.reset_second_factor(ann, by=ann)
    assert second_factor.is_set_up(ann)


def test_password_reset_is_mailed(browser, ann, bo, jobs, acme, inside):
    assert "on its way to bo@acme.example" in text(browser(ann).post(of(bo, "password/"), follow=True))
    assert jobs == [{"email": "bo@acme.example"}]
    assert actions(acme, inside) == ["password.mail_reset"]


# ---------------------------------------------------------------- deactivation
@pytest.fixture
def in_hand(acme, bo, sales, support, inside) -> dict[str, Conversation]:
    """Bo has an open conversation in Sales, one in Support that only he was given, and a closed one."""
    with inside(acme):
        factories.UserChatroomFactory(user=bo, chatroom=support.room)
        closed = factories.ConversationFactory(chatroom=sales.room, status="CLOSED", assigned_to=bo)
        for each in (sales, support):
            Conversation.objects.filter(pk=each.conversation.pk).update(assigned_to=bo)
    return {"sales": sales.conversation, "support": support.conversation, "closed": closed}


def assignees(world, in_hand, inside) -> dict[str, object]:
    with inside(world):
        found = Conversation.objects.in_bulk([each.pk for each in in_hand.values()])
    return {name: found[each.pk].assigned_to_id for name, each in in_hand.items()}


def test_open_conversations_go_to_a_colleague_who_may_see_them(browser, ann, bo, cy, acme, sales, inside, in_hand):
    with inside(acme):
        factories.UserChatroomFactory(user=cy, chatroom=sales.room)
    assert "They have 2 open conversations" in text(browser(ann).get(of(bo)))
    answer = browser(ann).post(of(bo, "deactivate/"), {"hand_over_to": cy.pk}, follow=True)
    assert "Bo can&#x27;t sign in any more" in text(answer)
    assert assignees(acme, in_hand, inside) == {"sales": cy.pk, "support": None, "closed": bo.pk}
    with inside(acme):
        assert Notification.objects.filter(user=cy, actor=ann, kind="assignment").count() == 1
        kinds = ConversationActivity.objects.order_by("pk").values_list("conversation_id", "kind", "person_id")
        assert list(kinds) == [(in_hand["sales"].pk, "assigned", cy.pk), (in_hand["support"].pk, "unassigned", bo.pk)]
        entry = AuditEntry.objects.get(action="user.hand_over")
    assert entry.after["conversations"] == 1


def test_api_hands_over_as_the_page_does(api, ann, bo, cy, zed, acme, sales, inside, in_hand):
    with inside(acme):
        factories.UserChatroomFactory(user=cy, chatroom=sales.room)
    client, address = api(ann), f"/api/users/{bo.pk}"
    for wrong in (zed.pk, bo.pk, "x", 7):
        refused = client.patch(address, {"is_active": False, "hand_over_to": wrong})
        assert (refused.status_code, list(refused.json()["error"]["fields"])) == (400, ["hand_over_to"])
    assert client.patch(address, {"hand_over_to": cy.pk}).status_code == 400
    answer = client.patch(address, {"is_active": False, "name": "Bo L", "hand_over_to": cy.pk})
    assert (answer.status_code, answer.json()["name"], answer.json()["is_active"]) == (200, "Bo L", False)
    assert assignees(acme, in_hand, inside) == {"sales": cy.pk, "support": None, "closed": bo.pk}


def test_without_a_successor_they_become_unassigned(browser, ann, bo, acme, inside, in_hand):
    assert browser(ann).post(of(bo, "deactivate/")).status_code == 302
    assert assignees(acme, in_hand, inside) == {"sales": None, "support": None, "closed": bo.pk}
    shown = text(browser(ann).get(of(bo)))
    assert "Reactivate" in shown
    assert "can sign in again" in text(browser(ann).post(of(bo, "reactivate/"), follow=True))
    bo.refresh_from_db()
    assert bo.is_active


@pytest.mark.parametrize("successor", ["zed", "bo", "noor"])
def test_only_an_active_colleague_takes_over(browser, ann, bo, zed, acme, jobs, inside, in_hand, successor):
    noor = team.invite_user(ann.organization, **NOOR, by=ann)
    chosen = {"zed": zed, "bo": bo, "noor": noor}[successor]
    answer = browser(ann).post(of(bo, "deactivate/"), {"hand_over_to": chosen.pk})
    assert answer.status_code == 422
    assert assignees(acme, in_hand, inside)["sales"] == bo.pk
    with inside(acme), pytest.raises(team.SuccessorUnavailable):
        team.deactivate_user(bo, by=ann, hand_over_to=noor)


def test_refused_deactivation_hands_nothing_over(browser, ann, bo, acme, sales, inside):
    with inside(acme):
        Conversation.objects.filter(pk=sales.conversation.pk).update(assigned_to=ann)
    answer = browser(ann).post(of(ann, "deactivate/"), {"hand_over_to": bo.pk})
    assert answer.status_code == 422
    with inside(acme):
        assert Conversation.objects.get(pk=sales.conversation.pk).assigned_to_id == ann.pk

"""A new organization with its first admin: by `manage.py create_organization` and in the back office."""

import re
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts import organizations, second_factor, tasks, team
from accounts.models import AuditEntry, Organization, User
from messagehub import tenancy
from tests import factories
from tests.accounts.codes import code
from tests.meanwhile import Aside

pytestmark = pytest.mark.django_db
ADD = "/admin/accounts/organization/add/"
FIRST = "first@northwind.example"
FORM = {"name": "Northwind", "default_country": "GB", "time_zone": "Europe/London", "admin_email": FIRST}


def create(*arguments: str) -> str:
    answer = StringIO()
    call_command("create_organization", *arguments, stdout=answer)
    return answer.getvalue()


def list_invitations() -> list[dict]:
    """What the worker would be given, oldest first."""
    jobs = ProcrastinateJob.objects.filter(task_name="accounts.tasks.mail_invitation").order_by("id")
    return [job.args for job in jobs]


def mail_invitations() -> None:
    for arguments in list_invitations():
        tasks.mail_invitation.func(**arguments)


def accept_newest() -> Client:
    """The person follows the link of the newest mail."""
    client = Client()
    path = re.search(r"http://testserver(\S+)", mail.outbox[-1].body)[1]
    answer = client.post(path, {"name": "Fran", "password": factories.PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    return client


def read_organizations(**wanted) -> list[Organization]:
    with tenancy.system():
        return list(Organization.objects.filter(**wanted))


@pytest.fixture
def operator(olga) -> Client:
    secret, client = second_factor.begin_enrollment(olga), Client()
    client.post("/login/", {"email": olga.email, "password": factories.PASSWORD, "next": "/admin/"})
    client.post("/login/code/", {"code": code(secret), "next": "/admin/"})
    return client


# ---------------------------------------------------------------- the command
def test_command_creates_organization_whose_admin_joins_and_works(acme):
    words = create(
        "Northwind", "--admin-email", "First@Northwind.example", "--country", "GB", "--time-zone", "Europe/London"
    )

    assert f"Northwind was created. An invitation is being mailed to {FIRST}" in words
    mail_invitations()
    assert mail.outbox[0].to == [FIRST]
    assert mail.outbox[0].subject == "Your MessageHub operator invited you to Northwind on MessageHub"
    client = accept_newest()
    assert client.get("/inbox/").status_code == 200
    room = client.post("/api/chatrooms", {"name": "Sales"}, content_type="application/json")
    assert room.status_code == 201
    settings = client.get("/api/settings").json()
    assert (settings["name"], settings["default_country"], settings["time_zone"]) == (
        "Northwind", "GB", "Europe/London",
    )  # fmt: skip


def test_command_without_options_uses_the_models_defaults(db):
    create("Northwind", "--admin-email", FIRST)

    (organization,) = read_organizations()
    assert (organization.slug, organization.default_country, organization.time_zone) == ("northwind", "US", "UTC")
    with tenancy.organization(organization.pk):
        entries = AuditEntry.objects.order_by("pk").values_list("action", "actor")
        assert list(entries) == [("organization.create", None), ("user.invite", None)]


def test_second_run_mails_again_only_while_the_invitation_is_pending(db):
    create("Northwind", "--admin-email", FIRST)
    pending = create("northwind", "--admin-email", FIRST.upper())

    assert "already exists. The invitation is being mailed again" in pending
    assert len(list_invitations()) == 2
    mail_invitations()
    accept_newest()
    joined = create("Northwind", "--admin-email", FIRST)
    assert f"already exists, and {FIRST} is one of its admins. Nothing was mailed" in joined
    assert len(list_invitations()) == 2
    assert len(read_organizations()) == 1
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Northwind", "--admin-email", FIRST, "--country", "UK"], "country: Unknown country code"),
        (["Northwind", "--admin-email", FIRST, "--time-zone", "America/New York"], "time zone: "),
        (["Northwind", "--admin-email", "nobody"], "admin email: Enter a valid email address."),
        (["  ", "--admin-email", FIRST], "name: This field cannot be blank."),
        (["N" * 121, "--admin-email", FIRST], "name: Ensure this value has at most 120 characters"),
    ],
)
def test_command_refuses_what_the_model_refuses(db, arguments, words):
    with pytest.raises(CommandError, match=re.escape(words)):
        create(*arguments)
    assert read_organizations() == []


def test_command_refuses_name_of_an_organization_without_this_person(acme):
    with pytest.raises(CommandError, match="already exists, and stranger@acme.example is not in it"):
        create("Acme", "--admin-email", "stranger@acme.example")


def test_command_refuses_person_who_is_no_admin_or_deactivated(acme, ann, bo, inside):
    with pytest.raises(CommandError, match="bo@acme.example is an agent there"):
        create("Acme", "--admin-email", bo.email)
    with inside(acme):
        factories.UserFactory(organization=acme.organization, role="admin", email="second@acme.example")
        team.deactivate_user(ann, by=User.objects.get(email="second@acme.example"))
    with pytest.raises(CommandError, match="ann@acme.example was deactivated there"):
        create("Acme", "--admin-email", ann.email)


@pytest.mark.parametrize("who", ["zed", "olga"])
def test_command_refuses_address_that_signs_in_elsewhere(request, who):
    email = request.getfixturevalue(who).email
    with pytest.raises(CommandError, match="already signs in with"):
        create("Northwind", "--admin-email", email)
    assert read_organizations(name="Northwind") == []


@pytest.mark.parametrize("name", ["Acme!", "Ácme", "ACME."])
def test_names_with_one_slug_get_two(acme, name):
    create(name, "--admin-email", FIRST)

    assert {organization.slug for organization in read_organizations()} == {"acme", "acme-2"}


def test_name_without_latin_letters_gets_a_slug(db):
    create("東京", "--admin-email", FIRST)

    assert read_organizations()[0].slug == "organization"


# ---------------------------------------------------------------- the back office
def test_operator_adds_organization_with_its_first_admin(operator, olga, acme):
    page = operator.get(ADD)
    assert page.status_code == 200
    assert 'name="admin_email"' in page.content.decode()

    answer = operator.post(ADD, FORM, follow=True)

    assert "Northwind was created" in answer.content.decode()
    (organization,) = read_organizations(slug="northwind")
    assert answer.redirect_chain == [(f"/admin/accounts/organization/{organization.pk}/change/", 302)]
    with tenancy.organization(organization.pk):
        assert set(AuditEntry.objects.values_list("action", "actor")) == {
            ("organization.create", olga.pk), ("user.invite", olga.pk),
        }  # fmt: skip
    mail_invitations()
    assert mail.outbox[0].subject == "Olga invited you to Northwind on MessageHub"
    accept_newest()


def test_added_organization_is_walled_off(operator, acme, ann, browser):
    operator.post(ADD, FORM)
    mail_invitations()
    client = accept_newest()

    assert [user["email"] for user in client.get("/api/users").json()["results"]] == [FIRST]
    assert FIRST not in browser(ann).get("/api/users").content.decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"default_country": "UK"}, "Unknown country code"),
        ({"time_zone": "America/New York"}, "America/New York"),
        ({"admin_email": "nobody"}, "Enter a valid email address."),
        ({"name": ""}, "This field is required."),
        ({"name": "Acme"}, "already exists"),
        ({"admin_email": "ann@acme.example"}, "already signs in with"),
    ],
)
def test_form_of_the_back_office_shows_what_is_wrong(operator, acme, change, words):
    answer = operator.post(ADD, FORM | change)

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert len(read_organizations()) == 1


def test_same_form_twice_leaves_one_organization(operator):
    operator.post(ADD, FORM)

    answer = operator.post(ADD, FORM, follow=True)

    assert "already exists" in answer.content.decode()
    assert len(read_organizations()) == 1


def test_two_who_create_it_at_once_make_one(transactional_db):
    with transaction.atomic():
        first = organizations.create_organization("Initech", "bill@initech.example", by=None)
        second = Aside(lambda: organizations.create_organization("Initech", "bill@initech.example", by=None))
    assert (first.is_new, second.result().is_new) == (True, False)
    with tenancy.system():
        assert Organization.objects.filter(name="Initech").count() == 1


def test_admin_of_an_organization_adds_none(browser, ann):
    assert browser(ann).get(ADD).status_code == 403
    assert browser(ann).post(ADD, FORM).status_code == 403
    assert "Ask an admin of your organization" in browser(ann).get(ADD).content.decode()
    assert read_organizations(name="Northwind") == []


# ---------------------------------------------------------------- an operator, who has no organization
def test_back_office_of_an_empty_installation_leads_to_the_first_organization(operator, request):
    assert f'href="{ADD}"' in operator.get("/admin/").content.decode()
    assert "There is no organization yet" in operator.get("/admin/").content.decode()
    request.getfixturevalue("acme")
    assert "There is no organization yet" not in operator.get("/admin/").content.decode()


@pytest.mark.parametrize("path", ["/admin/accounts/user/add/", "/admin/nowhere/"])
def test_pages_that_refuse_an_operator_lead_to_the_back_office(operator, path):
    page = operator.get(path).content.decode()

    assert 'href="/admin/"' in page
    assert "admin of your organization" not in page
    assert "Go to the inbox" not in page


def test_expired_invitation_names_somebody_who_exists(browser, db):
    assert "Ask the person who invited you" in browser().get("/invitation/made-up/").content.decode()

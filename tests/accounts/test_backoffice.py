"""/admin/: who gets in, whose rows they see, and what they may do there."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.contrib import admin
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import connection, models
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import keys, second_factor
from accounts.models import AuditEntry
from integrations.models import TwilioAccount, WebhookEvent
from messagehub import tenancy
from tests import factories
from tests.accounts.codes import code
from tests.sandbox_server import sandbox_server
from tokens import ledger
from tokens.models import TokenAccount, TokenEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(olga) -> Client:
    """Olga, past both pages of signing in."""
    secret, client = second_factor.begin_enrollment(olga), Client()
    client.post("/login/", {"email": olga.email, "password": factories.PASSWORD, "next": "/admin/"})
    assert client.post("/login/code/", {"code": code(secret), "next": "/admin/"})["Location"] == "/admin/"
    return client


@pytest.fixture
def event(db) -> WebhookEvent:
    with tenancy.system():
        return WebhookEvent.objects.create(
            source="twilio.message", account="AC1", dedupe_key="x", body=b"Body=%F0", quarantined="odd"
        )


LISTS = [f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry]
TENANTS = [path for path in LISTS if path.split("/")[0] != "procrastinate" and path != "integrations/webhookevent"]


def test_who_gets_in(browser, operator, ann, bo):
    asked = browser().get("/admin/", follow=True)
    assert asked.redirect_chain[-1] == ("/login/?next=%2Fadmin%2F", 302)
    assert browser(ann).get("/admin/").status_code == 200
    assert browser(bo).get("/admin/").status_code == 302
    assert browser(bo).get("/admin/login/")["Location"] == "/"
    assert operator.get("/admin/").status_code == 200


def test_a_key_or_token_is_no_way_in(ann, login, bearer):
    _, secret = keys.create_key(ann, "All", ["read", "send", "contacts", "admin"])
    for token in (secret, login(ann).json()["token"]):
        assert bearer(token).get("/admin/").status_code == 302
        assert bearer(token).get("/inbox/").status_code == 302
        assert bearer(token).get("/me/").status_code == 302


@pytest.mark.parametrize("path", LISTS)
def test_operators_see_every_organization(operator, path, acme, globex, bo, event):
    keys.create_key(bo, "Report", ["read"])
    answer = operator.get(f"/admin/{path}/")

    assert answer.status_code == 200
    assert operator.get(f"/admin/{path}/?q=nothing").status_code == 200
    for row in answer.context["cl"].result_list[:1]:
        assert operator.get(f"/admin/{path}/{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("path", TENANTS)
def test_admins_see_their_own(browser, ann, zed, path, acme, globex, bo, inside):
    """Everything that the list shows to Ann belongs to Acme, and she can't open what Zed sees."""
    for person in (bo, zed):
        keys.create_key(person, "Report", ["read"])
    with inside(globex):
        agent = factories.UserFactory(organization=globex.organization)
        ledger.adjust(agent, 1, actor=zed, reason="Start")
    ours, theirs = browser(ann), browser(zed)

    def rows(client):
        answer = client.get(f"/admin/{path}/")
        assert answer.status_code == 200
        return {row.pk for row in answer.context["cl"].result_list}

    hers, his = rows(ours), rows(theirs)
    assert not hers & his
    for pk in list(his)[:1]:
        assert ours.get(f"/admin/{path}/{pk}/change/").status_code == 302  # "does not exist", says the index
        assert ours.get(f"/admin/{path}/?q={pk}").context["cl"].result_list.count() == 0


@pytest.mark.parametrize("path", ["integrations/webhookevent", "procrastinate/procrastinatejob"])
def test_what_is_the_operators_alone(browser, ann, path):
    assert browser(ann).get(f"/admin/{path}/").status_code == 403


@pytest.mark.parametrize("path", ["tokens/tokenentry", "accounts/auditentry", "messaging/messagereceipt"])
def test_what_is_written_once_has_no_form(operator, path):
    assert operator.get(f"/admin/{path}/add/").status_code == 403
    assert operator.post(f"/admin/{path}/", {"action": "delete_selected", "_selected_action": "x"}).status_code in (
        200,
        302,
    )
    model = next(model for model in admin.site._registry if path.endswith(f"/{model._meta.model_name}"))
    assert not admin.site._registry[model].editable


@pytest.mark.parametrize("path", TENANTS)
def test_no_list_counts_a_table(operator, path):
    with CaptureQueriesContext(connection) as captured:
        operator.get(f"/admin/{path}/")

    assert [query["sql"] for query in captured if "COUNT(" in query["sql"].upper()] == []


def test_no_secret_is_shown(operator, bo, sales, acme, inside):
    key, secret = keys.create_key(bo, "Report", ["read"])
    with inside(acme):
        account = sales.number.account
        account.secret = "the-token-of-the-account"
        account.save()
    pages = [
        operator.get(f"/admin/accounts/user/{bo.pk}/change/").content.decode(),
        operator.get(f"/admin/accounts/apikey/{key.pk}/change/").content.decode(),
        operator.get(f"/admin/integrations/twilioaccount/{account.pk}/change/").content.decode(),
    ]
    for hidden in (bo.password, key.digest, secret, account.secret):
        assert not [page for page in pages if hidden in page]


# ---------------------------------------------------------------- what may be asked of a list
OFFERED = {
    f"{name}{kind}"
    for name in ("role", "is_active", "source", "status", "task_name")
    for kind in ("", "__exact", "__isnull")
}
HIDDEN = {("accounts/user", "password"), ("accounts/signin", "session_digest"), ("accounts/apikey", "digest")}


def every_lookup(model: type[models.Model], deep: int = 2) -> Iterator[str]:
    """Each column of a model, and each of what it is related to in either direction."""
    for field in model._meta.get_fields(include_hidden=True):
        yield field.name
        if deep and field.is_relation and field.related_model:
            yield from (f"{field.name}__{name}" for name in every_lookup(field.related_model, deep - 1))


def list_of(model: type[models.Model], user, query: dict):
    request = RequestFactory().get("/admin/", query)
    request.user = user
    return admin.site._registry[model].get_changelist_instance(request)


@pytest.mark.parametrize("model", admin.site._registry, ids=LISTS)
def test_no_column_is_an_oracle_through_any_relation(model, olga):
    """A list is narrowed by what its filters offer and by nothing else: the answer does not depend on the rows."""
    own = [field.name for field in model._meta.concrete_fields]
    kinds = ["", "__exact", "__isnull", "__in", "__gt", "__regex", "__iendswith"]
    asked = {f"{lookup}__startswith" for lookup in every_lookup(model)} | {
        name + kind for name in own for kind in kinds
    }
    with tenancy.system():  # once for some thousand lists
        for lookup in sorted(asked - OFFERED):
            with pytest.raises((SuspiciousOperation, BadRequest)):
                list_of(model, olga, {lookup: "a"})


@pytest.mark.parametrize("path", LISTS)
def test_a_lookup_that_is_not_offered_is_a_400(browser, ann, operator, path, acme, bo, event):
    keys.create_key(bo, "Report", ["read"])
    model = next(model for model in admin.site._registry if path == f"{model._meta.app_label}/{model._meta.model_name}")
    columns = [field.name for field in model._meta.concrete_fields]
    for query in [f"{name}__startswith=a" for name in columns] + [f"{columns[0]}__nothing=1", "nothing=1", "%00=1"]:
        assert operator.get(f"/admin/{path}/?{query}").status_code == 400, query
        assert browser(ann).get(f"/admin/{path}/?{query}").status_code in (400, 403), query


@pytest.mark.parametrize(
    "query", ["role=%00", "role__exact=%00", "role__in=%00", "is_active__exact=x", "is_active__exact=%00", "state=%00"]
)
def test_a_value_that_no_filter_offers_is_a_400(browser, ann, query):
    assert browser(ann).get(f"/admin/accounts/user/?{query}").status_code == 400


@pytest.mark.parametrize(
    "query", ["status=nothing", "status__exact=todo&status__exact=nothing", "task_name=%00", "task_name__exact=%00"]
)
def test_jobs_are_asked_by_what_is_offered_too(operator, query):
    assert operator.get(f"/admin/procrastinate/procrastinatejob/?{query}").status_code == 400


@pytest.mark.parametrize("path", LISTS)
def test_every_filter_that_is_offered_answers(operator, path, event):
    answer = operator.get(f"/admin/{path}/")
    for filter_ in answer.context["cl"].filter_specs:
        for choice in filter_.choices(answer.context["cl"]):
            assert operator.get(f"/admin/{path}/{choice['query_string']}").status_code == 200, choice


@pytest.mark.parametrize("model", admin.site._registry, ids=LISTS)
def test_no_list_is_ordered_by_what_it_does_not_show(model, olga):
    shown = admin.site._registry[model]
    hidden = set(getattr(shown, "hidden", ()))
    with tenancy.system():
        changelist = list_of(model, olga, {})
    for name in changelist.list_display:
        assert changelist.get_ordering_field(name) not in hidden
    for field in model._meta.concrete_fields:  # a column that points elsewhere is ordered as that place says
        assert not (field.is_relation and field.related_model._meta.ordering)


@pytest.mark.parametrize(("path", "column"), sorted(HIDDEN))
def test_a_hidden_column_is_no_reference_either(signed_in, ann, bo, path, column):
    keys.create_key(bo, "Report", ["read"])
    client = signed_in(ann)
    row = client.get(f"/admin/{path}/").context["cl"].result_list[0]
    assert client.get(f"/admin/{path}/?_popup=1&_to_field={column}").status_code == 400
    assert client.get(f"/admin/{path}/{row.pk}/change/?_to_field={column}").status_code == 400


def test_pages_that_nothing_leads_to_are_closed(browser, ann, bo):
    client = browser(ann)
    assert client.get("/admin/r/5/%00/").status_code == 404
    assert client.get(f"/admin/r/5/{uuid4()}/").status_code == 404
    asked = {"app_label": "accounts", "model_name": "signin", "field_name": "user", "term": ""}
    assert client.get("/admin/autocomplete/", asked).status_code == 404


@pytest.mark.parametrize("chosen", ["x", "\0", "1" * 40])
@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("accounts/user", "deactivate"),
        ("tokens/tokenaccount", "grant"),
        ("integrations/channel", "renew"),
        ("integrations/webhookevent", "process_again"),
        ("procrastinate/procrastinatejob", "retry"),
    ],
)
def test_an_action_on_what_is_no_id_is_a_400(operator, path, action, chosen):
    answer = operator.post(f"/admin/{path}/", {"action": action, "_selected_action": chosen})
    # Any number may be the id of a job; there is none of this one.
    assert answer.status_code == (302 if chosen.isdigit() and path.endswith("job") else 400)


def test_a_change_goes_through_the_operation_and_is_written_down(operator, olga, browser, ann, bo, acme, inside):
    operator.post(f"/admin/accounts/user/{bo.pk}/change/", {"name": "Bo B", "role": "admin", "is_superuser": "on"})
    browser(ann).post(
        f"/admin/accounts/organization/{acme.organization.pk}/change/",
        {"name": "Acme Ltd", "time_zone": "UTC", "default_country": "US", "keyword_languages": "de,en,es,fr,it,pt"},
    )

    bo.refresh_from_db()
    assert (bo.name, bo.role, bo.is_superuser) == ("Bo B", "agent", False)
    with inside(acme):
        written = AuditEntry.objects.exclude(action__startswith="sign_in").order_by("pk")
        assert [(entry.action, entry.actor_id, entry.after) for entry in written] == [
            ("user.change", olga.pk, {"name": "Bo B"}),
            ("organization.change", ann.pk, {"name": "Acme Ltd"}),
        ]


def test_people_are_deactivated(browser, ann, bo, zed):
    client = browser(ann)
    chosen = {"action": "deactivate", "_selected_action": [str(bo.pk), str(ann.pk), str(zed.pk)]}

    page = client.post("/admin/accounts/user/", chosen, follow=True).content.decode()

    for person in (bo, ann, zed):
        person.refresh_from_db()
    assert (bo.is_active, ann.is_active, zed.is_active) == (False, True, True)
    assert "change your own role" in page


def test_tokens_are_granted_with_a_reason(operator, olga, bo, cy, acme, inside):
    with inside(acme):
        account = TokenAccount.objects.get(user=bo)
    chosen = {"action": "grant", "_selected_action": [str(account.pk)]}
    assert "Reason" in operator.post("/admin/tokens/tokenaccount/", chosen).content.decode()
    assert (
        operator.post("/admin/tokens/tokenaccount/", chosen | {"apply": "1", "tokens": "5", "reason": ""}).status_code
        == 200
    )

    operator.post("/admin/tokens/tokenaccount/", chosen | {"apply": "1", "tokens": "5", "reason": "Makes up for it"})

    with inside(acme):
        entry = TokenEntry.objects.get()
        assert (entry.amount, entry.actor_id, entry.reason) == (5, olga.pk, "Makes up for it")
        assert ledger.balance(bo) == 5


def test_a_quarantined_webhook_is_processed_again(operator, event, olga):
    page = operator.get("/admin/integrations/webhookevent/?state=quarantined").content.decode()
    assert "odd" in page

    operator.post("/admin/integrations/webhookevent/", {"action": "process_again", "_selected_action": [str(event.pk)]})

    with tenancy.system():
        event.refresh_from_db()
        assert event.quarantined != "odd"
        assert AuditEntry.objects.get(action="webhook.process_again").target_id == str(event.pk)


def test_signing_out_of_the_back_office_ends_the_sign_in(operator):
    assert operator.post("/admin/logout/")["Location"] == "/login/"
    assert operator.get("/admin/").status_code == 302


def test_an_admin_renews_the_token_of_a_paused_account(client, ann, acme, sales, inside, tmp_path, settings):
    account = sales.number.account
    with sandbox_server(tmp_path) as sandbox:
        settings.TWILIO_API_BASE_URL = sandbox.base_url
        sandbox.add_account(account.external_id, "f" * 32)
        with inside(acme):
            TwilioAccount.objects.update(paused_at=timezone.now(), paused_code="20003")
        client.force_login(ann)
        url = "/admin/integrations/channel/"
        assert "paused (20003)" in client.get(url).content.decode()
        chosen = {"action": "renew", "_selected_action": [str(sales.number.pk)]}
        assert "Auth token" in client.post(url, chosen).content.decode()
        wrong = client.post(url, chosen | {"apply": "1", "auth_token": "e" * 32}, follow=True).content.decode()
        assert "rejected this account SID and auth token" in wrong
        right = client.post(url, chosen | {"apply": "1", "auth_token": "f" * 32}, follow=True).content.decode()
        assert "its account is let in" in right
        assert "f" * 32 not in right
    with inside(acme):
        account = TwilioAccount.objects.get(pk=account.pk)
        assert (account.paused_at, account.secret) == (None, "f" * 32)
        assert AuditEntry.objects.get(action="number.change").after["auth_token"] == "replaced"

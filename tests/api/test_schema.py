"""The OpenAPI document and the API keep each other's word: schemathesis asks every operation what its schema allows.

Bounded: a few requests for each operation, the same in every run, as admin and as agent, with ids that exist where the
path has one.
"""

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, settings
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from messagehub.wsgi import application
from messaging.contacts import imports
from messaging.conversations import labels
from messaging.message_templates import templates
from tests import factories
from tests.api.permission_table import OPEN, TABLE

HOST = {"Host": "testserver", "Accept-Encoding": "identity"}
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
ROUTES = OPEN | {(f"api/{row.route}", row.verb) for row in TABLE}
OPERATIONS = sorted(f"{verb.upper()} /{route}".replace("<uuid:pk>", "{id}") for route, verb in ROUTES)
FEW = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def document(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():  # after a request, a server looks at its connection
        return schemathesis.openapi.from_wsgi("/api/schema", application, headers=HOST)


@pytest.fixture
def ids(acme, inside, sales, ann, bo) -> dict[str, str]:
    """Something that exists, by its path, or the first word of it."""
    from chatrooms import groups

    with inside(acme):
        return {
            "chatrooms": str(sales.room.pk),
            "contacts": str(sales.contact.pk),
            "contacts/imports": str(
                imports.import_file(sales.room, None, "people.csv", b"Phone\n+14155550123\n", by=ann).pk
            ),
            "conversations": str(sales.conversation.pk),
            "messages": str(sales.message.pk),
            "facebook-pages": str(factories.PageChannelFactory(chatroom=sales.room).account.pk),
            "groups": str(groups.create_group(sales.room, "Regulars").pk),
            "labels": str(labels.create_label(acme.organization, name="Urgent").pk),
            "templates": str(
                templates.create_template(acme.organization.pk, None, name="T", body="Hi {{first_name}}").pk
            ),
            "sender-numbers": str(sales.number.pk),
            "users": str(bo.pk),
        }


@pytest.fixture
def token(api):
    def sign_in(user) -> str:
        answer = api().post("/api/auth/login", {"email": user.email, "password": factories.PASSWORD})
        return answer.json()["token"]

    return sign_in


@pytest.fixture
def headers(person, request, token, settings, monkeypatch) -> dict:
    settings.TWILIO_API_BASE_URL = settings.META_GRAPH_BASE_URL = "http://127.0.0.1:9"  # nobody is there
    signed_in = {**HOST, "Authorization": f"Bearer {token(request.getfixturevalue(person))}"}
    # Servers close connections around a request; here the one there is holds the test's transaction.
    for signal in (request_started, request_finished):
        monkeypatch.setattr(signal, "receivers", [])
    return signed_in


@pytest.mark.parametrize("person", ["ann", "bo"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_operation_answers_as_it_says(label, person, document, ids, headers):
    """What the schema allows is asked by both; its edges and what it forbids by the admin, who gets past the rights."""
    verb, path = label.split(" ")
    place = path.removeprefix("/api/").split("/{")[0]
    known = ids.get(place) or ids.get(place.split("/")[0])

    def ask(case):
        if person == "bo" and case.meta.generation.mode.is_negative:
            return
        if known and "id" in case.path_parameters:
            case.path_parameters["id"] = known
        answer = case.call(headers=headers)
        if answer.status_code == 503:
            assert answer.json()["error"]["code"] == "provider_unavailable"
        else:
            assert answer.status_code < 500, answer.text
        case.validate_response(answer, checks=CHECKS, headers=headers)

    # Schemathesis's plugin for pytest does this for all operations while it collects, in every process of the run.
    modes = [mode for mode in HypothesisTestMode if person == "ann" or mode is not HypothesisTestMode.COVERAGE]
    config = HypothesisTestConfig(project=document.config, modes=modes, settings=FEW)
    create_test(operation=document[path][verb], test_func=ask, config=config)()


def test_the_document_is_valid_and_complete(capsys):
    made = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(made)
    assert made["openapi"].startswith("3.1")
    assert capsys.readouterr().err == ""  # drf-spectacular says there what it could not find out
    documented = [f"{verb.upper()} {path}" for path, verbs in made["paths"].items() for verb in verbs]
    assert sorted(documented) == OPERATIONS
    for path, verbs in made["paths"].items():
        for verb, operation in verbs.items():
            assert operation["summary"], f"{verb} {path}"
            good = [code for code in operation["responses"] if code < "300"]
            assert good, f"{verb} {path} succeeds in no way"
            assert "204" in good or all("content" in operation["responses"][code] for code in good), f"{verb} {path}"


def test_both_are_open_to_everybody(api):
    assert api().get("/api/schema")["Content-Type"] == "application/vnd.oai.openapi+json"
    page = api().get("/api/docs")
    assert page.status_code == 200
    assert "unsafe" not in page["Content-Security-Policy"]

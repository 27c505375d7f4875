"""What a developer is told who asks for something that does not exist: the names that do, or a plain 404."""

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.api.permission_table import MADE_UP, TABLE

pytestmark = pytest.mark.django_db
DOCUMENT = SchemaGenerator().get_schema(request=None, public=True)
LISTS = [path for path, verbs in DOCUMENT["paths"].items() if "get" in verbs and "{" not in path]
FILTERED = [path for path in LISTS if DOCUMENT["paths"][path]["get"].get("parameters")]
ONE = [row for row in TABLE if row.path and row.verb == "get"]


@pytest.mark.parametrize("path", FILTERED)
def test_unknown_filter_is_refused_with_the_names_that_are_documented(api, ann, path):
    names = sorted(each["name"] for each in DOCUMENT["paths"][path]["get"]["parameters"])

    answer = api(ann).get(path, {"nothing": "1"})

    assert answer.status_code == 400
    hint = f"Unknown query parameter. Allowed: {', '.join(names)}."
    assert answer.json()["error"]["fields"] == {"nothing": [hint]}


@pytest.mark.parametrize("row", ONE, ids=str)
def test_row_that_does_not_exist_is_a_plain_404(api, ann, row):
    answer = api(ann).get(f"/api/{row.route.replace('<uuid:pk>', MADE_UP)}")

    assert (answer.status_code, answer.json()) == (404, {"error": {"code": "not_found", "message": "Not found."}})


@pytest.mark.parametrize("path", ["/api/nothing", "/api/contacts/nothing", "/api/"])
def test_address_that_does_not_exist_is_a_plain_404(api, ann, path):
    answer = api(ann).get(path)

    assert (answer.status_code, answer.json()) == (404, {"error": {"code": "not_found", "message": "Not found."}})


CHOICES = [
    (path, each["name"], each["schema"]["enum"])
    for path in FILTERED
    for each in DOCUMENT["paths"][path]["get"]["parameters"]
    if each["schema"].get("enum")
]


@pytest.mark.parametrize(("path", "name", "values"), CHOICES)
def test_unknown_value_of_a_filter_is_refused_with_the_values_that_exist(api, ann, path, name, values):
    answer = api(ann).get(path, {name: "nothing"})

    assert answer.status_code == 400
    (text,) = answer.json()["error"]["fields"][name]
    assert sorted(text.removeprefix("Unknown value. Allowed: ").removesuffix(".").split(", ")) == sorted(values)


@pytest.mark.parametrize(
    ("path", "body", "name", "values"),
    [
        ("/api/labels", {"name": "L", "color": "nothing"}, "color", "blue"),
        ("/api/keys", {"name": "K", "scopes": ["nothing"]}, "scopes.0", "read, send, contacts, admin"),
        ("/api/users", {"email": "n@acme.example", "name": "N", "role": "nothing"}, "role", "admin, agent"),
    ],
)
def test_unknown_value_of_a_field_is_refused_with_the_values_that_exist(api, ann, path, body, name, values):
    answer = api(ann).post(path, body)

    assert answer.status_code == 400
    (text,) = answer.json()["error"]["fields"][name]
    assert text.startswith("Unknown value. Allowed: ")
    assert values in text

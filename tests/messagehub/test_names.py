"""Names that somebody can see and point at, at every door."""

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError

from accounts.pages.forms import JoinForm
from accounts.pages.me_forms import KeyForm, NameForm
from messagehub import names
from messaging.contacts.forms import ContactForm
from tests.messagehub.test_model_names import OURS

INVISIBLE = [
    "\u200b",
    "\u200b\u200d\ufeff",
    "\u2060 \u00a0",
    "\u202e",
    "\u00ad",
    "\u3164",
    "\u2800",
    "\ufe0f",
    "\u0301",
]
VISIBLE = ["Nina", "日本", "👩\u200d👩", "\u200fنينا", "7", "&", "\U0001fae9"]
FIELDS = [
    field
    for model in apps.get_models()
    if model._meta.app_label in OURS
    for field in model._meta.fields
    if field.name in ("name", "first_name", "last_name")
    and model.__name__ != "Attachment"  # a file's, never shown alone
]


@pytest.mark.parametrize("name", INVISIBLE)
@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_every_model_refuses_a_name_that_nobody_sees(field, name: str):
    with pytest.raises(ValidationError, match="can be seen"):
        field.clean(name, None)


@pytest.mark.parametrize("name", VISIBLE)
def test_name_of_any_script_is_one(name: str):
    names.validate_name(name)


@pytest.mark.parametrize("form", [NameForm, KeyForm, JoinForm, ContactForm])
def test_forms_have_the_models_rule(form):
    fields = [field for name, field in form.base_fields.items() if name in ("name", "first_name", "last_name")]
    assert fields
    assert all(names.validate_name in field.validators for field in fields)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("patch", "contacts/{contact}", {"first_name": "\u200b"}),
        ("patch", "contacts/{contact}", {"last_name": "\u200b"}),
        ("post", "contacts", {"chatroom_id": "{room}", "phone": "+14155550123", "first_name": "\u200b"}),
        ("post", "groups", {"chatroom_id": "{room}", "name": "\u200b"}),
        ("post", "chatrooms", {"name": "\u200b"}),
        ("patch", "chatrooms/{room}", {"name": "\u200b"}),
        ("post", "labels", {"name": "\u200b", "color": "blue"}),
        ("post", "templates", {"name": "\u200b", "body": "Hi"}),
        ("post", "campaigns", {"name": "\u200b", "content": "Hi", "chatroom_id": "{room}"}),
        ("patch", "settings", {"name": "\u200b"}),
        ("patch", "auth/me", {"name": "\u200b"}),
        ("post", "users", {"email": "new@acme.example", "name": "\u200b", "role": "agent"}),
        ("post", "keys", {"name": "\u200b", "scopes": ["read"]}),
        ("patch", "sender-numbers/{number}", {"name": "\u200b"}),
    ],
)
def test_api_refuses_a_name_that_nobody_sees(api, ann, sales, verb: str, path: str, body: dict):
    ids = {"contact": sales.contact.pk, "room": sales.room.pk, "number": sales.number.pk}
    filled = {key: value.format(**ids) if isinstance(value, str) else value for key, value in body.items()}

    answer = getattr(api(ann), verb)(f"/api/{path.format(**ids)}", filled)

    assert answer.status_code == 400, answer.content
    fields = answer.json()["error"]["fields"]
    assert {key: value for key, value in fields.items() if "name" in key} == {
        key: ["Enter a name with letters that can be seen."] for key in body if "name" in key
    }

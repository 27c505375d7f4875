"""/api/templates, and sending by one."""

import pytest

from integrations import segments
from messaging.message_templates import templates
from messaging.models import Message, MessageTemplate
from tokens import ledger


@pytest.fixture
def greeting(api, bo, sales) -> str:
    body = {"name": "Greeting", "body": "Hello {{ first_name }}, {{agent}} here.", "chatroom_id": str(sales.room.pk)}
    answer = api(bo).post("/api/templates", body)
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def test_a_template_is_written_changed_and_deleted(api, bo, cy, zed, greeting):
    place = f"/api/templates/{greeting}"
    assert api(bo).patch(place, {"body": "Hi {{first_name|there}}"}).json()["body"] == "Hi {{first_name|there}}"
    for outsider in (cy, zed):
        assert api(outsider).get(place).status_code == 404
        assert api(outsider).get("/api/templates").json()["results"] == []
    assert api(bo).delete(place).status_code == 204
    assert api(bo).get(place).status_code == 404


def test_the_organizations_templates_are_written_by_admins(api, ann, bo, cy):
    body = {"name": "For all", "body": "Hello"}
    assert api(bo).post("/api/templates", body).status_code == 403
    made = api(ann).post("/api/templates", body).json()
    assert made["chatroom_id"] is None
    assert api(cy).get("/api/templates").json()["results"] == [made]
    assert api(bo).patch(f"/api/templates/{made['id']}", {"name": "Mine"}).status_code == 403
    assert api(bo).delete(f"/api/templates/{made['id']}").status_code == 403
    assert api(ann).post("/api/templates", {**body, "name": "FOR ALL"}).json()["error"]["fields"].keys() == {"name"}


@pytest.mark.parametrize(
    "body", ["{{shoe_size}}", "{{}}", "{{first_name", "first_name}}", "{{ {{first_name}} }}", "{{first_name}} {{"]
)
def test_what_can_not_be_filled_in_is_refused_at_save(api, ann, bo, greeting, body):
    for answer in (
        api(ann).post("/api/templates", {"name": "Bad", "body": body}),
        api(bo).patch(f"/api/templates/{greeting}", {"body": body}),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"].keys() == {"body"}


@pytest.mark.parametrize(
    ("body", "given", "text"),
    [
        ("{{first_name}} {{last_name}} {{phone}}", {}, "Nina Okafor {phone}"),
        ("{{email|no mail}}, {{ organization }}/{{chatroom}}", {}, "no mail, Acme/Sales"),
        ("{{first_name}}{{email|}}!", {"first_name": "Ms {{x}}"}, "Ms {{x}}!"),
        ("Nothing {to} fill", {}, "Nothing {to} fill"),
    ],
)
def test_what_is_filled_in(api, ann, bo, sales, body, given, text):
    template = api(ann).post("/api/templates", {"name": "T", "body": body}).json()["id"]
    answer = api(bo).post(
        f"/api/templates/{template}/render", {"contact_id": str(sales.contact.pk), "variables": given}
    )
    text = text.replace("{phone}", sales.contact.phone)
    assert answer.json() == {"content": text, "segments": 1, "footer": "", "segments_with_footer": 1}


def test_a_template_is_for_contacts_of_its_room(api, ann, bo, greeting, sales, support, elsewhere):
    place = f"/api/templates/{greeting}/render"
    for client, contact in ((api(bo), support.contact), (api(bo), elsewhere.contact), (api(ann), support.contact)):
        answer = client.post(place, {"contact_id": str(contact.pk)})
        assert answer.json()["error"]["fields"].keys() == {"contact_id"}


def send(client, **body):
    return client.post("/api/messages/send", body)


def test_sending_by_template(api, ann, bo, acme, inside, sales, greeting):
    with inside(acme):
        ledger.adjust(bo, 5, actor=ann, reason="")

    answer = send(api(bo), conversation_id=str(sales.conversation.pk), template_id=greeting)

    assert answer.status_code == 201, answer.content
    assert answer.json()["message"]["content"] == "Hello Nina, Bo here."
    assert answer.json()["remaining_tokens"] == 4
    named = send(api(bo), contact_id=str(sales.contact.pk), template_id=greeting, variables={"first_name": "Dr Okafor"})
    assert named.json()["message"]["content"] == "Hello Dr Okafor, Bo here."


def test_what_is_not_known_is_named_and_nothing_is_sent(api, ann, bo, acme, inside, sales, greeting):
    with inside(acme):
        ledger.adjust(bo, 5, actor=ann, reason="")

    answer = send(api(bo), to="+14155550199", template_id=greeting)

    assert answer.status_code == 400
    assert answer.json()["error"]["fields"].keys() == {"variables.first_name"}
    with inside(acme):
        assert not Message.objects.filter(direction="outbound").exists()
        assert not sales.room.contacts.filter(phone="+14155550199").exists()
        assert ledger.balance(bo) == 5
    unknown = send(api(bo), to="+14155550199", template_id=greeting, variables={"first_name": "A", "shoe": "9"})
    assert unknown.json()["error"]["fields"].keys() == {"variables.shoe"}


def test_what_does_not_go_together(api, ann, bo, zed, sales, support, greeting):
    conversation = {"conversation_id": str(sales.conversation.pk)}
    both = send(api(bo), **conversation, template_id=greeting, content="Hi")
    other_room = send(api(ann), conversation_id=str(support.conversation.pk), template_id=greeting)
    foreign = api(zed).post("/api/templates", {"name": "T", "body": "Hi"}).json()["id"]
    for answer in (both, other_room, send(api(bo), **conversation, template_id=foreign)):
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"].keys() == {"template_id"}


def test_a_text_that_grows_too_long_is_refused(api, ann, sales):
    body = {"name": "Long", "body": "x" * 1580 + "{{first_name}}"}
    template = api(ann).post("/api/templates", body).json()["id"]
    answer = send(
        api(ann),
        conversation_id=str(sales.conversation.pk),
        template_id=template,
        variables={"first_name": "A long name " * 3},
    )
    assert answer.json()["error"]["fields"].keys() == {"template_id"}


def test_queries_do_not_grow(api, ann, acme, inside, assert_constant_queries):
    def add_template():
        with inside(acme):
            templates.create_template(acme.organization.pk, None, name=f"T{MessageTemplate.objects.count()}", body="Hi")

    add_template()
    assert_constant_queries(api(ann), "/api/templates", add_template)


def preview(client, body, **more) -> dict:
    answer = client.post("/api/templates/preview", {"body": body, **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize(
    ("body", "with_contact", "text", "missing"),
    [
        ("{{first_name|there}}, {{agent}} of {{organization}}", False, "there, Bo of Acme", []),
        ("{{first_name|there}} at {{chatroom}}", True, "Nina at Sales", []),
        ("{{email}} {{ email }} {{last_name}}", True, "{{email}} {{ email }} Okafor", ["email"]),
        ("{{first_name}} {{phone}}{{email|}}", False, "{{first_name}} {{phone}}", ["first_name", "phone"]),
    ],
)
def test_a_sample_says_what_is_missing_and_is_not_kept(api, bo, acme, inside, sales, body, with_contact, text, missing):
    found = preview(api(bo), body, **({"contact_id": str(sales.contact.pk)} if with_contact else {}))
    assert (found["content"], found["missing"]) == (text, missing)
    with inside(acme):
        assert not MessageTemplate.objects.exists()


def test_a_sample_names_what_makes_it_unicode(api, bo):
    found = preview(api(bo), "It\u2019s " + "x" * 66 + "\U0001f525\u2019")
    assert (found["encoding"], found["segments"]) == ("UCS-2", 2)
    assert found["unicode_characters"] == [
        {"character": "\u2019", "name": "curly quote (U+2019)", "plain": "'"},
        {"character": "\U0001f525", "name": "fire (U+1F525)", "plain": None},
    ]
    assert found["plain_content"] == "It's " + "x" * 66 + "\U0001f525'"
    plain = preview(api(bo), "It\u2019s " + "x" * 66)
    assert (plain["segments"], plain["plain_segments"]) == (2, 1)
    assert preview(api(bo), "It's \u20ac 5")["encoding"] == "GSM-7"


@pytest.mark.parametrize("body", ["{{shoe_size}}", "{{first_name", ""])
def test_a_sample_of_a_bad_template_is_refused(api, bo, body):
    answer = api(bo).post("/api/templates/preview", {"body": body})
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"].keys() == {"body"}


def test_a_sample_is_for_contacts_that_one_sees(api, bo, support, elsewhere):
    for contact in (support.contact, elsewhere.contact):
        answer = api(bo).post("/api/templates/preview", {"body": "Hi", "contact_id": str(contact.pk)})
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"].keys() == {"contact_id"}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\u201cYes\u201d \u2013 no\u2026", '"Yes" - no...'),
        ("gar\u00e7on, \u015fi\u0161", "garcon, sis"),
        ("cafe\u0301 e\u0302", "caf\u00e9 e"),
        ("10\u00a0\u20ac\u200b", "10 \u20ac"),
        ("\u0439 \u05e9\u05dc m\u00b2", "\u0439 \u05e9\u05dc m\u00b2"),
    ],
)
def test_plain_characters_say_the_same(text, plain):
    assert segments.simplify_text(text) == plain

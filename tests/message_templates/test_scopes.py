"""Personal templates, which nobody else sees or uses, labels of templates, and filters by both."""

import pytest
from django.db import IntegrityError, transaction

from chatrooms import groups
from messaging.conversations import labels
from messaging.media import links, uploads
from messaging.message_templates import templates
from messaging.models import Campaign, Label, Message, MessageTemplate
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(acme, bo, inside) -> MessageTemplate:
    with inside(acme):
        return templates.create_template(acme.organization.pk, None, name="My thanks", body="Thank you", owner=bo)


@pytest.fixture
def vip(acme, inside) -> Label:
    with inside(acme):
        return labels.create_label(acme.organization, name="VIP")


def read(client, path: str, **query) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("outsider", ["ann", "zed"])  # an admin of the organization, and another organization
def test_a_personal_template_of_another_does_not_exist(browser, api, own, sales, request, outsider):
    person = request.getfixturevalue(outsider)
    client, page, path = api(person), browser(person), f"/api/templates/{own.pk}"
    answers = [
        client.get(path),
        client.patch(path, {"name": "Taken"}),
        client.post(f"{path}/render", {"contact_id": str(sales.contact.pk)}),
        client.delete(path),
        page.get(f"/templates/{own.pk}/"),
        *(page.post(f"/templates/{own.pk}/{action}", {"name": "A"}) for action in ("", "duplicate/", "archive/")),
    ]
    assert {answer.status_code for answer in answers} == {404}
    for query in ({}, {"scope": "personal"}, {"search": "thank"}):
        assert "My thanks" not in read(page, "/templates/", **query)
    assert client.get("/api/templates").json()["results"] == []
    assert client.get("/api/templates?scope=personal").json()["results"] == []


def test_a_personal_template_of_another_is_offered_nowhere_and_not_usable(
    browser, api, ann, bo, own, sales, acme, inside
):
    paths = ((f"/inbox/{sales.conversation.pk}/templates/", {}), ("/send/", {"chatroom": str(sales.room.pk)}))
    for person, is_offered in ((ann, False), (bo, True)):
        assert ["My thanks" in read(browser(person), path, **query) for path, query in paths] == [is_offered] * 2
    conversation = {"conversation_id": str(sales.conversation.pk)}
    with inside(acme):
        group = groups.create_group(sales.room, "All")
    campaign = {"name": "Spring", "group_ids": [str(group.pk)], "chatroom_id": str(sales.room.pk)}
    answers = {
        "template_id": api(ann).post("/api/messages/send", {**conversation, "template_id": str(own.pk)}),
        "used_template_id": api(ann).post(
            "/api/messages/send", {**conversation, "content": "Hi", "used_template_id": str(own.pk)}
        ),
        "template_id of a campaign": api(ann).post("/api/campaigns", {**campaign, "template_id": str(own.pk)}),
    }
    for field, answer in answers.items():
        assert answer.status_code == 400, answer.content
        assert answer.json()["error"]["fields"].keys() == {field.split()[0]}
    form = {"channel": sales.number.pk, "to": "+15550107777", "template": own.pk, "action": "preview"}
    assert browser(ann).post(f"/send/?chatroom={sales.room.pk}", form).status_code == 422
    with inside(acme):
        assert not Message.objects.filter(direction="outbound").exists()
        assert not Campaign.objects.exists()
    assert api(bo).post("/api/campaigns", {**campaign, "template_id": str(own.pk)}).status_code == 201


def test_the_back_office_shows_an_admin_no_personal_template_of_others(browser, ann, bo, own, acme, inside):
    with inside(acme):
        shared = templates.create_template(acme.organization.pk, None, name="For all", body="Hello")
    page, path = browser(ann), "/admin/messaging/messagetemplate/"
    assert [row.pk for row in page.get(path).context["cl"].result_list] == [shared.pk]
    assert page.get(f"{path}?q={own.pk}").context["cl"].result_list.count() == 0
    assert page.get(f"{path}{own.pk}/change/").status_code == 302  # as for what does not exist
    assert page.get(f"{path}{shared.pk}/change/").status_code == 200


def test_files_of_a_personal_template_are_its_owners_to_send(acme, ann, bo, cy, sales, support, inside):
    with inside(acme):
        upload = factories.UploadFactory(chatroom=support.room)
        address = links.build_reference(upload)
        templates.create_template(acme.organization.pk, None, name="Map", body="Here", owner=bo, media_urls=[address])
        assert uploads.find_sendable(bo, [upload.pk]).keys() == {upload.pk}
        assert uploads.find_sendable(cy, [upload.pk]) == {}


def test_agents_write_change_and_delete_their_own(api, bo, cy, own):
    made = api(bo).post("/api/templates", {"name": "Mine", "body": "Hi", "scope": "personal"}).json()
    assert (made["scope"], made["chatroom_id"]) == ("personal", None)
    assert api(bo).patch(f"/api/templates/{made['id']}", {"body": "Hello"}).json()["body"] == "Hello"
    listed = api(bo).get("/api/templates?scope=personal").json()["results"]
    assert {each["name"] for each in listed} == {"My thanks", "Mine"}
    # Two people may have one of the same name, one person may not.
    assert api(cy).post("/api/templates", {"name": "Mine", "body": "Hi", "scope": "personal"}).status_code == 201
    again = api(bo).post("/api/templates", {"name": "MINE", "body": "Hi", "scope": "personal"})
    assert again.json()["error"]["fields"].keys() == {"name"}
    assert api(bo).delete(f"/api/templates/{made['id']}").status_code == 204


@pytest.mark.parametrize(
    ("scope", "has_room", "status"),
    [
        ("chatroom", True, 201), (None, True, 201), ("personal", False, 201), (None, False, 403),
        ("organization", False, 403), ("personal", True, 400), ("organization", True, 400), ("chatroom", False, 400),
        ("everybody", False, 400),
    ],
)  # fmt: skip
def test_a_scope_goes_with_its_chatroom(api, bo, sales, scope, has_room, status):
    body = {"name": "New", "body": "Hi"}
    body |= {"scope": scope} if scope else {}
    body |= {"chatroom_id": str(sales.room.pk)} if has_room else {}
    assert api(bo).post("/api/templates", body).status_code == status


def test_no_row_is_both_personal_and_of_a_chatroom(acme, bo, sales, own, inside):
    with inside(acme), pytest.raises(IntegrityError, match="templates_one_scope"), transaction.atomic():
        MessageTemplate.objects.filter(pk=own.pk).update(chatroom=sales.room)


def test_the_page_writes_personal_and_labeled_ones_and_duplicates_them(browser, bo, acme, sales, vip, inside):
    client = browser(bo)
    values = {"name": "Ready", "body": "It is ready.", "chatroom": "personal", "label": vip.pk}
    assert client.post("/templates/new/", values).status_code == 302
    with inside(acme):
        template = MessageTemplate.objects.get()
        assert (template.owner, template.chatroom, template.label) == (bo, None, vip)
    client.post(f"/templates/{template.pk}/duplicate/")
    html = read(client, "/templates/", scope="personal", label_id=str(vip.pk))
    assert html.count("Only me") >= 3  # of the filter and both rows
    assert "Ready (copy)" in html
    assert client.post(f"/templates/{template.pk}/", {"name": "Ready", "body": "Yes"}).status_code == 302
    with inside(acme):
        assert list(MessageTemplate.objects.order_by("pk").values_list("owner", "label", "body")) == [
            (bo.pk, None, "Yes"),
            (bo.pk, vip.pk, "It is ready."),
        ]


def test_lists_are_filtered_by_label_and_scope(api, browser, ann, bo, own, sales, vip, globex, inside):
    wanted = {"name": "Ours", "body": "Hi", "chatroom_id": str(sales.room.pk), "label_id": str(vip.pk)}
    ours = api(bo).post("/api/templates", wanted).json()
    assert ours["label_id"] == str(vip.pk)

    def names(query: str) -> list[str]:
        return [each["name"] for each in api(bo).get(f"/api/templates?{query}").json()["results"]]

    assert names(f"label_id={vip.pk}") == names("scope=chatroom") == ["Ours"]
    assert names("scope=personal") == ["My thanks"]
    assert names("scope=organization") == []
    assert api(bo).get("/api/templates?scope=all").status_code == 400
    html = read(browser(bo), "/templates/", label_id=str(vip.pk))
    assert ("Ours" in html, "My thanks" in html) == (True, False)
    assert api(bo).patch(f"/api/templates/{ours['id']}", {"label_id": None}).json()["label_id"] is None
    with inside(globex):
        foreign = factories.LabelFactory(organization_id=globex.organization.pk)
    for answer in (
        api(bo).patch(f"/api/templates/{ours['id']}", {"label_id": str(foreign.pk)}),
        api(bo).get(f"/api/templates?label_id={foreign.pk}"),
    ):
        assert answer.status_code == 400


def test_a_deleted_label_leaves_its_templates_and_comes_back_to_them(acme, ann, own, vip, inside):
    with inside(acme):
        templates.change_template(own, label=vip)
        label_id = vip.pk
        labels.delete_label(vip, by=ann)
        own.refresh_from_db()
        assert own.label is None
        labels.restore_label(acme.organization, label_id, by=ann)
        own.refresh_from_db()
        assert own.label_id == label_id

"""/templates/: lists, what may be changed by whom, and the sample beside the text."""

import pytest

from messaging.message_templates import templates
from messaging.models import MessageTemplate

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(acme, sales, inside) -> MessageTemplate:
    with inside(acme):
        return templates.create_template(acme.organization.pk, sales.room, name="Delivery", body="Hi {{first_name}}")


@pytest.fixture
def shared(acme, inside) -> MessageTemplate:
    with inside(acme):
        return templates.create_template(acme.organization.pk, None, name="Hours", body="We open at nine.")


def read(client, path: str, status: int = 200, **query) -> str:
    answer = client.get(path, query)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def test_list_is_searched_filtered_and_says_when_it_is_empty(browser, bo, own, shared, acme, inside):
    client = browser(bo)
    assert "Delivery" in read(client, "/templates/")
    found = read(client, "/templates/", search="nine")
    assert ("Hours" in found, "Delivery" in found) == (True, False)
    assert "Nothing matches" in read(client, "/templates/", search="nobody")
    with inside(acme):
        MessageTemplate.objects.all().delete()
    assert "No templates yet" in read(client, "/templates/")


def test_template_is_created_changed_and_duplicated(browser, bo, acme, sales, inside):
    client = browser(bo)
    assert "Write {{first_name|there}} for" in read(client, "/templates/new/")
    values = {"name": "Ready", "body": "Your table is ready.", "chatroom": sales.room.pk}
    assert client.post("/templates/new/", values).headers["Location"] == "/templates/"
    with inside(acme):
        template = MessageTemplate.objects.get(name="Ready")
    assert client.post("/templates/new/", values).status_code == 422  # the name is taken
    path = f"/templates/{template.pk}/"
    assert client.post(path, {"name": "Ready", "body": "It is ready."}).status_code == 302
    for _ in range(2):
        assert client.post(f"{path}duplicate/").status_code == 302
    with inside(acme):
        rows = MessageTemplate.objects.filter(chatroom=sales.room, name__startswith="Ready").order_by("pk")
        assert list(rows.values_list("name", "body")) == [
            ("Ready", "It is ready."), ("Ready (copy)", "It is ready."), ("Ready (copy 2)", "It is ready."),
        ]  # fmt: skip


@pytest.mark.parametrize("wrong", [{"body": "{{nobody}}"}, {"body": " "}, {"name": ""}, {"chatroom": ""}])
def test_bad_template_is_drawn_again(browser, bo, acme, sales, inside, wrong):
    values = {"name": "Ready", "body": "It is ready.", "chatroom": sales.room.pk}
    assert browser(bo).post("/templates/new/", {**values, **wrong}).status_code == 422
    with inside(acme):
        assert not MessageTemplate.objects.exists()


def test_archived_template_is_offered_nowhere_until_it_is_restored(browser, api, bo, own, sales):
    client = browser(bo)

    def is_offered() -> list[bool]:
        return [
            str(own.pk) in read(client, "/templates/"),
            "Delivery" in read(client, f"/inbox/{sales.conversation.pk}/templates/"),
            "Delivery" in read(client, "/send/", chatroom=str(sales.room.pk)),
            bool(api(bo).get("/api/templates").json()["results"]),
        ]

    assert is_offered() == [True] * 4
    client.post(f"/templates/{own.pk}/archive/")
    assert is_offered() == [False] * 4
    assert "Delivery" in read(client, "/templates/", state="archived")
    assert api(bo).get("/api/templates?archived=true").json()["results"][0]["archived"] is True
    assert api(bo).get(f"/api/templates/{own.pk}").status_code == 200
    assert api(bo).patch(f"/api/templates/{own.pk}", {"archived": False}).json()["archived"] is False
    assert is_offered() == [True] * 4


def test_templates_of_all_chatrooms_are_written_by_admins(browser, bo, ann, shared, acme, inside):
    agent, path = browser(bo), f"/templates/{shared.pk}/"
    assert "changed by admins" in read(agent, path)
    for action in ("", "duplicate/", "archive/"):
        assert agent.post(f"{path}{action}", {"name": "Mine", "body": "Mine"}).status_code == 403
    assert agent.post("/templates/new/", {"name": "A", "body": "B", "chatroom": ""}).status_code == 422
    assert browser(ann).post(path, {"name": "Hours", "body": "We open at ten."}).status_code == 302
    with inside(acme):
        assert MessageTemplate.objects.get(pk=shared.pk).body == "We open at ten."


def test_others_templates_do_not_exist(browser, cy, zed, own):
    for outsider in (cy, zed):
        client = browser(outsider)
        assert "Delivery" not in read(client, "/templates/")
        assert client.get(f"/templates/{own.pk}/").status_code == 404
        for action in ("", "duplicate/", "archive/"):
            assert client.post(f"/templates/{own.pk}/{action}", {"name": "A", "body": "B"}).status_code == 404


def test_sample_names_what_makes_the_text_longer(browser, bo, sales):
    client = browser(bo)
    sample = client.post("/templates/sample/", {"body": "It’s {{agent}}"}).content.decode()
    assert "Bo" in sample
    assert "UCS-2" in sample
    assert "’" in sample
    assert "There is no variable" in client.post("/templates/sample/", {"body": "{{nobody}}"}).content.decode()
    assert "while you write" in client.post("/templates/sample/", {"body": ""}).content.decode()

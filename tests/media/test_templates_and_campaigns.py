"""Files of templates and campaigns: kept with them, and carried along by what is sent with them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatrooms import groups
from integrations.sandbox import samples
from messaging.campaigns import feed, lifecycle, retrying
from messaging.media import links, uploads
from messaging.message_templates import templates
from messaging.models import Campaign, Message, Upload
from tests import factories
from tokens import ledger, proof

ELSEWHERE = "https://shop.example/oak.jpg"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def picture(acme, sales, bo, inside) -> Upload:
    with inside(acme):
        return uploads.store_upload(sales.room, SimpleUploadedFile("x", samples.picture()), name="Oak.png", by=bo)


@pytest.fixture
def regulars(acme, sales, inside):
    with inside(acme):
        group = groups.create_group(sales.room, "Regulars")
        groups.add_members(group, [sales.contact, factories.ContactFactory(chatroom=sales.room, phone="+14155550177")])
        return group


def test_template_brings_its_files(api, acme, rich, sales, picture, inside):
    media = [ELSEWHERE, {"id": str(picture.pk)}]
    given = {"name": "Oak", "body": "Here it is", "chatroom_id": str(sales.room.pk), "media": media}
    template = api(rich).post("/api/templates", given).json()
    values = {"conversation_id": str(sales.conversation.pk), "template_id": template["id"]}
    message = api(rich).post("/api/messages/send", values).json()

    assert template["media"] == media
    assert message["remaining_tokens"] == 8
    assert [each["name"] for each in message["message"]["attachments"]] == ["Oak.png"]
    with inside(acme):
        stored = Message.objects.get(pk=message["message"]["id"])
        assert stored.media_urls == [ELSEWHERE, links.build_reference(picture)]


def test_template_is_changed_by_what_it_was_read_as(api, rich, sales, picture):
    given = {"name": "Oak", "body": "Here", "chatroom_id": str(sales.room.pk), "media": [{"id": str(picture.pk)}]}
    template = api(rich).post("/api/templates", given).json()
    address = f"/api/templates/{template['id']}"

    assert api(rich).patch(address, template).json() == template
    assert api(rich).patch(address, {"media": []}).json()["media"] == []


@pytest.mark.parametrize("route", ["templates", "campaigns"])
def test_what_uses_a_file_keeps_it(route: str, api, ann, sales, picture, regulars, settings):
    given = {
        "name": "Oak", "body": "Here", "content": "Here", "group_ids": [str(regulars.pk)],
        "chatroom_id": str(sales.room.pk), "media": [{"id": str(picture.pk)}],
    }  # fmt: skip
    made = api(ann).post(f"/api/{route}", given)
    assert made.status_code == 201, made.content

    settings.UPLOADS_KEPT_DAYS = 0
    assert api(ann).delete(f"/api/media/{picture.pk}").status_code == 409
    assert uploads.forget_unsent() == 0
    assert api(ann).delete(f"/api/{route}/{made.json()['id']}").status_code == 204
    assert api(ann).delete(f"/api/media/{picture.pk}").status_code == 204


def test_messages_of_a_campaign_carry_its_files_and_cost_more(api, acme, rich, sales, picture, regulars, inside):
    given = {
        "name": "Spring", "content": "Hi", "group_ids": [str(regulars.pk)], "chatroom_id": str(sales.room.pk),
        "media": [ELSEWHERE, {"id": str(picture.pk)}],
    }  # fmt: skip
    made = api(rich).post("/api/campaigns", given).json()
    assert made["media"] == given["media"]
    address = f"/api/campaigns/{made['id']}"
    assert api(rich).post(f"{address}/preflight").json()["tokens"]["needed"] == 4
    assert api(rich).post(f"{address}/start").json()["tokens"]["reserved"] == 4
    feed.feed_campaigns()

    with inside(acme):
        messages = list(Message.objects.filter(campaign=made["id"]))
        assert [message.media_urls for message in messages] == [[ELSEWHERE, links.build_reference(picture)]] * 2
        assert [message.attachments.get().upload for message in messages] == [picture] * 2
        assert [message.tokens for message in messages] == [2, 2]
        assert ledger.balance(rich) == 6
        copy = retrying.duplicate_campaign(Campaign.objects.get(pk=made["id"]), by=rich)
        assert copy.media_urls == messages[0].media_urls
    # The cast's inbound messages are made without the count that the inbox keeps of them.
    assert {broken.invariant for broken in proof.find_broken()} <= {"A conversation counts what came in"}


def test_campaign_with_files_that_sms_does_not_take_says_so_and_is_not_started(
    api, browser, acme, rich, sales, regulars, picture, inside
):
    with inside(acme):
        film = factories.UploadFactory(chatroom=sales.room, name="Film", content_type="video/mp4", size=9_000_000)
        sound = factories.UploadFactory(chatroom=sales.room, name="Sound", content_type="audio/wav")
        campaign = lifecycle.create_campaign(
            sales.room, name="Spring", content="Hi", channel=sales.number, groups=[regulars], by=rich,
            media_urls=[links.build_reference(each) for each in (picture, film, sound)],
        )  # fmt: skip

    told = api(rich).post(f"/api/campaigns/{campaign.pk}/preflight").json()
    assert [each["code"] for each in told["reasons"]] == ["media_too_large", "media_unsupported"]
    assert [name for name in ("Oak", "Film", "Sound") if name in str(told["reasons"])] == ["Film", "Sound"]
    page = browser(rich).get(f"/campaigns/{campaign.pk}/preflight/").content.decode()
    assert all(each["message"].replace("'", "&#x27;") in page for each in told["reasons"])
    assert 'value="start"' not in page
    answer = api(rich).post(f"/api/campaigns/{campaign.pk}/start")
    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["error"]["reasons"]] == ["media_too_large", "media_unsupported"]
    with inside(acme):
        assert ledger.balance(rich) == 10


def test_send_page_sends_the_files_of_its_template(acme, browser, rich, sales, picture, inside):
    with inside(acme):
        addresses = [ELSEWHERE, links.build_reference(picture)]
        template = templates.create_template(
            acme.organization.pk, sales.room, name="Oak", body="Here it is", media_urls=addresses
        )
    client = browser(rich)
    form = {"channel": sales.number.pk, "to": "+14155550188, +14155550199", "template": template.pk, "action": "look"}
    looked = client.post("/send/", form)
    seen = {name: looked.context["form"].data[name] for name in ("seen", "key")}
    assert looked.context["plan"].tokens == 4
    assert client.post("/send/", form | seen | {"action": "send"}).status_code == 302

    with inside(acme):
        messages = Message.objects.filter(direction="outbound")
        assert [message.media_urls for message in messages] == [addresses] * 2
        assert [message.attachments.get().upload for message in messages] == [picture] * 2
        assert ledger.balance(rich) == 6

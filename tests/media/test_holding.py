"""What names a file holds it from that moment on, and no list of files is cut without a word."""

import pytest

from chatrooms import groups
from messaging.campaigns import lifecycle
from messaging.media import links, uploads
from messaging.message_templates import templates
from messaging.models import Campaign, MessageTemplate
from tests import factories
from tests.meanwhile import Aside

ELSEWHERE = "https://shop.example/{}.jpg"


@pytest.fixture
def regulars(acme, sales, inside):
    with inside(acme):
        group = groups.create_group(sales.room, "Regulars")
        groups.add_members(group, [sales.contact])
        return group


def name_it(kind: str, acme, sales, group, by, addresses: list[str]) -> object:
    """A template or a draft with these files, made or changed."""
    if kind.endswith("template"):
        first = {"name": "Oak", "body": "Here"}
        if kind.startswith("new"):
            return templates.create_template(acme.organization.pk, sales.room, **first, media_urls=addresses)
        return templates.change_template(MessageTemplate.objects.get(), media_urls=addresses)
    if kind.startswith("new"):
        first = {"name": "Spring", "content": "Hi", "channel": sales.number, "groups": [group], "by": by}
        return lifecycle.create_campaign(sales.room, **first, media_urls=addresses)
    return lifecycle.change_campaign(Campaign.objects.get(), media_urls=addresses)


KINDS = ["new template", "changed template", "new campaign", "changed campaign"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_gone_is_told_and_not_named(kind: str, acme, sales, regulars, ann, inside):
    with inside(acme):
        if kind.startswith("changed"):
            name_it(kind.replace("changed", "new"), acme, sales, regulars, ann, [])
        picture = factories.UploadFactory(chatroom=sales.room)
        address = links.build_reference(picture)
        uploads.delete_upload(picture)

        with pytest.raises(uploads.UploadGone):
            name_it(kind, acme, sales, regulars, ann, [address])

        named = [*MessageTemplate.objects.values_list("media_urls", flat=True)]
        named += Campaign.objects.values_list("media_urls", flat=True)
        assert not any(named)


def test_the_daily_job_waits_for_who_names_a_file_and_leaves_it(
    transactional_db, django_db_blocker, acme, sales, ann, inside, settings
):
    settings.UPLOADS_KEPT_DAYS = 0
    with inside(acme):
        picture = factories.UploadFactory(chatroom=sales.room)
    with inside(acme):
        templates.create_template(
            acme.organization.pk, sales.room, name="Oak", body="Here", media_urls=[links.build_reference(picture)]
        )
        job = Aside(uploads.forget_unsent)
    assert job.result() == 0
    with inside(acme):
        assert uploads.find_uploads(MessageTemplate.objects.get().media_urls) == [picture]


SAID = "At most 10 files go along with a message, those of its template included."


@pytest.mark.parametrize("of_template", [True, False])
@pytest.mark.parametrize("route", ["templates", "campaigns", "messages/send"])
def test_an_eleventh_file_is_refused_in_words(route: str, of_template: bool, api, acme, ann, sales, regulars, inside):
    addresses = [ELSEWHERE.format(n) for n in range(11)]
    with inside(acme):
        template = templates.create_template(
            acme.organization.pk, sales.room, name="Much", body="Here", media_urls=addresses[:9]
        )
    given = {
        "templates": {"name": "Oak", "body": "Here", "chatroom_id": str(sales.room.pk)},
        "campaigns": {"name": "Spring", "group_ids": [str(regulars.pk)], "chatroom_id": str(sales.room.pk)},
        "messages/send": {"conversation_id": str(sales.conversation.pk)},
    }[route]
    if of_template and route == "templates":
        answer = api(ann).patch(f"/api/templates/{template.pk}", {"media": addresses})
    elif of_template:
        answer = api(ann).post(f"/api/{route}", given | {"template_id": str(template.pk), "media": addresses[9:]})
    else:
        answer = api(ann).post(f"/api/{route}", given | {"content": "Hi", "media": addresses})

    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["fields"] == {"media": [SAID]}

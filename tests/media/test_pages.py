"""Files on the pages of templates and campaigns, on the Send page and in the composer's list of templates."""

import re

import pytest

from chatrooms import groups
from messaging.campaigns import lifecycle
from messaging.media import links, uploads
from messaging.message_templates import templates
from messaging.models import Campaign, Message, MessageTemplate, Upload
from tests import factories
from tokens import ledger

ELSEWHERE = "https://shop.example/oak.jpg"
SAID = "At most 10 files go along with a message, those of its template included."


@pytest.fixture
def picture(acme, sales, inside) -> Upload:
    with inside(acme):
        return factories.UploadFactory(chatroom=sales.room, name="Oak.png")


@pytest.fixture
def regulars(acme, sales, inside):
    with inside(acme):
        group = groups.create_group(sales.room, "Regulars")
        groups.add_members(group, [sales.contact])
        return group


@pytest.fixture
def pages(acme, sales, regulars, browser, bo, inside):
    """Posts a new template, a new campaign, or a changed one of both; tells what is kept."""
    values = {
        "templates": {"chatroom": sales.room.pk, "name": "Oak", "body": "Here"},
        "campaigns": {"name": "Spring", "groups": regulars.pk, "channel": sales.number.pk, "content": "Hi"},
    }
    model = {"templates": MessageTemplate, "campaigns": Campaign}

    def post(kind: str, files: list, pk: object = None):
        path = f"/{kind}/{pk}/" if pk else f"/{kind}/new/"
        return browser(bo).post(path, values[kind] | {"media_urls": [str(each) for each in files]})

    def kept(kind: str):
        with inside(acme):
            return model[kind].objects.get()

    return post, kept


@pytest.mark.parametrize("kind", ["templates", "campaigns"])
def test_files_are_saved_shown_changed_and_taken_away(kind: str, pages, browser, bo, picture):
    post, kept = pages
    assert post(kind, [picture.pk, ELSEWHERE, picture.pk]).status_code == 302
    assert kept(kind).media_urls == [links.build_reference(picture), ELSEWHERE]
    pk = kept(kind).pk
    shown = browser(bo).get(f"/{kind}/{pk}/").content.decode()
    assert re.findall(r'name="media_urls" value="([^"]+)" checked', shown) == [str(picture.pk), ELSEWHERE]
    assert "Oak.png" in shown
    assert post(kind, [ELSEWHERE], pk).status_code == 302
    assert kept(kind).media_urls == [ELSEWHERE]
    assert post(kind, [], pk).status_code == 302
    assert kept(kind).media_urls == []


@pytest.mark.parametrize("kind", ["templates", "campaigns"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("elsewhere", "The attached file was deleted. Attach it again."),
        ("javascript:alert(1)", "Enter a valid URL."),
        ("upload:nothing", "Enter a valid URL."),
        ("many", SAID),
    ],
)
def test_what_can_not_go_along_is_said_and_the_rest_of_the_form_stays(
    kind: str, wrong: str, said: str, pages, acme, support, inside
):
    with inside(acme):
        foreign = factories.UploadFactory(chatroom=support.room, name="Dismissal.png")
    files = {"elsewhere": [foreign.pk], "many": [f"https://shop.example/{n}.png" for n in range(11)]}
    post, _kept = pages

    answer = post(kind, files.get(wrong, [wrong]))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "Dismissal" not in answer.content.decode()
    assert not answer.context["form"].errors.keys() - {"media_urls"}


def test_a_shared_template_is_sent_with_its_file_by_who_is_in_another_chatroom(
    acme, api, ann, rich, sales, support, browser, inside
):
    with inside(acme):
        file = factories.UploadFactory(chatroom=support.room, name="Prices.png")
    given = {"name": "Prices", "body": "Ours", "media_urls": [str(file.pk)], "chatroom": ""}
    assert browser(ann).post("/templates/new/", given).status_code == 302

    picked = browser(rich, part=True).get(f"/inbox/{sales.conversation.pk}/templates/").content.decode()
    assert f'data-value="{file.pk}"' in picked
    assert "Prices.png" in picked
    values = {"conversation_id": str(sales.conversation.pk), "content": "Ours", "media": [{"id": str(file.pk)}]}
    assert api(rich).post("/api/messages/send", values).status_code == 201
    with inside(acme):
        other = factories.UploadFactory(chatroom=support.room)
    assert api(rich).post("/api/messages/send", values | {"media": [{"id": str(other.pk)}]}).status_code == 400


# ---------------------------------------------------------------- the Send page
@pytest.fixture
def send(browser, rich, sales):
    client = browser(rich)

    def post(action: str = "preview", looked=None, **values):
        form = {"channel": sales.number.pk, "to": "+14155550188, +14155550199", "action": action, **values}
        if looked:
            form |= {name: looked.context["form"].data[name] for name in ("seen", "key")}
        return client.post("/send/", form)

    return post


def read_tokens(answer) -> int:
    """The total that stands before the button."""
    found = re.search(r"<dt>Tokens</dt>\s*<dd>\s*<b[^>]*>([\d,]+)</b>", answer.content.decode())
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize(("extra", "total"), [(0, 2), (1, 4), (3, 8)])
def test_tokens_shown_before_the_button_are_those_that_are_debited(
    extra: int, total: int, send, acme, rich, picture, inside, settings
):
    settings.MMS_EXTRA_TOKENS = extra
    values = {"content": "Hi", "media_urls": [str(picture.pk), ELSEWHERE]}
    looked = send(**values)
    page = " ".join(looked.content.decode().split())
    assert read_tokens(looked) == total
    assert "Oak.png" in page.partition('id="preview"')[2]
    assert (" for each SMS" in page) == bool(extra)
    assert send("send", looked, **values).status_code == 302
    with inside(acme):
        assert 10 - ledger.balance(rich) == total
        assert [len(each.media_urls) for each in Message.objects.filter(direction="outbound")] == [2, 2]


def test_a_file_that_was_added_after_the_preview_is_looked_at_first(send, acme, picture, inside):
    looked = send(content="Hi")
    changed = send("send", looked, content="Hi", media_urls=[str(picture.pk)])
    assert "You changed something since the last preview." in changed.content.decode()
    assert (read_tokens(looked), read_tokens(changed)) == (2, 4)
    with inside(acme):
        assert not Message.objects.filter(direction="outbound").exists()


def test_files_of_the_chosen_template_are_attached_exchanged_and_can_be_removed(send, acme, sales, picture, inside):
    with inside(acme):
        first, second = (
            templates.create_template(acme.organization.pk, sales.room, name=name, body=name, media_urls=files)
            for name, files in (("One", [links.build_reference(picture)]), ("Two", [ELSEWHERE]))
        )
    own = "https://shop.example/own.png"

    def attached(answer) -> list[str]:
        page = answer.content.decode().partition("<template")[0]
        return re.findall(r'name="media_urls" value="([^"]+)" checked', page)

    looked = send(template=first.pk, content="My own words", media_urls=[own])
    assert attached(looked) == [own, str(picture.pk)]
    assert f'name="files_of" value="{first.pk}"' in looked.content.decode()
    exchanged = send(template=second.pk, content="", media_urls=[own, str(picture.pk)], files_of=first.pk)
    assert attached(exchanged) == [own, ELSEWHERE]
    values = {"template": second.pk, "content": "", "files_of": second.pk}
    removed = send(**values)
    assert (attached(removed), read_tokens(removed)) == ([], 2)
    assert send("send", removed, **values).status_code == 302
    with inside(acme):
        assert [each.media_urls for each in Message.objects.filter(direction="outbound")] == [[], []]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"content_type": "video/mp4", "size": 9_000_000, "name": "Film"}, "Film is too large: SMS takes at most"),
        ({"content_type": "audio/wav", "name": "Sound"}, "take this kind of file: Sound."),
    ],
)
def test_a_file_that_sms_does_not_take_has_no_preview(file: dict, said: str, send, acme, sales, inside):
    with inside(acme):
        large = factories.UploadFactory(chatroom=sales.room, **file)
    answer = send(content="Hi", media_urls=[str(large.pk)])
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "plan" not in answer.context


def test_a_draft_with_a_file_that_is_gone_can_be_saved_without_it(acme, browser, bo, sales, regulars, picture, inside):
    with inside(acme):
        campaign = lifecycle.create_campaign(
            sales.room, name="Spring", content="Hi", channel=sales.number, groups=[regulars], by=bo
        )
        Campaign.objects.update(media_urls=[links.build_reference(picture), ELSEWHERE])
        Upload.objects.all().delete()
    told = browser(bo).get(f"/campaigns/{campaign.pk}/preflight/").content.decode()
    assert str(uploads.UploadGone()) in told
    page = browser(bo).get(f"/campaigns/{campaign.pk}/").content.decode()
    assert re.findall(r'name="media_urls" value="([^"]+)" checked', page) == [ELSEWHERE]

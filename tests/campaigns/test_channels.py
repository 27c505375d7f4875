"""How a campaign names what it goes out over: in the API, in forms, on pages and in CSV."""

import csv
import io

import pytest

from accounts.models import User
from chatrooms import groups
from integrations.models import Channel
from messaging.campaigns import feed
from messaging.models import Campaign
from tests import factories

pytestmark = pytest.mark.django_db
HELLO = {"name": "Spring", "content": "Hello {{first_name}}"}
WORDS = "Messenger, Northbeam Support"


@pytest.fixture
def page(acme, sales, inside) -> Channel:
    with inside(acme):
        return factories.PageChannelFactory(chatroom=sales.room, name="Northbeam Support")


@pytest.fixture
def listeners(crowd, page, acme, inside):
    """Three people who just wrote to the page."""
    group = crowd(3, phone=None)
    with inside(acme):
        for number, contact in enumerate(group.contacts.all()):
            factories.reach_contact(contact, page, f"77{number:014}")
    return group


@pytest.fixture
def address(api, rich, page, listeners) -> str:
    made = api(rich).post("/api/campaigns", {**HELLO, "group_ids": [str(listeners.pk)], "channel_id": str(page.pk)})
    assert made.status_code == 201, made.content
    return f"/api/campaigns/{made.json()['id']}"


# ---------------------------------------------------------------- the API
def test_channel_is_found_at_its_chatroom_and_named_by_the_campaign(api, rich, sales, page, address):
    (room,) = api(rich).get("/api/chatrooms").json()["results"]
    assert room["channels"] == [
        {"id": str(sales.number.pk), "platform": "SMS", "address": sales.number.address, "name": ""},
        {"id": str(page.pk), "platform": "MESSENGER", "address": page.address, "name": "Northbeam Support"},
    ]
    draft = api(rich).get(address).json()
    assert (draft["platform"], draft["channel_id"], draft["sender_number_id"]) == ("MESSENGER", str(page.pk), None)
    assert api(rich).patch(address, draft).json() == draft


def test_number_is_named_as_ever(api, rich, sales, page, listeners):
    chosen = {**HELLO, "group_ids": [str(listeners.pk)]}
    number = str(sales.number.pk)
    for more in ({}, {"sender_number_id": number}, {"channel_id": number}):
        made = api(rich).post("/api/campaigns", {**chosen, **more}).json()
        assert (made["platform"], made["channel_id"], made["sender_number_id"]) == ("SMS", number, number)


def test_channel_changes_with_the_whole_object_written_back(api, rich, sales, page, address):
    draft, number = api(rich).get(address).json(), str(sales.number.pk)
    changed = api(rich).patch(address, {**draft, "sender_number_id": number}).json()
    assert (changed["platform"], changed["channel_id"], changed["sender_number_id"]) == ("SMS", number, number)
    changed = api(rich).patch(address, {**changed, "channel_id": str(page.pk)}).json()
    assert (changed["platform"], changed["channel_id"], changed["sender_number_id"]) == (
        "MESSENGER",
        str(page.pk),
        None,
    )


@pytest.mark.parametrize("verb", ["post", "patch"])
@pytest.mark.parametrize(
    ("whose", "words"),
    [
        ("support", "This belongs to another chatroom."),
        ("elsewhere", "Not found."),
        ("nobody", "Not found."),
    ],
)
def test_channel_of_others_is_refused_like_their_number(
    api, acme, globex, ann, support, elsewhere, listeners, address, inside, verb, whose, words
):
    ids = {"channel_id": "0196c000-0000-7000-8000-000000000000"}
    ids["sender_number_id"] = ids["channel_id"]
    if whose != "nobody":
        world, place = (acme, support) if whose == "support" else (globex, elsewhere)
        with inside(world):
            ids = {
                "channel_id": str(factories.PageChannelFactory(chatroom=place.room).pk),
                "sender_number_id": str(place.number.pk),
            }
    path = "/api/campaigns" if verb == "post" else address
    given = {**HELLO, "group_ids": [str(listeners.pk)]}
    for name, pk in ids.items():
        room = {} if verb == "patch" else {"chatroom_id": str(listeners.chatroom_id)}
        answer = getattr(api(ann), verb)(path, {**given, **room, name: pk})
        assert (answer.status_code, answer.json()["error"]["fields"]) == (400, {name: [words]})


def test_two_channels_are_refused(api, rich, sales, page, listeners):
    both = {"channel_id": str(page.pk), "sender_number_id": str(sales.number.pk)}
    answer = api(rich).post("/api/campaigns", {**HELLO, "group_ids": [str(listeners.pk)], **both})
    assert answer.json()["error"]["fields"] == {"channel_id": ["Set either sender_number_id or channel_id, not both."]}


def test_length_is_that_of_the_channel(api, rich, sales, listeners, address):
    long = {"content": "x" * 1601}
    assert api(rich).patch(address, long).status_code == 200
    number = {"sender_number_id": str(sales.number.pk)}
    for refused in (
        api(rich).patch(address, number),  # the text that is there already
        api(rich).post("/api/campaigns", {**HELLO, "group_ids": [str(listeners.pk)], **long}),
        api(rich).patch(address, {"content": "x" * 2001}),
    ):
        assert (refused.status_code, refused.json()["error"]["fields"].keys()) == (400, {"content"})


def test_text_with_a_file_is_no_message_of_messenger(api, rich, address):
    assert api(rich).patch(address, {"media": ["https://shop.example/a.jpg"]}).status_code == 200
    (reason,) = api(rich).post(f"{address}/preflight").json()["reasons"]
    assert reason["code"] == "text_and_media"
    refused = api(rich).post(f"{address}/start")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "text_and_media")


def test_test_goes_to_numbers_only(api, rich, address):
    refused = api(rich).post(f"{address}/test", {"to": "+15550107777"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no_test")
    assert "over Messenger" in refused.json()["error"]["message"]


def test_page_with_a_campaign_stays(api, ann, acme, rich, page, crowd, inside, settings):
    settings.META_GRAPH_BASE_URL = "http://127.0.0.1:9"  # nobody says that it is not ours any more
    given = {**HELLO, "group_ids": [str(crowd(1).pk)], "channel_id": str(page.pk)}
    assert api(rich).post("/api/campaigns", given).status_code == 201
    refused = api(ann).delete(f"/api/facebook-pages/{page.account_id}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_use")


# ---------------------------------------------------------------- pages
def read(client, path: str, **query) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.content
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return " ".join(body.decode().split())


def write_draft(browser, user: User, room, group, channel: Channel, **values):
    form = {"name": "Spring", "groups": [group.pk], "channel": channel.pk, "content": "Hi {{first_name}}", **values}
    return browser(user).post(f"/campaigns/new/?chatroom={room.pk}", form)


def test_pages_and_csv_name_the_channel_in_words(browser, rich, acme, sales, page, listeners, do, inside):
    form = read(browser(rich), "/campaigns/new/", chatroom=str(sales.room.pk))
    assert f">{WORDS}</option>" in form
    assert f">SMS, {sales.number.address}</option>" in form
    assert "it only reaches people who wrote within the last 24 hours" in form
    made = write_draft(browser, rich, sales.room, listeners, page)
    with inside(acme):
        campaign = Campaign.objects.get()
    path = made.headers["Location"]
    assert "Send yourself a test" not in read(browser(rich), path)
    told = read(browser(rich), f"{path}preflight/")
    assert WORDS in told
    assert "Longest, to Nina Okafor" in told
    assert "egment" not in told
    do("start", campaign)
    feed.feed_campaigns()
    report = read(browser(rich), path)
    assert WORDS in report
    assert ">Number</th>" not in report
    assert "77000000000000" not in report
    answer = browser(rich).get(f"{path}recipients.csv")
    header, *rows = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert (header[1], header[-1]) == ("Address", "Channel")
    assert [(row[1][:4], row[2], row[-1]) for row in rows] == [("7700", "queued", WORDS)] * 3
    assert 'aria-label="Messenger"' in read(browser(rich), "/campaigns/")


def test_page_of_a_number_is_as_ever(browser, rich, acme, sales, crowd, draft, do, inside):
    campaign = draft(crowd(1))
    form = read(browser(rich), f"/campaigns/{campaign.pk}/")
    assert "Send yourself a test" in form
    assert "24 hours" not in form
    assert "Segments" in read(browser(rich), f"/campaigns/{campaign.pk}/preflight/")
    do("start", campaign)
    assert ">Number</th>" in read(browser(rich), f"/campaigns/{campaign.pk}/")
    answer = browser(rich).get(f"/campaigns/{campaign.pk}/recipients.csv")
    header, row = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert (header[1], header[-1], row[-1]) == ("Phone", "Channel", f"SMS, {sales.number.address}")


def test_form_refuses_a_text_that_the_channel_does_not_take(browser, rich, sales, page, listeners):
    long = {"content": "x" * 1601}
    assert write_draft(browser, rich, sales.room, listeners, page, **long).status_code == 302
    refused = write_draft(browser, rich, sales.room, listeners, sales.number, **long)
    assert refused.status_code == 422
    assert "This is longer than SMS takes in one message." in refused.content.decode()


def test_form_takes_no_channel_of_another_chatroom(browser, rich, acme, sales, support, listeners, inside):
    with inside(acme):
        foreign = factories.PageChannelFactory(chatroom=support.room)
    assert write_draft(browser, rich, sales.room, listeners, foreign).status_code == 422


def test_chatroom_with_a_page_alone_has_something_to_send_from(browser, ann, acme, sales, inside):
    with inside(acme):
        room = factories.ChatroomFactory(organization=acme.organization)
        page, group = factories.PageChannelFactory(chatroom=room), groups.create_group(room, "Regulars")
    assert "No groups" not in read(browser(ann), "/campaigns/new/", chatroom=str(room.pk))
    assert write_draft(browser, ann, room, group, page).status_code == 302

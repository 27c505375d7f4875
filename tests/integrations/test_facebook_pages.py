"""/api/facebook-pages, with the sandbox as Meta over a real socket."""

from collections.abc import Iterator

import pytest

from accounts.models import AuditEntry
from integrations import health
from integrations.models import Channel, ChannelAlert, FacebookPage
from messaging.models import Conversation
from tests import factories
from tests.sandbox_server import SandboxServer, sandbox_server

pytestmark = pytest.mark.xdist_group("facebook pages")
APP, SECRET = "9911", "5e" * 16
PAGE, ACCOUNT, TOKEN, NEW_TOKEN = "10750001", "17850001", "EAAfirst0of0the0shop", "EAAsecond0of0the0shop"
OTHER_PAGE, OTHER_TOKEN = "10750002", "EAAof0the0workshop"
LOGIN, LOGIN_TOKEN = "17850009", "IGAAof0the0gallery"
PLACE = "/api/facebook-pages"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as sandbox:
        sandbox.add_app(APP, SECRET, "http://127.0.0.1:9/api/webhooks/facebook")
        yield sandbox


@pytest.fixture
def meta(server, settings) -> SandboxServer:
    settings.META_GRAPH_BASE_URL = settings.META_INSTAGRAM_BASE_URL = f"{server.base_url}/graph"
    settings.META_APP_ID, settings.META_APP_SECRET = APP, SECRET
    shop = {"instagram_account_id": ACCOUNT, "instagram_username": "the.shop"}
    for token in (TOKEN, NEW_TOKEN):
        server.add_page(PAGE, "The shop", token, APP, **shop)
    server.add_page(OTHER_PAGE, "The workshop", OTHER_TOKEN, APP)
    login = {"instagram_account_id": LOGIN, "instagram_username": "the.gallery"}
    server.add_page(LOGIN, "The gallery", LOGIN_TOKEN, APP, **login)
    server.post("/meta/pages/" + PAGE, token_valid=True)
    return server


def body(room, token: str = TOKEN, **more) -> dict:
    return {"chatroom_id": str(room.pk), "page_access_token": token, **more}


def connect(client, room, token: str = TOKEN, **more) -> dict:
    made = client.post(PLACE, body(room, token, **more))
    assert made.status_code == 201, made.content.decode()
    return made.json()


def is_subscribed(meta: SandboxServer, page_id: str) -> bool:
    return any(page["page_id"] == page_id and page["subscribed_fields"] for page in meta.get("/meta/pages")["pages"])


def list_actions(world, inside) -> list[str]:
    with inside(world):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_page_is_connected_with_its_instagram_account_changed_and_disconnected(
    api, ann, acme, inside, sales, support, meta
):
    client = api(ann)

    made = connect(client, sales.room, page_id=PAGE, page_name="The shop", instagram_account_id=ACCOUNT)

    assert made == {
        "id": made["id"],
        "chatroom_id": str(sales.room.pk),
        "page_id": PAGE,
        "page_name": "The shop",
        "instagram_account_id": ACCOUNT,
        "instagram_username": "the.shop",
        "instagram_chatroom_id": str(sales.room.pk),
        "has_human_agent": False,
        "health": {
            "state": "ok", "until": None, "alerts": [], "checked_at": made["health"]["checked_at"],
            "token_expires_at": None, "days_left": None,
        },
        "created_at": made["created_at"],
    }  # fmt: skip
    assert is_subscribed(meta, PAGE)
    (room,) = [each for each in client.get("/api/chatrooms").json()["results"] if each["facebook_pages"]]
    assert (room["id"], room["facebook_pages"]) == (
        str(sales.room.pk),
        [{"id": made["id"], "page_id": PAGE, "page_name": "The shop"}],
    )
    place = f"{PLACE}/{made['id']}"
    changed = client.patch(
        place, {"chatroom_id": str(support.room.pk), "page_name": "Shop", "has_human_agent": True}
    ).json()
    assert (changed["chatroom_id"], changed["instagram_chatroom_id"]) == (str(support.room.pk),) * 2
    assert (changed["page_name"], changed["has_human_agent"]) == ("Shop", True)
    assert client.get(place).json() == changed
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    with inside(acme):
        assert not FacebookPage.objects.exists()
        assert not Channel.every.filter(address__in=[PAGE, ACCOUNT]).exists()
    assert list_actions(acme, inside)[-3:] == ["page.connect", "page.change", "page.disconnect"]


def test_instagram_account_without_a_page_is_connected(api, ann, sales, meta):
    made = connect(api(ann), sales.room, LOGIN_TOKEN)

    assert (made["page_id"], made["instagram_account_id"]) == (None, LOGIN)
    assert (made["page_name"], made["instagram_username"]) == ("The gallery", "the.gallery")
    (room,) = [each for each in api(ann).get("/api/chatrooms").json()["results"] if each["facebook_pages"]]
    assert room["facebook_pages"][0] == {"id": made["id"], "page_id": None, "page_name": "the.gallery"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"page_access_token": "EAAunknown"}, "page_access_token"),
        ({"page_access_token": "two words"}, "page_access_token"),
        ({"page_id": OTHER_PAGE}, "page_id"),
        ({"page_name": "The store"}, "page_name"),
        ({"instagram_account_id": LOGIN}, "instagram_account_id"),
    ],
)
def test_what_meta_does_not_confirm_is_refused_and_changes_nothing(
    api, ann, acme, inside, sales, meta, values: dict, field: str
):
    answer = api(ann).post(PLACE, {**body(sales.room), **values})

    assert answer.status_code == 400
    assert answer.json()["error"]["fields"].keys() == {field}
    with inside(acme):
        assert not FacebookPage.objects.exists()


def test_token_that_meta_calls_invalid_is_refused(api, ann, sales, meta):
    meta.post("/meta/pages/" + PAGE, token_valid=False)

    answer = api(ann).post(PLACE, body(sales.room))

    assert (answer.status_code, answer.json()["error"]["fields"].keys()) == (400, {"page_access_token"})


def test_taken_is_said_only_to_who_has_the_token(api, ann, zed, sales, elsewhere, meta):
    connect(api(ann), sales.room)

    right = api(zed).post(PLACE, body(elsewhere.room))
    wrong = api(zed).post(PLACE, body(elsewhere.room, "EAAunknown", page_id=PAGE))

    assert (right.status_code, right.json()["error"]["code"]) == (409, "claimed")
    assert wrong.status_code == 400
    assert "Acme" not in right.content.decode()
    assert api(zed).get(PLACE).json()["results"] == []


def test_connecting_again_brings_a_paused_page_back_with_its_conversations(api, ann, acme, inside, sales, meta):
    made = connect(api(ann), sales.room)
    with inside(acme):
        page = FacebookPage.objects.get()
        messenger = Channel.objects.get(platform="MESSENGER")
        conversation = factories.ConversationFactory(
            chatroom=sales.room, contact=sales.contact, channel=messenger, platform="MESSENGER"
        )
        health.pause_account(page.pk, "190", "The session was invalidated.")
    assert api(ann).get(f"{PLACE}/{made['id']}").json()["health"]["state"] == "paused"

    again = connect(api(ann), sales.room, NEW_TOKEN)

    assert (again["id"], again["health"]["state"], again["health"]["alerts"]) == (made["id"], "ok", [])
    with inside(acme):
        assert FacebookPage.objects.get().secret == NEW_TOKEN
        assert Conversation.objects.get(pk=conversation.pk).channel_id == messenger.pk
        assert not ChannelAlert.objects.filter(closed_at=None).exists()


def test_page_with_conversations_stays_while_its_token_is_good_and_is_retired_afterwards(
    api, ann, acme, inside, sales, meta
):
    made = connect(api(ann), sales.room)
    place = f"{PLACE}/{made['id']}"
    with inside(acme):
        messenger = Channel.objects.get(platform="MESSENGER")
        factories.ConversationFactory(
            chatroom=sales.room, contact=sales.contact, channel=messenger, platform="MESSENGER"
        )

    kept = api(ann).delete(place)
    meta.post("/meta/pages/" + PAGE, token_valid=False)
    retired = api(ann).delete(place)

    assert (kept.status_code, kept.json()["error"]["code"]) == (409, "in_use")
    assert retired.status_code == 204
    assert api(ann).get(PLACE).json()["results"] == []
    with inside(acme):
        assert Channel.every.get(platform="MESSENGER").retired_at
        assert Conversation.objects.filter(channel=messenger).exists()
    meta.post("/meta/pages/" + PAGE, token_valid=True)
    assert connect(api(ann), sales.room, NEW_TOKEN)["id"] == made["id"]


def test_disconnected_page_is_unsubscribed_at_meta(api, ann, sales, meta, django_capture_on_commit_callbacks):
    for token, account in ((TOKEN, PAGE), (LOGIN_TOKEN, LOGIN)):
        place = f"{PLACE}/{connect(api(ann), sales.room, token)['id']}"

        with django_capture_on_commit_callbacks(execute=True):
            assert api(ann).delete(place).status_code == 204

        subscribed = {page["account_id"] for page in meta.get("/meta/pages")["pages"] if page["subscribed_fields"]}
        assert account not in subscribed


def test_page_that_meta_does_not_unsubscribe_is_disconnected_all_the_same_and_it_is_said(
    api, ann, acme, inside, sales, meta, django_capture_on_commit_callbacks
):
    place = f"{PLACE}/{connect(api(ann), sales.room)['id']}"
    meta.post("/meta/pages/" + PAGE, token_valid=False)

    with django_capture_on_commit_callbacks(execute=True):
        assert api(ann).delete(place).status_code == 204

    assert api(ann).get(PLACE).json()["results"] == []
    with inside(acme):
        alert = ChannelAlert.objects.get(closed_at=None)
    assert (alert.code, "The shop is disconnected" in alert.message) == ("still_subscribed", True)


def test_connecting_again_follows_the_page_to_another_instagram_account(api, ann, acme, inside, sales, meta):
    made = connect(api(ann), sales.room)
    names = {"instagram_account_id": "17850005", "instagram_username": "the.new"}
    meta.add_page(PAGE, "The shop", TOKEN, APP, **names)

    again = connect(api(ann), sales.room)

    assert (again["id"], again["instagram_account_id"]) == (made["id"], "17850005")
    with inside(acme):
        assert Channel.every.get(address=ACCOUNT).retired_at


def test_channels_move_together_or_alone(api, ann, acme, inside, sales, support, meta):
    made = connect(api(ann), sales.room)
    place = f"{PLACE}/{made['id']}"
    with inside(acme):
        (instagram,) = Channel.objects.filter(platform="INSTAGRAM")
        contact = factories.ContactFactory(chatroom=sales.room, phone=None)
        contact.addresses.create(
            organization=acme.organization, chatroom=sales.room, platform="INSTAGRAM", address="7701", channel=instagram
        )
        conversation = factories.ConversationFactory(
            chatroom=sales.room, contact=contact, channel=instagram, platform="INSTAGRAM"
        )

    def move(**chatrooms) -> tuple[str, str]:
        shown = api(ann).patch(place, {name: str(room.pk) for name, room in chatrooms.items()}).json()
        return shown["chatroom_id"], shown["instagram_chatroom_id"]

    here, there = str(sales.room.pk), str(support.room.pk)
    assert move(instagram_chatroom_id=support.room) == (here, there)
    with inside(acme):
        assert str(Conversation.objects.get(pk=conversation.pk).chatroom_id) == there
    assert move(chatroom_id=support.room, instagram_chatroom_id=support.room) == (there, there)
    assert move(chatroom_id=sales.room) == (here, here)
    with inside(acme):
        assert str(Conversation.objects.get(pk=conversation.pk).chatroom_id) == here
    assert move(chatroom_id=support.room, instagram_chatroom_id=sales.room) == (there, here)


def test_new_token_has_to_be_of_the_same_page(api, ann, acme, inside, sales, meta):
    place = f"{PLACE}/{connect(api(ann), sales.room)['id']}"

    other, unknown = (api(ann).patch(place, {"page_access_token": each}) for each in (OTHER_TOKEN, "EAAunknown"))
    right = api(ann).patch(place, {"page_access_token": NEW_TOKEN})

    for answer in (other, unknown):
        assert (answer.status_code, answer.json()["error"]["fields"].keys()) == (400, {"page_access_token"})
    assert right.status_code == 200
    with inside(acme):
        assert FacebookPage.objects.get().secret == NEW_TOKEN


def test_without_meta_nothing_is_changed(api, ann, acme, inside, sales, meta, settings):
    settings.META_GRAPH_BASE_URL = settings.META_INSTAGRAM_BASE_URL = "http://127.0.0.1:9/graph"

    answer = api(ann).post(PLACE, body(sales.room))

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "provider_unavailable")
    with inside(acme):
        assert not FacebookPage.objects.exists()


def test_wrong_secret_of_our_own_is_not_blamed_on_the_token(api, ann, sales, meta, settings):
    settings.META_APP_SECRET = "another"

    answer = api(ann).post(PLACE, body(sales.room))

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "provider_unavailable")


def test_app_that_may_not_look_at_tokens_keeps_no_page_out(api, ann, sales, meta, settings):
    settings.META_APP_ID = "4"

    assert connect(api(ann), sales.room)["health"]["token_expires_at"] is None


def test_instagram_account_goes_over_to_its_page(api, ann, acme, inside, sales, meta):
    with inside(acme):  # as it is connected without its page; the sandbox knows an account in one way only
        alone = factories.FacebookPageFactory(organization=acme.organization, external_id=ACCOUNT)
        channel = factories.PageChannelFactory(
            chatroom=sales.room, account=alone, platform="INSTAGRAM", address=ACCOUNT
        )

    together = connect(api(ann), sales.room)

    assert together["instagram_account_id"] == ACCOUNT
    assert [row["id"] for row in api(ann).get(PLACE).json()["results"]] == [together["id"]]
    with inside(acme):
        assert Channel.objects.get(address=ACCOUNT).pk == channel.pk
        assert FacebookPage.objects.count() == 1


def test_pages_are_the_admins_business(api, ann, bo, zed, sales, meta):
    place = f"{PLACE}/{connect(api(ann), sales.room)['id']}"

    assert len(api(ann).get(PLACE).json()["results"]) == 1
    assert api(bo).get(PLACE).status_code == api(bo).post(PLACE, body(sales.room)).status_code == 403
    assert api(bo).patch(place, {"page_name": "Mine"}).status_code == 403
    assert api(zed).get(place).status_code == api(zed).delete(place).status_code == 404


def test_list_takes_as_many_queries_with_more_pages(api, ann, acme, inside, sales, assert_constant_queries):
    def add_page() -> None:
        with inside(acme):
            factories.PageChannelFactory(chatroom=sales.room)

    add_page()
    assert_constant_queries(api(ann), PLACE, add_page)
    assert_constant_queries(api(ann), "/api/chatrooms", add_page)

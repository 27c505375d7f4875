"""/manage/numbers/, with the sandbox as Twilio over a real socket."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry
from integrations import health, numbers
from integrations.models import Channel, ProviderAccount, TwilioAccount
from messagehub import tenancy
from messaging.models import Message
from tests import factories
from tests.sandbox_server import SandboxServer, sandbox_server

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("sender numbers")]
SID, TOKEN, NEW = "AC" + "a" * 32, "b" * 32, "d" * 32
PHONE, OTHER = "+15557770001", "+15557770002"
PAGE = "/manage/numbers/"
HERE = "http://testserver/api/webhooks/twilio/messages"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def twilio(server, settings) -> SandboxServer:
    settings.TWILIO_API_BASE_URL = server.base_url
    server.add_account(SID, TOKEN)
    server.add_number(SID, PHONE, friendly_name="Front desk")
    server.add_number(SID, OTHER, "https://elsewhere.example/sms", friendly_name="Back office")
    return server


@pytest.fixture
def number(acme, ann, sales, twilio, inside) -> Channel:
    with inside(acme):
        return numbers.connect_number(sales.room, PHONE, account_sid=SID, auth_token=TOKEN, by=ann)


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def of(number, action: str = "") -> str:
    return f"{PAGE}{number.pk}/{action}"


def list_actions(world, inside) -> list[str]:
    with inside(world):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        ("get", ""), ("post", "account/"), ("get", "import/"), ("post", "connect/"), ("post", "sync/"),
        ("get", "{pk}/"), ("get", "{pk}/doctor/"), ("post", "{pk}/token/"), ("post", "{pk}/webhook/"),
        ("post", "{pk}/disconnect/"), ("get", "{pk}/test/"),
    ],
)  # fmt: skip
def test_agents_and_strangers_get_nothing(browser, bo, sales, olga, ask, path):
    address = PAGE + path.format(pk=sales.number.pk)
    assert getattr(browser(bo), ask)(address).status_code == 403
    assert getattr(browser(), ask)(address).status_code == 302
    assert getattr(browser(olga), ask)(address).status_code in (302, 403)


@pytest.mark.parametrize("action", ["", "doctor/", "test/", "change/", "token/", "revoke/", "webhook/", "disconnect/"])
def test_number_of_another_organization_does_not_exist(browser, ann, elsewhere, action):
    client, asks = browser(ann), action in ("", "doctor/", "test/")
    answer = client.get(of(elsewhere.number, action)) if asks else client.post(of(elsewhere.number, action))
    assert answer.status_code == 404
    assert elsewhere.number.address not in client.get(PAGE).content.decode()


def test_account_is_tried_connected_and_its_numbers_imported(browser, ann, acme, sales, twilio, inside):
    client = browser(ann)
    wrong = client.post(f"{PAGE}account/", {"account_sid": SID, "auth_token": "c" * 32})
    assert wrong.status_code == 422
    assert "rejected this account SID" in text(wrong)
    assert "c" * 32 not in wrong.content.decode()
    assert SID in wrong.content.decode()  # what was typed is kept, but for the token

    form = {"account_sid": SID, "auth_token": TOKEN}
    for _ in range(2):
        shown = text(client.post(f"{PAGE}account/", form, follow=True))
    assert "+1 555-777-0001 Front desk" in shown
    wanted = {"phone": PHONE, "account_sid": SID, "chatroom": sales.room.pk}
    for _ in range(2):
        answer = client.post(f"{PAGE}connect/", wanted, follow=True)
        assert f"{PHONE} is connected to Sales" in text(answer)
    assert "+1 555-777-0001" not in text(client.get(f"{PAGE}import/"))
    assert "+1 555-777-0001 Front desk Working Sales Twilio decides" in text(client.get(PAGE))
    with inside(acme):
        assert Channel.objects.get(address=PHONE).account.secret == TOKEN
    assert list_actions(acme, inside) == ["account.connect", "account.connect", "number.connect"]


@pytest.mark.parametrize("change", [{"account_sid": "AC1"}, {"auth_token": "short"}, {"auth_token": ""}])
def test_malformed_credentials_are_not_tried(browser, ann, twilio, change):
    answer = browser(ann).post(f"{PAGE}account/", {"account_sid": SID, "auth_token": TOKEN, **change})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode() or "error-text" in answer.content.decode()
    assert not TwilioAccount.objects.filter(external_id=SID).exists()


def test_account_of_another_organization_is_claimed(browser, zed, number):
    answer = browser(zed).post(f"{PAGE}account/", {"account_sid": SID, "auth_token": TOKEN})
    assert answer.status_code == 422
    assert "connected already" in text(answer)


@pytest.mark.parametrize("change", [{"phone": "+15557779999"}, {"chatroom": ""}, {"account_sid": "AC" + "9" * 32}])
def test_number_that_can_not_be_connected_says_why(browser, ann, sales, number, change):
    answer = browser(ann).post(
        f"{PAGE}connect/", {"phone": OTHER, "account_sid": SID, "chatroom": sales.room.pk, **change}
    )
    assert answer.status_code == 422
    assert not Channel.objects.filter(address=OTHER).exists()


def test_chatroom_of_another_organization_is_not_offered(browser, ann, number, elsewhere):
    form = {"phone": OTHER, "account_sid": SID, "chatroom": elsewhere.room.pk}
    assert browser(ann).post(f"{PAGE}connect/", form).status_code == 422


def test_number_moves_and_slows_down(browser, ann, acme, support, number, inside):
    form = {"chatroom": support.room.pk, "name": "Hotline", "segments_per_second": 1, "messaging_service_sid": ""}
    assert "is saved" in text(browser(ann).post(of(number, "change/"), form, follow=True))
    with inside(acme):
        changed = Channel.objects.get(pk=number.pk)
    assert (changed.chatroom_id, changed.name, changed.segments_per_second) == (support.room.pk, "Hotline", 1)
    refused = browser(ann).post(of(number, "change/"), form | {"segments_per_second": 0, "name": "Kept"})
    assert (refused.status_code, 'value="Kept"' in refused.content.decode()) == (422, True)


def test_token_is_tried_before_it_replaces_the_present_one(browser, ann, acme, number, twilio, inside):
    client = browser(ann)
    assert client.post(of(number, "token/"), {"auth_token": NEW}).status_code == 422
    twilio.add_account(SID, NEW)
    answer = client.post(of(number, "token/"), {"auth_token": NEW}, follow=True)
    assert "Twilio accepts it" in text(answer)
    assert NEW not in answer.content.decode()
    assert "The previous auth token signs webhooks until" in text(answer)
    assert "no longer signs" in text(client.post(of(number, "revoke/"), follow=True))
    with inside(acme):
        account = ProviderAccount.objects.get(pk=number.account_id)
    assert (account.secret, account.other_secret) == (NEW, "")


def test_used_number_stays_and_an_unused_one_goes(browser, ann, acme, sales, number, inside):
    with inside(acme):
        factories.ConversationFactory(chatroom=sales.room, channel=number)
        unused = numbers.connect_number(sales.room, OTHER, account_sid=SID, by=ann)
    answer = browser(ann).post(of(number, "disconnect/"))
    assert (answer.status_code, "can&#x27;t be disconnected" in text(answer)) == (422, True)
    assert f"{OTHER} is disconnected" in text(browser(ann).post(of(unused, "disconnect/"), follow=True))
    with inside(acme):
        assert list(Channel.objects.filter(account=number.account_id)) == [number]


def test_comparison_sets_webhooks_and_counts(browser, ann, sales, number, twilio):
    sid = sales.number.account.external_id  # unknown there
    compared = text(browser(ann).post(f"{PAGE}sync/", follow=True))
    assert f"{sid}: Twilio rejected this account SID and auth token." in compared
    assert "Twilio has 2 numbers. Webhooks set: 0. Missing there: 0. Not connected: 1." in compared
    twilio.add_account(sales.number.account.external_id, sales.number.account.secret)
    twilio.add_number(SID, PHONE, "https://elsewhere.example/sms")
    shown = text(browser(ann).post(f"{PAGE}sync/", follow=True))
    assert "Twilio has 2 numbers. Webhooks set: 1. Missing there: 2. Not connected: 1." in shown


# ---------------------------------------------------------------- the doctor
def examine(browser, ann, number) -> str:
    answer = browser(ann, part=True).get(of(number, "doctor/"))
    assert answer.status_code == 200
    return text(answer)


@pytest.mark.usefixtures("twilio")
def test_healthy_number_is_fine(browser, ann, acme, number, inside):
    with inside(acme):
        factories.ConversationFactory(chatroom=number.chatroom, channel=number, last_inbound_at=timezone.now())
    shown = examine(browser, ann, number)
    for words in (
        "Twilio accepts the account SID",
        "Twilio sends its messages to us",
        "Messages go out at once",
        "A customer wrote. today at",
        "No message failed within the last day",
        "Our public address could not be reached from here",  # nothing listens at it in this test
    ):
        assert words in shown
    assert TOKEN not in shown


def test_each_fault_is_named_with_its_fix(browser, ann, acme, number, twilio, inside):
    twilio.add_number(SID, PHONE, "https://elsewhere.example/sms")
    with inside(acme):
        conversation = factories.ConversationFactory(chatroom=number.chatroom, channel=number)
        message = factories.MessageFactory(conversation=conversation, direction="outbound", status="failed")
        Message.objects.filter(pk=message.pk).update(error_code="30034", channel=number)
        health.pause_account(number.account_id, "20003", "Authenticate")
    shown = examine(browser, ann, number)
    for words in (
        "Twilio sends its messages to https://elsewhere.example/sms. Set the webhook to our address. Set webhook",
        "Paused: Twilio rejected the credentials (20003)",
        "Enter a new token below",
        "is not registered for messages to the US",
        "Register it in the Twilio console",
        "Alert",
    ):
        assert words in shown, words

    assert "to us now" in text(browser(ann).post(of(number, "webhook/"), follow=True))
    assert "Twilio sends its messages to us" in examine(browser, ann, number)
    assert "number.set_webhook" in list_actions(acme, inside)


def test_rejected_token_and_a_number_that_went_away_are_told_apart(browser, ann, acme, number, twilio, inside):
    with inside(acme):
        Channel.objects.filter(pk=number.pk).update(address="+15557779998")
    assert "no longer has the number" in examine(browser, ann, number)
    twilio.add_account(SID, NEW)
    shown = examine(browser, ann, number)
    assert "Twilio rejects the account SID with our auth token" in shown
    assert "Enter token" in shown


def test_unreadable_token_and_a_silent_twilio_are_said(browser, ann, acme, number, settings, inside):
    settings.TWILIO_API_BASE_URL = "http://127.0.0.1:9"
    assert "Twilio can&#x27;t be reached right now" in examine(browser, ann, number)
    with inside(acme), connection.cursor() as cursor:
        cursor.execute("UPDATE provider_accounts SET secret = 'damaged' WHERE id = %s", [number.account_id])
    shown = examine(browser, ann, number)
    assert "auth token that we keep can&#x27;t be read" in shown
    assert browser(ann).get(PAGE).status_code == 200
    assert "Enter it again" in text(browser(ann).get(f"{PAGE}import/"))


def test_doctor_is_a_page_without_scripts(browser, ann, number):
    shown = text(browser(ann).get(of(number, "doctor/")))
    assert "Twilio accepts the account SID" in shown
    assert "Replace auth token" in shown


# ---------------------------------------------------------------- a test text
def test_test_text_goes_the_way_of_every_text_and_once(browser, ann, acme, number, inside):
    form = {"phone": "(555) 555-0142", "content": "Test", "key": "0192c7a0-0000-7000-8000-000000000001"}
    places = {browser(ann).post(of(number, "test/"), form)["Location"] for _ in range(2)}
    with inside(acme):
        message = Message.objects.get(to_address="+15555550142")
    assert places == {f"/inbox/{message.conversation_id}/"}
    assert (message.status, message.from_address, message.sent_by_id) == ("queued", PHONE, ann.pk)


@pytest.mark.parametrize(("change", "words"), [({"phone": "12"}, "valid phone number"), ({"content": ""}, "required")])
def test_test_text_that_can_not_go_out_says_why(browser, ann, number, change, words):
    form = {"phone": "+15555550142", "content": "Test", "key": "0192c7a0-0000-7000-8000-000000000002", **change}
    answer = browser(ann).post(of(number, "test/"), form)
    assert answer.status_code == 422
    assert words in text(answer)


# ---------------------------------------------------------------- the list
def test_list_is_leafed_through_with_as_many_queries(browser, ann, acme, sales, inside):
    def ask(query: str = "") -> tuple[str, int]:
        with CaptureQueriesContext(connection) as captured:
            answer = browser(ann).get(PAGE + query)
        return answer.content.decode(), len(captured)

    before = ask()[1]
    with inside(acme):
        for _ in range(55):
            factories.ChannelFactory(chatroom=sales.room, account=sales.number.account)
    first, queries = ask()
    assert queries == before
    after = re.search(r"\?after=([0-9a-f-]{36})", first.split("More numbers")[0].rsplit("card-foot", 1)[1])[1]
    second = ask(f"?after={after}")[0]
    row = r'href="/manage/numbers/([0-9a-f-]{36})/"'
    assert len(set(re.findall(row, first)) | set(re.findall(row, second))) == 57


def test_empty_list_says_what_to_do_first(browser, zed, globex, elsewhere):
    with tenancy.system():
        Channel.objects.filter(pk=elsewhere.number.pk).update(retired_at=timezone.now())
    assert "none of its numbers is used yet" in text(browser(zed).get(PAGE))
    with tenancy.system():
        TwilioAccount.objects.filter(organization=globex.organization).update(provider="meta")
    assert "Connect your Twilio account first" in text(browser(zed).get(PAGE))


# ---------------------------------------------------------------- where an alert leads
def test_alert_leads_to_what_it_is_about(browser, ann, zed, acme, sales, inside):
    with inside(acme):
        account = factories.FacebookPageFactory(organization=acme.organization)
        channel = factories.PageChannelFactory(chatroom=sales.room, account=account)
        gone = factories.ChannelFactory(chatroom=sales.room, retired_at=timezone.now())
    places = {
        sales.number.pk: of(sales.number),
        channel.pk: f"/manage/pages/{account.pk}/",
        account.pk: f"/manage/pages/{account.pk}/",
        gone.pk: PAGE,
        acme.organization.pk: PAGE,
    }
    for subject, place in places.items():
        assert browser(ann).get(f"/manage/channels/{subject}/")["Location"] == place
    account_of_numbers = browser(ann).get(f"/manage/channels/{sales.number.account_id}/")["Location"]
    assert account_of_numbers in {of(sales.number), of(acme.rooms["Support"].number)}
    assert browser(zed).get(f"/manage/channels/{channel.pk}/")["Location"] == PAGE

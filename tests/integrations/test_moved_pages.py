"""A page or Instagram account that another organization had: whoever Meta lets in gets it, if the other is shut out."""

from contextlib import closing

import pytest
from django.db import connection

from accounts.models import AuditEntry
from integrations import pages
from integrations.models import Channel, ChannelAlert, FacebookPage
from integrations.sandbox import store
from messaging.models import Conversation, Message
from messaging.sending import delivery
from tests import factories
from tests.integrations.test_facebook_pages import ACCOUNT, NEW_TOKEN, PAGE, PLACE, TOKEN, body, connect, meta, server
from tests.integrations.test_ported_numbers import read_mails
from tests.meta_events import build_text
from tests.receiving.meta.conftest import build_batch, drain, store_batch
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.xdist_group("facebook pages")
__all__ = ["meta", "server"]  # fixtures of another file


@pytest.fixture
def old_owner(api, ann, acme, sales, inside, meta) -> FacebookPage:
    """Acme's page, with a conversation and something queued, so that its row stays."""
    connect(api(ann), sales.room)
    with inside(acme):
        messenger = Channel.objects.get(platform="MESSENGER")
        conversation = factories.ConversationFactory(
            chatroom=sales.room, contact=sales.contact, channel=messenger, platform="MESSENGER"
        )
        factories.MessageFactory(
            conversation=conversation, direction="outbound", status="queued", content="Still queued", channel=messenger,
            from_address=PAGE, to_address="7701", platform="MESSENGER", sent_by=ann,
        )  # fmt: skip
        return FacebookPage.objects.get()


def change_token(meta: SandboxServer, token: str, *, revoked: bool) -> None:
    with closing(store.connect(meta.database)) as db:
        db.execute("UPDATE graph_tokens SET revoked = ? WHERE token = ?", (revoked, token))


def list_rows(client) -> list[str]:
    return [row["page_id"] for row in client.get(PLACE).json()["results"]]


def test_page_whose_old_token_is_dead_goes_to_who_proves_it(
    api, ann, zed, acme, globex, sales, elsewhere, inside, old_owner, meta
):
    change_token(meta, TOKEN, revoked=True)

    connect(api(zed), elsewhere.room, NEW_TOKEN)

    assert (list_rows(api(ann)), list_rows(api(zed))) == ([], [PAGE])
    store_batch(build_batch((PAGE, [build_text(PAGE, "For the new owner", person="7701")])))
    drain()
    with inside(globex):
        assert Message.objects.get(content="For the new owner").channel.address == PAGE
        assert FacebookPage.objects.get().secret == NEW_TOKEN
    assert delivery.claim_messages(10) == []
    with inside(acme):
        assert not Message.objects.filter(content="For the new owner").exists()
        queued = Message.objects.get(content="Still queued")
        assert (queued.status, queued.error_code) == ("failed", "no_sender")
        assert not Channel.objects.filter(platform__in=["MESSENGER", "INSTAGRAM"]).exists()
        conversation = Conversation.objects.get(platform="MESSENGER")
    shown = api(ann).get(f"/api/conversations/{conversation.pk}/messages").json()["results"]
    assert [message["content"] for message in shown] == ["Still queued"]


def test_admins_of_both_are_told_and_neither_learns_who_the_other_is(
    api, zed, acme, globex, elsewhere, inside, old_owner, meta
):
    change_token(meta, TOKEN, revoked=True)
    connect(api(zed), elsewhere.room, NEW_TOKEN)

    with inside(acme):
        alert = ChannelAlert.objects.get(closed_at=None)
        entry = AuditEntry.objects.order_by("pk").last()
    assert (alert.subject_id, alert.code, "The shop" in alert.message) == (old_owner.pk, "page_moved", True)
    assert (entry.action, entry.before) == ("page.retire", {"MESSENGER": PAGE, "INSTAGRAM": ACCOUNT})
    with inside(globex):
        assert AuditEntry.objects.order_by("pk").last().action == "page.connect"
    mails = dict(read_mails())
    assert mails.keys() == {str(acme.organization.pk), str(globex.organization.pk)}
    assert "Globex" not in str(mails[str(acme.organization.pk)])
    assert "Acme" not in str(mails[str(globex.organization.pk)])


def test_page_that_was_disconnected_is_free_though_its_old_token_is_good_again(
    api, ann, zed, globex, elsewhere, old_owner, meta
):
    change_token(meta, TOKEN, revoked=True)
    assert api(ann).delete(f"{PLACE}/{old_owner.pk}").status_code == 204
    change_token(meta, TOKEN, revoked=False)

    connect(api(zed), elsewhere.room, NEW_TOKEN)

    assert (list_rows(api(ann)), list_rows(api(zed))) == ([], [PAGE])


def test_page_comes_back_with_its_conversations_once_the_other_is_shut_out(
    api, ann, zed, sales, elsewhere, old_owner, meta
):
    change_token(meta, TOKEN, revoked=True)
    connect(api(zed), elsewhere.room, NEW_TOKEN)
    refused = api(ann).post(PLACE, body(sales.room, NEW_TOKEN))
    change_token(meta, TOKEN, revoked=False)
    change_token(meta, NEW_TOKEN, revoked=True)

    back = connect(api(ann), sales.room, TOKEN)

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "claimed")
    assert (back["id"], list_rows(api(zed))) == (str(old_owner.pk), [])


@pytest.mark.parametrize("is_readable", [True, False])
def test_who_may_still_prove_the_page_keeps_it(api, ann, zed, acme, elsewhere, inside, old_owner, meta, is_readable):
    if not is_readable:
        with inside(acme), connection.cursor() as cursor:
            cursor.execute("UPDATE provider_accounts SET secret = 'x' WHERE id = %s", [old_owner.pk])

    answer = api(zed).post(PLACE, body(elsewhere.room, NEW_TOKEN))

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "claimed")
    assert (list_rows(api(ann)), list_rows(api(zed))) == ([PAGE], [])


def test_instagram_account_alone_goes_over_and_its_former_page_stays(
    api, ann, zed, acme, globex, sales, elsewhere, inside, meta
):
    """Its owner has linked it to another page: the old page's token is good, and does not open it any more."""
    with inside(globex):
        account = factories.FacebookPageFactory(
            organization=globex.organization, external_id="10750002", secret="EAAof0the0workshop", name="The workshop"
        )
        factories.PageChannelFactory(chatroom=elsewhere.room, account=account, name="The workshop")
        factories.PageChannelFactory(
            chatroom=elsewhere.room, account=account, platform="INSTAGRAM", address=ACCOUNT, name="the.shop"
        )

    connect(api(ann), sales.room)

    (kept,) = api(zed).get(PLACE).json()["results"]
    assert (kept["page_id"], kept["instagram_account_id"]) == ("10750002", None)
    assert [alert["code"] for alert in kept["health"]["alerts"]] == ["page_moved"]
    with inside(globex):
        assert FacebookPage.objects.get().retired_at is None


def test_owner_who_gets_a_new_token_meanwhile_keeps_the_page(acme, globex, elsewhere, zed, inside, old_owner, meta):
    change_token(meta, TOKEN, revoked=True)
    with inside(globex):
        former_owners = pages.page_moves.find_former_owners({PAGE}, globex.organization.pk)
    with inside(acme):
        old_owner.secret = NEW_TOKEN
        old_owner.save(update_fields=["secret"])

    with inside(globex), pytest.raises(pages.Claimed):
        pages.page_moves.retire_former_owners(former_owners, globex.organization.pk, "The shop")

"""What the sandbox's Meta tells an app: signed over the exact bytes, batched, repeated, and not forgotten."""

import pytest
import requests

from tests.sandbox.meta import SECRET, VERIFY_TOKEN, AppWebhook, Meta, add_meta
from tests.sandbox_server import free_port, sandbox_server


def kinds(items: list[dict]) -> list[str]:
    """The key of each item that says what it is."""
    return [next(key for key in item if key not in ("sender", "recipient", "timestamp")) for item in items]


def test_message_is_signed_over_its_exact_bytes(meta: Meta, webhook: AppWebhook):
    mid = meta.write("Größe 10/12 👍")

    [post] = webhook.posts
    assert post.is_signed
    assert rb"Gr\u00f6\u00dfe 10\/12 \ud83d\udc4d" in post.body
    assert post.body.isascii()
    payload = post.payload
    assert payload["object"] == "page"
    [entry] = payload["entry"]
    assert entry["id"] == meta.page_id
    [item] = entry["messaging"]
    assert (item["sender"], item["recipient"]) == ({"id": meta.psid}, {"id": meta.page_id})
    assert item["message"] == {"mid": mid, "text": "Größe 10/12 👍"}
    assert 0 <= entry["time"] - item["timestamp"] < 10_000


def test_sent_message_is_echoed_delivered_and_seen_on_messenger(meta: Meta, webhook: AppWebhook, sandbox):
    sandbox.post(f"/meta/threads/{meta.page_id}/{meta.psid}", sees=True)
    sandbox.post("/settings", seen_after_ms=120)
    meta.write()
    mid = meta.send(text="It is.", message={"metadata": "our id"}).json()["message_id"]

    _, echo, delivery, read = webhook.wait_for(4)

    assert echo["message"] == {
        "mid": mid,
        "text": "It is.",
        "is_echo": True,
        "app_id": int(meta.app_id),
        "metadata": "our id",
    }
    assert (echo["sender"]["id"], echo["recipient"]["id"]) == (meta.page_id, meta.psid)
    assert delivery["delivery"]["mids"] == [mid]
    assert (
        echo["timestamp"] < delivery["delivery"]["watermark"] < read["read"]["watermark"] < echo["timestamp"] + 60_000
    )
    assert (delivery["sender"]["id"], read["sender"]["id"]) == (meta.psid, meta.psid)
    sandbox.wait_until_quiet()
    assert sandbox.accepted_by_graph(meta.page_id)[0]["status"] == "read"


def test_instagram_tells_of_a_read_by_its_message_and_of_no_delivery(meta: Meta, webhook: AppWebhook, sandbox):
    meta.write_on_instagram()
    first = meta.send(meta.igsid, "One").json()["message_id"]
    last = meta.send(meta.igsid, "Two").json()["message_id"]
    sandbox.wait_until_quiet()
    assert kinds(webhook.items) == ["message", "message", "message"]

    sandbox.act_as(meta.instagram_id, meta.igsid, "seen")

    assert webhook.items[-1]["read"] == {"mid": last}
    assert {post.payload["object"] for post in webhook.posts} == {"instagram"}
    statuses = {each["mid"]: each["status"] for each in sandbox.accepted_by_graph(meta.instagram_id)}
    assert statuses == {first: "read", last: "read"}


def test_read_reaches_as_far_as_its_message(meta: Meta, sandbox):
    thread = f"/meta/threads/{meta.instagram_id}/{meta.igsid}"
    meta.write_on_instagram()
    sandbox.post(thread, sees=True)
    seen = meta.send(meta.igsid, "One").json()["message_id"]
    sandbox.post(thread, sees=False)
    unseen = meta.send(meta.igsid, "Two").json()["message_id"]

    sandbox.wait_until_quiet()

    statuses = {each["mid"]: each["status"] for each in sandbox.accepted_by_graph(meta.instagram_id)}
    assert statuses == {seen: "read", unseen: "sent"}


def test_answer_typed_in_metas_inbox_is_echoed_without_our_metadata(meta: Meta, webhook: AppWebhook, sandbox):
    meta.write()
    sandbox.post(f"/meta/threads/{meta.page_id}/{meta.psid}/inbox", text="Typed by hand")

    echo = webhook.wait_for(2)[1]["message"]

    assert (echo["text"], echo["is_echo"], echo["app_id"]) == ("Typed by hand", True, 263902037430900)
    assert "metadata" not in echo
    assert sandbox.accepted_by_graph(meta.page_id) == []  # the oracle holds what came over the wire


def test_refused_webhook_is_repeated_until_it_is_taken(meta: Meta, webhook: AppWebhook, sandbox):
    webhook.statuses = [500, 403, 302]

    answer = sandbox.write_as(meta.page_id, meta.psid, text="Hello?")
    sandbox.wait_until_quiet()

    assert answer["webhook_status"] == 500
    assert len(webhook.posts) == 4
    assert len({item["message"]["mid"] for item in webhook.items}) == 1


def test_page_is_unsubscribed_after_long_failure_and_what_happens_then_is_never_told(meta: Meta, sandbox, webhook):
    sandbox.post("/settings", disabled_after_ms=300)
    webhook.statuses = [500] * 50
    meta.write("Lost")
    sandbox.wait_until_quiet()
    sandbox.post("/settings", disabled_after_ms=3_600_000)
    told = len(webhook.posts)

    answer = sandbox.write_as(meta.page_id, meta.psid, text="Lost too")

    assert meta.get(f"/{meta.page_id}/subscribed_apps") == {"data": []}
    assert (answer["webhook_status"], answer["error"]) == (None, "No webhook was called.")
    assert len(webhook.posts) == told


def test_event_of_a_field_without_subscription_is_not_told(sandbox, webhook: AppWebhook):
    meta = add_meta(sandbox, webhook, subscribed_fields=["messages"])
    meta.write()
    meta.send()

    sandbox.wait_until_quiet()

    assert kinds(webhook.items) == ["message"]
    answers = {each["kind"]: each["answer"] for each in sandbox.accepted_by_graph(meta.page_id)[0]["webhooks"]}
    assert answers == {
        "echo": "not subscribed to message_echoes",
        "delivery": "not subscribed to message_deliveries",
    }


def test_unreachable_webhook_is_said_in_words(sandbox, webhook: AppWebhook):
    meta = add_meta(sandbox, webhook)
    sandbox.add_app(meta.app_id, SECRET, f"http://127.0.0.1:{free_port()}/", VERIFY_TOKEN)

    answer = requests.post(
        f"{sandbox.base_url}/meta/threads/{meta.page_id}/{meta.psid}/messages", json={"text": "x"}, timeout=10
    )
    sandbox.add_app(meta.app_id, SECRET, webhook.url, VERIFY_TOKEN)
    sandbox.wait_until_quiet()

    assert answer.status_code == 202
    assert answer.json()["error"] == "The webhook's server could not be reached."
    assert kinds(webhook.items) == ["message"]


@pytest.mark.parametrize(("token", "outcome"), [(VERIFY_TOKEN, (200, True)), ("another", (403, False))])
def test_handshake(meta: Meta, webhook: AppWebhook, sandbox, token, outcome):
    sandbox.add_app(meta.app_id, SECRET, webhook.url, token)

    answer = sandbox.post(f"/meta/apps/{meta.app_id}/handshake")

    assert (answer["answer"], answer["verified"]) == outcome


def test_any_batch_can_be_posted_signed(meta: Meta, webhook: AppWebhook, sandbox):
    webhook.statuses = [418]
    payload = {"object": "page", "entry": [{"id": "1", "messaging": [{"huh": "ä/"}]}, {"id": "2", "messaging": []}]}

    assert sandbox.post_batch(meta.app_id, payload) == 418

    [post] = webhook.posts
    assert post.is_signed
    assert post.payload == payload


def test_untold_events_survive_kill_minus_nine_and_come_in_one_batch(tmp_path, webhook: AppWebhook):
    webhook.statuses = [503, 503, 503]
    with sandbox_server(tmp_path) as sandbox:
        one = add_meta(sandbox, webhook)
        two = add_meta(sandbox, webhook)
        sandbox.add_page(two.page_id, "Harbour", two.token, one.app_id)
        one.write("First")
        two.write("Second")
        one.write("Third")
        sandbox.kill()
    told = len(webhook.posts)

    with sandbox_server(tmp_path) as sandbox:
        webhook.wait_for(told + 3)
        sandbox.wait_until_quiet()

    batch = webhook.posts[told].payload
    texts = {entry["id"]: [item["message"]["text"] for item in entry["messaging"]] for entry in batch["entry"]}
    assert texts == {one.page_id: ["First", "Third"], two.page_id: ["Second"]}
    assert len(webhook.posts) == told + 1

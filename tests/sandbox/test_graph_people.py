"""The customers' side of Messenger and Instagram: each thing that they do reaches the webhook in Meta's shape."""

import io
import wave

import pytest
import requests

from tests.sandbox.meta import AppWebhook, Meta


def happened(item: dict) -> dict:
    return {key: value for key, value in item.items() if key not in ("sender", "recipient", "timestamp")}


@pytest.mark.parametrize(
    ("attachment", "kind", "content_type"),
    [
        ("picture", "image", "image/png"),
        ("voice", "audio", "audio/wav"),
        ("video", "video", "video/mp4"),
        ("file", "file", "application/pdf"),
        ("sticker", "sticker", "image/png"),
        ("old_sticker", "image", "image/png"),
    ],
)
def test_file_can_be_fetched_from_where_the_webhook_says(
    meta: Meta, webhook: AppWebhook, attachment, kind, content_type
):
    meta.write("", attachment=attachment)

    [told] = webhook.items_by_time[0]["message"]["attachments"]

    assert told["type"] == kind
    assert ("sticker_id" in told["payload"]) == attachment.endswith("sticker")
    assert "text" not in webhook.items_by_time[0]["message"]
    answer = requests.get(told["payload"]["url"], timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert len(answer.content) > 500


def test_thumbs_up_is_the_sticker_that_everybody_knows(meta: Meta, webhook: AppWebhook):
    meta.write("", attachment="thumbs_up")
    meta.write("", attachment="sticker")

    ids = [item["message"]["attachments"][0]["payload"]["sticker_id"] for item in webhook.items_by_time]

    assert ids[0] == 369239263222822
    assert ids[1] not in (369239263222822, 369239343222814, 369239383222810)


def test_samples_are_what_they_say(meta: Meta):
    files = f"{meta.sandbox.base_url}/graph/files"
    with wave.open(io.BytesIO(requests.get(f"{files}/voice.wav", timeout=5).content)) as sound:
        assert sound.getnframes() / sound.getframerate() == 2
    video = requests.get(f"{files}/clip.mp4", headers={"Range": "bytes=4-11"}, timeout=5)
    assert (video.status_code, video.content) == (206, b"ftypisom")
    assert requests.get(f"{files}/nothing.png", timeout=5).status_code == 404


def test_location_like_share_and_story_mention(meta: Meta, webhook: AppWebhook):
    meta.write("", attachment="location")
    for attachment in ("like_heart", "story_mention", "post", "share"):
        meta.write_on_instagram("", attachment=attachment)

    attachments = [item["message"]["attachments"][0] for item in webhook.items_by_time]

    assert attachments[0] == {"type": "location", "payload": {"coordinates": {"lat": 53.5461, "long": 9.9663}}}
    assert attachments[1] == {"type": "like_heart"}
    assert [each["type"] for each in attachments[2:]] == ["story_mention", "ig_post", "share"]
    assert all(each["payload"]["url"].startswith(meta.sandbox.base_url) for each in attachments[2:])


def test_quick_reply_reply_to_and_story_reply(meta: Meta, webhook: AppWebhook):
    first = meta.write("Is it ready?")
    meta.write("Yes", quick_reply="YES")
    meta.write("This one", reply_to=first)
    meta.write_on_instagram("Lovely", story_reply=True)

    _, quick, reply, story = (item["message"] for item in webhook.items_by_time)

    assert quick["quick_reply"] == {"payload": "YES"}
    assert reply["reply_to"] == {"mid": first}
    assert story["reply_to"]["story"]["url"].endswith("/graph/files/story.png")


def test_reaction_and_its_end(meta: Meta, webhook: AppWebhook, sandbox):
    meta.write()
    mid = meta.send().json()["message_id"]
    sandbox.wait_until_quiet()

    sandbox.act_as(meta.page_id, meta.psid, "react", mid=mid, emoji="❤️")
    assert happened(webhook.items_by_time[-1]) == {
        "reaction": {"mid": mid, "action": "react", "reaction": "love", "emoji": "❤️"}
    }
    thread = sandbox.get(f"/meta/threads/{meta.page_id}/{meta.psid}")
    assert thread["messages"][-1]["reaction"] == "❤️"

    sandbox.act_as(meta.page_id, meta.psid, "unreact", mid=mid)
    assert happened(webhook.items_by_time[-1]) == {"reaction": {"mid": mid, "action": "unreact"}}


def test_unsent_message_keeps_its_id_and_loses_its_content(meta: Meta, webhook: AppWebhook, sandbox):
    mid = meta.write_on_instagram("Never mind", attachment="picture")

    sandbox.act_as(meta.instagram_id, meta.igsid, "unsend", mid=mid)

    assert happened(webhook.items_by_time[-1]) == {"message": {"mid": mid, "is_deleted": True}}
    [message] = sandbox.get(f"/meta/threads/{meta.instagram_id}/{meta.igsid}")["messages"]
    assert (message["unsent"], message["text"], message["attachments"]) == (True, "", [])


def test_edit_postback_and_referral(meta: Meta, webhook: AppWebhook, sandbox):
    mid = meta.write("Tomorow")
    sandbox.act_as(meta.page_id, meta.psid, "edit", mid=mid, text="Tomorrow")
    pressed = sandbox.act_as(meta.page_id, meta.psid, "postback", title="Opening hours", payload="HOURS")
    sandbox.act_as(meta.page_id, meta.psid, "referral", ref="spring", source="ADS")

    _, edit, postback, referral = map(happened, webhook.items_by_time)

    assert edit == {"message_edit": {"mid": mid, "text": "Tomorrow", "num_edit": 1}}
    assert postback == {"postback": {"mid": pressed["mid"], "title": "Opening hours", "payload": "HOURS"}}
    assert referral == {"referral": {"ref": "spring", "source": "ADS", "type": "OPEN_THREAD"}}


def test_message_is_edited_five_times_at_most(meta: Meta, sandbox):
    mid = meta.write("1")
    for number in range(2, 7):
        sandbox.act_as(meta.page_id, meta.psid, "edit", mid=mid, text=str(number))

    url = f"{sandbox.base_url}/meta/threads/{meta.page_id}/{meta.psid}/acts"
    answer = requests.post(url, json={"act": "edit", "mid": mid, "text": "7"}, timeout=5)

    assert answer.status_code == 400
    assert sandbox.get(f"/meta/threads/{meta.page_id}/{meta.psid}")["messages"][0]["text"] == "6"


def test_page_and_person_see_the_same_conversation(meta: Meta, sandbox):
    meta.write("Is it ready?")
    meta.send(text="It is.")
    sandbox.wait_until_quiet()

    messages = sandbox.get(f"/meta/threads/{meta.page_id}/{meta.psid}")["messages"]

    shown = [(message["direction"], message["text"], message["status"]) for message in messages]
    assert shown == [("sent", "Is it ready?", "received"), ("received", "It is.", "delivered")]


def test_new_person_writes_for_the_first_time(meta: Meta, webhook: AppWebhook, sandbox):
    person = sandbox.post(f"/meta/pages/{meta.instagram_id}/people", name="Ana Sofia Reis")

    sandbox.write_as(meta.instagram_id, person["id"], text="Hi")

    assert webhook.items_by_time[0]["sender"] == {"id": person["id"]}
    [account] = [each for each in sandbox.get("/meta/pages")["pages"] if each["account_id"] == meta.instagram_id]
    assert (account["people"][0]["name"], account["people"][0]["last_text"]) == ("Ana Sofia Reis", "Hi")


@pytest.mark.parametrize(
    ("path", "payload", "status"),
    [
        ("messages", {}, 400),
        ("messages", {"text": 5}, 400),
        ("messages", {"text": "x" * 2001}, 400),
        ("messages", {"attachment": "like_heart"}, 400),
        ("messages", {"text": "x", "story_reply": True}, 400),
        ("messages", {"text": "x", "hours_ago": -1}, 400),
        ("acts", {"act": "dance"}, 400),
        ("acts", {"act": "react", "mid": "m_none", "emoji": "👍"}, 404),
        ("acts", {"act": "unsend", "mid": "m_none"}, 400),
        ("acts", {"act": "seen"}, 400),
        ("inbox", {"text": ""}, 400),
    ],
)
def test_nonsense_from_a_person_is_refused_in_one_sentence(meta: Meta, path, payload, status):
    url = f"{meta.sandbox.base_url}/meta/threads/{meta.page_id}/{meta.psid}/{path}"

    answer = requests.post(url, json=payload, timeout=5)

    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")


def test_unknown_page_and_person_are_refused(meta: Meta):
    for thread in (f"1/{meta.psid}", f"{meta.page_id}/1"):
        assert requests.get(f"{meta.sandbox.base_url}/meta/threads/{thread}", timeout=5).status_code == 404

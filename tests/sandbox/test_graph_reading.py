"""What the Graph of the sandbox tells when it is asked."""

import time

import pytest
import requests

from tests.sandbox.meta import SECRET, Meta, add_meta
from tests.sandbox.test_graph_sending import refusal


def test_page_tells_its_name_and_its_instagram_account(meta: Meta):
    assert meta.get("/me") == {"id": meta.page_id, "name": "Northbeam"}
    assert meta.get(f"/{meta.page_id}", fields="name,instagram_business_account{id,username}") == {
        "id": meta.page_id,
        "name": "Northbeam",
        "instagram_business_account": {"id": meta.instagram_id, "username": "northbeam"},
    }


def test_page_without_instagram_leaves_the_field_out(sandbox, webhook):
    meta = add_meta(sandbox, webhook, instagram_account_id=None)

    assert "instagram_business_account" not in meta.get("/me", fields="id,instagram_business_account{id,username}")


@pytest.mark.parametrize("fields", ["colour", "name{", "name}", "a b{,}"])
def test_unknown_fields_and_broken_lists_are_refused(meta: Meta, fields):
    assert refusal(meta.ask("GET", "/me", params={"fields": fields})) == (400, 100, None)


def test_subscription_can_be_asked_made_and_ended(sandbox, webhook):
    meta = add_meta(sandbox, webhook, subscribed_fields=None)
    path = f"/{meta.page_id}/subscribed_apps"
    assert meta.get(path) == {"data": []}

    answer = meta.ask("POST", path, data={"subscribed_fields": "messages,message_reads"})

    assert answer.json() == {"success": True}
    [app] = meta.get(path)["data"]
    assert (app["id"], app["subscribed_fields"]) == (meta.app_id, ["messages", "message_reads"])
    assert refusal(meta.ask("POST", path, data={"subscribed_fields": "weather"})) == (400, 100, None)
    assert meta.ask("DELETE", path).json() == {"success": True}
    assert meta.get(path) == {"data": []}


def test_token_is_explained_to_its_page_and_to_its_app(meta: Meta):
    app = f"{meta.app_id}|{SECRET}"
    for asking in (meta.token, app):
        data = meta.ask("GET", "/debug_token", token=asking, params={"input_token": meta.token}).json()["data"]
        assert (data["is_valid"], data["app_id"], data["profile_id"]) == (True, meta.app_id, meta.page_id)
        assert data["expires_at"] == 0
        assert "pages_messaging" in data["scopes"]

    meta.sandbox.post(f"/meta/pages/{meta.page_id}", token_valid=False)
    data = meta.ask("GET", "/debug_token", token=app, params={"input_token": meta.token}).json()["data"]
    assert (data["is_valid"], data["error"]["subcode"]) == (False, 460)
    assert refusal(meta.ask("GET", "/debug_token", token=f"{meta.app_id}|guess"))[:2] == (401, 190)


def test_profile_of_a_person(meta: Meta):
    fields = "first_name,last_name,name,profile_pic,username"

    profile = meta.get(f"/{meta.psid}", fields=fields)
    assert (profile["first_name"], profile["last_name"], profile["name"]) == ("Jo", "Tan", "Jo Tan")
    assert "username" not in profile
    picture = requests.get(profile["profile_pic"], timeout=5)
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")

    profile = meta.get(f"/{meta.igsid}", fields=fields)
    assert (profile["name"], profile["username"]) == ("Jo Tan", "jo.tan")
    assert "first_name" not in profile


@pytest.mark.parametrize(("profile", "code", "subcode"), [("none", 100, 2018218), ("no_consent", 230, None)])
def test_profile_that_is_not_told(meta: Meta, profile, code, subcode):
    meta.sandbox.post(f"/meta/threads/{meta.page_id}/{meta.psid}", profile=profile)

    assert refusal(meta.ask("GET", f"/{meta.psid}")) == (400, code, subcode)


def test_message_is_told_by_its_id(meta: Meta):
    mid = meta.write("Is it ready?", attachment="picture")
    fields = "id,created_time,from,to,message,attachments"

    message = meta.get(f"/{mid}", fields=fields)

    assert (message["id"], message["message"]) == (mid, "Is it ready?")
    assert message["from"] == {"id": meta.psid, "name": "Jo Tan", "email": f"{meta.psid}@facebook.com"}
    assert message["to"]["data"][0]["id"] == meta.page_id
    [picture] = message["attachments"]["data"]
    assert picture["mime_type"] == "image/png"
    assert requests.get(picture["image_data"]["url"], timeout=5).status_code == 200
    sent = meta.get(f"/{meta.send().json()['message_id']}", fields=fields)
    assert (sent["from"]["id"], sent["to"]["data"][0]["id"]) == (meta.page_id, meta.psid)


def test_story_is_told_with_its_message(meta: Meta):
    reply = meta.write_on_instagram("Lovely", story_reply=True)
    mention = meta.write_on_instagram("", attachment="story_mention")

    assert meta.get(f"/{reply}", fields="story")["story"]["reply_to"]["link"].endswith("/story.png")
    assert meta.get(f"/{mention}", fields="story")["story"]["mention"]["link"].endswith("/story.png")


def test_conversations_are_listed_with_what_was_missed(meta: Meta):
    meta.write("Missed", webhook=False)
    meta.write_on_instagram("Missed too", webhook=False)
    fields = "id,updated_time,participants,messages.limit(1){id,message,from}"

    [thread] = meta.get(f"/{meta.page_id}/conversations", platform="messenger", fields=fields)["data"]
    [other] = meta.get(f"/{meta.page_id}/conversations", platform="instagram", fields=fields)["data"]

    assert [message["message"] for message in thread["messages"]["data"]] == ["Missed"]
    assert [each["id"] for each in thread["participants"]["data"]] == [meta.psid, meta.page_id]
    assert other["messages"]["data"][0]["from"] == {"username": "jo.tan", "id": meta.igsid}


def test_lists_go_on_where_a_page_ended(meta: Meta, sandbox):
    for number in range(3):
        person = f"{meta.psid}{number}"
        sandbox.add_person(meta.page_id, person, first_name=f"P{number}")
        for word in "abcde":
            sandbox.write_as(meta.page_id, person, text=f"{word}{number}", webhook=False)

    query = {"platform": "messenger", "limit": "2", "fields": "messages.limit(2){message}"}
    first = meta.get(f"/{meta.page_id}/conversations", **query)
    second = meta.ask("GET", first["paging"]["next"].split("/v23.0")[1]).json()

    threads = first["data"] + second["data"]
    assert [thread["id"] for thread in threads] == [f"t_{meta.psid}{number}" for number in (2, 1, 0)]
    assert "next" not in second["paging"]
    messages, page = [], threads[0]["messages"]
    while True:
        messages += [message["message"] for message in page["data"]]
        if "next" not in page.get("paging", {}):
            break
        page = requests.get(page["paging"]["next"], params={"access_token": meta.token}, timeout=5).json()
    assert messages == ["e2", "d2", "c2", "b2", "a2"]


def test_conversation_of_one_person_can_be_asked_for(meta: Meta, sandbox):
    sandbox.add_person(meta.page_id, "4711", first_name="Al")
    sandbox.write_as(meta.page_id, "4711", text="Hi", webhook=False)
    meta.write(webhook=False)

    [thread] = meta.get(f"/{meta.page_id}/conversations", user_id="4711")["data"]

    assert thread["id"] == "t_4711"


def test_unsent_message_is_gone(meta: Meta):
    mid = meta.write_on_instagram("Never mind")
    meta.sandbox.act_as(meta.instagram_id, meta.igsid, "unsend", mid=mid)

    assert refusal(meta.ask("GET", f"/{mid}")) == (400, 100, 33)
    [thread] = meta.get("/me/conversations", platform="instagram", fields="messages{message}")["data"]
    assert thread["messages"] == {"data": []}


def add_instagram_login(meta: Meta, token: str, **more) -> str:
    account_id = f"{meta.instagram_id}9"
    names = {"instagram_account_id": account_id, "instagram_username": "harbour"}
    meta.sandbox.add_page(account_id, "Harbour", token, meta.app_id, subscribed_fields=["messages"], **names, **more)
    meta.sandbox.add_person(account_id, "5511", username="al.wu")
    return account_id


def test_instagram_account_may_sign_in_without_a_page(meta: Meta, webhook):
    account_id = add_instagram_login(meta, "IGAA-login")
    meta.sandbox.write_as(account_id, "5511", text="Hi")

    me = meta.ask("GET", "/me", token="IGAA-login", params={"fields": "user_id,username"}).json()
    sent = meta.ask(
        "POST", "/me/messages", token="IGAA-login", json={"recipient": {"id": "5511"}, "message": {"text": "x"}}
    )

    assert me == {"id": account_id, "user_id": account_id, "username": "harbour"}
    assert sent.status_code == 200
    late = {"recipient": {"id": "5512"}, "message": {"text": "x"}}
    meta.sandbox.add_person(account_id, "5512", username="bo")
    outside = meta.ask("POST", "/me/messages", token="IGAA-login", json=late)

    assert refusal(outside) == (403, 10, 2534022)
    assert outside.json()["error"]["type"] == "IGApiException"
    assert webhook.posts[0].payload["object"] == "instagram"
    assert webhook.posts[0].payload["entry"][0]["id"] == account_id


def test_instagram_login_has_subscriptions_of_its_own(meta: Meta, webhook, sandbox):
    account_id = add_instagram_login(meta, "IGAA-fields")
    path = f"/{account_id}/subscribed_apps"
    assert meta.ask("GET", path, token="IGAA-fields").json()["data"][0]["subscribed_fields"] == ["messages"]
    mid = sandbox.write_as(account_id, "5511", text="Hi")["mid"]
    sandbox.act_as(account_id, "5511", "react", mid=mid, emoji="👍")
    assert len(webhook.items) == 1

    wanted = {"subscribed_fields": "messages,message_reactions,messaging_referral"}
    assert meta.ask("POST", path, token="IGAA-fields", data=wanted).json() == {"success": True}
    sandbox.act_as(account_id, "5511", "unreact", mid=mid)

    assert webhook.items[-1]["reaction"]["action"] == "unreact"
    wrong = {"subscribed_fields": "message_deliveries"}
    assert refusal(meta.ask("POST", path, token="IGAA-fields", data=wrong)) == (400, 100, None)


def test_token_of_instagram_login_is_refreshed_when_it_is_a_day_old(meta: Meta, monkeypatch):
    refresh = {"params": {"grant_type": "ig_refresh_token"}, "token": "IGAA-fresh"}
    add_instagram_login(meta, "IGAA-fresh")
    assert refusal(meta.ask("GET", "/refresh_access_token", **refresh)) == (400, 100, None)
    with monkeypatch.context() as patch:
        long_ago = time.time() - 2 * 86_400
        patch.setattr(time, "time", lambda: long_ago)
        add_instagram_login(meta, "IGAA-fresh")

    refreshed = meta.ask("GET", "/refresh_access_token", **refresh).json()

    assert refreshed["expires_in"] == 60 * 86_400
    assert meta.ask("GET", "/me", token=refreshed["access_token"]).json()["username"] == "harbour"

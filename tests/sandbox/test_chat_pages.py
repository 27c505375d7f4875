"""Messenger and Instagram in a real browser: a customer's whole day, on a desk and on a phone."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tests.browser import launch_chromium
from tests.sandbox.meta import AppWebhook, Meta

pytestmark = pytest.mark.e2e


@contextmanager
def open_chat(meta: Meta, platform: str, **look) -> Iterator[Page]:
    """The person's chat; at the end nothing may have been complained about."""
    account, person = (meta.page_id, meta.psid) if platform == "messenger" else (meta.instagram_id, meta.igsid)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        page = browser.new_page(**look)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{meta.sandbox.base_url}/{platform}#{account}/{person}")
        page.get_by_role("heading", name="Jo Tan").wait_for()
        yield page
        violations = Axe().run(page).response["violations"]
        browser.close()
    assert violations == []
    assert complaints == []


def write(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("log").get_by_text(text, exact=True).wait_for()


def choose_more(page: Page, name: str) -> None:
    page.get_by_role("button", name="Send something else").click()
    page.get_by_role("button", name=name, exact=True).click()


def open_actions(page: Page, place: int) -> None:
    page.get_by_label("Actions for this message").nth(place).click()


def test_customer_writes_on_messenger_and_reads_the_reply(meta: Meta, webhook: AppWebhook, sandbox):
    with open_chat(meta, "messenger") as page:
        write(page, "Is it ready? <b>")
        page.get_by_text("Our webhook answered 200.").wait_for()
        mid = meta.send(text="It is.").json()["message_id"]
        picture = {"type": "image", "payload": {"url": f"{sandbox.base_url}/sample.png"}}
        meta.send(message={"text": "", "attachment": picture})
        page.get_by_role("log").get_by_text("It is.").wait_for()
        page.get_by_role("log").get_by_role("img", name="Picture").wait_for()
        assert page.get_by_role("log").get_by_role("img", name="Picture").evaluate("img => img.decode()") is None
        open_actions(page, 1)
        page.get_by_role("button", name="React 👍").click()
        page.get_by_role("img", name="Reaction 👍").wait_for()
        for attachment in ("Picture", "Voice message", "Video", "Sticker"):
            choose_more(page, attachment)
        page.get_by_role("log").get_by_role("img", name="Sticker").wait_for()
        page.get_by_role("button", name="Mark as seen").click()
        page.get_by_role("log").get_by_text("seen").first.wait_for()

    sandbox.wait_until_quiet()
    told = webhook.items_by_time
    assert {"mid": mid, "action": "react", "reaction": "like", "emoji": "👍"} in [item.get("reaction") for item in told]
    attachments = [each["type"] for item in told for each in item.get("message", {}).get("attachments", [])]
    assert attachments == ["image", "image", "audio", "video", "sticker"]  # the first is the echo of ours
    assert "read" in told[-1]


def test_customer_replies_edits_and_presses_a_button_on_messenger(meta: Meta, webhook: AppWebhook, sandbox):
    with open_chat(meta, "messenger") as page:
        write(page, "Tomorow")
        open_actions(page, 0)
        page.get_by_role("button", name="Edit").click()
        write(page, "Tomorrow")
        open_actions(page, 0)
        page.get_by_role("button", name="Reply", exact=True).first.click()
        write(page, "About this")
        choose_more(page, "Button (postback)…")
        write(page, "Opening hours")
        page.get_by_label("Reply as the page, past MessageHub").fill("Typed by hand")
        page.get_by_role("region", name="Meta's own inbox").get_by_role("button", name="Reply").click()
        page.get_by_role("log").get_by_text("Typed by hand").wait_for()

    sandbox.wait_until_quiet()
    first, edit, reply, postback, echo = webhook.items_by_time[:5]
    assert edit["message_edit"]["text"] == "Tomorrow"
    assert reply["message"]["reply_to"] == {"mid": first["message"]["mid"]}
    assert postback["postback"]["payload"] == "OPENING HOURS"
    assert echo["message"]["is_echo"] is True


def test_customer_answers_a_story_and_unsends_on_a_phone_in_the_dark(meta: Meta, webhook: AppWebhook, sandbox):
    look = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
    with open_chat(meta, "instagram", **look) as page:
        choose_more(page, "Reply to its story…")
        write(page, "Lovely evening")
        choose_more(page, "Mention the account in a story")
        page.get_by_text("Mentioned the account in a story").last.wait_for()
        write(page, "Never mind")
        open_actions(page, 2)
        page.get_by_role("button", name="Unsend").last.click()
        page.get_by_role("log").get_by_text("Unsent").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 390

    story, mention, regretted, unsent = (item["message"] for item in webhook.items_by_time)
    assert story["reply_to"]["story"]["url"]
    assert mention["attachments"][0]["type"] == "story_mention"
    assert unsent == {"mid": regretted["mid"], "is_deleted": True}


def test_switches_of_the_page_and_of_the_person(meta: Meta, sandbox):
    with open_chat(meta, "messenger") as page:
        page.get_by_label("Webhooks subscribed").uncheck()
        page.get_by_label("Approved for HUMAN_AGENT").check()
        page.get_by_label("The person", exact=True).select_option("unavailable")
        page.get_by_label("Sees at once").check()
        page.get_by_role("button", name="Verify webhook").click()
        page.get_by_text("The webhook said the challenge back.").wait_for()
        page.get_by_label("The next message we send").select_option("613")
        page.get_by_role("button", name="Set", exact=True).click()
        page.get_by_text("is refused because of the rate limit (613)").wait_for()
        page.get_by_label("New person").fill("Ana Reis")
        page.get_by_role("button", name="Add").click()
        page.get_by_role("heading", name="Ana Reis").wait_for()

    [account] = [each for each in sandbox.get("/meta/pages")["pages"] if each["account_id"] == meta.page_id]
    assert (account["subscribed_fields"], account["human_agent"]) == (None, True)
    jo = next(person for person in account["people"] if person["id"] == meta.psid)
    assert (jo["reachable"], jo["sees"]) == ("unavailable", True)
    [fault] = sandbox.get("/faults")["faults"]
    assert (fault["provider"], fault["kind"], fault["regain_minutes"]) == ("meta", "613", 1)

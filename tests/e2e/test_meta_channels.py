"""Messenger and Instagram as people see them: a customer's chat in the sandbox, and staff in the inbox."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE
from tests.e2e.steps import open_one, row
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e
# Of any host: the chats of the sandbox show their own file in its place.
PICTURE = "/sandbox/graph/files/picture.png"


@pytest.fixture
def chat(demo: Demo, browser, complaints):
    """Open somebody new's chat with the first page, or with its Instagram account."""
    contexts = []

    def open_chat(platform: str, name: str) -> Page:
        page_of_demo = demo.details["meta"]["pages"][0]
        account = page_of_demo["page_id"] if platform == "messenger" else page_of_demo["instagram_account_id"]
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
        page.goto(f"{demo.base_url}/sandbox/{platform}/")
        page.locator("#account").select_option(account)
        page.get_by_label("New person").fill(name)
        page.get_by_role("button", name="Add").click()
        page.get_by_role("heading", name=name).wait_for()
        return page

    yield open_chat
    for context in contexts:
        context.close()


def write(chat: Page, text: str) -> None:
    chat.get_by_label("Message", exact=True).fill(text)
    chat.get_by_role("button", name="Send", exact=True).click()
    chat.get_by_role("log").get_by_text(text, exact=True).wait_for()


def choose_more(chat: Page, name: str) -> None:
    chat.get_by_role("button", name="Send something else").click()
    chat.get_by_role("button", name=name, exact=True).click()


def act_on(chat: Page, place: int, name: str) -> None:
    """Something of the menu beside a message of the chat."""
    chat.get_by_label("Actions for this message").nth(place).click()
    chat.get_by_role("button", name=name).locator("visible=true").click()


def reply(page: Page, text: str) -> None:
    page.locator("#reply").fill(text)
    page.locator("#reply").press("Enter")


def test_a_customer_on_messenger_is_answered_and_sees_it(demo: Demo, signed_in, chat, complaints):
    maya = signed_in("maya")
    ada = chat("messenger", "Ada Lindholm")

    write(ada, "Is the oak bench in the shop?")
    expect(row(maya, "Is the oak bench in the shop?").get_by_role("img", name="Messenger").first).to_be_visible()
    open_one(maya, "Is the oak bench in the shop?")
    expect(maya.locator("#window")).to_contain_text("left to reply")
    reply(maya, "It is, on the first floor.")
    ada.get_by_role("log").get_by_text("It is, on the first floor.").wait_for()
    expect(maya.locator(".msg.out").last.get_by_role("img", name="Delivered")).to_be_attached()
    ada.get_by_role("button", name="Mark as seen").click()
    expect(maya.locator(".msg.out").last).to_contain_text("Seen in Messenger")

    choose_more(ada, "Picture")
    picture = maya.locator(".msg.in").last.locator(".shots img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode()") is None
    api = demo.client("maya")
    talk = {"id": maya.locator("#thread").get_attribute("data-conversation")}
    assert api.reply(talk, "", media=[f"https://shop.example{PICTURE}"]).status_code == 201
    expect(ada.get_by_role("log").get_by_role("img", name="Picture")).to_have_count(2)
    expect(maya.locator(".msg.out").last.get_by_role("link")).to_contain_text("Sent along")
    assert complaints == []


def test_a_customer_on_instagram_answers_a_story_reacts_and_unsends(demo: Demo, signed_in, chat, complaints):
    maya = signed_in("maya", PHONE)
    bo = chat("instagram", "Bo Winter")

    choose_more(bo, "Reply to its story…")
    write(bo, "Where is this lake?")
    open_one(maya, "Where is this lake?")
    told = maya.locator(".msg.in").last
    expect(told).to_contain_text("Replied to a story")
    expect(told.get_by_role("img", name="Story")).to_be_visible()
    reply(maya, "An hour north of here.")
    bo.get_by_role("log").get_by_text("An hour north of here.").wait_for()

    act_on(bo, 1, "React ❤")
    expect(maya.locator(".msg.out").last.locator(".reactions")).to_contain_text("❤")
    write(bo, "My phone number is 12345")
    expect(maya.locator(".msg.in").last).to_contain_text("12345")
    act_on(bo, 2, "Unsend")
    expect(maya.locator(".msg.in").last).to_contain_text("This message was unsent")
    expect(maya.locator("#log")).not_to_contain_text("12345")
    assert complaints == []

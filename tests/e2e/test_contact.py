"""A contact's page as people see it: from the inbox and back, editing, blocking and merging, on both sizes."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.looks import assert_accessible, shot
from tests.running_demo import Demo, eventually, phones

pytestmark = pytest.mark.e2e
EXPECTED = "status of 422"  # what a browser says about a form that was refused


def new_contact(demo: Demo, words: str) -> tuple[str, str]:
    """Somebody who has just written: (contact id, phone)."""
    phone = next(phones)
    demo.text(phone, demo.number, words)
    found = eventually(lambda: demo.client("maya").conversation_with(phone))
    return found["contact"]["id"], phone


def open_contact(page: Page, demo: Demo, contact: str, rest: str = "") -> None:
    page.goto(f"{demo.base_url}/contacts/{contact}/{rest}")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_from_the_inbox_to_the_history_and_back(demo: Demo, signed_in, complaints, viewport):
    contact, _ = new_contact(demo, "Where is my history?")
    maya = signed_in("maya", viewport)
    maya.locator("a", has_text="Where is my history?").first.click()
    if viewport is PHONE:
        maya.get_by_role("button", name="Contact details").click()

    maya.locator("#contact").get_by_role("link", name="History").click()
    maya.wait_for_url(f"**/contacts/{contact}/")
    expect(maya.get_by_role("heading", name="History")).to_be_visible()
    expect(maya.locator(".story .said", has_text="Where is my history?")).to_be_visible()
    maya.get_by_role("link", name="Back to the conversation").click()

    expect(maya.locator("#composer textarea")).to_be_visible()
    assert [
        said for said in complaints if "net::ERR_ABORTED" not in said
    ] == []  # a mark as read, when one leaves at once


def test_a_name_is_written_in_a_dialog_and_shows_in_the_inbox(demo: Demo, signed_in, complaints):
    contact, phone = new_contact(demo, "I have no name yet")
    maya, dana = signed_in("maya"), signed_in("dana")
    open_contact(maya, demo, contact)
    maya.get_by_role("link", name="Edit").click()
    dialog = maya.get_by_role("dialog")
    dialog.get_by_label("Phone").fill("12")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("isn't a valid phone number")).to_be_visible()
    expect(dialog.get_by_label("Phone")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Phone").fill(phone)
    dialog.get_by_label("First name").fill("Wilhelmina")
    dialog.get_by_role("button", name="Save").click()

    expect(maya.get_by_role("heading", name="Wilhelmina", level=1)).to_be_visible()
    expect(maya.locator(".toast", has_text="Contact saved.")).to_be_visible()
    expect(maya.get_by_text("Maya Okafor changed the details")).to_be_visible()
    expect(dana.locator(".conv-name", has_text="Wilhelmina").first).to_be_visible()  # on an open screen
    assert [said for said in complaints if EXPECTED not in said] == []


def test_blocking_is_seen_and_undone(demo: Demo, signed_in, complaints):
    contact, _ = new_contact(demo, "Please block me")
    maya = signed_in("maya")
    open_contact(maya, demo, contact)
    maya.get_by_role("button", name="Block", exact=True).click()
    expect(maya.get_by_text("You can't message this contact")).to_be_visible()
    maya.get_by_role("button", name="Unblock").click()
    expect(maya.get_by_role("button", name="Block", exact=True)).to_be_visible()
    expect(maya.get_by_text("Maya Okafor unblocked the contact")).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_two_contacts_become_one_and_stay_one(demo: Demo, signed_in, complaints, viewport):
    kept, own = new_contact(demo, "My old number")
    _, other = new_contact(demo, "My new number")
    maya = signed_in("maya", viewport)
    open_contact(maya, demo, kept)
    maya.get_by_role("link", name="Merge").click()
    maya.get_by_role("searchbox").fill(other)
    maya.locator("#found a").first.click()
    expect(maya.get_by_text("is added as a second number")).to_be_visible()
    expect(maya.get_by_text("can have only one open conversation")).to_be_visible()
    assert_accessible(maya, "contact-merge-preview")
    maya.get_by_role("button", name="Merge contacts").click()

    expect(maya.locator(".toast", has_text="Contacts merged.")).to_be_visible()
    for words in ("My old number", "My new number"):
        expect(maya.locator(".said", has_text=words)).to_be_visible()
    demo.text(other, demo.number, "Once more from the new number")
    eventually(lambda: maya.reload() and maya.locator(".said", has_text="Once more from the new number").count())
    assert complaints == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_pages_are_accessible(demo: Demo, signed_in, complaints, viewport):
    contact, phone = new_contact(demo, "Look at me")
    dana = signed_in("dana", viewport)
    client = demo.client("dana")
    name = {"first_name": "Maximiliane Constantinopolitanische", "last_name": "Wolfeschlegelsteinhausenbergerdorff"}
    assert client.patch(f"/api/contacts/{contact}", json={**name, "blocked": True}).status_code == 200
    room = client.read(f"/api/contacts/{contact}")["chatroom_id"]
    group = client.post("/api/groups", json={"name": f"People {phone}", "chatroom_id": room}).json()
    client.post("/api/groups", json={"name": f"Others {phone}", "chatroom_id": room})
    client.post(f"/api/groups/{group['id']}/members", json={"contact_ids": [contact]})
    talk = client.conversation_with(phone)["id"]
    client.post(f"/api/conversations/{talk}/notes", json={"content": "Prefers mornings, and never on Mondays."})

    for rest, look in (("", "contact"), ("edit/", "contact-edit"), ("merge/?search=a", "contact-merge")):
        open_contact(dana, demo, contact, rest)
        assert_accessible(dana, look)
    open_contact(dana, demo, contact)
    dana.get_by_role("link", name="Edit").click()
    expect(dana.get_by_role("dialog")).to_be_visible()
    assert_accessible(dana, "contact-edit-dialog")
    assert complaints == []


def test_with_the_keyboard_alone(demo: Demo, signed_in, complaints):
    contact, _ = new_contact(demo, "Only keys here")
    maya = signed_in("maya")
    open_contact(maya, demo, contact)
    press_until(maya, "Edit", "Tab")
    maya.keyboard.press("Enter")
    expect(maya.get_by_role("dialog").get_by_label("First name")).to_be_visible()
    maya.keyboard.press("Escape")
    expect(maya.get_by_role("dialog")).to_have_count(0)
    assert focused(maya) == "Edit"
    press_until(maya, "Merge", "Tab")
    maya.keyboard.press("Enter")
    maya.wait_for_url("**/merge/")
    maya.keyboard.type("zzzz")
    expect(maya.get_by_text("No matches in Sales")).to_be_visible()
    assert complaints == []


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.innerText").strip()


def press_until(page: Page, name: str, key: str) -> None:
    for _ in range(40):
        page.keyboard.press(key)
        if focused(page) == name:
            return
    raise AssertionError(f"{name} can't be reached by {key}.")


def test_enlarged_twice_and_in_forced_colors(demo: Demo, signed_in, browser):
    contact, _ = new_contact(demo, "Make it large")
    maya = signed_in("maya", {"width": 640, "height": 450})  # 1280 pixels at 200 %
    open_contact(maya, demo, contact)
    assert maya.evaluate("document.documentElement.scrollWidth") <= 640
    expect(maya.get_by_role("link", name="Edit")).to_be_visible()
    shot(maya, "contact-zoom")
    maya.set_viewport_size(DESKTOP)
    maya.emulate_media(forced_colors="active")
    shot(maya, "contact-forced-colors")
    expect(maya.get_by_role("heading", name="History")).to_be_visible()


def test_without_a_script_every_form_works(demo: Demo, browser, signed_in):
    contact, phone = new_contact(demo, "No script here")
    cookies = signed_in("maya").context.cookies()
    context = browser.new_context(java_script_enabled=False, viewport=DESKTOP)
    context.add_cookies(cookies)
    page = context.new_page()
    open_contact(page, demo, contact)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("First name").fill("Plain")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Plain", level=1)).to_be_visible()
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.get_by_role("button", name="Unblock")).to_be_visible()
    page.get_by_role("link", name="Merge").click()
    page.get_by_role("searchbox").fill("Omar")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#found a").first).to_have_attribute("href", re.compile("/merge/"))
    context.close()

"""The inbox within everybody's reach: by keyboard alone, on a phone, for readers, in large text."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.looks import assert_accessible
from tests.e2e.steps import arrive, open_one, row, shot, walk_to
from tests.running_demo import Demo, eventually

pytestmark = pytest.mark.e2e


def test_the_whole_inbox_by_keyboard(demo: Demo, signed_in, complaints):
    arrive(demo, "Below by keyboard")
    maya = signed_in("maya")
    expect(row(maya, "Below by keyboard")).to_be_visible()
    phone = arrive(demo, "Top by keyboard")
    expect(row(maya, "Top by keyboard")).to_be_visible()
    key = maya.keyboard.press

    key("j"), key("Enter")
    expect(maya.locator("#log")).to_contain_text("Top by keyboard")
    key("r")
    expect(maya.locator("#reply")).to_be_focused()
    maya.keyboard.type("Hello e a l z"), key("Enter")
    eventually(lambda: demo.phone(phone)[-1]["body"] == "Hello e a l z")
    key("Escape")
    expect(row(maya, "Hello e a l z")).to_be_focused()
    key("n"), maya.keyboard.type("A note by keyboard"), key("Enter")
    expect(maya.locator(".note-card", has_text="A note by keyboard")).to_be_visible()
    key("Escape"), key("a"), key("Enter")
    expect(maya.locator(".toast")).to_contain_text("Assigned to you.")
    expect(maya.locator("#log")).to_contain_text("You assigned this to yourself")
    maya.locator("body").press("l")
    key("ArrowDown"), key("Enter")
    expect(maya.locator("#contact .chip-x")).to_have_count(1)
    maya.locator("body").press("z")
    expect(maya.locator("#snooze .menu-item").first).to_be_focused()
    key("Escape")
    maya.locator("body").press("?")
    expect(maya.get_by_role("heading", name="Keyboard")).to_be_visible()
    shot(maya, "keys")
    key("Escape")
    key("Control+k")
    expect(maya.get_by_role("option", name="Resolve and open next")).to_be_visible()
    shot(maya, "commands")
    maya.keyboard.type("pending"), key("Enter")
    expect(maya.locator(".toast")).to_contain_text("Marked as pending")
    maya.locator("body").press("/")
    expect(maya.get_by_role("searchbox")).to_be_focused()
    key("Escape")
    walk_to(maya, "Below by keyboard")
    key("Enter")
    expect(maya.locator("#log")).to_contain_text("Below by keyboard")
    maya.locator("body").press("e")
    expect(row(maya, "Below by keyboard")).to_have_count(0)
    assert complaints == []


def test_on_a_phone_everything_is_within_reach(demo: Demo, signed_in, complaints):
    arrive(demo, "From a phone to a phone")
    maya = signed_in("maya", PHONE)
    shot(maya, "phone-list")
    open_one(maya, "From a phone to a phone")
    shot(maya, "phone-thread")
    maya.locator("#more summary").click()
    maya.locator("#more").get_by_role("button", name="Me").click()
    expect(maya.locator("#log")).to_contain_text("You assigned this to yourself")
    maya.get_by_role("button", name="Contact details").click()
    expect(maya.get_by_role("heading", name="Contact", exact=True)).to_be_visible()
    shot(maya, "phone-contact")
    maya.get_by_role("button", name="Back to the conversation").click()
    maya.locator("#resolve").click()
    expect(maya.locator("#convs")).to_be_visible()
    expect(row(maya, "From a phone to a phone")).to_have_count(0)
    assert maya.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert complaints == []


def test_on_a_phone_a_conversation_is_snoozed_until_any_time(demo: Demo, signed_in, complaints):
    arrive(demo, "Not today, and not here")
    maya = signed_in("maya", PHONE)
    open_one(maya, "Not today, and not here")
    maya.locator("#more summary").click()
    maya.locator("#more").get_by_role("button", name="Snooze", exact=True).click()
    expect(maya.locator("#more")).to_have_attribute("open", "")  # no time was given
    maya.locator("#more").get_by_label("Another time").fill(f"{datetime.now(UTC).date() + timedelta(days=10)}T09:30")
    shot(maya, "phone-snooze")
    maya.locator("#more").get_by_role("button", name="Snooze", exact=True).click()
    expect(maya.locator("#convs")).to_be_visible()
    expect(row(maya, "Not today, and not here")).to_have_count(0)
    maya.goto(f"{demo.base_url}/inbox/?status=snoozed")
    expect(row(maya, "Not today, and not here")).to_be_visible()
    assert maya.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert complaints == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(demo: Demo, signed_in, size):
    arrive(demo, "Accessible to everybody")
    maya = signed_in("maya", size)
    assert_accessible(maya, "list")
    open_one(maya, "Accessible to everybody")
    maya.locator("#reply").fill("We’ll see")
    assert_accessible(maya, "thread")
    maya.locator("#open-templates").click()
    expect(maya.get_by_role("option").first).to_be_visible()
    assert_accessible(maya, "picker")
    maya.keyboard.press("Escape")
    maya.locator(".mode label", has_text="Note").click()
    assert_accessible(maya, "note")
    maya.locator("#more summary").click()
    assert_accessible(maya, "menu")


def test_large_text_and_forced_colors_are_usable(demo: Demo, signed_in):
    arrive(demo, "Large and plain")
    maya = signed_in("maya")
    maya.set_viewport_size({"width": 720, "height": 450})  # 1440 by 900 at 200 %
    open_one(maya, "Large and plain")
    assert maya.evaluate("document.documentElement.scrollWidth") <= 720
    expect(maya.locator("#send")).to_be_in_viewport()
    shot(maya, "zoom")
    maya.set_viewport_size(DESKTOP)
    maya.emulate_media(forced_colors="active")
    shot(maya, "forced-colors")

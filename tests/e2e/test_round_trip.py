"""The round trip as people see it: a phone, two browsers that may see it, one that may not."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE
from tests.running_demo import Demo, phones

pytestmark = pytest.mark.e2e


def test_a_text_from_the_sandbox_phone_is_answered_in_the_inbox(demo: Demo, browser, signed_in, complaints):
    phone = next(phones)
    maya, dana, tom = signed_in("maya"), signed_in("dana"), signed_in("tom")
    before = maya.locator("[data-balance]").first.inner_text()
    handset = browser.new_context().new_page()
    handset.goto(f"{demo.base_url}/sandbox/")
    handset.get_by_label("Phone number").fill(phone)
    handset.get_by_role("button", name="Use").click()
    handset.get_by_label("Writes to").select_option(demo.number)
    handset.get_by_label("Message", exact=True).fill("Is the walnut table back?")
    handset.get_by_role("button", name="Send", exact=True).click()

    for page in (maya, dana):
        row = page.locator("a", has_text="Is the walnut table back?").first
        expect(row).to_be_visible()
    expect(tom.get_by_text("Is the walnut table back?")).to_have_count(0)

    maya.locator("a", has_text="Is the walnut table back?").first.click()
    composer = maya.locator("#composer textarea")
    composer.fill("Two came in this morning.")
    composer.press("Enter")

    bubble = maya.locator("#log", has_text="Two came in this morning.")
    expect(bubble).to_be_visible()
    expect(maya.locator("#log .msg.out").last.get_by_role("img", name="Delivered")).to_be_attached()
    expect(maya.locator("[data-balance]").first).to_have_text(f"{int(before.replace(',', '')) - 1:,}")
    expect(dana.locator("a", has_text="Two came in this morning.").first).to_be_visible()
    expect(handset.get_by_role("log").get_by_text("Two came in this morning.")).to_be_visible()
    assert [text["body"] for text in demo.phone(phone)][-1] == "Two came in this morning."
    assert complaints == []


def test_the_sign_tells_the_truth_and_what_was_missed_is_caught_up(demo: Demo, signed_in):
    phone = next(phones)
    maya = signed_in("maya")
    maya.context.set_offline(True)
    maya.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(maya.get_by_text(re.compile("Reconnecting|Offline")).locator("visible=true").first).to_be_visible()

    for number in range(3):
        demo.text(phone, demo.number, f"While away {number}")
    maya.context.set_offline(False)

    expect(maya.get_by_text("Live", exact=True).locator("visible=true").first).to_be_visible()
    expect(maya.locator("a", has_text="While away 2").first).to_be_visible()


def test_on_a_phone_one_pane_at_a_time(demo: Demo, signed_in, complaints):
    phone = next(phones)
    demo.text(phone, demo.number, "From a small screen")
    maya = signed_in("maya", PHONE)

    maya.locator("a", has_text="From a small screen").first.click()
    composer = maya.locator("#composer textarea")
    expect(composer).to_be_visible()
    composer.fill("And back")
    maya.locator("#send").click()

    expect(maya.locator("#log", has_text="And back")).to_be_visible()
    assert maya.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []

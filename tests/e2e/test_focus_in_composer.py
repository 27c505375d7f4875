"""Where the focus is while somebody writes, sends again and edits what is scheduled."""

import pytest
from playwright.sync_api import expect

from tests.e2e.steps import arrive, open_one, press, row, slow_down, stays_in
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e


# ---------------------------------------------------------------- the thread
def test_a_scheduled_message_is_changed_and_called_off(demo: Demo, signed_in, complaints):
    arrive(demo, "Scheduled by keyboard")
    maya = signed_in("maya")
    open_one(maya, "Scheduled by keyboard")
    maya.locator("#reply").fill("Tomorrow then")
    press(maya.locator("#later summary"))
    press(maya.locator("#later").get_by_role("button", name="Tomorrow morning"))
    bubble = maya.locator(".msg.out.scheduled")
    expect(bubble).to_contain_text("Scheduled for")
    stays_in(maya, maya.locator("#reply"))
    press(bubble.locator("summary"))
    bubble.get_by_label("Text").fill("Tomorrow, surely")
    press(bubble.get_by_role("button", name="Save"))
    expect(bubble.locator(".bubble")).to_have_text("Tomorrow, surely")
    stays_in(maya, bubble.locator("summary"))
    press(bubble.get_by_role("button", name="Cancel"))
    expect(maya.locator(".msg.out.failed")).to_contain_text("Canceled before sending")
    maya.wait_for_timeout(500)
    assert maya.evaluate("Boolean(document.activeElement.closest('#log'))")
    assert complaints == []


def test_sending_again_and_discarding(demo: Demo, signed_in):
    arrive(demo, "Answer me twice")
    maya = signed_in("maya")
    open_one(maya, "Answer me twice")
    demo.sandbox("POST", "/faults", provider="twilio", kind="400", count=1, code=21612)
    press(maya.locator("#reply"), "x")
    maya.keyboard.press("Enter")
    again = maya.get_by_role("button", name="Retry")
    expect(again).to_be_visible()
    stays_in(maya, maya.locator("#reply"))
    press(again)
    expect(maya.get_by_text("Retried below.")).to_be_visible()
    stays_in(maya, maya.locator("#log"))

    maya.route("**/api/messages/send", lambda route: route.fulfill(status=503, json={}))
    for name in ("Retry", "Discard"):
        maya.locator("#reply").fill(f"Not yet, {name}")
        press(maya.locator("#reply"))
        own = maya.locator(".msg.failed", has_text=f"Not yet, {name}")
        press(own.get_by_role("button", name=name))
        stays_in(maya, maya.locator("#log"))


def test_a_note_a_template_and_the_picker(demo: Demo, signed_in, complaints):
    arrive(demo, "Write by keyboard")
    maya = signed_in("maya")
    open_one(maya, "Write by keyboard")
    box = maya.locator("#reply")
    press(maya.locator("#open-templates"))
    maya.keyboard.press("Escape")
    stays_in(maya, box)
    press(maya.locator("#open-templates"))
    expect(maya.get_by_role("option", name="Opening hours")).to_be_visible()
    maya.keyboard.press("Enter")
    stays_in(maya, box)
    box.fill("")
    maya.keyboard.press("Escape")
    maya.keyboard.press("n")
    maya.keyboard.type("Only for us")
    press(maya.locator("#add-note"))
    expect(maya.locator(".note-card", has_text="Only for us")).to_be_visible()
    stays_in(maya, maya.locator("#composer textarea"))
    assert complaints == []


def test_the_box_keeps_the_focus_when_it_is_drawn_anew(demo: Demo, signed_in, complaints):
    phone = arrive(demo, "Block me while she writes")
    maya = signed_in("maya")
    open_one(maya, "Block me while she writes")
    maya.locator("#reply").focus()
    api = demo.client("dana")
    contact = api.conversation_with(phone)["contact"]["id"]
    assert api.patch(f"/api/contacts/{contact}", json={"blocked": True}).status_code == 200
    expect(maya.locator(".closed-box")).to_be_visible()
    stays_in(maya, maya.locator("#note"))
    assert complaints == []


def test_who_writes_goes_on_writing_to_the_same_person(demo: Demo, signed_in, complaints):
    arrive(demo, "Written to meanwhile")
    maya = signed_in("maya")
    expect(row(maya, "Written to meanwhile")).to_be_visible()
    arrive(demo, "Resolved and taken back")
    open_one(maya, "Resolved and taken back")
    maya.locator("#resolve").click()
    expect(maya.locator("#log")).to_contain_text("Written to meanwhile")
    undo = maya.locator(".toast").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    slow_down(maya, 600)
    undo.click()
    maya.locator("#reply").press_sequentially("For you", delay=20)
    expect(row(maya, "Resolved and taken back")).to_be_visible()
    maya.wait_for_timeout(700)
    expect(maya.locator("#log")).to_contain_text("Written to meanwhile")
    expect(maya.locator("#reply")).to_be_focused()
    expect(maya.locator("#reply")).to_have_value("For you")
    assert complaints == []

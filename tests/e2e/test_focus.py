"""Where the focus is after what it stood on was drawn anew, moved or taken away. It is never nowhere."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE
from tests.e2e.steps import arrive, open_one, press, resolve, row, slow_down, stays_in, walk_to
from tests.e2e.test_contact import new_contact, open_contact
from tests.running_demo import Demo, eventually

pytestmark = pytest.mark.e2e
FOCUS_SCRIPT_IS_THERE = "performance.getEntriesByType('resource').some(({name}) => /[/]focus[.]\\w+[.]js/.test(name))"


# ---------------------------------------------------------------- the list
@pytest.mark.parametrize("latency", [0, 400], ids=["at once", "after a skeleton"])
def test_another_list_keeps_the_row_or_gives_the_next(demo: Demo, signed_in, complaints, latency):
    for text in ("Focus row three", "Focus row two", "Focus row one"):
        phone = arrive(demo, text)
        eventually(lambda: demo.client("maya").conversation_with(phone))  # noqa: B023 as many as loops
    maya = signed_in("maya")
    row(maya, "Focus row two").first.focus()
    eventually(lambda: maya.evaluate(FOCUS_SCRIPT_IS_THERE))  # it comes with the first focus, and is not to be slow
    slow_down(maya, latency)
    maya.evaluate("document.querySelector('#filter-1 a:last-of-type').click()")  # any state
    maya.wait_for_url("**status=any**")
    stays_in(maya, row(maya, "Focus row two").first)
    maya.evaluate("document.querySelector('#tab-mine').click()")
    expect(row(maya, "Focus row two")).to_have_count(0)
    maya.wait_for_timeout(700)
    assert maya.evaluate("document.activeElement.matches('.conv, #convs a, #tab-mine')")
    assert complaints == []


def test_tabs_filters_and_search_keep_the_focus(demo: Demo, signed_in, complaints):
    arrive(demo, "Filtered by keyboard")
    maya = signed_in("maya")
    press(maya.locator("#tab-unassigned"))
    maya.wait_for_url("**tab=unassigned**")
    stays_in(maya, maya.locator("#tab-unassigned"))
    press(maya.locator("#filter-1 summary"))
    press(maya.locator("#filter-1").get_by_role("link", name="Pending"))
    maya.wait_for_url("**status=pending**")
    stays_in(maya, maya.locator("#filter-1 summary"))
    maya.get_by_role("searchbox").fill("nobody is called that")
    press(maya.get_by_role("link", name="Clear filters"))
    expect(row(maya, "Filtered by keyboard").first).to_be_visible()
    expect(maya.locator(".conv").first).to_be_focused()
    assert complaints == []


def test_a_row_that_leaves_hands_the_focus_to_the_next(demo: Demo, signed_in, complaints):
    phones = [arrive(demo, text) for text in ("Leaves below", "Leaves above")]
    maya = signed_in("maya")
    expect(row(maya, "Leaves above")).to_be_visible()
    expect(row(maya, "Leaves below")).to_be_visible()
    texts = maya.locator(".conv").evaluate_all("(rows) => rows.map((each) => each.id)")
    row(maya, "Leaves above").focus()
    here = texts.index(maya.evaluate("document.activeElement.id"))
    resolve(demo, phones[1])
    expect(row(maya, "Leaves above")).to_have_count(0)
    stays_in(maya, maya.locator(f"#{texts[here + 1]}"))
    assert complaints == []


def test_a_row_keeps_the_focus_while_messages_come(demo: Demo, signed_in, complaints):
    phone = arrive(demo, "Keeps the focus")
    maya = signed_in("maya")
    held = row(maya, "Keeps the focus")
    held.focus()
    own = held.get_attribute("id")
    for n in range(3):
        arrive(demo, f"Somebody else {n}")
        demo.text(phone, demo.number, f"And more {n}")
    expect(row(maya, "And more 2")).to_be_visible()
    stays_in(maya, maya.locator(f"#{own}"))
    assert complaints == []


# ---------------------------------------------------------------- what people do
def test_assigning_labelling_and_taking_back(demo: Demo, signed_in, complaints):
    arrive(demo, "Act on me by keyboard")
    maya = signed_in("maya")
    open_one(maya, "Act on me by keyboard")
    press(maya.locator("#assign summary"))
    press(maya.locator("#assign").get_by_role("button", name="Assign to me"))
    expect(maya.locator(".toast")).to_contain_text("Assigned to you.")
    stays_in(maya, maya.locator("#assign summary"))

    press(maya.locator("#label-menu summary"))
    press(maya.locator("#label-menu").get_by_role("button", name="VIP"))
    chip = maya.get_by_role("button", name="Remove the label VIP")
    expect(chip).to_be_visible()
    stays_in(maya, maya.locator("#label-menu summary"))
    press(maya.locator(".toast").get_by_role("button", name="Undo"))
    expect(chip).to_have_count(0)
    stays_in(maya, maya.locator("#label-menu summary"))
    press(maya.locator("#label-menu summary"))
    press(maya.locator("#label-menu").get_by_role("button", name="VIP"))
    press(chip)
    expect(chip).to_have_count(0)
    stays_in(maya, maya.locator("#label-menu summary"))

    press(maya.locator("#more summary"))
    press(maya.get_by_role("button", name="Block this contact"))
    expect(maya.locator(".closed-box")).to_be_visible()
    stays_in(maya, maya.locator("#more summary"))
    maya.locator("#note").focus()
    press(maya.locator(".toast").get_by_role("button", name="Undo"))
    stays_in(maya, maya.locator("#composer textarea"))
    assert complaints == []


def test_resolving_snoozing_and_undo(demo: Demo, signed_in, complaints):
    second = arrive(demo, "Resolved second")
    maya = signed_in("maya")
    expect(row(maya, "Resolved second")).to_be_visible()
    arrive(demo, "Resolved first")
    open_one(maya, "Resolved first")
    press(maya.locator("#resolve"))
    stays_in(maya, row(maya, "Resolved second"))
    press(maya.locator(".toast").get_by_role("button", name="Undo"))
    expect(maya.locator("#log")).to_contain_text("Resolved first")
    stays_in(maya, row(maya, "Resolved first"))

    press(maya.locator("#snooze summary"))
    press(maya.locator("#snooze").get_by_role("button", name="Tomorrow morning"))
    stays_in(maya, row(maya, "Resolved second"))
    maya.get_by_role("searchbox").fill(second)
    expect(maya.locator(".conv")).to_have_count(1)
    press(maya.locator("#resolve"))  # the only one of this list
    expect(maya.locator(".conv")).to_have_count(0)
    maya.wait_for_timeout(500)
    assert maya.evaluate("Boolean(document.activeElement.closest('#list'))")
    assert complaints == []


def test_opening_and_marking_as_unread(demo: Demo, signed_in, complaints):
    arrive(demo, "Opened by a key")
    maya = signed_in("maya")
    press(row(maya, "Opened by a key"))
    expect(maya.locator("#log")).to_contain_text("Opened by a key")
    stays_in(maya, row(maya, "Opened by a key"))
    press(maya.locator("#more summary"))
    press(maya.get_by_role("button", name="Mark as unread"))
    expect(maya.locator("#thread.none")).to_be_visible()
    stays_in(maya, row(maya, "Opened by a key"))
    assert complaints == []


def test_on_a_phone_the_focus_goes_with_the_pane(demo: Demo, signed_in, complaints):
    arrive(demo, "Focus on a phone")
    maya = signed_in("maya", PHONE)
    press(row(maya, "Focus on a phone"))
    expect(maya.locator("#log")).to_contain_text("Focus on a phone")
    stays_in(maya, maya.locator("#log"))
    press(maya.get_by_role("button", name="Contact details"))
    stays_in(maya, maya.get_by_role("button", name="Back to the conversation"))
    maya.keyboard.press("Enter")
    stays_in(maya, maya.get_by_role("button", name="Contact details"))
    press(maya.get_by_role("link", name="Back to the inbox"))
    stays_in(maya, row(maya, "Focus on a phone"))
    assert complaints == []


def test_the_banner_of_a_lost_connection_gives_the_focus_back(demo: Demo, signed_in):
    arrive(demo, "While the line is down")
    maya = signed_in("maya")
    open_one(maya, "While the line is down")
    maya.context.set_offline(True)
    maya.evaluate("window.dispatchEvent(new Event('offline'))")
    retry = maya.get_by_role("button", name="Retry now").locator("visible=true").first
    retry.focus()
    expect(retry).to_be_focused()
    maya.context.set_offline(False)
    expect(maya.get_by_text("Back online.").locator("visible=true").first).to_be_visible()
    expect(maya.locator("#log")).to_be_focused()


# ---------------------------------------------------------------- dialogs
def test_dialogs_and_menus_give_the_focus_back(demo: Demo, signed_in, complaints):
    picture = f"{demo.base_url}/sandbox/sample.png"
    phone = arrive(demo, "Look at this")
    demo.sandbox("POST", f"/phones/{phone}/messages", to=demo.number, body="A photo", media=[picture])
    maya = signed_in("maya")
    open_one(maya, "A photo")
    shot = maya.locator(".shots a").first
    eventually(lambda: maya.evaluate("document.querySelector('.shots img')?.naturalWidth"))
    press(shot)
    expect(maya.locator("#viewer img")).to_be_visible()
    maya.keyboard.press("Escape")
    stays_in(maya, shot)

    held = row(maya, "A photo")
    for key, name in (("Control+k", "#commands"), ("?", "#help")):
        press(held, key)
        expect(maya.locator(name)).to_be_visible()
        maya.keyboard.press("Escape")
        stays_in(maya, held)
    press(held, "z")
    expect(maya.locator("#snooze .menu-item").first).to_be_focused()
    maya.keyboard.press("Escape")
    stays_in(maya, maya.locator("#snooze summary"))

    press(maya.locator("#contact-edit"))
    dialog = maya.locator("#dialog")
    dialog.get_by_label("First name").fill("Philippa")
    api = demo.client("dana")
    talk = api.conversation_with(phone)["id"]
    assert api.patch(f"/api/conversations/{talk}", json={"status": "PENDING"}).status_code == 200
    expect(maya.locator("#thread-head .tag")).to_have_text(re.compile("Pending"))  # what opened it was drawn anew
    maya.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    stays_in(maya, maya.locator("#contact-edit"))
    assert complaints == []


def test_the_contact_page_after_saving_blocking_and_older_entries(demo: Demo, signed_in, complaints):
    contact, phone = new_contact(demo, "Line 0")
    for n in range(1, 60):
        demo.text(phone, demo.number, f"Line {n}")
    eventually(lambda: demo.client("maya").conversation_with(phone)["messages"][0]["content"] == "Line 59")
    maya = signed_in("maya")
    open_contact(maya, demo, contact)
    older = maya.get_by_role("link", name="Show older")
    last = maya.locator(".story-line").count()
    press(older)
    eventually(lambda: maya.locator(".story-line").count() > last)
    stays_in(maya, maya.locator(".story-line").nth(last).locator("a").first)

    for name in ("Block", "Unblock"):
        press(maya.get_by_role("button", name=name, exact=True))
        expect(maya.get_by_text(f"Maya Okafor {name.lower()}ed the contact")).to_be_visible()
        stays_in(maya, maya.locator("#block"))
    press(maya.locator("#contact-edit"))
    maya.get_by_role("dialog").get_by_label("First name").fill("Henrietta")
    maya.keyboard.press("Enter")
    expect(maya.get_by_role("heading", name="Henrietta", level=1)).to_be_visible()
    stays_in(maya, maya.locator("#contact-edit"))
    assert complaints == []


# ---------------------------------------------------------------- it never takes the focus from anybody
@pytest.mark.parametrize("where", ["#list-name", ".balance"])  # in the main part, and out of it
def test_who_clicked_beside_everything_is_left_alone(demo: Demo, signed_in, complaints, where):
    phone = arrive(demo, "Looked away from")
    maya = signed_in("maya")
    row(maya, "Looked away from").focus()
    maya.locator(where).first.click()
    was = maya.evaluate("document.activeElement.id")
    assert was in ("main", "")
    resolve(demo, phone)
    expect(row(maya, "Looked away from")).to_have_count(0)
    maya.wait_for_timeout(300)
    assert maya.evaluate("document.activeElement.id") == was
    assert complaints == []


# ---------------------------------------------------------------- all of it
def test_the_keyboard_goes_on_while_everything_moves(demo: Demo, signed_in, complaints):
    first, second, third = (arrive(demo, f"Journey {name}") for name in ("one", "two", "three"))
    maya = signed_in("maya")
    key = maya.keyboard.press
    walk_to(maya, "Journey two")
    demo.text(first, demo.number, "Journey one again")
    expect(row(maya, "Journey one again")).to_be_visible()
    expect(row(maya, "Journey two")).to_be_focused()
    key("Enter")
    expect(maya.locator("#log")).to_contain_text("Journey two")
    resolve(demo, third)
    expect(row(maya, "Journey three")).to_have_count(0)
    expect(row(maya, "Journey two")).to_be_focused()
    key("a"), key("Enter")
    expect(maya.locator(".toast")).to_contain_text("Assigned to you.")
    demo.text(second, demo.number, "Journey two goes on")
    expect(maya.locator("#log")).to_contain_text("Journey two goes on")
    expect(maya.locator("#assign summary")).to_be_focused()
    key("r")
    maya.keyboard.type("On my way")
    key("Enter")
    eventually(lambda: demo.phone(second)[-1]["body"] == "On my way")
    key("Escape")
    expect(row(maya, "On my way")).to_be_focused()
    resolve(demo, second)
    expect(row(maya, "On my way")).to_have_count(0)
    assert maya.evaluate("document.activeElement.matches('.conv')")
    key("k"), key("j")
    assert maya.evaluate("document.activeElement.matches('.conv')")
    walk_to(maya, "Journey one again")
    key("Enter")
    expect(maya.locator("#log")).to_contain_text("Journey one again")
    key("e")
    expect(row(maya, "Journey one again")).to_have_count(0)
    assert maya.evaluate("document.activeElement.matches('.conv')")
    assert complaints == []

"""The inbox as people live in it: finding, acting on conversations, with a colleague, with media."""

import re
import time

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import PHONE
from tests.e2e.looks import assert_accessible
from tests.e2e.steps import arrive, open_one, row, shot
from tests.running_demo import Demo, eventually, phones

pytestmark = pytest.mark.e2e


# ---------------------------------------------------------------- finding
def test_tabs_filters_and_search(demo: Demo, signed_in, complaints):
    arrive(demo, "Somewhere over the tabs")
    maya = signed_in("maya")
    expect(row(maya, "over the tabs")).to_be_visible()
    maya.locator("#tab-mine").click()
    expect(row(maya, "over the tabs")).to_have_count(0)
    assert maya.url.endswith("?tab=mine")
    mine = int(maya.locator('[data-tab="mine"]').inner_text())

    maya.locator("#tab-unassigned").click()
    row(maya, "over the tabs").click()
    maya.locator("#assign summary").click()
    maya.get_by_role("button", name="Assign to me").click()
    expect(maya.locator(".toast")).to_contain_text("Assigned to you.")
    expect(maya.locator('[data-tab="mine"]')).to_have_text(str(mine + 1))
    expect(row(maya, "over the tabs")).to_have_count(0)

    search = maya.get_by_role("searchbox")
    search.fill("nobody is called that")
    expect(maya.get_by_text("No results for")).to_be_visible()
    shot(maya, "search-nothing")
    maya.get_by_role("link", name="Clear filters").click()
    expect(row(maya, "over the tabs")).to_be_visible()
    maya.go_back()
    expect(maya.get_by_text("No results for")).to_be_visible()
    assert complaints == []


# ---------------------------------------------------------------- doing
def test_what_is_chosen_just_after_typing_stays_chosen(demo: Demo, signed_in, complaints):
    """A search begins a moment after the last letter; by then another list may have been asked for."""
    arrive(demo, "Found without a search")
    maya = signed_in("maya")
    maya.goto(f"{demo.base_url}/inbox/?status=pending&search=nobody")
    clear = maya.get_by_role("link", name="Clear filters")
    expect(clear).to_be_visible()

    def slowly(route):
        time.sleep(0.5)
        route.continue_()

    maya.route("**/inbox/**", slowly)
    maya.get_by_role("searchbox").press_sequentially(" is called that")
    clear.click()
    expect(row(maya, "Found without a search")).to_be_visible()
    maya.wait_for_timeout(1000)
    expect(row(maya, "Found without a search")).to_be_visible()
    expect(maya.get_by_role("searchbox")).to_have_value("")
    assert complaints == []


def test_resolving_opens_the_next_and_is_taken_back(demo: Demo, signed_in, complaints):
    arrive(demo, "The one below")
    maya = signed_in("maya")
    expect(row(maya, "The one below")).to_be_visible()
    arrive(demo, "The one on top")
    open_one(maya, "The one on top")

    maya.locator("#resolve").dblclick()

    expect(row(maya, "The one on top")).to_have_count(0)
    expect(maya.locator("#log")).to_contain_text("The one below")
    expect(row(maya, "The one below")).to_have_count(1)  # which came under the pointer between the two clicks
    toast = maya.locator(".toast")
    expect(toast).to_contain_text("is resolved.")
    toast.get_by_role("button", name="Undo").click()
    expect(row(maya, "The one on top")).to_be_visible()
    expect(maya.locator("#log")).to_contain_text("The one on top")
    expect(maya.locator("#log .event")).to_have_count(0)  # a change and its undo leave no line
    assert complaints == []


def test_several_are_selected_by_key_and_pointer_resolved_and_taken_back(demo: Demo, signed_in, complaints):
    texts = [f"Several at once {n}" for n in range(3)]
    for text in texts:
        arrive(demo, text)
    maya = signed_in("maya")
    bar, boxes = maya.locator("#bulk"), maya.locator("#convs .conv-pick > input")
    expect(row(maya, texts[2])).to_be_visible()
    expect(bar).to_be_hidden()
    maya.locator("body").press("j")
    maya.keyboard.press("x")
    expect(boxes.first).to_be_checked()
    expect(bar.get_by_role("status")).to_have_text("1 selected")
    expect(maya).to_have_url(f"{demo.base_url}/inbox/")  # nothing was opened
    row(maya, texts[0]).hover()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(bar.get_by_role("status")).to_have_text("3 selected")
    assert_accessible(maya, "inbox-selected")
    maya.keyboard.press("Escape")
    expect(bar).to_be_hidden()

    maya.get_by_role("button", name="Select conversations").click()
    for place in range(3):
        boxes.nth(place).check()
    bar.get_by_role("button", name="Resolve").click()
    toast = maya.locator(".toast")
    expect(toast).to_contain_text("3 conversations resolved.")
    for text in texts:
        expect(row(maya, text)).to_have_count(0)
    expect(bar).to_be_hidden()
    toast.get_by_role("button", name="Undo").click()
    expect(toast).to_contain_text("Undone.")
    for text in texts:
        expect(row(maya, text)).to_be_visible()

    boxes.first.check()
    bar.locator("#bulk-assign summary").click()
    bar.get_by_role("button", name="Assign to me").click()
    expect(toast).to_contain_text("1 conversation assigned to you.")
    expect(maya.locator(".conv").first.get_by_label("Assigned to Maya")).to_be_visible()
    assert complaints == []


def test_labels_snooze_unread_and_block(demo: Demo, signed_in, complaints):
    arrive(demo, "Label and snooze me")
    maya = signed_in("maya")
    open_one(maya, "Label and snooze me")
    maya.locator("#label-menu summary").click()
    maya.locator("#label-menu").get_by_role("button", name="VIP").click()
    expect(row(maya, "Label and snooze me")).to_contain_text("VIP")
    expect(maya.locator("#contact .chip", has_text="VIP")).to_be_visible()

    maya.locator("#more summary").click()
    maya.get_by_role("button", name="Block this contact").click()
    expect(maya.locator(".closed-box")).to_contain_text("This contact is blocked")
    expect(maya.locator("#reply")).to_have_count(0)
    maya.locator(".toast").get_by_role("button", name="Undo").click()
    expect(maya.locator("#reply")).to_be_visible()

    maya.locator("#more summary").click()
    maya.get_by_role("button", name="Mark as unread").click()
    expect(row(maya, "Label and snooze me").locator(".count-pill")).to_have_text(re.compile("1"))
    open_one(maya, "Label and snooze me")
    maya.locator("#snooze summary").click()
    maya.get_by_role("button", name="Tomorrow morning").first.click()
    expect(maya.locator(".toast")).to_contain_text("is snoozed until")
    expect(row(maya, "Label and snooze me")).to_have_count(0)
    maya.goto(f"{demo.base_url}/inbox/?status=snoozed")
    expect(row(maya, "Label and snooze me")).to_be_visible()
    assert complaints == []


def test_a_note_with_a_mention_and_a_colleague_who_sees_it(demo: Demo, signed_in, complaints):
    phone = arrive(demo, "Talk about me")
    maya, dana = signed_in("maya"), signed_in("dana")
    open_one(maya, "Talk about me")
    open_one(dana, "Talk about me")
    maya.locator(".mode label", has_text="Note").click()
    expect(maya.locator("#send")).to_be_hidden()
    box = maya.locator("#composer textarea")
    box.press_sequentially("@da")
    expect(maya.get_by_role("option", name="Dana Reyes")).to_be_visible()
    box.press("Enter")
    box.press_sequentially("is next-day fine?")
    shot(maya, "note")
    box.press("Enter")

    for page in (maya, dana):
        card = page.locator(".note-card", has_text="is next-day fine?")
        expect(card).to_have_count(1)
        expect(card.locator(".mention")).to_have_text("@Dana Reyes")
    assert demo.phone(phone)[-1]["body"] == "Talk about me"
    assert complaints == []


def test_who_else_is_here(demo: Demo, signed_in, complaints):
    arrive(demo, "Both of us look")
    maya, dana, tom = signed_in("maya"), signed_in("dana"), signed_in("tom")
    open_one(maya, "Both of us look")
    open_one(dana, "Both of us look")

    expect(maya.locator("#viewing")).to_contain_text("Dana is viewing")
    expect(dana.locator("#viewing")).to_contain_text("Maya is viewing")
    dana.locator("#reply").press_sequentially("I will")
    expect(maya.locator("#typing")).to_have_text("Dana is replying")
    shot(maya, "presence")
    dana.locator(".conv:not([aria-current])").first.click()
    expect(maya.locator("#viewing")).to_be_hidden()
    expect(row(dana, "Draft: I will")).to_be_visible()
    assert complaints == []
    assert tom.locator("#viewing").count() == 0


def test_who_comes_later_learns_that_somebody_is_already_replying(demo: Demo, signed_in, complaints):
    arrive(demo, "She is writing already")
    maya, dana = signed_in("maya"), signed_in("dana")
    expect(row(maya, "She is writing already")).to_be_visible()
    open_one(dana, "She is writing already")
    dana.locator("#reply").press_sequentially("I wi")
    open_one(maya, "She is writing already")
    expect(maya.locator("#typing")).to_have_text("Dana is replying")
    expect(dana.locator("#viewing")).to_contain_text("Maya is viewing")  # Dana has told her what she does by now
    dana.locator("#reply").press_sequentially("ll")
    expect(maya.locator("#typing")).to_be_hidden(timeout=15_000)  # she pauses
    expect(maya.locator("#viewing")).to_contain_text("Dana is viewing")
    assert complaints == []


def test_a_chatroom_appears_and_goes_without_a_reload(demo: Demo, signed_in):
    arrive(demo, "Visible to a newcomer")
    dana, tom = demo.client("dana"), signed_in("tom")
    user = demo.client("tom").user["id"]
    room = demo.people["maya"]["chatroom_ids"][0]
    expect(row(tom, "Visible to a newcomer")).to_have_count(0)

    dana.post("/api/user-chatrooms", json={"user_id": user, "chatroom_id": room})

    expect(tom.locator(".rooms").get_by_role("link", name="Sales")).to_be_visible()
    open_one(tom, "Visible to a newcomer")
    dana.delete(f"/api/user-chatrooms?user_id={user}&chatroom_id={room}")
    expect(tom.get_by_text("You no longer have access to this chatroom.").locator("visible=true").first).to_be_visible()
    expect(row(tom, "Visible to a newcomer")).to_have_count(0)
    expect(tom.locator(".rooms").get_by_role("link", name="Sales")).to_have_count(0)


def test_the_menu_of_a_phone_stays_when_a_chatroom_comes(demo: Demo, signed_in, complaints):
    """The tab bar is drawn anew then, with the menu in it that stands once on the page."""
    dana, tom = demo.client("dana"), signed_in("tom", PHONE)
    user, room = demo.client("tom").user["id"], demo.people["maya"]["chatroom_ids"][0]
    more = tom.locator(".tabbar details").last
    more.locator("summary").click()
    expect(more.get_by_role("button", name="Sign out")).to_be_visible()
    dana.post("/api/user-chatrooms", json={"user_id": user, "chatroom_id": room})
    expect(tom.locator(".tabbar").get_by_role("link", name="Sales", include_hidden=True)).to_have_count(1)
    more.locator("summary").click()
    expect(more.get_by_role("button", name="Sign out")).to_be_visible()
    expect(more).not_to_contain_text("null")
    dana.delete(f"/api/user-chatrooms?user_id={user}&chatroom_id={room}")
    assert complaints == []


def test_pictures_and_files_are_our_own_copies(demo: Demo, signed_in, complaints):
    phone = next(phones)
    picture = f"{demo.base_url}/sandbox/sample.png"
    demo.sandbox("POST", f"/phones/{phone}/messages", to=demo.number, body="Two photos", media=[picture, picture])
    maya = signed_in("maya")
    open_one(maya, "Two photos")
    expect(maya.locator(".shots img")).to_have_count(2)
    eventually(lambda: maya.evaluate("[...document.querySelectorAll('.shots img')].every((each) => each.naturalWidth)"))
    assert all("/attachments/" in each.get_attribute("src") for each in maya.locator(".shots img").all())
    maya.locator(".shots a").first.click()
    expect(maya.locator("#viewer img")).to_be_visible()
    shot(maya, "viewer")
    maya.keyboard.press("ArrowRight")
    expect(maya.locator("#viewer [data-words]")).to_have_text("2/2")
    maya.keyboard.press("Escape")
    expect(maya.locator(".shots a").first).to_be_focused()
    assert complaints == []


def test_offline_what_was_opened_opens_again_and_the_rest_says_that_it_can_not(demo: Demo, signed_in):
    for text in ("Opened first", "Opened second", "Never opened"):
        arrive(demo, text)
    maya = signed_in("maya")
    open_one(maya, "Opened first")
    open_one(maya, "Opened second")
    maya.context.set_offline(True)
    maya.evaluate("window.dispatchEvent(new Event('offline'))")

    row(maya, "Never opened").first.click()
    expect(row(maya, "Never opened").first).to_contain_text("Not available offline")
    expect(maya.locator("#log")).to_contain_text("Opened second")
    open_one(maya, "Opened first")
    expect(row(maya, "Opened first").first).to_have_attribute("aria-current", "true")

    maya.context.set_offline(False)
    maya.evaluate("window.dispatchEvent(new Event('online'))")
    expect(maya.get_by_text("Not available offline").locator("visible=true")).to_have_count(0)
    expect(maya.locator("#log")).to_contain_text("Opened first")


def test_an_opt_out_closes_the_composer_of_an_open_thread_and_an_opt_in_opens_it(demo: Demo, signed_in):
    phone = arrive(demo, "Hello from my phone")
    maya = signed_in("maya")
    open_one(maya, "Hello from my phone")

    demo.text(phone, demo.number, "STOP")
    expect(maya.locator("#composer-wrap .closed-box")).to_be_visible()
    expect(maya.locator("#contact")).to_contain_text("Opted out")

    demo.text(phone, demo.number, "START")
    expect(maya.locator("#composer-wrap .closed-box")).to_be_hidden()
    expect(maya.locator("#reply")).to_be_visible()
    expect(maya.locator("#contact")).to_contain_text("Opted in")


def test_the_contact_of_the_conversation_before_is_not_shown_while_the_next_one_loads(demo: Demo, signed_in):
    for text in ("Shown first", "Loads slowly"):
        arrive(demo, text)
    maya = signed_in("maya")
    open_one(maya, "Shown first")
    waiting: list[Route] = []
    maya.route("**/inbox/*-*-*-*-*/*", lambda route: waiting.append(route) if not waiting else route.continue_())
    row(maya, "Loads slowly").first.click()
    expect(maya.locator("#contact")).to_have_attribute("aria-busy", "true")
    expect(maya.locator("#contact .aside-top h2")).to_be_hidden()
    waiting[0].continue_()
    expect(maya.locator("#log")).to_contain_text("Loads slowly")
    expect(maya.locator("#contact .aside-top h2")).to_be_visible()

"""The inbox as people live in it: everything by keyboard, on a phone, with a colleague, and when things go wrong."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.running_demo import Demo, eventually, phones

pytestmark = pytest.mark.e2e
SHOTS = Path(__file__).parent.parent / "shots"


def arrive(demo: Demo, *texts: str) -> str:
    """Somebody new writes to the first chatroom; returns their phone."""
    phone = next(phones)
    for text in texts:
        demo.text(phone, demo.number, text)
    return phone


def open_one(page: Page, text: str) -> None:
    page.locator(".conv", has_text=text).first.click()
    expect(page.locator("#log")).to_contain_text(text)
    expect(page.locator("#reply")).to_be_visible()


def walk_to(page: Page, text: str) -> None:
    """By j and k alone, to the top and then down, until the row has the focus."""
    for key in "kkkkjjjjj":
        if text in page.evaluate("document.activeElement.matches('.conv') && document.activeElement.textContent || ''"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"No row with {text!r} came under the keyboard.")


def row(page: Page, text: str):
    return page.locator(".conv", has_text=text)


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
    expect(maya.get_by_text("Nobody found for")).to_be_visible()
    shot(maya, "search-nothing")
    maya.get_by_role("link", name="Clear filters").click()
    expect(row(maya, "over the tabs")).to_be_visible()
    maya.go_back()
    expect(maya.get_by_text("Nobody found for")).to_be_visible()
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
    expect(maya.locator("#log")).to_contain_text("You reopened this")
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


# ---------------------------------------------------------------- writing
def test_templates_are_found_filled_in_and_sent(demo: Demo, signed_in, complaints):
    phone = arrive(demo, "When do you open?")
    maya = signed_in("maya")
    open_one(maya, "When do you open?")
    maya.locator("#reply").press_sequentially("/")
    expect(maya.get_by_role("option", name="Opening hours")).to_be_visible()
    shot(maya, "templates")
    maya.keyboard.type("photo")
    maya.keyboard.press("Enter")
    box = maya.locator("#reply")
    expect(box).to_have_value(re.compile(r"^I'm sorry about that, {{first_name}}\."))
    box.press("Enter")
    expect(maya.locator("#send-error")).to_contain_text("Fill in {{first_name}} first")
    box.press_sequentially("Kim")  # the place is selected
    expect(box).to_have_value(re.compile("^I'm sorry about that, Kim"))
    box.press("Enter")
    eventually(lambda: demo.phone(phone)[-1]["body"].startswith("I'm sorry about that, Kim"))
    assert complaints == []


def test_the_counter_names_what_makes_it_unicode_and_makes_it_plain(demo: Demo, signed_in, complaints):
    arrive(demo, "Count with me")
    maya = signed_in("maya")
    open_one(maya, "Count with me")
    box, counter = maya.locator("#reply"), maya.locator("#counter")
    box.fill("We’ll call you")
    expect(counter).to_contain_text("Unicode")
    expect(maya.locator("#unicode-hint")).to_contain_text("because of ’")
    maya.get_by_role("button", name="Make it plain").click()
    expect(box).to_have_value("We'll call you")
    expect(counter).to_contain_text("GSM-7")
    box.fill("x" * 320)
    expect(counter).to_contain_text("3 segments")
    expect(counter).to_have_attribute("data-level", "warn")
    expect(counter).to_contain_text("1 token")
    assert complaints == []


def test_drafts_stay_until_they_are_sent_or_their_writer_signs_out(demo: Demo, signed_in, complaints):
    arrive(demo, "Write me half an answer")
    maya = signed_in("maya")
    open_one(maya, "Write me half an answer")
    maya.locator("#reply").fill("Half an ans")
    maya.wait_for_timeout(500)
    maya.reload()
    expect(maya.locator("#reply")).to_have_value("Half an ans")
    maya.goto(f"{demo.base_url}/inbox/")
    expect(row(maya, "Draft: Half an ans")).to_be_visible()
    maya.locator("summary.me").click()
    maya.get_by_role("button", name="Sign out").click()
    maya.wait_for_url("**/login/**")
    assert maya.evaluate("localStorage.length") == 0
    assert complaints == []


def test_a_message_is_scheduled_changed_and_called_off(demo: Demo, signed_in, complaints):
    phone = arrive(demo, "Answer me tomorrow")
    maya = signed_in("maya")
    open_one(maya, "Answer me tomorrow")
    maya.locator("#reply").fill("Good morning")
    maya.locator("#later summary").click()
    maya.locator("#later").get_by_role("button", name="Tomorrow morning").click()
    bubble = maya.locator(".msg.out.scheduled")
    expect(bubble).to_contain_text("Goes out")
    bubble.locator("summary").click()
    bubble.get_by_label("Text").fill("Good morning to you")
    shot(maya, "scheduled")
    bubble.get_by_role("button", name="Save").click()
    expect(bubble.locator(".bubble")).to_have_text("Good morning to you")
    bubble.get_by_role("button", name="Call off").click()
    expect(maya.locator(".msg.out.failed")).to_contain_text("Called off before it was sent")
    assert demo.phone(phone)[-1]["body"] == "Answer me tomorrow"
    assert complaints == []


def test_no_tokens_keeps_the_message_and_says_so(demo: Demo, signed_in):
    dana = demo.client("dana")
    who = next(user for user in dana.read("/api/users")["results"] if user["email"] == demo.people["priya"]["email"])
    number = demo.details["twilio"]["numbers"][2]["phone"]
    phone = next(phones)
    demo.text(phone, number, "Nobody can pay for me")
    dana.patch("/api/tokens/update", json={"user_id": who["id"], "balance": 0, "reason": "For the test"})
    try:
        priya = signed_in("priya")
        open_one(priya, "Nobody can pay for me")
        priya.locator("#reply").fill("Sorry")
        priya.keyboard.press("Enter")
        failed = priya.locator(".msg.out.failed")
        expect(failed).to_contain_text("token")
        expect(priya.get_by_text("No tokens left.").locator("visible=true").first).to_be_visible()
        expect(priya.get_by_role("link", name="Ask for tokens").first).to_be_visible()
        shot(priya, "no-tokens")
        dana.patch("/api/tokens/update", json={"user_id": who["id"], "balance": 50, "reason": "For the test"})
        failed.get_by_role("button", name="Retry").click()
        expect(priya.locator("#log .msg.out").last.get_by_role("img", name="Delivered")).to_be_attached()
        assert [text["body"] for text in demo.phone(phone)].count("Sorry") == 1
    finally:
        dana.patch("/api/tokens/update", json={"user_id": who["id"], "balance": 1000, "reason": "For the test"})


def test_something_newer_is_looked_at_first(demo: Demo, signed_in):
    phone = arrive(demo, *[f"Line {n} of a long talk, long enough to scroll" for n in range(30)])
    maya = signed_in("maya")
    open_one(maya, "Line 29 of a long talk")
    maya.locator("#reply").fill("Then it is settled")
    maya.evaluate("document.getElementById('log').scrollTop = -100000")
    maya.wait_for_timeout(300)
    demo.text(phone, demo.number, "Wait, no!")
    expect(maya.locator("#jump")).to_contain_text("1 new message")
    shot(maya, "jump")
    maya.locator("#reply").press("Enter")

    guard = maya.locator(".msg.out.failed")
    expect(guard).to_contain_text("Something new came in")
    guard.get_by_role("button", name="Look first").click()
    expect(maya.locator("#reply")).to_have_value("Then it is settled")
    maya.locator("#reply").press("Enter")
    eventually(lambda: demo.phone(phone)[-1]["body"] == "Then it is settled")


def test_what_is_written_offline_goes_out_in_order(demo: Demo, signed_in):
    phone = arrive(demo, "I write while you are away")
    maya = signed_in("maya")
    open_one(maya, "I write while you are away")
    maya.context.set_offline(True)
    maya.evaluate("window.dispatchEvent(new Event('offline'))")
    for text in ("First", "Second"):
        maya.locator("#reply").fill(text)
        maya.locator("#reply").press("Enter")
    expect(maya.get_by_text("Waiting for the connection").locator("visible=true").first).to_be_visible()
    expect(maya.get_by_text("Connection lost.").locator("visible=true").first).to_be_visible()
    shot(maya, "offline")
    demo.text(phone, demo.number, "Still there?")
    api = demo.client("maya")
    eventually(lambda: api.conversation_with(phone)["messages"][0]["content"] == "Still there?")
    maya.context.set_offline(False)

    expect(maya.get_by_text("1 message arrived while you were away").locator("visible=true").first).to_be_visible()
    eventually(lambda: [text["body"] for text in demo.phone(phone)][-2:] == ["First", "Second"], 30)
    expect(maya.locator("#log")).to_contain_text("Still there?")


def test_in_quiet_hours_the_usual_button_schedules(demo: Demo, signed_in, complaints):
    ines = demo.client("ines")
    old = demo.client("leo").read("/api/conversations", status="OPEN")["results"][-1]
    quiet = {"quiet_hours": {"from": "00:00", "until": "23:59"}}
    answer = ines.patch("/api/settings", json=quiet)
    assert answer.status_code == 200, answer.text
    try:
        leo = signed_in("leo")
        leo.goto(f"{demo.base_url}/inbox/{old['id']}/")
        expect(leo.locator("#composer-wrap")).to_contain_text("within your quiet hours")
        leo.locator("#reply").fill("Good morning")
        shot(leo, "quiet")
        leo.get_by_role("button", name="Schedule for").click()
        expect(leo.locator(".msg.out.scheduled")).to_contain_text("Goes out")
        assert complaints == []
    finally:
        ines.patch("/api/settings", json={"quiet_hours": None})


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
    expect(tom.get_by_text("You no longer work in this chatroom.").locator("visible=true").first).to_be_visible()
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


# ---------------------------------------------------------------- by keyboard alone, and on a phone
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
    expect(maya.get_by_role("option", name="Resolve and open the next")).to_be_visible()
    shot(maya, "commands")
    maya.keyboard.type("pending"), key("Enter")
    expect(maya.locator(".toast")).to_contain_text("Pending: it waits")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(demo: Demo, signed_in, scheme, size):
    arrive(demo, "Accessible to everybody")
    maya = signed_in("maya", size)
    maya.emulate_media(color_scheme=scheme)
    check(maya, f"list-{scheme}-{size['width']}")
    open_one(maya, "Accessible to everybody")
    maya.locator("#reply").fill("We’ll see")
    check(maya, f"thread-{scheme}-{size['width']}")
    maya.locator("#open-templates").click()
    expect(maya.get_by_role("option").first).to_be_visible()
    check(maya, f"picker-{scheme}-{size['width']}")
    maya.keyboard.press("Escape")
    maya.locator(".mode label", has_text="Note").click()
    check(maya, f"note-{scheme}-{size['width']}")
    maya.locator("#more summary").click()
    check(maya, f"menu-{scheme}-{size['width']}")


def check(page: Page, name: str) -> None:
    page.wait_for_timeout(300)
    shot(page, name)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


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


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"inbox-{name}.png")

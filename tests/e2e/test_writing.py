"""Writing to customers: templates, drafts, later, and what keeps a message back."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.steps import arrive, open_one, row, shot
from tests.running_demo import Demo, eventually, phones

pytestmark = pytest.mark.e2e


def count_uses(demo: Demo, words: str) -> int:
    """Of the template that has these words."""
    found = demo.client("maya").read("/api/templates")["results"]
    return next(each["uses"] for each in found if words in f"{each['name']} {each['body']}".lower())


def test_a_template_that_was_deleted_meanwhile_holds_up_no_message(demo: Demo, signed_in, complaints):
    admin = demo.client("dana")
    phone = arrive(demo, "What is your address?")
    made = admin.post("/api/templates", json={"name": "Way", "body": "Harbour street 4"}).json()
    maya = signed_in("maya")
    open_one(maya, "What is your address?")
    maya.locator("#reply").press_sequentially("/")
    maya.keyboard.type("harbour")
    expect(maya.get_by_role("option", name="Way")).to_be_visible()
    maya.keyboard.press("Enter")
    expect(maya.locator("#reply")).to_have_value("Harbour street 4")
    assert admin.delete(f"/api/templates/{made['id']}").status_code == 204
    maya.locator("#reply").press("Enter")
    eventually(lambda: demo.phone(phone)[-1]["body"] == "Harbour street 4")
    expect(maya.locator("#send-error")).to_be_hidden()
    assert [each for each in complaints if "400" not in each] == []


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
    expect(maya.locator("#send-error")).to_contain_text("Replace {{first_name}} before sending")
    box.press_sequentially("Kim")  # the place is selected
    expect(box).to_have_value(re.compile("^I'm sorry about that, Kim"))
    uses = count_uses(demo, "photo")
    box.press("Enter")
    eventually(lambda: demo.phone(phone)[-1]["body"].startswith("I'm sorry about that, Kim"))
    assert count_uses(demo, "photo") == uses + 1
    box.fill("Not from a template")
    box.press("Enter")
    eventually(lambda: demo.phone(phone)[-1]["body"] == "Not from a template")
    assert count_uses(demo, "photo") == uses + 1
    assert complaints == []


def test_the_counter_names_what_makes_it_unicode_and_makes_it_plain(demo: Demo, signed_in, complaints):
    arrive(demo, "Count with me")
    maya = signed_in("maya")
    open_one(maya, "Count with me")
    box, counter = maya.locator("#reply"), maya.locator("#counter")
    box.fill("We’ll call you")
    expect(counter).to_contain_text("14/1,600 · 1 segment")
    expect(counter.get_by_text("Unicode")).to_be_hidden()  # it costs nothing more
    box.fill("We’ll call you" + "!" * 60)
    expect(counter.get_by_text("Unicode")).to_be_visible()
    expect(maya.locator("#unicode-hint")).to_contain_text("because of ’")
    maya.get_by_role("button", name="Use plain characters").click()
    expect(box).to_have_value("We'll call you" + "!" * 60)
    expect(counter.get_by_text("Unicode")).to_be_hidden()
    box.fill("x" * 320)
    expect(counter).to_contain_text("3 segments")
    expect(counter).to_have_attribute("data-level", "warn")
    expect(counter).to_contain_text("1 token")
    box.fill("x" * 1601)
    expect(counter).to_have_attribute("data-level", "over")
    expect(maya.locator("#send")).to_be_disabled()
    box.fill("x" * 1600)
    expect(maya.locator("#send")).to_be_enabled()
    assert complaints == []


def test_the_counter_has_the_footer_of_a_first_message(demo: Demo, signed_in, complaints):
    admin = demo.client("dana")
    settings = "/api/settings"
    phone = arrive(demo, "Write to me for the first time")
    admin.patch(settings, json={"first_message_footer": "Reply STOP to opt out."})
    try:
        footer = f"\n{admin.read(settings)['name']}: Reply STOP to opt out."
        maya = signed_in("maya")
        open_one(maya, "Write to me for the first time")
        box, counter, hint = maya.locator("#reply"), maya.locator("#counter"), maya.locator("#footer-hint")
        expect(hint).to_have_text(f"Adds your opt-out footer: {footer.strip()}")
        box.fill("x" * 150)
        expect(counter).to_contain_text(f"{150 + len(footer)}/1,600 · 2 segments")
        expect(counter).to_contain_text("1 token")
        shot(maya, "footer")
        box.fill("x" * 1599)  # without the footer it would fit
        expect(maya.locator("#send")).to_be_disabled()
        box.fill("x" * 150)
        box.press("Enter")
        eventually(lambda: demo.phone(phone)[-1]["body"] == "x" * 150 + footer)
        expect(hint).to_be_hidden()
        box.fill("x" * 150)
        expect(counter).to_contain_text("150/1,600 · 1 segment")
    finally:
        admin.patch(settings, json={"first_message_footer": ""})
    assert complaints == []


def height(place: Locator) -> float:
    return place.evaluate("(one) => one.getBoundingClientRect().height")


WATCH_NODES = """
    window.moved = [];
    new MutationObserver((records) => moved.push(...records.map(({ target }) => target.outerHTML.slice(0, 80))))
      .observe(document.getElementById("composer-wrap"), { childList: true, subtree: true });
"""


def test_a_letter_puts_no_node_in_and_takes_none_out(demo: Demo, signed_in, complaints):
    """Else the browser looks at all rules with :has() again, and at 182 elements: two thirds of what a letter cost."""
    arrive(demo, "Type with me")
    maya = signed_in("maya")
    open_one(maya, "Type with me")
    box = maya.locator("#reply")
    box.press_sequentially("Hello")
    expect(maya.locator("#counter")).to_contain_text("5/1,600")
    maya.evaluate(WATCH_NODES)

    box.press_sequentially(", it will be there on Thursday.")

    expect(maya.locator("#counter")).to_contain_text("36/1,600")
    assert maya.evaluate("moved") == []
    assert complaints == []


def test_the_box_grows_and_shrinks_with_its_text(demo: Demo, signed_in, complaints):
    arrive(demo, "Tell me more")
    maya = signed_in("maya")
    open_one(maya, "Tell me more")
    box, frame = maya.locator("#reply"), maya.locator(".composer-text.fixed")
    expect(frame).to_have_count(1)
    small = height(frame)

    box.fill("Line\n" * 6)
    eventually(lambda: height(frame) > small and height(frame) == height(box))
    box.fill("")
    eventually(lambda: height(frame) == small)
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
    expect(bubble).to_contain_text("Scheduled for")
    bubble.locator("summary").click()
    bubble.get_by_label("Text").fill("Good morning to you")
    shot(maya, "scheduled")
    bubble.get_by_role("button", name="Save").click()
    expect(bubble.locator(".bubble")).to_have_text("Good morning to you")
    bubble.get_by_role("button", name="Cancel").click()
    expect(maya.locator(".msg.out.failed")).to_contain_text("Canceled before sending")
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
    expect(guard).to_contain_text("New message since")
    guard.get_by_role("button", name="Review").click()
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

    expect(maya.get_by_text("You're back online. 1 new message.").locator("visible=true").first).to_be_visible()
    eventually(lambda: [text["body"] for text in demo.phone(phone)][-2:] == ["First", "Second"], 30)
    expect(maya.locator("#log")).to_contain_text("Still there?")


def test_in_quiet_hours_the_usual_button_schedules(demo: Demo, signed_in, complaints):
    ines = demo.client("ines")
    old = demo.client("leo").read("/api/conversations", status="OPEN")["results"][-1]
    quiet = {"quiet_hours": {"from": "00:00", "until": "23:59"}, "quiet_hours_for_people": True}
    answer = ines.patch("/api/settings", json=quiet)
    assert answer.status_code == 200, answer.text
    try:
        leo = signed_in("leo")
        leo.goto(f"{demo.base_url}/inbox/{old['id']}/")
        expect(leo.locator("#composer-wrap")).to_contain_text("within your quiet hours")
        leo.locator("#reply").fill("Good morning")
        shot(leo, "quiet")
        leo.get_by_role("button", name="Schedule for").click()
        expect(leo.locator(".msg.out.scheduled")).to_contain_text("Scheduled for")
        assert complaints == []
    finally:
        ines.patch("/api/settings", json={"quiet_hours": None})

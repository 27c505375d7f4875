"""The inbox: the list, a thread, the box, the contact beside it, and what happens when things go wrong."""

import re

from playwright.sync_api import Page, Route, expect

from tests.e2e.scenes import LONG_NAME, Stage, scene
from tests.running_demo import eventually

ASK = "Could you send somebody to look at the table? One leg has a crack from the joint down to the middle."


def is_phone(page: Page) -> bool:
    return page.viewport_size["width"] <= 640


def never(route: Route) -> None:
    """An answer that does not come as long as anybody looks."""


def fault(stage: Stage, kind: str) -> None:
    stage.demo.sandbox("POST", "/faults", provider="twilio", kind=kind, count=1)


# ---------------------------------------------------------------- made once
def plain(stage: Stage) -> dict:
    """A talk to write into."""
    return stage.talk("Good morning", ASK)


def long_names(stage: Stage) -> dict:
    """Everything that has a name has a long one."""
    first, last = LONG_NAME
    talk = stage.talk("https://example.com/" + "a-very-long-address-without-any-space/" * 4 + " is what I mean, " + ASK)
    dana = stage.client("dana")
    details = {"first_name": first, "last_name": last, "email": f"{last}@{last}.example".lower()}
    assert dana.patch(f"/api/contacts/{talk['contact']['id']}", json=details).status_code == 200
    stage.python(f"""
lena = User.objects.get(email="lena@northbeam.example")
talk = Conversation.objects.get(pk={talk["id"]!r})
talk.assigned_to = lena
talk.save()
note = "Called them: " + "very " * 60 + "friendly."
Note.objects.create(organization=northbeam, conversation=talk, author=lena, content=note)
for word in ("Complaint about a very late delivery", "Contract customers in the far north"):
    label = Label.objects.create(organization=northbeam, name=word, color="ochre")
    ConversationLabel.objects.create(organization=northbeam, conversation=talk, label=label)
""")
    return talk


def rich(stage: Stage) -> dict:
    """A thread with everything that a thread can have."""
    picture = f"{stage.url}/sandbox/sample.png"
    talk = stage.talk("My table arrived with a crack along one leg", media=[picture, picture])
    maya, dana = stage.client("maya"), stage.client("dana")
    here = f"/api/conversations/{talk['id']}"
    assert dana.patch(here, json={"assigned_to": maya.user["id"]}).status_code == 200
    note = {"content": "Transit crack. @Dana Reyes fine to offer next-day with fitting?", "mentions": [dana.user["id"]]}
    assert maya.post(f"{here}/notes", json=note).status_code == 201
    maya.reply(talk, "I'm so sorry about that. We can bring a replacement tomorrow and fit it for you.")
    eventually(lambda: stage.demo.phone(talk["phone"])[-1]["body"].startswith("I'm so sorry"))
    for text in ("14 to 16 please", "And this was in the box", "No, wait"):
        stage.demo.text(talk["phone"], stage.demo.number, text)
    eventually(lambda: maya.conversation_with(talk["phone"])["messages"][0]["content"] == "No, wait")
    stage.python(f"""
said = {{each.content: each for each in Message.objects.filter(conversation={talk["id"]!r})}}
asked = next(each for text, each in said.items() if text.startswith("I'm so sorry"))
answer, box, gone = said["14 to 16 please"], said["And this was in the box"], said["No, wait"]
Message.objects.filter(pk=answer.pk).update(reply_to=asked)
Message.objects.filter(pk=asked.pk).update(reactions=[{{"emoji": emoji, "by": "contact"}} for emoji in "❤☺"])
Message.objects.filter(pk=gone.pk).update(deleted_at=timezone.now(), content="")
for place, (name, kind, state, size) in enumerate([
    ("delivery-note-48213.pdf", "application/pdf", "stored", 219_000),
    ("a-recording-of-what-the-driver-said-when-he-left-it-at-the-door.m4a", "audio/mp4", "pending", None),
    ("", "application/octet-stream", "failed", None),
]):
    Attachment.objects.create(
        organization=northbeam, message=box, position=place, name=name, content_type=kind, state=state, size=size,
        source_url="https://api.twilio.com/media",
    )
""")
    fault(stage, "30003")
    maya.reply(talk, "Booked for tomorrow, 14:00 to 16:00. Your fitter is Callum and texts when he is 30 minutes away.")
    eventually(lambda: maya.conversation_with(talk["phone"])["messages"][0]["status"] == "undelivered")
    return talk


# ---------------------------------------------------------------- the list
@scene()
def inbox_list(page: Page, stage: Stage) -> None:
    stage.talk("Is the walnut version back in stock? I saw it last week and would take two of them.")
    stage.talk("Loved the reel! Do you ship to Milan?")
    stage.inbox(page)


@scene()
def inbox_list_scrolled(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    expect(page.locator(".conv").nth(40)).to_be_attached()
    page.locator("#convs").evaluate("list => list.scrollTop = 1500")
    page.wait_for_timeout(300)


@scene("dana")
def inbox_list_of_an_admin(page: Page, stage: Stage) -> None:
    stage.inbox(page)


@scene()
def inbox_filter_menu(page: Page, stage: Stage) -> None:
    stage.inbox(page, "?status=pending")
    page.locator(".list-filters summary").first.click()


@scene()
def inbox_label_menu(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.locator(".list-filters summary", has_text="Label").click()


@scene()
def inbox_account_menu(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.locator(".tabbar summary:visible" if is_phone(page) else ".side .me").last.click()


@scene()
def inbox_rooms_menu(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    if is_phone(page):
        page.locator(".tabbar summary").first.click()
    else:
        page.set_viewport_size({"width": 1100, "height": 900})  # the rail


@scene("noor")
def inbox_without_chatrooms(page: Page, stage: Stage) -> None:
    stage.inbox(page)


@scene("otto")
def inbox_all_done(page: Page, stage: Stage) -> None:
    stage.inbox(page)


@scene()
def inbox_nobody_found(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.get_by_role("searchbox").fill("somebody whom nobody knows")
    expect(page.get_by_text("Nobody found for")).to_be_visible()


@scene()
def inbox_found(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.get_by_role("searchbox").fill("har")
    page.wait_for_url("**search=har**")
    page.wait_for_timeout(400)


@scene()
def inbox_nothing_fits(page: Page, stage: Stage) -> None:
    stage.inbox(page, "?status=snoozed&tab=mine&channel=MESSENGER")


@scene()
def inbox_list_loading(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.route("**/inbox/?*", never)
    page.locator("#tab-mine").click()
    expect(page.locator("#convs .skeleton")).to_be_visible()


@scene()
def inbox_list_not_loaded(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.route("**/inbox/?*", lambda route: route.abort())
    page.locator("#tab-mine").click()
    expect(page.get_by_text("The list did not load")).to_be_visible()


@scene("lena")
def inbox_long_names(page: Page, stage: Stage) -> None:
    stage.once(long_names)
    stage.inbox(page)
    expect(page.locator(".conv", has_text=LONG_NAME[0]).first).to_be_visible()


MIDDLE = ({"width": 1280, "height": 800}, {"width": 1024, "height": 768}, {"width": 768, "height": 1024})


@scene(sizes=MIDDLE)
def inbox_middle(page: Page, stage: Stage) -> None:
    """Between the desktop and the phone: the rail, and the contact only where it has room."""
    composer_reply(page, stage)
    page.locator("#log").evaluate("log => log.scrollTop = 0")


@scene()
def inbox_keyboard(page: Page, stage: Stage) -> None:
    """What the keyboard is on."""
    stage.thread(page, stage.once(rich)) if not is_phone(page) else stage.inbox(page)
    page.locator("body").press("j")
    page.keyboard.press("j")
    expect(page.locator(".conv:focus-visible")).to_be_visible()


@scene()
def inbox_keyboard_buttons(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#more summary").focus()
    page.keyboard.press("Tab")
    page.wait_for_timeout(200)


# ---------------------------------------------------------------- a thread
@scene()
def thread(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))


@scene(height=1800)
def thread_whole(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))


@scene("lena")
def thread_long_names(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(long_names))


@scene()
def thread_new_line(page: Page, stage: Stage) -> None:
    talk = stage.talk("First", *[f"And then line {n} of a talk that is longer than the window" for n in range(24)])
    stage.client("maya").reply(talk, "I read all of it")
    for text in ("One more", "And one"):
        stage.demo.text(talk["phone"], stage.demo.number, text)
    eventually(lambda: stage.client("maya").conversation_with(talk["phone"])["messages"][0]["content"] == "And one")
    stage.thread(page, talk)


def endless(stage: Stage) -> dict:
    """More messages than one page of a thread holds, of the length that people write."""
    talk = stage.talk("Good morning")
    said = [ASK, "Yes", "I measured it: 180 by 90 cm, and the door is 85 cm wide. Does it come in parts?", "Thank you!"]
    stage.python(f"""
talk = Conversation.objects.get(pk={talk["id"]!r})
first = talk.messages.get()
said = {said!r}
for n in range(150):
    ours = n % 3 == 1
    Message.objects.create(
        organization=northbeam, chatroom=talk.chatroom, conversation=talk, contact=talk.contact, platform="SMS",
        content=said[n % 4],
        direction="outbound" if ours else "inbound", status="delivered" if ours else "received",
        occurred_at=first.occurred_at - timezone.timedelta(hours=150 - n), from_address=first.from_address,
        to_address=first.to_address,
    )
""")
    return talk


@scene()
def thread_endless(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(endless))


def over_messenger(stage: Stage, hours: int) -> dict:
    """As a conversation over Messenger will look, with a last word from them so long ago."""
    talk = stage.talk("Is the walnut version back in stock?")
    stage.python(f"""
talk = Conversation.objects.get(pk={talk["id"]!r})
talk.platform, talk.sender_number = "MESSENGER", None
talk.last_inbound_at = timezone.now() - timezone.timedelta(hours={hours})
talk.save()
talk.messages.update(platform="MESSENGER")
""")
    return talk


@scene()
def thread_messenger(page: Page, stage: Stage) -> None:
    stage.thread(page, over_messenger(stage, 2))
    if page.locator("#reply").count():
        page.locator("#reply").fill("It is. Shall we put one aside?")


@scene()
def thread_messenger_window_closed(page: Page, stage: Stage) -> None:
    stage.thread(page, over_messenger(stage, 30))


@scene()
def thread_loading(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.route(re.compile("/inbox/[0-9a-f-]{36}/"), never)
    page.locator(".conv").nth(2).click()
    page.wait_for_timeout(400)


@scene()
def thread_not_loaded(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain)) if not is_phone(page) else stage.inbox(page)
    page.route(re.compile("/inbox/[0-9a-f-]{36}/"), lambda route: route.fulfill(status=500, body="broken"))
    page.locator(".conv:not([aria-current])").nth(2).click()
    expect(page.get_by_text("This conversation did not load.").locator("visible=true").first).to_be_visible()


@scene()
def thread_closed(page: Page, stage: Stage) -> None:
    talk = stage.talk("Thanks, that's all")
    stage.client("maya").patch(f"/api/conversations/{talk['id']}", json={"status": "CLOSED"})
    stage.thread(page, talk)


@scene()
def thread_snoozed(page: Page, stage: Stage) -> None:
    talk = stage.talk("Ask me again next week")
    stage.thread(page, talk)
    page.locator("#more summary" if is_phone(page) else "#snooze summary").click()
    page.get_by_role("button", name="Next week").or_(page.get_by_role("button", name="Tomorrow morning")).locator(
        "visible=true"
    ).first.click()
    expect(page.locator(".toast")).to_be_visible()
    stage.thread(page, talk)


@scene()
def thread_unclear(page: Page, stage: Stage) -> None:
    talk = stage.talk("Did you get my message?")
    maya = stage.client("maya")
    sent = maya.reply(talk, "Yes, and we are looking into it.").json()["message"]
    eventually(lambda: maya.message(sent["id"])["status"] == "delivered")
    stage.python(f"Message.objects.filter(pk={sent['id']!r}).update(status='unknown', looked_at=timezone.now())")
    stage.thread(page, talk)


@scene()
def thread_refused_by_provider(page: Page, stage: Stage) -> None:
    talk = stage.talk("Can you text me?")
    fault(stage, "400")
    maya = stage.client("maya")
    maya.reply(talk, "Of course.")
    eventually(lambda: maya.conversation_with(talk["phone"])["messages"][0]["status"] == "failed")
    stage.thread(page, talk)


@scene()
def thread_sending(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.route("**/messages/**", never)
    page.locator("#reply").fill("It is on its way to you.")
    page.keyboard.press("Enter")
    expect(page.locator(".msg.sending")).to_be_visible()


@scene()
def thread_no_answer(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.route("**/messages/**", lambda route: route.fulfill(status=500, body="broken"))
    page.locator("#reply").fill("It is on its way to you, with two fitters who carry it to the second floor.")
    page.keyboard.press("Enter")
    expect(page.locator(".msg.failed")).to_be_visible()


@scene()
def thread_no_tokens(page: Page, stage: Stage) -> None:
    dana, maya = stage.client("dana"), stage.client("maya")
    tokens = {"user_id": maya.user["id"], "reason": "For a picture"}
    talk = stage.talk("Who pays for this?")
    dana.patch("/api/tokens/update", json=tokens | {"balance": 0})
    try:
        stage.thread(page, talk)
        page.locator("#reply").fill("We do")
        page.keyboard.press("Enter")
        expect(page.get_by_text("No tokens left.").locator("visible=true").first).to_be_visible()
    finally:
        dana.patch("/api/tokens/update", json=tokens | {"balance": 1000})


@scene()
def thread_guard(page: Page, stage: Stage) -> None:
    talk = stage.talk(*[f"Line {n} of a long talk, long enough to scroll" for n in range(20)])
    stage.thread(page, talk)
    page.locator("#reply").fill("Then it is settled")
    page.evaluate("document.getElementById('log').scrollTop = -100000")
    page.wait_for_timeout(300)
    stage.demo.text(talk["phone"], stage.demo.number, "Wait, no!")
    expect(page.locator("#jump")).to_contain_text("1 new message")
    page.locator("#reply").press("Enter")
    expect(page.locator(".msg.out.failed")).to_contain_text("Something new came in")


@scene()
def thread_jump(page: Page, stage: Stage) -> None:
    talk = stage.talk(*[f"Line {n} of a long talk, long enough to scroll" for n in range(20)])
    stage.thread(page, talk)
    page.evaluate("document.getElementById('log').scrollTop = -400")
    page.wait_for_timeout(300)
    stage.demo.text(talk["phone"], stage.demo.number, "Are you still there?")
    expect(page.locator("#jump")).to_contain_text("1 new message")


@scene()
def thread_presence(page: Page, stage: Stage) -> None:
    talk = stage.once(plain)
    stage.thread(page, talk)
    colleague = stage.window("dana", {"width": 1440, "height": 900})
    try:
        stage.thread(colleague, talk)
        colleague.locator("#reply").press_sequentially("I will")
        expect(page.get_by_text("Dana is replying")).to_be_visible()
    finally:
        stage.made.setdefault("colleagues", []).append(colleague)


@scene()
def thread_toast(page: Page, stage: Stage) -> None:
    talk = stage.talk("All settled, thank you")
    stage.thread(page, talk)
    page.locator("#resolve").click()
    expect(page.locator(".toast")).to_contain_text("is resolved.")
    page.wait_for_timeout(400)


@scene()
def thread_assign_menu(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#more summary" if is_phone(page) else "#assign summary").click()


@scene()
def thread_snooze_menu(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#more summary" if is_phone(page) else "#snooze summary").click()


@scene()
def thread_more_menu(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))
    page.locator("#more summary").click()


@scene("tom")
def thread_room_taken_away(page: Page, stage: Stage) -> None:
    dana, tom = stage.client("dana"), stage.client("tom")
    talk = stage.once(plain)
    own = {"user_id": tom.user["id"], "chatroom_id": talk["chatroom_id"]}
    dana.post("/api/user-chatrooms", json=own)
    stage.thread(page, talk)
    dana.delete(f"/api/user-chatrooms?user_id={own['user_id']}&chatroom_id={own['chatroom_id']}")
    expect(page.get_by_text("You no longer work in this chatroom.").locator("visible=true").first).to_be_visible()


# ---------------------------------------------------------------- the box
@scene()
def composer_reply(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))
    page.locator("#reply").fill(
        "Hi Amelia, resending in case it didn't reach you: tomorrow, 14:00 to 16:00, fitter is Callum."
    )


@scene()
def composer_unicode(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").fill("We’ll call you “soon” – promised")


@scene()
def composer_long(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").fill("Thank you for asking about the table. " * 12)


@scene()
def composer_too_long(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").fill("Thank you for asking about the table. " * 50)
    page.keyboard.press("Enter")
    expect(page.locator("#send-error")).to_be_visible()


@scene()
def composer_note(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))
    page.locator(".mode label", has_text="Note").click()
    page.locator("#composer textarea").fill("Spare legs are in Leicester. I ask them.")


@scene()
def composer_mention(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator(".mode label", has_text="Note").click()
    page.locator("#composer textarea").press_sequentially("Is this one yours, @")
    expect(page.get_by_role("option", name="Dana Reyes")).to_be_visible()


@scene()
def composer_templates(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").press_sequentially("/")
    expect(page.get_by_role("option", name="Opening hours")).to_be_visible()


@scene()
def composer_no_template(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").press_sequentially("/")
    expect(page.get_by_role("option", name="Opening hours")).to_be_visible()
    page.keyboard.type("nothing like this")


@scene()
def composer_templates_loading(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.route("**/templates/", never)
    page.locator("#open-templates").click()
    page.wait_for_timeout(400)


@scene()
def composer_blank_to_fill(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").press_sequentially("/")
    expect(page.get_by_role("option", name="Ask for a photo")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    expect(page.locator("#send-error")).to_be_visible()


@scene()
def composer_later(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").fill("Good morning")
    page.locator("#later summary").click()


@scene()
def composer_scheduled(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.talk("Answer me tomorrow"))
    page.locator("#reply").fill("Good morning, your table is ready.")
    page.locator("#later summary").click()
    page.locator("#later").get_by_role("button", name="Tomorrow morning").click()
    expect(page.locator(".msg.out.scheduled")).to_contain_text("Goes out")


@scene()
def composer_scheduled_change(page: Page, stage: Stage) -> None:
    composer_scheduled(page, stage)
    page.locator(".msg.out.scheduled summary").click()


@scene()
def composer_blocked(page: Page, stage: Stage) -> None:
    talk = stage.talk("You will hear from my lawyer")
    stage.client("maya").patch(f"/api/contacts/{talk['contact']['id']}", json={"blocked": True})
    stage.thread(page, talk)


@scene()
def composer_opted_out(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.talk("No more adverts please", "STOP"))


@scene("leo")
def composer_quiet_hours(page: Page, stage: Stage) -> None:
    ines, leo = stage.client("ines"), stage.client("leo")
    old = leo.read("/api/conversations", status="OPEN")["results"][-1]
    ines.patch("/api/settings", json={"quiet_hours": {"from": "00:00", "until": "23:59"}})
    try:
        stage.thread(page, old)
        page.locator("#reply").fill("Good morning")
    finally:
        ines.patch("/api/settings", json={"quiet_hours": None})


# ---------------------------------------------------------------- beside it
@scene()
def aside(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))
    if is_phone(page):
        page.get_by_role("button", name="Contact details").click()


@scene("lena")
def aside_long_names(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(long_names))
    if is_phone(page):
        page.get_by_role("button", name="Contact details").click()


@scene()
def aside_label_menu(page: Page, stage: Stage) -> None:
    aside(page, stage)
    page.locator("#label-menu summary").click()


@scene()
def aside_edit(page: Page, stage: Stage) -> None:
    aside(page, stage)
    page.locator("#contact").get_by_role("link", name="Edit").click()
    expect(page.get_by_role("dialog")).to_be_visible()


@scene()
def viewer(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))
    page.locator(".shots a").first.click()
    expect(page.locator("#viewer img")).to_be_visible()


# ---------------------------------------------------------------- the connection
@scene()
def connection_offline(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    page.locator("#reply").fill("I write this without a connection")
    page.locator("#reply").press("Enter")
    expect(page.get_by_text("Connection lost.").locator("visible=true").first).to_be_visible()


@scene()
def connection_back(page: Page, stage: Stage) -> None:
    talk = stage.once(plain)
    stage.thread(page, talk)
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(page.get_by_text("Connection lost.").locator("visible=true").first).to_be_visible()
    stage.demo.text(talk["phone"], stage.demo.number, "Still there?")
    maya = stage.client("maya")
    eventually(lambda: maya.conversation_with(talk["phone"])["messages"][0]["content"] == "Still there?")
    page.context.set_offline(False)
    expect(page.get_by_text("while you were away").locator("visible=true").first).to_be_visible()


@scene()
def connection_retry(page: Page, stage: Stage) -> None:
    """The server is there for pages and not for sockets."""
    page.route_web_socket("**/ws/inbox*", lambda socket: socket.close())
    page.goto(f"{stage.url}/inbox/")
    expect(page.get_by_text("Connection lost.").locator("visible=true").first).to_be_visible()


@scene()
def connection_delayed(page: Page, stage: Stage) -> None:
    page.route_web_socket("**/ws/inbox*", lambda socket: socket.close())
    page.goto(f"{stage.url}/inbox/{stage.once(plain)['id']}/")
    expect(page.get_by_text("Delayed.").locator("visible=true").first).to_be_visible(timeout=50_000)


# ---------------------------------------------------------------- by keyboard
@scene()
def keys(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("body").press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()


@scene()
def commands(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Resolve and open the next")).to_be_visible()


@scene()
def commands_none(page: Page, stage: Stage) -> None:
    commands(page, stage)
    page.keyboard.type("make coffee")

"""A thread: what it holds, what became of messages, who else is there, and its menus."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.scenes import Stage, scene
from tests.e2e.scenes.made import endless, fault, is_phone, long_names, never, plain, rich
from tests.running_demo import eventually


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


@scene()
def thread_endless(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(endless))


def with_somebody(page: Page, stage: Stage, name: str) -> None:
    """A thread of the demo's past over Messenger or Instagram."""
    stage.thread(page, stage.client("maya").conversation_with(name))


@scene()
def thread_messenger(page: Page, stage: Stage) -> None:
    with_somebody(page, stage, "Beatriz Almeida")
    page.locator("#reply").fill("I put one aside for you.")


@scene()
def thread_instagram_story(page: Page, stage: Stage) -> None:
    with_somebody(page, stage, "Mia Torres")


@scene()
def thread_messenger_voice(page: Page, stage: Stage) -> None:
    with_somebody(page, stage, "Ewan McCallum")


@scene()
def thread_instagram_unsent(page: Page, stage: Stage) -> None:
    with_somebody(page, stage, "Owen Hughes")


@scene()
def thread_instagram_window_closed(page: Page, stage: Stage) -> None:
    with_somebody(page, stage, "Anders Lund")


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
    expect(page.get_by_text("Couldn't load this conversation.").locator("visible=true").first).to_be_visible()


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
    expect(page.locator(".msg.out.failed")).to_contain_text("New message since")


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
    expect(
        page.get_by_text("You no longer have access to this chatroom.").locator("visible=true").first
    ).to_be_visible()

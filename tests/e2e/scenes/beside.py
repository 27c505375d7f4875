"""Beside the thread: the contact, the viewer, the connection, and what the keyboard opens."""

from playwright.sync_api import Page, expect

from tests.e2e.scenes import Stage, scene
from tests.e2e.scenes.composer import composer_reply
from tests.e2e.scenes.made import is_phone, long_names, plain, rich
from tests.running_demo import eventually


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


MIDDLE = ({"width": 1280, "height": 800}, {"width": 1024, "height": 768}, {"width": 768, "height": 1024})


@scene(sizes=MIDDLE)
def inbox_middle(page: Page, stage: Stage) -> None:
    """Between the desktop and the phone: the rail, and the contact only where it has room."""
    composer_reply(page, stage)
    page.locator("#log").evaluate("log => log.scrollTop = 0")


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
    expect(page.get_by_role("option", name="Resolve and open next")).to_be_visible()


@scene()
def commands_none(page: Page, stage: Stage) -> None:
    commands(page, stage)
    page.keyboard.type("make coffee")

"""The socket of every page: cursors, counts, and what a cut line costs."""

import json

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.ui.conftest import ORIGIN, SIGNED_IN, Site, run, show

# ---------------------------------------------------------------- cursors
POSITION = """
    const { Position } = await load("position");
    const at = new Position("first");
    const frame = (seq, cursor, room = "r") => at.take({ chatroom_id: room, seq, cursor });
"""


def test_an_event_is_taken_once_and_moves_the_cursor(page: Page):
    taken = run(
        page,
        f"""{POSITION}
            const taken = [frame(3, "three"), frame(3, "again"), frame(2, "older"), frame(1, "elsewhere", "s")];
            return [taken, at.cursor];""",
    )

    assert taken == [[True, False, False, True], "elsewhere"]


def test_a_frame_outside_the_log_is_always_taken_and_moves_nothing(page: Page):
    code = f'{POSITION} return [at.take({{ type: "presence" }}), at.take({{ type: "presence" }}), at.cursor];'
    assert run(page, code) == [True, True, "first"]


@pytest.mark.parametrize(
    ("between", "cursor"),
    [
        ("", "young"),
        ('frame(1, "one");', "one"),  # the pong may have overtaken it
        ("at.cut();", "first"),  # and what was lost with the line came after it
    ],
)
def test_a_pongs_cursor_counts_once_the_next_pong_finds_nothing_between(page: Page, between: str, cursor: str):
    code = f'{POSITION} at.renew("young"); {between} at.renew("younger"); return at.cursor;'
    assert run(page, code) == cursor


# ---------------------------------------------------------------- the socket, against a server of the test
class Server:
    """The other end of `/ws/inbox`."""

    def __init__(self, page: Page) -> None:
        self.heard: list[dict] = []
        self.route: WebSocketRoute | None = None
        page.route_web_socket("**/ws/inbox?hello", self.accept)

    def accept(self, route: WebSocketRoute) -> None:
        self.route = route
        route.on_message(self.hear)

    def hear(self, text: str | bytes) -> None:
        self.heard.append(json.loads(text))
        if self.heard[-1]["type"] == "hello":
            self.say(type="ready", cursor=f"ready-{len(self.heard)}", user_id="me")

    def say(self, **frame) -> None:
        assert self.route
        self.route.send(json.dumps(frame))


@pytest.fixture
def server(page: Page) -> Server:
    return Server(page)


SHELL = """
    <nav class="side-scroll rooms">
      <a data-room-link="r"><span data-unread="r"><span data-count>2</span></span></a>
      <a data-room-link="s"><span data-unread="s" hidden><span data-count>0</span></span></a>
    </nav>
    <span data-unread="total"><span data-count>2</span></span>
    <p class="balance"><b data-balance>50</b></p>
    <span data-live><span data-words></span></span>
    <div class="toasts" id="toasts"></div><div id="status"></div>
"""


HEAD = """<title>(2) Somewhere</title>
<link rel="icon" id="favicon" href="data:," data-icon-quiet="data:,quiet" data-icon-unread="data:,unread">
<script type="module" src="/static/ui/built/shell.js"></script>"""


def show_shell(page: Page, site: Site, attributes: str = SIGNED_IN) -> None:
    show(page, site, SHELL + render_to_string("ui/words.html"), attributes, HEAD)


def rooms(**unread: int) -> str:
    return json.dumps({"results": [{"id": room, "unread_count": n} for room, n in unread.items()], "next": None})


def event(seq: int, **more) -> dict:
    return {"type": "conversation.read", "chatroom_id": "r", "seq": seq, "cursor": f"at-{seq}", **more}


def test_a_page_without_an_inbox_is_live_and_counts(page: Page, site: Site, server: Server):
    site.pages["/api/chatrooms"] = rooms(r=5, s=1)
    show_shell(page, site)
    expect(page.locator("[data-live]")).to_have_text("Live")
    assert server.heard[0] == {"type": "hello", "cursor": "first"}

    server.say(type="message.created", chatroom_id="r", seq=1, cursor="at-1", message={"direction": "inbound"})

    expect(page.locator('[data-unread="total"]')).to_have_text("6")
    expect(page.locator('[data-unread="r"]')).to_have_text("5")
    expect(page.locator('[data-unread="s"]')).to_be_visible()
    assert page.title() == "(6) Somewhere"
    assert page.locator("#favicon").get_attribute("href") == "data:,unread"


def test_counts_are_asked_for_once_for_many_events(page: Page, site: Site, server: Server):
    site.pages["/api/chatrooms"] = rooms(r=0, s=0)
    show_shell(page, site)
    expect(page.locator("[data-live]")).to_have_text("Live")

    for seq in range(1, 60):
        server.say(**event(seq))

    expect(page.locator('[data-unread="total"]')).to_be_hidden()
    assert page.title() == "Somewhere"
    assert site.asked.count("/api/chatrooms") == 1


def test_tokens_and_lost_chatrooms_are_shown_on_every_page(page: Page, site: Site, server: Server):
    show_shell(page, site)
    expect(page.locator("[data-live]")).to_have_text("Live")

    server.say(type="balance.updated", balance=7)
    server.say(type="access.revoked", chatroom_id="r")

    expect(page.locator("[data-balance]")).to_have_text("7")
    expect(page.locator(".balance")).to_have_attribute("data-level", "low")
    expect(page.locator('[data-room-link="r"]')).to_have_count(0)
    expect(page.locator('[data-unread="total"]')).to_be_hidden()


def test_a_slow_page_asks_again_from_the_last_event_it_applied(page: Page, site: Site, server: Server):
    site.pages["/api/chatrooms"] = rooms(r=0)
    show_shell(page, site)
    expect(page.locator("[data-live]")).to_have_text("Live")
    server.say(**event(1))
    server.say(type="catch_up")

    page.wait_for_function("performance.now() > 0")
    expect(page.locator("[data-live]")).to_have_text("Live")
    assert server.heard[-1] == {"type": "hello", "cursor": "at-1"}


def test_a_page_without_an_inbox_goes_on_from_now_when_too_much_was_missed(page: Page, site: Site, server: Server):
    """A reload would take away what is half written in a form."""
    site.pages["/api/chatrooms"] = rooms(r=9, s=0)
    show_shell(page, site)
    expect(page.locator("[data-live]")).to_have_text("Live")
    page.evaluate("window.stayed = true")

    server.say(type="resync")

    expect(page.locator('[data-unread="total"]')).to_have_text("9")
    assert server.heard[-1] == {"type": "hello"}
    assert page.evaluate("window.stayed")


@pytest.mark.parametrize("code", [1012, 4408])
def test_a_cut_line_is_opened_again_from_where_it_was(page: Page, site: Site, server: Server, code: int):
    site.pages["/api/chatrooms"] = rooms(r=0)
    show_shell(page, site)
    expect(page.locator("[data-live]")).to_have_text("Live")
    server.say(**event(4))
    expect(page.locator('[data-unread="total"]')).to_be_hidden()

    assert server.route
    server.route.close(code=code)

    expect(page.locator("[data-live]")).to_have_attribute("data-state", "retry")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    assert server.heard[-1] == {"type": "hello", "cursor": "at-4"}


def test_who_is_signed_out_is_led_to_the_sign_in_page(page: Page, site: Site, server: Server):
    site.pages["/login/"] = "<title>Sign in</title>"
    show_shell(page, site)
    expect(page.locator("[data-live]")).to_have_text("Live")

    assert server.route
    server.route.close(code=4401)

    page.wait_for_url(f"{ORIGIN}/login/?next=%2F")


def test_a_page_that_is_being_left_is_not_led_elsewhere(page: Page, site: Site, server: Server):
    """Changing the password ends this page's sign-in while the answer with the new one is on its way."""
    site.pages["/login/"] = "<title>Sign in</title>"
    show_shell(page, site)
    expect(page.locator("[data-live]")).to_have_text("Live")
    page.evaluate("dispatchEvent(new Event('beforeunload'))")

    assert server.route
    server.route.close(code=4401)

    expect(page.locator("[data-live]")).to_have_attribute("data-state", "retry")
    assert page.url == f"{ORIGIN}/"


def test_a_page_without_a_signed_in_reader_opens_no_socket(page: Page, site: Site, server: Server):
    show_shell(page, site, attributes="")

    assert page.evaluate("document.readyState") == "complete"
    assert server.route is None
    assert page.locator("[data-live]").text_content() == ""

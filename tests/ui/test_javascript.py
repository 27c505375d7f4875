"""The parts of our JavaScript that can be asked alone: in a real browser, from the static files that the app serves."""

import json
import mimetypes
import random
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from integrations import segments

ORIGIN = "http://scripts.example"
ALPHABETS = (
    segments.BASIC,
    segments.BASIC + segments.EXTENDED,
    segments.EXTENDED,
    "abc déç ł ” “ …",
    "ab 👍🏽 🇬🇧 é",
)


class Site:
    """Answers a browser: pages as a test wrote them, static files as the app's finders find them."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []

    def answer(self, route: Route) -> None:
        path = unquote(urlsplit(route.request.url).path)
        if path in self.pages:
            kind = "application/json" if self.pages[path].startswith("{") else "text/html"
            self.asked.append(path)
            return route.fulfill(body=self.pages[path], content_type=f"{kind}; charset=utf-8")
        found = finders.find(path.removeprefix("/static/")) if path.startswith("/static/") else None
        if not found:
            return route.fulfill(status=404)
        return route.fulfill(body=Path(found).read_bytes(), content_type=mimetypes.guess_type(path)[0])


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A page that says nothing yet. Whatever its scripts complain about fails the test."""
    context = chromium.new_context()
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route(f"{ORIGIN}/**", site.answer)
    show(page, site, "")
    yield page
    context.close()
    assert complaints == []


def show(page: Page, site: Site, body: str, attributes: str = "", head: str = "") -> None:
    site.pages["/"] = f'<!DOCTYPE html><html lang="en"><head>{head}</head><body {attributes}>{body}</body></html>'
    page.goto(f"{ORIGIN}/")


def run(page: Page, code: str, argument: object = None):
    """What a script returns that may import our modules by their names: `load("queue")`."""
    return page.evaluate(
        f"async (argument) => {{ const load = (name) => import(`/static/ui/${{name}}.js`); {code} }}", argument
    )


# ---------------------------------------------------------------- segments
def texts_at_the_edges() -> list[str]:
    """Texts around every length at which one more segment begins, and some by chance."""
    lengths = [0, 1, 66, 67, 68, 69, 70, 71, 133, 134, 135, 152, 153, 154, 159, 160, 161, 305, 306, 307, 1600]
    texts = [letter * length for length in lengths for letter in ("a", "€", "é", "ç", "ł", "👍", "\n")]
    texts += [
        "a" * ahead + text for ahead in (65, 66, 67, 132, 151, 152, 304) for text in ("€", "€€", "👍", "👍👍", "ł€")
    ]
    texts += ["a" * 160 + "\r\n", "\t", "Line\r\nline", "\x0c", "‘plain’", "\u00a0", "e\u0301" * 40]
    chance = random.Random(7)
    return texts + ["".join(chance.choices(alphabet, k=chance.randint(1, 400))) for alphabet in ALPHABETS * 40]


def test_segments_are_counted_as_the_server_counts_them(page: Page):
    texts = texts_at_the_edges()

    code = (
        'const { countSegments } = await load("segments"); return argument.map((text) => countSegments(text).segments);'
    )
    counted = dict(zip(texts, run(page, code, texts), strict=True))

    wrong = {text: n for text, n in counted.items() if n != segments.count_segments(text)}
    assert wrong == {}


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", {"gsm": True, "units": 0, "segments": 0, "limit": 160, "foreign": []}),
        ("a€", {"gsm": True, "units": 3, "segments": 1, "limit": 160, "foreign": []}),
        ("a" * 161, {"gsm": True, "units": 161, "segments": 2, "limit": 306, "foreign": []}),
        ("ałbł", {"gsm": False, "units": 4, "segments": 1, "limit": 70, "foreign": ["ł"]}),
        ("👍" * 36, {"gsm": False, "units": 72, "segments": 2, "limit": 134, "foreign": ["👍"]}),
    ],
)
def test_a_count_says_what_it_was_counted_by(page: Page, text: str, counted: dict):
    assert run(page, 'return (await load("segments")).countSegments(argument);', text) == counted


@pytest.mark.parametrize(
    ("text", "can_be_plain", "plain"),
    [("“It’s” – fine…", True, '"It\'s" - fine...'), ("łódź", False, "łódź"), ("plain", False, "plain")],
)
def test_what_phones_type_has_a_plain_form(page: Page, text: str, can_be_plain: bool, plain: str):
    code = """const { canBePlain, countSegments, plain } = await load("segments");
              return [canBePlain(countSegments(argument).foreign), plain(argument)];"""
    assert run(page, code, text) == [can_be_plain, plain]


# ---------------------------------------------------------------- queueing
COLLECT = """
    const { collect } = await load("queue");
    const batches = [], ends = [];
    const until = async (n) => { while (batches.length < n) await new Promise((go) => setTimeout(go, 1)); };
    const work = (ids) => {
      batches.push(ids);
      return new Promise((resolve, reject) => ends.push({ resolve, reject }));
    };
"""


def test_ids_are_collected_and_no_two_batches_run_at_once(page: Page):
    batches = run(
        page,
        f"""{COLLECT}
            const add = collect(work, {{ soon: 1 }});
            add("a"); add("b"); add("a");
            await until(1);
            add("c"); add("a");
            await new Promise((go) => setTimeout(go, 30));
            const meanwhile = batches.length;
            ends[0].resolve();
            await until(2);
            return [meanwhile, ...batches];""",
    )

    assert batches == [1, ["a", "b"], ["c", "a"]]


def test_a_batch_holds_a_hundred_at_most(page: Page):
    sizes = run(
        page,
        f"""{COLLECT}
            const add = collect(work, {{ soon: 1 }});
            for (let n = 0; n < 250; n++) add(n);
            for (let n = 0; n < 3; n++) {{ await until(n + 1); ends[n].resolve(); }}
            return batches.map((each) => each.length);""",
    )

    assert sizes == [100, 100, 50]


def test_a_batch_that_failed_is_tried_again_later_with_what_came_since(page: Page):
    batches, waited = run(
        page,
        f"""{COLLECT}
            const add = collect(work, {{ soon: 1, later: 80 }});
            add("a");
            await until(1);
            const began = performance.now();
            ends[0].reject(new Error());
            add("b");
            await until(2);
            return [batches, performance.now() - began];""",
    )

    assert batches == [["a"], ["a", "b"]] or batches == [["a"], ["b", "a"]]
    assert waited >= 79


def test_a_batch_that_was_not_done_after_all_is_tried_again_at_once(page: Page):
    batches = run(
        page,
        f"""{COLLECT}
            const add = collect(work, {{ soon: 1, later: 60_000 }});
            add("a");
            await until(1);
            ends[0].resolve(false);
            await until(2);
            return batches;""",
    )

    assert batches == [["a"], ["a"]]


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
SIGNED_IN = "data-me='me' data-cursor='first' hx-headers='{}'"


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


# ---------------------------------------------------------------- drafts
def test_drafts_are_kept_for_one_person_until_they_sign_out(page: Page, site: Site):
    show(page, site, "", "data-me='ann'")
    page.evaluate("localStorage.setItem('messagehub:bo:draft:c', '\"Not mine\"')")

    kept = run(
        page,
        """const { draft, forgetEverything, keepDraft } = await load("drafts");
           keepDraft("c", "Half a sent"); keepDraft("d", "   ");
           const before = [draft("c"), draft("d"), draft("e")];
           forgetEverything();
           keepDraft("c", "Typed while the page is left");
           return [...before, draft("c"), Object.keys(localStorage)];""",
    )

    assert kept == ["Half a sent", "", "", "", ["messagehub:bo:draft:c"]]


# ---------------------------------------------------------------- messages on their way
THREAD = """
    <section id="thread" data-conversation="c"><div id="log"><div id="log-items"></div></div></section>
    <button id="jump"><span data-words></span></button><div id="status"></div>
"""
OUTBOX = """
    const thread = await load("inbox/thread"), outbox = await load("inbox/outbox");
    window.said = [];
    window.outbox = outbox;
    thread.opened();
    const text = (more) => typeof more === "string" ? more : "";
    const note = (name) => (entry, more) => said.push([name, entry?.content ?? "", text(more)]);
    outbox.start({ online: () => navigator.onLine, queued: note("queued"), accepted: note("accepted"),
                   refused: note("refused"), giveBack: note("given back"), broke: note("broke") });
"""


class Api:
    """Answers what is sent, in turn; keeps what it was asked."""

    def __init__(self, page: Page, *answers: tuple[int, dict] | None) -> None:
        self.asked: list[dict] = []
        self.answers = list(answers)
        page.route(f"{ORIGIN}/api/messages/send", self.answer)

    def answer(self, route: Route) -> None:
        self.asked.append(route.request.post_data_json)
        found = self.answers.pop(0) if self.answers else (201, {"message": {"id": "m", "conversation_id": "c"}})
        if found is None:
            return route.abort()
        route.fulfill(status=found[0], body=json.dumps(found[1]), content_type="application/json")

    @property
    def contents(self) -> list[str]:
        return [each["content"] for each in self.asked]


def refusal(code: str, message: str) -> dict:
    return {"error": {"code": code, "message": message}}


@pytest.fixture
def thread(page: Page, site: Site) -> Page:
    words = render_to_string("ui/words.html") + render_to_string("inbox/_inbox_words.html", {"me": "me"})
    show(page, site, THREAD + words, SIGNED_IN)
    return page


def said(page: Page) -> list[list[str]]:
    return page.evaluate("said")


def unsent(page: Page) -> list[dict]:
    return page.evaluate("JSON.parse(localStorage.getItem('messagehub:me:outbox') ?? '[]')")


def test_messages_go_out_in_order_and_are_forgotten_once_the_server_has_them(thread: Page):
    api = Api(thread)
    run(thread, f'{OUTBOX} for (const text of argument) outbox.send("c", text, null);', ["one", "two", "three"])

    thread.wait_for_function("said.filter(([name]) => name === 'accepted').length === 3")

    assert api.contents == ["one", "two", "three"]
    assert len({each["client_id"] for each in api.asked}) == 3
    assert unsent(thread) == []
    assert thread.locator("#log-items .sending").count() == 3


def test_a_message_waits_for_the_connection_and_goes_out_as_the_same_one(thread: Page):
    api = Api(thread, None)
    thread.context.set_offline(True)
    run(thread, f'{OUTBOX} outbox.send("c", "one", null); outbox.send("c", "two", null);')
    expect(thread.locator("#log-items article").first).to_contain_text("Waiting for the connection")
    assert [entry["content"] for entry in unsent(thread)] == ["one", "two"]

    thread.context.set_offline(False)
    thread.evaluate("outbox.flush()")

    thread.wait_for_function("said.filter(([name]) => name === 'accepted').length === 2")
    assert api.contents[-2:] == ["one", "two"]
    assert {each["client_id"] for each in api.asked if each["content"] == "one"} == {api.asked[-2]["client_id"]}


def test_a_message_that_the_server_refuses_is_given_back(thread: Page):
    Api(thread, (400, refusal("invalid", "It is too long.")))
    run(thread, f'{OUTBOX} outbox.send("c", "long", null); outbox.send("c", "short", null);')

    thread.wait_for_function("said.some(([name]) => name === 'accepted')")

    assert [each for each in said(thread) if each[0] != "queued"] == [
        ["refused", "long", "It is too long."],
        ["accepted", "short", ""],
    ]
    expect(thread.locator("#log-items article")).to_have_count(1)


def test_a_message_kept_back_goes_out_when_a_person_says_so(thread: Page):
    api = Api(thread, (409, refusal("duplicate", "You sent the same a minute ago.")))
    run(thread, f'{OUTBOX} outbox.send("c", "again", null);')
    expect(thread.get_by_role("alert")).to_contain_text("You sent the same a minute ago.")

    thread.get_by_role("button", name="Send anyway").click()

    thread.wait_for_function("said.some(([name]) => name === 'accepted')")
    assert [each["allow_duplicate"] for each in api.asked] == [False, True]


def test_an_old_message_is_not_sent_behind_a_persons_back(thread: Page):
    api = Api(thread)
    old = {"id": "x", "conversation": "c", "content": "old", "at": 0, "state": "waiting"}
    thread.evaluate("(old) => localStorage.setItem('messagehub:me:outbox', JSON.stringify([old]))", old)

    run(thread, f"{OUTBOX} outbox.showUnsent();")

    expect(thread.get_by_role("alert")).to_contain_text("Not sent.")
    assert api.asked == []
    thread.get_by_role("button", name="Discard").click()
    assert unsent(thread) == []

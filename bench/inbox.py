"""The budget of the inbox, as one of the staff lives in it: 50 rows, a thread of 50 messages, signed in, in Chromium.

The whole product runs here as `make demo` does. Sizes are as on the wire; what is painted is painted, not only in the
document: the frame after the change has been drawn.
"""

import statistics
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.first_visit import WATCH, signed_in, visit
from bench.table import Line
from messagehub import launcher

ROWS, MESSAGES, LIVE, CALM, OPENINGS = 50, 50, 40, 15, 24
SLOWER = 4  # processors of offices, against this one
WORDS = (
    "Hello, is the oak table from your window still there? I could come by on Thursday after five, if that suits you.",
    "Thanks, that helps.",
    "We measured again: the alcove is 182 cm wide and 61 deep, so the smaller one should fit. Does it come in white?",
    "Great, see you then!",
    "My order has not arrived yet and the tracking has been saying the same for three days. Could somebody look at it?",
    "Yes please, the invoice to the same address as the last time.",
    "One leg is a little shorter than the others. It wobbles, but the felt from the box nearly mends it. Any idea?",
)

# Times of the page are those of its own clock from `now()`, in milliseconds since 1970.
PROBE = """
window.now = () => performance.timeOrigin + performance.now();
window.painted = (act) => requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel();
                                                        port1.onmessage = () => act(now()); port2.postMessage(0); });
window.events = new Map(); window.bubbles = {}; window.opening = null;
new PerformanceObserver((list) => {
  for (const { interactionId: one, duration } of list.getEntries()) {
    if (one) events.set(one, Math.max(duration, events.get(one) ?? 0));
  }
}).observe({ type: "event", durationThreshold: 16, buffered: true });
window.shifts = [];                   // [when, how much, whether anything but rows of the list moved]
new PerformanceObserver((list) => {
  for (const { hadRecentInput, startTime, value, sources } of list.getEntries()) {
    if (!hadRecentInput) shifts.push([startTime, value, sources.some(({ node }) => !node?.closest?.("#convs"))]);
  }
}).observe({ type: "layout-shift" });
addEventListener("click", ({ timeStamp, target }) => {
  const row = target.closest(".conv");
  if (row) window.opening = { id: row.id.slice(5), at: performance.timeOrigin + timeStamp };
}, true);
document.addEventListener("DOMContentLoaded", () => new MutationObserver((records) => {
  for (const { addedNodes } of records) for (const one of addedNodes) {
    if (one.id?.startsWith("m-")) painted((at) => { bubbles[one.id.slice(2)] ??= at; });
    if (one.id === "thread" && opening && !opening.took && one.dataset.conversation === opening.id) {
      const mine = opening;
      painted((at) => { mine.took = at - mine.at; });
    }
  }
}).observe(document.body, { childList: true, subtree: true }));
"""


def run(_: Path) -> list[Line]:
    from tests.browser import launch_chromium
    from tests.running_demo import demo_folder, running_demo

    with demo_folder() as folder, running_demo(folder) as demo, sync_playwright() as playwright:
        maya, phone = demo.client("maya"), "+15557770000"
        _fill(demo, maya, phone)
        browser = launch_chromium(playwright)
        person = demo.people["maya"]
        cookies = signed_in(browser, demo.base_url, person["email"], person["password"])
        talk = maya.conversation_with(phone)["id"]
        lines = _first(browser, demo, cookies)
        with _inbox(browser, demo, cookies, talk) as page:
            lines += [_nodes(page), *_interactions(page)]
        with _inbox(browser, demo, cookies, talk) as page:
            lines += [*_openings(page, maya, talk), *_live(page, demo, folder, maya, phone)]
        browser.close()
    return lines


def _fill(demo, maya, phone: str) -> None:
    from tests.running_demo import eventually

    for n in range(ROWS):
        demo.text(f"+1555777{n + 1:04d}", demo.number, WORDS[n % len(WORDS)])
    demo.text(phone, demo.number, "Hello from somebody with a long story.")
    conversation = eventually(lambda: maya.conversation_with(phone))
    for n in range(2, MESSAGES + 1):
        text = f"{WORDS[n % len(WORDS)]} ({n})"
        if n % 3:
            demo.text(phone, demo.number, text)
        else:
            answer = maya.reply(conversation, text)
            if answer.status_code != 201:
                raise RuntimeError(answer.text)
    eventually(lambda: len(maya.read(f"/api/conversations/{conversation['id']}/messages")["results"]) >= MESSAGES)


@contextmanager
def _inbox(browser: Browser, demo, cookies: list, talk: str) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(cookies)
    page = context.new_page()
    page.add_init_script(WATCH + PROBE)
    page.goto(f"{demo.base_url}/inbox/{talk}/", wait_until="load")
    page.get_by_text("Live", exact=True).locator("visible=true").first.wait_for()
    page.wait_for_timeout(1000)
    shown = page.evaluate("[document.querySelectorAll('.conv').length, document.querySelectorAll('#log .msg').length]")
    if shown != [ROWS, MESSAGES]:
        raise RuntimeError(f"There are {shown} rows and messages, not {[ROWS, MESSAGES]}.")
    yield page
    context.close()


def _first(browser: Browser, demo, cookies: list) -> list[Line]:
    seen = visit(browser, demo.base_url, cookies)
    slow = [visit(browser, demo.base_url, cookies, slow=True).largest for _ in range(3)]
    return [
        Line("First visit, requests", len(seen.requests), "budget", 14, at_most=14),
        Line("First visit, KB", seen.bytes / 1024, "budget", 100, at_most=100),
        Line("First visit, LCP slow, ms, median of 3", statistics.median(slow), "budget", 1800, at_most=1800),
    ]


def _nodes(page: Page) -> Line:
    nodes = page.evaluate("document.querySelectorAll('*').length")
    return Line(f"DOM nodes, {ROWS} rows, {MESSAGES} messages", nodes, "budget", 1500, at_most=1500)


def _openings(page: Page, maya, talk: str) -> list[Line]:
    """By a click on one of the rows, to and fro between the long thread and others."""
    from tests.running_demo import eventually

    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    asked, sizes = {}, {}
    wire.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    wire.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    others = page.evaluate("[...document.querySelectorAll('.conv')].map(one => one.id)")[: OPENINGS // 2 + 1]
    others.remove(f"conv-{talk}")
    took = []
    for n in range(OPENINGS):
        page.locator(f"#conv-{talk}" if n % 2 else f"#{others[n // 2]}").click()
        took.append(eventually(lambda: page.evaluate("window.opening?.took")))
        page.wait_for_timeout(250)
    ours = {url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]: sizes[key] for key, url in asked.items() if key in sizes}
    bare = statistics.median(_timed(maya, f"/inbox/{talk}/", page) for _ in range(9))
    middle = statistics.median(took)
    return [
        Line("Opening a conversation, ms of the server, median of 9", bare, "budget", 150, at_most=150),
        Line("Opening a conversation, ms, click to paint, median", middle, "bare answer of the server", bare),
        Line(
            f"Opening a conversation, ms, click to paint, worst of {OPENINGS}",
            max(took),
            "bare answer of the server",
            bare,
        ),
        Line(f"Opening a thread of {MESSAGES}, KB", ours[talk] / 1024, "budget", 12, at_most=12),
    ]


def _timed(maya, path: str, page: Page) -> float:
    """As the page would ask, but without a page."""
    cookies = {each["name"]: each["value"] for each in page.context.cookies()}
    headers = {"HX-Request": "true", "HX-Target": "thread", "Accept-Encoding": "gzip", "Authorization": None}
    began = time.monotonic()
    answer = maya.get(path, cookies=cookies, headers=headers)
    if answer.status_code != 200 or "<html" in answer.text:
        raise RuntimeError(f"{path} answers {answer.status_code}, or with a whole page.")
    return (time.monotonic() - began) * 1000


def _live(page: Page, demo, folder: Path, maya, phone: str) -> list[Line]:
    """Into the open thread: one after another, then three a second with every second time another row as well."""
    page.mouse.move(900, 300)
    page.evaluate("shifts.length = 0")
    with _commits(folder) as commits:
        for n in range(CALM):
            demo.text(phone, demo.number, f"{WORDS[n % len(WORDS)]} Calm {n}")
            page.wait_for_timeout(900 + n * 7)  # never in step with anything
        page.wait_for_timeout(600)
        calm = set(commits)
        for n in range(LIVE):
            demo.text(phone, demo.number, f"{WORDS[n % len(WORDS)]} Live {n}")
            if n % 2:
                demo.text(f"+1555777{n + 1:04d}", demo.number, f"{WORDS[n % len(WORDS)]} Meanwhile {n}")
            page.wait_for_timeout(150 + n * 7)
        page.wait_for_timeout(1500)
    seen, shifts = page.evaluate("[window.bubbles, window.shifts]")
    alone = sorted(seen[pk] - at for pk, at in commits.items() if pk in seen and pk in calm)
    late = sorted(seen[pk] - at for pk, at in commits.items() if pk in seen and pk not in calm)
    if (len(alone), len(late)) != (CALM, LIVE):
        raise RuntimeError(f"{len(alone)} of {CALM} and {len(late)} of {LIVE} messages were painted.")
    pk = next(pk for pk in commits if pk in seen)
    bare = statistics.median(_timed(maya, f"/inbox/bubbles/?ids={pk}", page) for _ in range(9))
    name, limit = "Live message, commit to paint, ms,", "bare answer of the server"
    moved = f"Layout shift meanwhile, {LIVE // 2} rows moving to the top"
    return [
        Line(f"{name} median of {CALM}", statistics.median(alone), limit, bare, at_most=200),
        Line(f"{name} worst of {CALM}", alone[-1], limit, bare, at_most=200),
        Line(f"{name} median of {LIVE} in a rush", statistics.median(late), limit, bare, at_most=200),
        Line(f"{name} p95 of {LIVE} in a rush", _part(late, 0.95), limit, bare),
        Line("Layout shift, but for rows that move", _cls(s for s in shifts if s[2]), "budget", 0.02, at_most=0.02),
        Line(moved, _cls(shifts), "budget", 0.02),
    ]


def _cls(shifts: Iterable[list]) -> float:
    """As browsers report it: the largest sum of a while, which ends after a second's rest or five seconds."""
    worst = total = began = last = 0.0
    for at, value, _ in shifts:
        if at - last > 1000 or at - began > 5000:
            total, began = 0.0, at
        total, last = total + value, at
        worst = max(worst, total)
    return worst


@contextmanager
def _commits(folder: Path) -> Iterator[dict[str, float]]:
    """When each message was committed. A deferred trigger is the last that runs before: a hair early, never late."""
    found: dict[str, float] = {}
    over = threading.Event()
    with psycopg.connect(host=launcher.locate(folder).postgres_host, user="mh_owner", dbname="messagehub") as own:
        own.autocommit = True
        own.execute(
            """
            CREATE FUNCTION bench_committed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM pg_notify('bench', NEW.id || ' ' || extract(epoch FROM clock_timestamp()) * 1000);
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER bench_committed AFTER INSERT ON messages
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bench_committed();
            LISTEN bench;
            """
        )

        def listen() -> None:
            while not over.is_set():
                for said in own.notifies(timeout=0.2):
                    pk, at = said.payload.split()
                    found[pk] = float(at)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()
            own.execute("DROP FUNCTION bench_committed CASCADE")


def _interactions(page: Page) -> list[Line]:
    """What people do all day, on a slower processor, by the event timing of the browser itself."""
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    before = page.evaluate("performance.interactionCount")
    page.evaluate("events.clear()")
    page.locator(".conv").first.focus()
    for n in range(60):
        page.keyboard.press("k" if n % 4 == 3 else "j")
        page.wait_for_timeout(80)
        if n % 6 == 5:
            page.keyboard.press("Enter")
            page.wait_for_timeout(900)
    for n in range(3):
        page.keyboard.press("r")
        page.keyboard.type(f"{WORDS[n * 2]}", delay=60)
        page.keyboard.press("Escape")
        for menu in ("#assign", "#snooze", "#more", "#label-menu"):
            page.locator(f"{menu} summary").click()
            page.wait_for_timeout(250)
            page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.wait_for_timeout(700)
        page.keyboard.type("assign", delay=60)
        page.keyboard.press("Escape")
    page.wait_for_timeout(1000)
    slow = sorted(page.evaluate("[...events.values()]"))
    count = page.evaluate("performance.interactionCount") - before
    slow = [16.0] * max(0, count - len(slow)) + slow  # the browser tells of those alone that took longer than a frame
    return [
        Line(
            f"Interaction to paint, {SLOWER}x slower, ms, p98 of {len(slow)}",
            _part(slow, 0.98),
            "budget",
            100,
            at_most=100,
        ),
        Line(f"Interaction to paint, {SLOWER}x slower, ms, worst", slow[-1], "budget", 100),
    ]


def _part(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]

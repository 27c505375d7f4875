"""What the first visit of the inbox costs: counted, not timed."""

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import DESKTOP
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e
REQUESTS, BYTES, SCRIPTS, SHIFT = 14, 100 * 1024, 6, 0.02  # scripts: htmx and five modules of ours


def test_the_first_visit_of_the_inbox_stays_in_its_budget(demo: Demo, browser: Browser):
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    priya = demo.people["priya"]
    sign_in(page, demo, priya)
    cookies = context.cookies()
    context.close()

    fresh = browser.new_context(viewport=DESKTOP)  # an empty cache
    fresh.add_cookies(cookies)
    page = fresh.new_page()
    wire = fresh.new_cdp_session(page)
    wire.send("Network.enable")
    asked: dict[str, str] = {}
    sizes: dict[str, float] = {}
    wire.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    wire.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => { for (const each of list.getEntries())"
        " if (!each.hadRecentInput) window.shift += each.value; }).observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(f"{demo.base_url}/inbox/", wait_until="networkidle")
    page.wait_for_timeout(500)

    urls = [url for url in asked.values() if url.startswith("http")]
    spent = "\n".join(f"{sizes.get(key, 0):8.0f} {url}" for key, url in asked.items())
    assert {url.split("/")[2] for url in urls} == {demo.base_url.split("/")[2]}, spent
    assert len(urls) <= REQUESTS, spent
    assert sum(sizes.values()) <= BYTES, spent
    assert len([url for url in urls if url.endswith(".js")]) <= SCRIPTS, spent
    assert page.evaluate("window.shift") <= SHIFT
    print(f"\n{len(urls)} requests, {sum(sizes.values()) / 1024:.1f} KB\n{spent}")  # noqa: T201  for the note
    fresh.close()


def sign_in(page, demo: Demo, person: dict) -> None:
    page.goto(f"{demo.base_url}/login/")
    page.locator("input[type=email]").fill(person["email"])
    page.locator("input[type=password]").fill(person["password"])
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/inbox/")

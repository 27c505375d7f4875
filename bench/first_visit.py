"""What the first visit of the inbox costs: requests, bytes, moved layout, and how long until its largest part is seen.

    python -m bench.first_visit          against the running demo of this clone

Slow is 1.6 Mbit/s with 150 ms and a processor four times slower.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

WATCH = """
window.shift = 0; window.largest = 0;
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.shift += each.value;
}).observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) window.largest = each.startTime;
}).observe({type: "largest-contentful-paint", buffered: true});
"""


@dataclass
class Visit:
    """Sizes are in bytes as on the wire, times in milliseconds."""

    urls: dict[str, str] = field(default_factory=dict)  # request -> address
    sizes: dict[str, float] = field(default_factory=dict)
    shift: float = 0
    largest: float = 0

    @property
    def requests(self) -> list[str]:
        return [url for url in self.urls.values() if url.startswith("http")]

    @property
    def hosts(self) -> set[str]:
        return {urlsplit(url).netloc for url in self.requests}

    @property
    def bytes(self) -> float:
        return sum(self.sizes.values())

    def __str__(self) -> str:
        return "\n".join(f"{self.sizes.get(key, 0):8.0f} {url}" for key, url in self.urls.items())


def signed_in(browser: Browser, base_url: str, email: str, password: str) -> list:
    """The cookies of somebody who came in through the login page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base_url}/login/?next=/inbox/")
    page.locator("input[type=email]").fill(email)
    page.locator("input[type=password]").fill(password)
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/inbox/")
    cookies = context.cookies()
    context.close()
    return cookies


def visit(
    browser: Browser, base_url: str, cookies: list, *, path: str = "/inbox/", slow: bool = False, wait: int = 1500
) -> Visit:
    """The page in a browser that has never been there, watched for `wait` ms after it is loaded (2500 where slow)."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(cookies)
    page = context.new_page()
    seen, wire = Visit(), context.new_cdp_session(page)
    wire.send("Network.enable")
    if slow:
        line = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
        wire.send("Network.emulateNetworkConditions", line)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    wire.on("Network.requestWillBeSent", lambda event: seen.urls.update({event["requestId"]: event["request"]["url"]}))
    wire.on(
        "Network.loadingFinished", lambda event: seen.sizes.update({event["requestId"]: event["encodedDataLength"]})
    )
    page.add_init_script(WATCH)
    page.goto(f"{base_url}{path}", wait_until="load")
    page.wait_for_timeout(2500 if slow else wait)
    seen.shift, seen.largest = page.evaluate("[window.shift, window.largest]")
    context.close()
    return seen


def main() -> None:
    from tests.browser import launch_chromium

    details = json.loads(Path(".local/demo.json").read_text())
    person, base_url = details["users"][0], details["base_url"]
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        cookies = signed_in(browser, base_url, person["email"], person["password"])
        first = visit(browser, base_url, cookies)
        print(f"{first}\n{len(first.requests)} requests, {first.bytes / 1024:.1f} KB, shift {first.shift:.4f}")
        for path in ("/inbox/", "/me/"):
            slow = [visit(browser, base_url, cookies, path=path, slow=True).largest for _ in range(3)]
            print(f"LCP of {path}, slow 4G and a 4x slower processor: {', '.join(f'{each:.0f}' for each in slow)} ms")


if __name__ == "__main__":
    main()

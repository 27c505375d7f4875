"""Browsers of people who are signed in to the demo."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from tests.running_demo import Demo

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
expect.set_options(timeout=10_000)
GIVEN_UP = ("htmx:afterRequest", "htmx:sendAbort", "htmx:sendError")


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    return chromium


@pytest.fixture
def complaints() -> list[str]:
    """What browsers said that should have stayed silent: errors of scripts and the console, and failed requests."""
    return []


@pytest.fixture
def signed_in(browser: Browser, demo: Demo, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Open a browser of its own for somebody of the demo, who signs in through the page once."""
    contexts = []

    def failed(request: Request) -> None:
        """One that the page itself gave up, for a newer one or another page, is no failure."""
        if request.failure != "net::ERR_ABORTED":
            complaints.append(f"{request.failure} {request.url}")

    def heard(said: ConsoleMessage) -> None:
        """What htmx says of a request without an answer is told by `failed`, which knows whether it was given up."""
        if said.type in ("error", "warning") and not said.text.startswith(GIVEN_UP):
            complaints.append(said.text)

    def open_for(name: str, viewport: dict | None = None) -> Page:
        context = browser.new_context(viewport=viewport or DESKTOP)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", failed)
        context.add_cookies(demo.cookies.get(name, []))
        page.goto(f"{demo.base_url}/inbox/")
        if "/login/" in page.url:
            sign_in(page, demo.people[name])
            page.wait_for_url("**/inbox/**")
            demo.cookies[name] = context.cookies()
        expect(page.get_by_text("Live", exact=True).locator("visible=true").first).to_be_visible()
        return page

    yield open_for
    for context in contexts:
        context.close()


def sign_in(page: Page, person: dict) -> None:
    """On the page where one signs in."""
    page.locator("input[type=email]").fill(person["email"])
    page.locator("input[type=password]").fill(person["password"])
    page.locator("button[type=submit]").click()

"""A page with our scripts, from the static files that the app serves, and nothing of the app behind it."""

import mimetypes
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from playwright.sync_api import Browser, Page, Route

ORIGIN = "http://scripts.example"
SIGNED_IN = "data-me='me' data-cursor='first' hx-headers='{}'"


class Site:
    """Answers a browser: pages as a test wrote them, static files as the app's finders find them."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.policies: dict[str, str] = {}  # the Content-Security-Policy of a page, where it has one
        self.asked: list[str] = []

    def answer(self, route: Route) -> None:
        path = unquote(urlsplit(route.request.url).path)
        if path in self.pages:
            kind = "application/json" if self.pages[path].startswith("{") else "text/html"
            self.asked.append(path)
            policy = {"Content-Security-Policy": self.policies[path]} if path in self.policies else {}
            return route.fulfill(body=self.pages[path], headers={"Content-Type": f"{kind}; charset=utf-8", **policy})
        found = finders.find(path.removeprefix("/static/")) if path.startswith("/static/") else None
        if not found:
            return route.fulfill(status=404)
        return route.fulfill(body=Path(found).read_bytes(), content_type=mimetypes.guess_type(path)[0])


@pytest.fixture
def site() -> Site:
    finders.find("ui/inter.woff2")  # cut down at its first use, which takes seconds: no browser's page waits for that
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


def show_answer(page: Page, site: Site, answer: HttpResponse, path: str) -> None:
    """What the app answered, under its own policy."""
    site.pages[path] = answer.content.decode()
    site.policies[path] = answer["Content-Security-Policy"]
    page.goto(ORIGIN + path)


def show(page: Page, site: Site, body: str, attributes: str = "", head: str = "") -> None:
    site.pages["/"] = f'<!DOCTYPE html><html lang="en"><head>{head}</head><body {attributes}>{body}</body></html>'
    page.goto(f"{ORIGIN}/")


def run(page: Page, code: str, argument: object = None):
    """What a script returns that may import our modules by their names: `load("queue")`."""
    return page.evaluate(
        f"async (argument) => {{ const load = (name) => import(`/static/ui/${{name}}.js`); {code} }}", argument
    )

"""What every page of the staff interface owes: axe finds nothing, nothing is wider than the window, and a first visit
stays within its budget. Add a page here with its address and who sees it; what the page does has tests of its own."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from bench.first_visit import signed_in, visit
from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.looks import assert_accessible
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e
REQUESTS, BYTES, SHIFT = 14, 100 * 1024, 0.02
PLACES = """[...document.querySelectorAll(".filterbar > *, #list")].map((each) => {
  const { x, y, width } = each.getBoundingClientRect();
  return [each.name ?? each.id, x, y, width];
})"""
PAGES = {  # person of the demo -> addresses
    "maya": [
        "/",
        "/notifications/",
        "/send/",
        "/contacts/",
        "/contacts/imports/",
        "/groups/",
        "/messages/",
        "/templates/",
        "/templates/new/",
        "/campaigns/",
        "/campaigns/new/",
    ],
    "dana": [
        "/manage/tokens/",
        "/contacts/?search=zzzz&consent=unknown",
        "/manage/users/",
        "/manage/chatrooms/",
        "/manage/numbers/",
        "/manage/numbers/import/",
        "/manage/pages/",
        "/manage/settings/",
        "/manage/settings/labels/",
        "/manage/settings/keys/",
        "/manage/settings/audit/",
        "/manage/settings/quiet-hours/",
    ],
}
ADDRESSES = [(person, path) for person, paths in PAGES.items() for path in paths]


@pytest.fixture(scope="module")
def at_home(browser: Browser, demo: Demo) -> Iterator[Callable[[str], Page]]:
    """One browser for each person and all their pages: each page begins with a `goto`."""
    pages: dict[str, Page] = {}

    def open_for(name: str) -> Page:
        if name not in pages:
            person = demo.people[name]
            context = browser.new_context(viewport=DESKTOP)
            context.add_cookies(signed_in(browser, demo.base_url, person["email"], person["password"]))
            pages[name] = context.new_page()
        return pages[name]

    yield open_for
    for page in pages.values():
        page.context.close()


@pytest.mark.parametrize(("person", "path"), ADDRESSES, ids=[path for _, path in ADDRESSES])
def test_a_page_is_accessible_narrow_enough_and_light(demo: Demo, at_home, person, path):
    page, said = at_home(person), []
    page.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    name = re.sub(r"\W+", "-", path).strip("-") or "dashboard"
    page.set_viewport_size(DESKTOP)
    page.goto(f"{demo.base_url}{path}")
    assert_accessible(page, name, pictures=False)
    assert_same_with_less_of_it(page)
    page.set_viewport_size(PHONE)
    page.set_extra_http_headers({"Accept-Language": "de"})  # whose words are longer
    page.reload()
    assert_accessible(page, name, pictures=False)
    page.set_extra_http_headers({})
    seen = visit(page.context.browser, demo.base_url, page.context.cookies(), path=path, wait=0)
    assert len(seen.requests) <= REQUESTS, seen
    assert seen.bytes <= BYTES, seen
    assert seen.shift <= SHIFT
    assert said == []


def assert_same_with_less_of_it(page: Page) -> None:
    """A page is drawn while it still arrives: what comes later must not move what is already there."""
    before = page.evaluate(PLACES)
    page.evaluate("document.querySelectorAll('.filterbar option:not(:first-child)').forEach((each) => each.remove())")
    assert page.evaluate(PLACES) == before

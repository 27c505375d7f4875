"""For those who see little: everything at 200 % zoom, and the focus in the colours that a person's system forces."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import DESKTOP
from tests.e2e.steps import arrive, open_one
from tests.e2e.test_contact import new_contact, open_contact
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e
# What windows of 1440 and 1280 px have left at 200 %.
ZOOMED = pytest.mark.parametrize("viewport", [{"width": 720, "height": 450}, {"width": 640, "height": 400}], ids=str)

# Fields, buttons and links that are beyond an edge at the left or right, where nobody can scroll to.
CUT = """
[...document.querySelectorAll("a[href], button, summary, input, textarea, select")].filter((one) => {
  const { left, right, width } = one.getBoundingClientRect();
  return one.checkVisibility() && width > 1 && (left < -1 || right > innerWidth + 1);
}).map((one) => one.outerHTML.slice(0, 120))
"""
# What has the focus, unless it has a ring, or the box that it fills.
BARE = """
(() => {
  const at = document.activeElement, box = at.closest(".composer, .picker-search, .menu-find, label");
  const ringed = (one) => {
    const { outlineStyle, outlineWidth } = one ? getComputedStyle(one) : {};
    return one && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  };
  return [at, box, at.nextElementSibling].some(ringed) ? null : at.outerHTML.slice(0, 120);
})()
"""


def assert_in_sight(page: Page, where: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} is wider than its window"
    assert page.evaluate(CUT) == [], where


def is_in_window(page: Page, selector: str) -> bool:
    """All of it, from top to bottom."""
    box, height = page.locator(selector).first.bounding_box(), page.viewport_size["height"]
    return box["y"] >= 0 and box["y"] + box["height"] <= height


def assert_ringed(page: Page, where: str) -> None:
    """By the Tab key through everything there is, or the first sixty of it."""
    bare = []
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        bare += filter(None, [page.evaluate(BARE)])
    assert bare == [], where


@ZOOMED
def test_nothing_is_cut_off_at_twice_the_size(demo: Demo, signed_in, browser: Browser, viewport):
    stranger = browser.new_page(viewport=viewport)
    for path in ("/login/", "/password/reset/"):
        stranger.goto(demo.base_url + path)
        assert_in_sight(stranger, path)
    stranger.close()

    arrive(demo, "Large letters, please")
    maya = signed_in("maya")
    maya.set_viewport_size(viewport)
    assert_in_sight(maya, "the list")
    open_one(maya, "Large letters, please")
    assert_in_sight(maya, "the thread")
    assert maya.locator("#thread-head h2").bounding_box()["width"] >= 60, "the name is cut away"
    maya.locator("#open-templates").click()
    expect(maya.get_by_role("option", name="Opening hours")).to_be_visible()
    assert is_in_window(maya, ".picker-search"), "the field that finds templates"
    maya.keyboard.press("Escape")
    maya.keyboard.press("Escape")
    maya.keyboard.press("Control+k")
    expect(maya.locator("#commands")).to_be_visible()
    assert is_in_window(maya, "#commands"), "the menu of everything"
    maya.keyboard.press("Escape")
    maya.get_by_role("button", name="Contact details").click()
    assert_in_sight(maya, "the contact beside the thread")

    contact, _ = new_contact(demo, "And here too")
    open_contact(maya, demo, contact)
    assert_in_sight(maya, "the contact's page")
    maya.goto(f"{demo.base_url}/me/")
    assert_in_sight(maya, "the own page with the second factor")


def test_the_focus_is_seen_in_forced_colors(demo: Demo, signed_in, browser: Browser):
    stranger = browser.new_page(viewport=DESKTOP, forced_colors="active")
    for path in ("/login/", "/password/reset/"):
        stranger.goto(demo.base_url + path)
        assert_ringed(stranger, path)
    stranger.close()

    arrive(demo, "In two colours")
    maya = signed_in("maya")
    maya.emulate_media(forced_colors="active")
    open_one(maya, "In two colours")
    maya.locator("#reply").focus()
    assert maya.evaluate(BARE) is None, "the box to write in"
    assert_ringed(maya, "what comes after the box")
    maya.locator("#thread-head a, #thread-head summary").locator("visible=true").first.focus()
    assert_ringed(maya, "the thread")
    maya.locator("#open-templates").click()
    assert maya.evaluate(BARE) is None, "the field that finds templates"
    maya.keyboard.press("Escape")
    current = maya.locator(".conv[aria-current]")
    alone = current.evaluate("(one) => getComputedStyle(one).outlineStyle")
    current.focus()
    maya.keyboard.press("j")
    maya.keyboard.press("k")
    focused = maya.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert (alone, focused) == ("none", "solid"), "the row that is open looks as if it had the focus"
    maya.goto(f"{demo.base_url}/me/")
    assert_ringed(maya, "the own page with the second factor")

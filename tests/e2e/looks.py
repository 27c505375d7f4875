"""Looking at pages: axe-core in both themes, and pictures for people in the git-ignored tests/shots/."""

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SHOTS = Path(__file__).resolve().parent.parent / "shots"
THEMES = ("light", "dark")
EVERYTHING = {"resultTypes": ["violations"]}  # all that passes is a megabyte for some pages
COLORS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
FINISH = """document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().iterations < Infinity).forEach((each) => each.finish())"""
# A page, or its main part, that has to be moved sideways to be read.
WIDER = """[document.documentElement, ...document.querySelectorAll("main, .page, .panel")]
  .filter((each) => each.scrollWidth > each.clientWidth).map((each) => `${each.tagName} ${each.className}`)"""
axe = Axe()


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def find_violations(page: Page, options: dict = EVERYTHING) -> list[tuple[str, list[str]]]:
    """The rules of axe-core that the page breaks, each with where."""
    found = axe.run(page, options=options).response["violations"]
    return [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found]


def set_theme(page: Page, theme: str) -> None:
    """Light or dark, with every change of colour at its end."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.evaluate(FINISH)


def assert_accessible(page: Page, name: str, *, pictures: bool = True) -> None:
    """No violation that axe-core knows in light, none of colours in dark; a picture of each."""
    width = page.viewport_size["width"]
    for theme, options in zip(THEMES, (EVERYTHING, COLORS), strict=True):
        set_theme(page, theme)
        if pictures:
            shot(page, f"{name}-{width}-{theme}")
        assert find_violations(page, options) == [], f"{name} at {width} px, {theme}"
    assert page.evaluate(WIDER) == [], f"{name} is wider than its window of {width} px"

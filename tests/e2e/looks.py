"""Looking at pages: axe-core in both themes, and pictures for people in the git-ignored tests/shots/."""

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SHOTS = Path(__file__).resolve().parent.parent / "shots"
THEMES = ("light", "dark")


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def assert_accessible(page: Page, name: str) -> None:
    """No violation that axe-core knows, in light and dark; a picture of each."""
    width = page.viewport_size["width"]
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_timeout(150)  # colours change over time
        shot(page, f"{name}-{width}-{theme}")
        found = Axe().run(page).response["violations"]
        said = [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found]
        assert said == [], f"{name} at {width} px, {theme}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than its window"

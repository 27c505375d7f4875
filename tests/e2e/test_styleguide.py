"""/styleguide/: every component in every state, looked at by axe-core and kept as pictures."""

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.looks import assert_accessible
from tests.running_demo import demo_folder, running_demo

pytestmark = pytest.mark.e2e


def test_every_component_is_accessible_in_both_themes(browser: Browser):
    complaints: list[str] = []
    with demo_folder() as folder, running_demo(folder, DEBUG="1") as demo:
        for viewport in (DESKTOP, PHONE):
            page = browser.new_page(viewport=viewport)
            page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
            page.goto(f"{demo.base_url}/styleguide/")
            expect(page.get_by_role("heading", name="Components and states")).to_be_visible()
            page.set_viewport_size({**viewport, "height": page.evaluate("document.documentElement.scrollHeight")})
            assert_accessible(page, "styleguide")
            page.close()
    assert complaints == []

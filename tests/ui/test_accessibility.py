"""Pages that no demo shows, looked at by axe-core in both themes and kept as pictures."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.looks import assert_accessible
from tests.ui.conftest import Site, show_answer


@pytest.fixture
def complaints(page: Page) -> list[str]:
    said: list[str] = []
    page.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    return said


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_component_of_the_style_guide_is_accessible(
    page: Page, site: Site, complaints, client, settings, viewport
):
    settings.DEBUG = True  # it is for builders
    page.set_viewport_size(viewport)
    show_answer(page, site, client.get("/styleguide/"), "/styleguide/")
    expect(page.get_by_role("heading", name="Components and states")).to_be_visible()
    page.set_viewport_size({**viewport, "height": page.evaluate("document.documentElement.scrollHeight")})
    assert_accessible(page, "styleguide")
    assert complaints == []

"""Notifications of one browser, turned on by a person and rung by a customer, and the page without a network."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import assert_accessible
from tests.e2e.steps import arrive
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e
# A browser without a window gives every page the focus, shows its notifications to nobody, and says it may show none.
IN_THE_BACKGROUND = """
document.hasFocus = () => false;
window.Notification = class extends Notification {
  static permission = "granted";
  constructor(title, options) {
    super(title, options);
    document.documentElement.dataset.shown = [title, ...Object.keys(options)].join();
  }
};
"""


def test_a_customer_rings_in_the_browser_where_it_was_turned_on(demo: Demo, signed_in):
    page: Page = signed_in("maya")
    page.goto(f"{demo.base_url}/notifications/")
    form = page.locator("#ringing")
    expect(form.get_by_role("status")).to_have_text("Off in this browser.")
    expect(form.get_by_role("button", name="Turn off")).to_be_hidden()
    assert_accessible(page, "alerts-off")

    form.get_by_label("Sales").check()
    form.get_by_role("button", name="Turn on").click()
    expect(form.get_by_role("status")).to_contain_text("This browser blocks notifications of MessageHub.")
    page.context.grant_permissions(["notifications"], origin=demo.base_url)
    form.get_by_role("button", name="Turn on").click()
    expect(form.get_by_role("status")).to_contain_text("On while MessageHub is open.")  # it has no push service
    assert_accessible(page, "alerts-on")

    page.add_init_script(IN_THE_BACKGROUND)
    page.goto(f"{demo.base_url}/groups/")
    expect(page.get_by_text("Live", exact=True).locator("visible=true").first).to_be_visible()
    arrive(demo, "Nobody is there")
    expect(page.locator("html")).to_have_attribute("data-shown", "A customer is waiting.,tag")

    page.context.set_offline(True)
    page.goto(f"{demo.base_url}/inbox/")
    expect(page.get_by_role("heading", name="You're offline")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    expect(page.locator("#convs")).to_be_visible()

    page.goto(f"{demo.base_url}/notifications/")
    form.get_by_role("button", name="Turn off").click()
    expect(form.get_by_role("status")).to_have_text("Off in this browser.")
    assert page.evaluate("localStorage.getItem('alerts')") is None

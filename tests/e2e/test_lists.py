"""A list with scripts: filtering while typing, selecting a range and all that match, a bulk change and its undo."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import assert_accessible
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e


def test_contacts_are_filtered_selected_and_changed(demo: Demo, signed_in, complaints):
    page: Page = signed_in("dana")
    page.goto(f"{demo.base_url}/contacts/")
    bar, boxes = page.get_by_role("group", name="Selected rows"), page.locator("[name=selected]")
    expect(boxes).to_have_count(50)
    expect(bar).to_be_hidden()

    page.get_by_label("Group").first.select_option(label="Newsletter (Sales)")
    expect(page.locator(".chip", has_text="Newsletter")).to_be_visible()
    expect(boxes).to_have_count(40)
    assert page.url.partition("?")[2].startswith("group_id=")  # and no empty fields
    page.get_by_role("link", name="Clear filters").click()
    expect(boxes).to_have_count(50)

    boxes.nth(2).check()
    boxes.nth(5).click(modifiers=["Shift"])
    expect(bar.get_by_text("4 selected")).to_be_visible()
    expect(bar.get_by_label("All in the list")).to_be_hidden()
    assert_accessible(page, "contacts-selected")
    page.get_by_label("Select all on this page").check()
    expect(bar.get_by_text("50 selected")).to_be_visible()
    bar.get_by_label("All in the list").check()
    expect(bar.get_by_text("All selected")).to_be_visible()
    boxes.nth(0).uncheck()
    expect(bar.get_by_text("49 selected")).to_be_visible()
    bar.get_by_role("button", name="Clear the selection").click()
    expect(bar).to_be_hidden()

    page.get_by_role("searchbox").fill("zzzz")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(boxes).to_have_count(50)
    page.get_by_label("Chatroom").select_option(label="Sales")
    expect(page.locator(".chip", has_text="Chatroom: Sales")).to_be_visible()
    page.get_by_label("Select all on this page").check()
    bar.get_by_label("Group").select_option(label="Regulars (Sales)")
    bar.get_by_role("button", name="Add to group").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("added to Regulars")
    toast.get_by_role("button", name="Undo").click()
    expect(toast).to_contain_text("Undone.")
    assert complaints == []

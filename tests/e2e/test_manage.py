"""What the manage pages do with scripts: a cell saves itself, and the doctor comes by itself."""

import re

import pytest
from playwright.sync_api import expect

from tests.running_demo import Demo

pytestmark = pytest.mark.e2e


def test_cell_of_the_matrix_saves_itself_and_the_doctor_comes_by_itself(demo: Demo, signed_in, complaints):
    page = signed_in("dana")
    page.wait_for_load_state("networkidle")  # what the inbox still asks for would fail when it is left
    page.goto(f"{demo.base_url}/manage/chatrooms/")
    cell = page.get_by_role("checkbox", name="Priya Nair works in Deliveries")
    for wanted in (True, False):
        cell.set_checked(wanted)
        expect(page.get_by_text("Saved", exact=True)).to_have_count(1)
        expect(cell).to_be_focused()
        page.reload()
        expect(cell).to_be_checked(checked=wanted)

    page.goto(f"{demo.base_url}/manage/numbers/")
    page.get_by_role("main").get_by_role("link", name=re.compile("010-0001")).click()
    expect(page.get_by_text("A signed test request went out to our public address and arrived")).to_be_visible()

    page.goto(f"{demo.base_url}/manage/settings/")
    page.get_by_label("From").fill("00:00")
    page.get_by_label("Until").fill("23:59")
    page.get_by_label("Try a number").press_sequentially("+14155550123")
    expect(page.locator("#quiet-preview")).to_contain_text("Los Angeles")
    assert complaints == []

"""Pages without an inbox: they are live too."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.steps import arrive, open_one
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e


@pytest.fixture
def profile(demo: Demo, signed_in) -> Callable[[str], Page]:
    """Somebody's own page, which has no inbox."""

    def open_for(name: str) -> Page:
        page = signed_in(name)
        page.goto(f"{demo.base_url}/me/")
        expect(page.locator(".account summary .live")).to_have_text("Live")
        return page

    return open_for


def test_unread_messages_are_counted_and_named_in_the_title(demo: Demo, profile, complaints):
    page = profile("maya")
    count = page.locator(".side [data-unread=total] [data-count]")
    before = int(count.text_content() or 0)

    arrive(demo, "Are you there?", "Hello?")

    expect(count).to_have_text(str(before + 2))
    expect(page).to_have_title(f"({before + 2}) Profile and security, MessageHub")
    assert complaints == []


def test_tokens_arrive(demo: Demo, profile, complaints):
    page, priya = profile("priya"), demo.client("priya")
    grant = {"user_id": priya.user["id"], "delta": 5, "reason": "For the test"}
    assert demo.client("dana").patch("/api/tokens/update", json=grant).status_code == 200

    expect(page.locator(".balance [data-balance]")).to_have_text(f"{priya.balance:,}")
    assert complaints == []


def test_a_chatroom_appears_and_goes(demo: Demo, profile, complaints):
    page, dana = profile("tom"), demo.client("dana")
    room = demo.people["maya"]["chatroom_ids"][0]
    assignment = {"user_id": demo.client("tom").user["id"], "chatroom_id": room}
    link = page.locator(f'.side [data-room-link="{room}"]')
    expect(link).to_have_count(0)

    dana.post("/api/user-chatrooms", json=assignment)
    expect(link).to_be_visible()
    dana.delete("/api/user-chatrooms", params=assignment)
    expect(link).to_have_count(0)
    assert complaints == []


def test_signing_out_there_forgets_drafts(demo: Demo, signed_in, complaints):
    arrive(demo, "Half an answer, please")
    page = signed_in("maya")
    open_one(page, "Half an answer, please")
    page.locator("#reply").fill("Half an ans")
    page.goto(f"{demo.base_url}/me/")
    assert page.evaluate("JSON.stringify(localStorage)").count("Half an ans") == 1

    page.locator(".account summary").click()
    page.locator("#account-menu").get_by_role("button", name="Sign out").click()

    page.wait_for_url("**/login/**")
    assert "Half an ans" not in page.evaluate("JSON.stringify(localStorage)")
    assert complaints == []


def test_changing_the_password_leads_nowhere_else(demo: Demo, profile):
    """It ends the sign-in that the page's socket has."""
    page, leo = profile("leo"), demo.people["leo"]
    card = page.locator("form", has=page.get_by_label("New password"))
    card.get_by_label("Current password").fill(leo["password"])
    card.get_by_label("New password").fill(leo["password"])
    card.get_by_role("button", name="Change password").click()

    expect(page.get_by_text("Password changed.")).to_be_visible()
    expect(page.locator(".account summary .live")).to_have_text("Live")
    expect(page.get_by_text("Password changed.")).to_be_visible()

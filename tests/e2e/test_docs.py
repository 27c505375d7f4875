"""/api/docs in a browser: it shows the whole document, and the strict policy holds."""

import pytest
from playwright.sync_api import Browser, expect

from tests.running_demo import Demo

pytestmark = pytest.mark.e2e


def test_the_api_is_browsable_under_the_strict_policy(browser: Browser, demo: Demo):
    problems: list[str] = []
    page = browser.new_page()
    page.on("console", lambda said: said.type == "error" and problems.append(said.text))
    page.on("pageerror", lambda error: problems.append(str(error)))

    answer = page.goto(f"{demo.base_url}/api/docs")

    assert "unsafe" not in answer.headers["content-security-policy"]
    expect(page.locator(".opblock").first).to_be_visible()
    assert problems == []
    send = page.locator("[id$=messages_send_create]")
    send.locator("button").first.click()
    expect(send.get_by_text("insufficient_tokens").first).to_be_visible()
    assert page.locator(".opblock").count() > 50
    assert problems == []
    page.close()

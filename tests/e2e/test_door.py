"""Signing in and its relatives as people see them, on both sizes and in both themes."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.looks import assert_accessible, shot
from tests.e2e.test_accounts import link_in_mail
from tests.running_demo import Demo, eventually

pytestmark = pytest.mark.e2e
SIZES = pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
REFUSED = re.compile("status of (400|401|403|404|410|429)")  # what a browser says about answers that are meant


@pytest.fixture
def stranger(browser: Browser, complaints):
    contexts = []

    def open_for(viewport: dict) -> Page:
        context = browser.new_context(viewport=viewport)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda said: (
                said.type in ("error", "warning") and not REFUSED.search(said.text) and complaints.append(said.text)
            ),
        )
        return page

    yield open_for
    for context in contexts:
        context.close()


@SIZES
def test_a_stranger_signs_in_with_what_the_page_says(demo: Demo, stranger, complaints, viewport):
    page = stranger(viewport)
    page.goto(demo.base_url)
    assert_accessible(page, "login")
    for field in ("input[type=email]", "input[type=password]", "button[type=submit]"):
        assert page.locator(field).count() == 1
    shown = page.get_by_label("Demo accounts")
    page.get_by_label("Email").fill(shown.locator("dt").first.inner_text())
    page.get_by_label("Password", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Incorrect email or password.")
    assert_accessible(page, "login-error")
    page.get_by_label("Password", exact=True).fill(shown.locator("dd").first.inner_text())
    page.get_by_role("button", name="Show password").click()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url(f"{demo.base_url}/")
    assert complaints == []


@SIZES
def test_a_forgotten_password_is_set_anew_by_mail(demo: Demo, stranger, complaints, viewport):
    kim, page = demo.people["kim"], stranger(viewport)
    page.goto(f"{demo.base_url}/login/")
    page.get_by_role("link", name="Forgot password?").click()
    assert_accessible(page, "reset")
    page.get_by_label("Email").fill(kim["email"])
    before = len(list((demo.local_dir / "mail").glob("*"))) if (demo.local_dir / "mail").exists() else 0
    page.get_by_role("button", name="Send reset link").click()
    expect(page.get_by_text("we've sent a reset link")).to_be_visible()
    assert_accessible(page, "reset-sent")

    eventually(lambda: len(list((demo.local_dir / "mail").glob("*"))) > before)
    link = eventually(lambda: link_in_mail(demo, kim["email"]))
    page.goto(link)
    page.get_by_role("textbox", name="New password").fill("short")
    page.get_by_role("button", name="Set password").click()
    expect(page.locator(".error-text")).to_be_visible()
    assert_accessible(page, "reset-new")
    page.get_by_role("textbox", name="New password").fill(kim["password"] + "-new")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("Password changed")).to_be_visible()
    page.goto(link)
    expect(page.get_by_text("This link is no longer valid")).to_be_visible()
    assert_accessible(page, "link-over")
    kim["password"] += "-new"
    for mail in (demo.local_dir / "mail").glob("*"):
        mail.unlink()
    assert complaints == []


@SIZES
def test_ones_own_page_and_errors_are_accessible(demo: Demo, signed_in, viewport):
    maya = signed_in("maya", viewport)
    maya.goto(f"{demo.base_url}/me/")
    assert_accessible(maya, "me")
    maya.goto(f"{demo.base_url}/nowhere/")
    expect(maya.get_by_role("heading", name="Page not found")).to_be_visible()
    assert_accessible(maya, "404")
    maya.goto(f"{demo.base_url}/inbox/?status=LOUD")
    shot(maya, "400")


def test_the_theme_is_kept_and_does_not_flash(demo: Demo, signed_in, complaints):
    maya = signed_in("maya")
    maya.emulate_media(color_scheme="light")
    maya.locator(".side .me").click()
    maya.locator(".side [data-theme-form] [value=dark]").click()
    expect(maya.locator("html")).to_have_attribute("data-theme", "dark")
    eventually(lambda: any(cookie["name"] == "theme" for cookie in maya.context.cookies()))
    answer = maya.request.get(f"{demo.base_url}/me/").text()
    assert 'data-theme="dark"' in answer.split("<head>")[0]  # before anything is drawn
    maya.goto(f"{demo.base_url}/me/")
    maya.locator(".own [data-theme-form] [value=system]").click()
    expect(maya.locator("html")).not_to_have_attribute("data-theme", "dark")
    assert complaints == []

"""People at the door, in their own pages and in the back office, as they see it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.accounts.codes import code
from tests.e2e.conftest import DESKTOP, PHONE, sign_in
from tests.running_demo import Demo, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture
def page(browser, complaints):
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
    yield page
    context.close()


def come_to_the_door(page: Page, demo: Demo, person: dict) -> None:
    page.goto(f"{demo.base_url}/login/")
    sign_in(page, person)


def test_an_operator_comes_in_with_a_code_and_grants_tokens(demo: Demo, page: Page, complaints):
    operator = demo.details["operator"]
    come_to_the_door(page, demo, operator)
    page.get_by_label("Code").fill(code(operator["totp_secret"]))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")

    page.get_by_role("link", name="Token accounts").first.click()
    row = page.locator("#result_list tr", has_text="Maya Okafor")
    before = int(row.locator(".field-balance").inner_text())
    row.locator("input[type=checkbox]").check()
    page.get_by_label("Action:").select_option("grant")
    page.get_by_role("button", name="Go").click()
    page.get_by_label("Tokens:").fill("7")
    page.get_by_label("Reason:").fill("For the test")
    page.get_by_role("button", name="Grant").click()

    expect(page.get_by_text("The balance of Maya Okafor was updated.")).to_be_visible()
    expect(page.locator("#result_list tr", has_text="Maya Okafor").locator(".field-balance")).to_have_text(
        str(before + 7)
    )
    for name in ("Audit entries", "Webhook events", "Messages", "Users", "Procrastinate jobs"):
        page.get_by_role("link", name=name, exact=True).first.click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert complaints == []


def test_somebody_is_invited_by_mail_and_joins(demo: Demo, page: Page, complaints):
    body = {"email": "noor@northbeam.example", "name": "Noor Haddad", "role": "agent"}
    assert demo.client("dana").post("/api/users", json=body).status_code == 201

    page.goto(eventually(lambda: link_in_mail(demo, "noor@northbeam.example")))
    page.get_by_label("New password").fill("a-long-enough-password")
    page.get_by_role("button", name="Join").click()

    page.wait_for_url(f"{demo.base_url}/")
    assert complaints == []


def link_in_mail(demo: Demo, address: str) -> str | None:
    mails = [path.read_text() for path in (demo.local_dir / "mail").glob("*")]
    found = [re.search(r"http://\S+", mail) for mail in mails if f"To: {address}" in mail]
    return found[0][0] if found and found[0] else None


def test_a_second_factor_is_set_up_and_asked_for(demo: Demo, page: Page, complaints):
    sam = demo.people["sam"]
    come_to_the_door(page, demo, sam)
    page.wait_for_url(f"{demo.base_url}/")
    page.set_viewport_size(PHONE)
    page.goto(f"{demo.base_url}/me/")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("document.querySelector('.qr').naturalWidth") > 0
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    card = page.locator("#second-factor")
    card.get_by_label("Current password").fill(sam["password"])
    card.get_by_label("Code").fill(code(secret))
    card.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("Two-factor authentication is on.")).to_be_visible()
    assert page.locator(".codes code").count() == 10

    page.context.clear_cookies()
    come_to_the_door(page, demo, sam)
    page.get_by_label("Code").fill(code(secret, 1))
    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url(f"{demo.base_url}/")
    assert complaints == []

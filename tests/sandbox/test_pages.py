"""The sandbox's pages: strict CSP, nothing unescaped, and a phone that works in a real browser."""

import re
import shutil

import pytest
import requests
from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend

from tests.browser import launch_chromium
from tests.sandbox.conftest import OURS

INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", re.IGNORECASE)


@pytest.fixture
def mailbox(sandbox) -> EmailBackend:
    folder = sandbox.local_dir / "mail"
    shutil.rmtree(folder, ignore_errors=True)
    return EmailBackend(file_path=str(folder))


@pytest.mark.parametrize("path", ["/", "", "/messenger", "/instagram", "/mail"])
def test_pages_are_strict_about_scripts_and_styles(sandbox, path):
    answer = requests.get(sandbox.base_url + path, timeout=10)

    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self';"
    )
    assert not INLINE.search(answer.text)
    assert answer.text.count("<h1") == 1


def test_names_of_numbers_are_escaped(sandbox, account):
    sandbox.add_number(account, OURS, "", "<b>Support</b>")

    page = requests.get(sandbox.base_url + "/", timeout=10).text

    assert "&lt;b&gt;Support&lt;/b&gt;" in page
    assert "<b>Support" not in page


def test_mails_are_shown_newest_first_with_links_and_escaped(sandbox, mailbox):
    link = "https://hub.example/invite/abc?x=1&y=2"
    mailbox.send_messages(
        [
            EmailMessage(
                "Invitation", f"Open {link} <script>alert(1)</script>", "hub@hub.example", ["ann@acme.example"]
            ),
            EmailMessage("Pässwörd ✓", "Grüße", "hub@hub.example", ["bo@acme.example"]),
        ]
    )

    page = requests.get(sandbox.base_url + "/mail", timeout=10).text

    assert page.index("Pässwörd ✓") < page.index("Invitation")
    assert 'href="https://hub.example/invite/abc?x=1&amp;y=2"' in page
    assert "<script>alert" not in page
    assert "bo@acme.example" in page


def test_empty_mailbox_says_so(sandbox, mailbox):
    assert "No mail yet" in requests.get(sandbox.base_url + "/mail", timeout=10).text


def test_unknown_page_and_method_are_refused_in_one_sentence(sandbox):
    assert requests.get(sandbox.base_url + "/nothing", timeout=5).status_code == 404
    assert requests.put(sandbox.base_url + "/faults", timeout=5).status_code == 405


@pytest.mark.e2e
def test_customer_writes_and_reads_in_the_browser(sandbox, client, webhooks):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    phone = "+15550177001"
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{sandbox.base_url}/")
        page.get_by_label("Phone number").fill("+1 (555) 017-7001")
        page.get_by_role("button", name="Use").click()
        page.get_by_label("Writes to").select_option(OURS)
        page.get_by_label("Message", exact=True).fill("Is it ready? <b>")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("Our webhook answered 200.").wait_for()
        page.get_by_role("log").get_by_text("Is it ready? <b>").wait_for()

        client.messages.create(to=phone, from_=OURS, body="It is.")
        page.get_by_role("log").get_by_text("It is.").wait_for()
        violations = Axe().run(page).response["violations"]
        browser.close()

    assert [received.form["Body"] for received in webhooks.received] == ["Is it ready? <b>"]
    assert violations == []
    assert complaints == []

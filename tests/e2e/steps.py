"""What tests of the inbox do again and again."""

from playwright.sync_api import Locator, Page, expect

from tests.e2e import looks
from tests.running_demo import Demo, phones


def arrive(demo: Demo, *texts: str) -> str:
    """Somebody new writes to the first chatroom; returns their phone."""
    phone = next(phones)
    for text in texts:
        demo.text(phone, demo.number, text)
    return phone


def open_one(page: Page, text: str) -> None:
    page.locator(".conv", has_text=text).first.click()
    expect(page.locator("#log")).to_contain_text(text)
    expect(page.locator("#reply")).to_be_visible()


def walk_to(page: Page, text: str) -> None:
    """By j and k alone, to the top and then down, until the row has the focus."""
    for key in "kkkkjjjjj":
        if text in page.evaluate("document.activeElement.matches('.conv') && document.activeElement.textContent || ''"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"No row with {text!r} came under the keyboard.")


def row(page: Page, text: str):
    return page.locator(".conv", has_text=text)


def shot(page: Page, name: str) -> None:
    looks.shot(page, f"inbox-{name}")


def resolve(demo: Demo, phone: str) -> None:
    """A colleague does."""
    api = demo.client("dana")
    answer = api.patch(f"/api/conversations/{api.conversation_with(phone)['id']}", json={"status": "CLOSED"})
    assert answer.status_code == 200, answer.text


def slow_down(page: Page, milliseconds: int) -> None:
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    line = {"offline": False, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1}
    wire.send("Network.emulateNetworkConditions", line)


def press(where: Locator, key: str = "Enter") -> None:
    where.focus()
    where.press(key)


def stays_in(page: Page, where: Locator) -> None:
    """Now, and after whatever an act sets going has come."""
    expect(where).to_be_focused()
    page.wait_for_timeout(700)
    expect(where).to_be_focused()

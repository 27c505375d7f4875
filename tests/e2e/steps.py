"""What tests of the inbox do again and again."""

from playwright.sync_api import Page, expect

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

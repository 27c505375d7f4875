"""A message that the provider refused is sent again from its bubble."""

import pytest
from playwright.sync_api import expect

from tests.running_demo import Demo, eventually, phones

pytestmark = pytest.mark.e2e


def test_a_refused_message_is_sent_again(demo: Demo, signed_in, complaints):
    phone = next(phones)
    demo.text(phone, demo.number, "Will you answer?")
    maya = signed_in("maya")
    maya.locator("a", has_text="Will you answer?").first.click()
    demo.sandbox("POST", "/faults", provider="twilio", kind="400", count=1, code=21612)
    composer = maya.locator("#composer textarea")
    composer.fill("Yes, of course.")
    composer.press("Enter")
    again = maya.get_by_role("button", name="Retry")
    expect(again).to_be_visible()

    again.click()

    expect(maya.get_by_text("Retried below.")).to_be_visible()
    eventually(lambda: [text["body"] for text in demo.phone(phone)][-1] == "Yes, of course.")
    expect(maya.locator("#log .msg.out").last.get_by_role("img", name="Delivered")).to_be_attached()
    expect(maya.locator("#log .msg.out")).to_have_count(2)
    assert complaints == []

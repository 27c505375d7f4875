"""Files from the composer: attached, pasted, taken away again, sent, and on the customer's phone."""

import urllib.request

import pytest
from playwright.sync_api import expect

from integrations.sandbox import samples
from tests.e2e.conftest import PHONE
from tests.e2e.steps import arrive, open_one
from tests.running_demo import Demo, eventually

pytestmark = pytest.mark.e2e

PICTURE = {"name": "oak.png", "mimeType": "image/png", "buffer": samples.picture()}
PAGE = {"name": "page.png", "mimeType": "image/png", "buffer": b"<html><p>No picture"}
PASTE = """
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(BYTES)], "pasted.png", { type: "image/png" }));
    document.querySelector("#reply").dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
"""


def test_a_picture_is_attached_and_reaches_the_phone(demo: Demo, signed_in, complaints):
    phone = arrive(demo, "Show me the oak table")
    maya = signed_in("maya", PHONE)
    open_one(maya, "Show me the oak table")
    files, send = maya.locator("#files li"), maya.locator("#send")
    maya.locator("#file").set_input_files(PAGE)
    expect(files).to_contain_text("This kind of file can't be sent.")
    expect(send).to_be_disabled()
    assert [each for each in complaints if "422" not in each] == []
    files.get_by_role("button", name="Remove page.png").click()
    expect(files).to_have_count(0)

    maya.locator("#file").set_input_files(PICTURE)
    expect(files).to_contain_text("oak.png")
    expect(files.locator("img")).to_be_visible()
    maya.evaluate(PASTE.replace("BYTES", str(list(samples.picture()))))
    expect(files).to_have_count(2)
    expect(maya.locator("#counter")).to_contain_text("2 tokens")
    maya.locator("#reply").fill("Here it is")
    expect(send).to_be_enabled()
    send.click()

    expect(files).to_have_count(0)
    bubble = maya.locator("#log .msg.out", has_text="Here it is")
    expect(bubble.locator(".shots img")).to_have_count(2)
    eventually(lambda: demo.phone(phone)[-1]["body"] == "Here it is")
    first, second = demo.phone(phone)[-1]["media"]
    assert first.endswith("/oak.png")
    assert second.endswith("/pasted.png")
    with urllib.request.urlopen(first) as answer:
        assert answer.read() == samples.picture()


def test_a_template_written_with_a_picture_brings_it_into_the_composer(demo: Demo, signed_in, complaints):
    phone = arrive(demo, "Which oaks are there?")
    maya = signed_in("maya", PHONE)
    maya.goto(f"{demo.base_url}/templates/new/")
    maya.locator("[name=name]").fill("All oaks")
    maya.locator("[name=body]").fill("These are all")
    maya.locator("#file").set_input_files(PICTURE)
    expect(maya.locator("#files-status")).to_have_text("oak.png is attached.")
    maya.get_by_role("button", name="Create template").click()
    expect(maya.get_by_text("Template created.")).to_be_visible()

    maya.goto(f"{demo.base_url}/inbox/")
    open_one(maya, "Which oaks are there?")
    files = maya.locator("#files li")
    for _ in range(2):  # one file, however often it is picked
        maya.locator("#open-templates").click()
        maya.get_by_role("option", name="All oaks").click()
        expect(files).to_have_count(1)
    expect(files).to_contain_text("oak.png")
    expect(maya.locator("#counter")).to_contain_text("2 tokens")
    files.get_by_role("button", name="Remove oak.png").click()
    expect(files).to_have_count(0)
    maya.locator("#reply").fill("")
    maya.locator("#open-templates").click()
    maya.get_by_role("option", name="All oaks").click()
    maya.locator("#send").click()

    expect(maya.locator("#log .msg.out", has_text="These are all").locator(".shots img")).to_have_count(1)
    eventually(lambda: demo.phone(phone)[-1]["body"] == "These are all")
    assert demo.phone(phone)[-1]["media"][0].endswith("/oak.png")
    assert complaints == []

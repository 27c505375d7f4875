"""What staff and admins do most, from the first click to the last, on a desk and on a phone.

Other files have the journeys of the inbox (test_inbox, test_round_trip, test_writing), of signing in (test_door) and of
joining by an invitation (test_accounts).
"""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.steps import arrive
from tests.running_demo import Demo, eventually, phones

pytestmark = pytest.mark.e2e


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def maya(request, signed_in) -> Page:
    return signed_in("maya", request.param)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def dana(request, signed_in) -> Page:
    return signed_in("dana", request.param)


def test_a_stranger_is_written_to_and_becomes_a_conversation(demo: Demo, maya: Page, complaints):
    phone, text = next(phones), f"Your lamp is here {uuid4().hex[:6]}"
    maya.get_by_role("link", name="New conversation").click()
    maya.get_by_label("To", exact=True).fill(phone)
    maya.get_by_label("Text", exact=True).fill(text)
    maya.get_by_role("button", name="Preview").click()
    expect(maya.locator("#preview")).to_contain_text(text)
    maya.locator("#preview").get_by_role("button", name="Send").click()
    eventually(lambda: [each["body"] for each in demo.phone(phone)] == [text])

    maya.goto(f"{demo.base_url}/inbox/?search={phone.removeprefix('+')}")
    maya.locator(".conv").first.click()
    expect(maya.locator("#log")).to_contain_text(text)
    demo.text(phone, demo.number, "On my way")
    expect(maya.locator("#log")).to_contain_text("On my way")
    assert complaints == []


def test_a_list_is_imported_and_gets_a_campaign(demo: Demo, maya: Page, complaints):
    """The recipients' outcomes come by themselves."""
    group, people = f"List {uuid4().hex[:6]}", [next(phones) for _ in range(3)]
    rows = "".join(f"Ada{n},{phone}\n" for n, phone in enumerate(people))
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": f"Name,Mobile\n{rows}Bob,12\n".encode()}
    maya.goto(f"{demo.base_url}/contacts/imports/")
    maya.get_by_label("File", exact=True).set_input_files(file)
    maya.get_by_role("button", name="Upload").click()
    expect(maya.locator("#preview")).to_contain_text("3 new contacts")
    expect(maya.locator("#preview")).to_contain_text("1 row will be skipped")
    maya.get_by_label("Or to a new group").fill(group)
    maya.get_by_role("button", name="Import contacts").click()
    expect(maya.get_by_role("heading", name="4 of 4 rows")).to_be_visible()

    maya.goto(f"{demo.base_url}/campaigns/new/")
    maya.get_by_label("Name", exact=True).fill(f"To {group}")
    maya.get_by_role("group", name="Send to").get_by_label(group).check()
    maya.get_by_label("Text", exact=True).fill("Hi {{first_name|there}}")
    maya.get_by_role("button", name="Save draft").click()
    maya.get_by_role("button", name="Send to 3 recipients").click()
    expect(maya.locator("#progress")).to_contain_text("3 of 3")
    expect(maya.locator("#list").get_by_role("link", name="Delivered")).to_have_count(3)
    assert [demo.phone(phone)[0]["body"] for phone in people] == ["Hi Ada0", "Hi Ada1", "Hi Ada2"]
    assert complaints == []


def test_a_message_is_found_in_the_log_with_all_that_happened_to_it(demo: Demo, maya: Page, complaints):
    phone = arrive(demo, "Where is it?")
    api = demo.client("maya")
    sent = api.reply(eventually(lambda: api.conversation_with(phone)), f"Look it up {uuid4().hex[:6]}").json()[
        "message"
    ]
    eventually(lambda: api.message(sent["id"])["status"] == "delivered")

    maya.goto(f"{demo.base_url}/messages/")
    maya.get_by_role("searchbox").fill(phone)
    maya.get_by_role("link", name=sent["content"]).click()
    expect(maya.locator("main")).to_contain_text(sent["content"])
    for step in ("Written by Maya", "1 token paid by", "Handed to the provider, attempt 1.", "Delivered"):
        expect(maya.locator("main")).to_contain_text(step)
    assert complaints == []


def test_an_agent_is_invited_and_gets_a_chatroom_and_tokens(demo: Demo, dana: Page, complaints):
    name = f"Rosa {uuid4().hex[:6]}"
    dana.goto(f"{demo.base_url}/manage/users/")
    dana.get_by_label("Email", exact=True).fill(f"{name.replace(' ', '.').lower()}@northbeam.example")
    dana.get_by_label("Name", exact=True).fill(name)
    dana.get_by_role("button", name="Send invitation").click()
    dana.get_by_role("link", name=name).click()
    expect(dana.locator("main")).to_contain_text("No chatroom yet")
    dana.get_by_role("link", name="Change access").click()
    dana.get_by_role("checkbox", name=f"{name} works in Sales").check()
    expect(dana.locator(".saved:visible")).to_have_count(1)
    dana.goto(f"{demo.base_url}/manage/users/?search={name.split()[1]}")
    dana.get_by_role("link", name=name).click()
    expect(dana.locator("main")).to_contain_text("Sales")
    dana.get_by_role("link", name="Grant tokens").click()
    dana.get_by_label("Tokens", exact=True).fill("25")
    dana.get_by_label("Reason").fill("A start")
    dana.get_by_role("button", name="Grant tokens").click()
    expect(dana.get_by_role("row", name=name).first).to_contain_text("25")
    assert complaints == []


def test_a_number_is_examined_and_tried(demo: Demo, dana: Page, complaints):
    phone = next(phones)
    dana.goto(f"{demo.base_url}/manage/numbers/")
    dana.get_by_role("link", name="+1 555-010-0001").click()
    expect(dana.get_by_text("A signed test request went out to our public address")).to_be_visible()
    dana.get_by_text("Send a test text").click()
    dana.get_by_label("Your phone").fill(phone)
    dana.get_by_role("button", name="Send test text").click()
    eventually(lambda: len(demo.phone(phone)) == 1)
    assert complaints == []

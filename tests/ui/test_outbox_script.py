"""Drafts, and messages on their way from the composer to the server."""

import json

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Page, Route, expect

from tests.ui.conftest import ORIGIN, SIGNED_IN, Site, run, show


# ---------------------------------------------------------------- drafts
def test_drafts_are_kept_for_one_person_until_they_sign_out(page: Page, site: Site):
    show(page, site, "", "data-me='ann'")
    page.evaluate("localStorage.setItem('messagehub:bo:draft:c', '\"Not mine\"')")

    kept = run(
        page,
        """const { draft, forgetEverything, keepDraft } = await load("drafts");
           keepDraft("c", "Half a sent"); keepDraft("d", "   ");
           const before = [draft("c"), draft("d"), draft("e")];
           forgetEverything();
           keepDraft("c", "Typed while the page is left");
           return [...before, draft("c"), Object.keys(localStorage)];""",
    )

    assert kept == ["Half a sent", "", "", "", ["messagehub:bo:draft:c"]]


# ---------------------------------------------------------------- messages on their way
THREAD = """
    <section id="thread" data-conversation="c"><div id="log"><div id="log-items"></div></div></section>
    <button id="jump"><span data-words></span></button><div id="status"></div>
"""


OUTBOX = """
    const thread = await load("inbox/thread"), outbox = await load("inbox/outbox");
    window.said = [];
    window.outbox = outbox;
    thread.opened();
    const text = (more) => typeof more === "string" ? more : "";
    const note = (name) => (entry, more) => said.push([name, entry?.content ?? "", text(more)]);
    outbox.start({ online: () => navigator.onLine, queued: note("queued"), accepted: note("accepted"),
                   refused: note("refused"), giveBack: note("given back"), broke: note("broke") });
"""


class Api:
    """Answers what is sent, in turn; keeps what it was asked."""

    def __init__(self, page: Page, *answers: tuple[int, dict] | None) -> None:
        self.asked: list[dict] = []
        self.answers = list(answers)
        page.route(f"{ORIGIN}/api/messages/send", self.answer)

    def answer(self, route: Route) -> None:
        self.asked.append(route.request.post_data_json)
        found = self.answers.pop(0) if self.answers else (201, {"message": {"id": "m", "conversation_id": "c"}})
        if found is None:
            return route.abort()
        route.fulfill(status=found[0], body=json.dumps(found[1]), content_type="application/json")

    @property
    def contents(self) -> list[str]:
        return [each["content"] for each in self.asked]


def refusal(code: str, message: str) -> dict:
    return {"error": {"code": code, "message": message}}


@pytest.fixture
def thread(page: Page, site: Site) -> Page:
    words = render_to_string("ui/words.html") + render_to_string("inbox/_inbox_words.html", {"me": "me"})
    show(page, site, THREAD + words, SIGNED_IN)
    return page


def said(page: Page) -> list[list[str]]:
    return page.evaluate("said")


def unsent(page: Page) -> list[dict]:
    return page.evaluate("JSON.parse(localStorage.getItem('messagehub:me:outbox') ?? '[]')")


def test_messages_go_out_in_order_and_are_forgotten_once_the_server_has_them(thread: Page):
    api = Api(thread)
    run(thread, f'{OUTBOX} for (const text of argument) outbox.send("c", text, null);', ["one", "two", "three"])

    thread.wait_for_function("said.filter(([name]) => name === 'accepted').length === 3")

    assert api.contents == ["one", "two", "three"]
    assert len({each["client_id"] for each in api.asked}) == 3
    assert unsent(thread) == []
    assert thread.locator("#log-items .sending").count() == 3


def test_a_message_waits_for_the_connection_and_goes_out_as_the_same_one(thread: Page):
    api = Api(thread, None)
    thread.context.set_offline(True)
    run(thread, f'{OUTBOX} outbox.send("c", "one", null); outbox.send("c", "two", null);')
    expect(thread.locator("#log-items article").first).to_contain_text("Waiting for the connection")
    assert [entry["content"] for entry in unsent(thread)] == ["one", "two"]

    thread.context.set_offline(False)
    thread.evaluate("outbox.flush()")

    thread.wait_for_function("said.filter(([name]) => name === 'accepted').length === 2")
    assert api.contents[-2:] == ["one", "two"]
    assert {each["client_id"] for each in api.asked if each["content"] == "one"} == {api.asked[-2]["client_id"]}


def test_a_message_that_the_server_refuses_is_given_back(thread: Page):
    Api(thread, (400, refusal("invalid", "It is too long.")))
    run(thread, f'{OUTBOX} outbox.send("c", "long", null); outbox.send("c", "short", null);')

    thread.wait_for_function("said.some(([name]) => name === 'accepted')")

    assert [each for each in said(thread) if each[0] != "queued"] == [
        ["refused", "long", "It is too long."],
        ["accepted", "short", ""],
    ]
    expect(thread.locator("#log-items article")).to_have_count(1)


def test_a_message_kept_back_goes_out_when_a_person_says_so(thread: Page):
    api = Api(thread, (409, refusal("duplicate", "You sent the same a minute ago.")))
    run(thread, f'{OUTBOX} outbox.send("c", "again", null);')
    expect(thread.get_by_role("alert")).to_contain_text("You sent the same a minute ago.")

    thread.get_by_role("button", name="Send anyway").click()

    thread.wait_for_function("said.some(([name]) => name === 'accepted')")
    assert [each["allow_duplicate"] for each in api.asked] == [False, True]


def test_an_old_message_is_not_sent_behind_a_persons_back(thread: Page):
    api = Api(thread)
    old = {"id": "x", "conversation": "c", "content": "old", "at": 0, "state": "waiting"}
    thread.evaluate("(old) => localStorage.setItem('messagehub:me:outbox', JSON.stringify([old]))", old)

    run(thread, f"{OUTBOX} outbox.showUnsent();")

    expect(thread.get_by_role("alert")).to_contain_text("Not sent.")
    assert api.asked == []
    thread.get_by_role("button", name="Discard").click()
    assert unsent(thread) == []

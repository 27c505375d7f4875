"""The figures of a campaign beside its form, in a browser: they follow what is typed, one request at a time."""

from uuid import uuid4

import pytest
from django import forms
from django.template.loader import render_to_string
from playwright.sync_api import Page, Route, expect

from accounts.models import User
from chatrooms.models import Chatroom
from messaging.media.forms import FilesField
from tests.ui.conftest import ORIGIN, SIGNED_IN, Site, show

ADDRESS = f"{ORIGIN}/figures/"
HEAD = """<title>Draft</title><link rel="stylesheet" href="/static/ui/ui.css">
    <meta name="htmx-config" content='{"includeIndicatorStyles":false,"allowEval":false}'>
    <script src="/static/django_htmx/htmx-2.min.js" defer></script>
    <script type="module" src="/static/ui/files.js"></script>"""


class Draft(forms.Form):
    """As much of a draft's form as the figures take."""

    name = forms.CharField(label="Name")
    content = forms.CharField(label="Text", widget=forms.Textarea)
    media_urls = FilesField(label="Files", required=False)


class Figures:
    """The answers that the page waits for, and what it asked."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []  # what was posted
        self.open: list[Route] = []

    def hold(self, route: Route) -> None:
        self.asked.append(route.request.post_data or "")
        self.open.append(route)

    def answer(self, words: str) -> None:
        """Answer the one request that is under way, once it is."""
        while not self.open:
            self.page.evaluate("null")
        self.open.pop().fulfill(body=f"<p>{words}</p>", content_type="text/html")
        expect(self.page.locator("#figures")).to_have_text(words)

    def pause(self) -> None:
        """Nobody types for so long that the page asks."""
        self.page.clock.run_for(700)


@pytest.fixture
def figures(page: Page, site: Site) -> Figures:
    """A page that has asked for its first figures."""
    figures, form = Figures(page), Draft()
    form.fields["media_urls"].serve(User(role="agent"), Chatroom(pk=uuid4()), "SMS")
    page.clock.install()
    page.route(ADDRESS, figures.hold)
    page.route(f"{ORIGIN}/api/media", lambda route: route.fulfill(status=201, json={"id": "9", "platforms": ["SMS"]}))
    body = f"""<main><form id="draft">{form["name"].as_field_group()}{form["content"].as_field_group()}
        {render_to_string("media/field.html", {"field": form["media_urls"]})}</form>
        {render_to_string("campaigns/_figures.html", {"address": "/figures/"})}</main>"""
    with page.expect_request(ADDRESS):
        show(page, site, body, SIGNED_IN, HEAD)
    return figures


def test_nothing_is_asked_while_it_is_typed_and_the_last_figures_stay(page: Page, figures: Figures):
    busy, text = page.get_by_text("Checking…"), page.get_by_label("Text")
    expect(busy).to_be_visible()
    figures.answer("First")
    expect(busy).to_be_hidden()
    text.press_sequentially("Hello")
    assert len(figures.asked) == 1
    with page.expect_request(ADDRESS):
        figures.pause()
    expect(busy).to_be_visible()
    expect(page.locator("#figures")).to_have_text("First")
    expect(page.locator("#figures > p")).to_have_css("opacity", "0.55")
    figures.answer("Second")
    page.get_by_label("Name").fill("Spring")  # no figure depends on it
    figures.pause()
    assert len(figures.asked) == 2


def test_what_is_typed_during_a_request_is_asked_once_after_it(page: Page, figures: Figures):
    text = page.get_by_label("Text")
    for words in ("Hello", " you", " all"):
        text.press_sequentially(words)
        figures.pause()
    assert len(figures.asked) == 1
    figures.answer("First")
    figures.answer("Latest")
    assert "content=Hello%20you%20all" in figures.asked[-1].replace("+", "%20")
    figures.pause()
    assert len(figures.asked) == 2


def test_a_file_that_is_attached_or_taken_away_is_asked_about(page: Page, figures: Figures):
    figures.answer("Without")
    page.locator("#file").set_input_files([{"name": "oak.png", "mimeType": "image/png", "buffer": b"bytes"}])
    figures.answer("With it")
    page.get_by_role("button", name="Remove oak.png").click()
    figures.answer("Without it")
    assert ["media_urls=9" in asked for asked in figures.asked] == [False, True, False]

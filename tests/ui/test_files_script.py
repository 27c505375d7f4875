"""The upload control of a form, in a browser."""

import json
from uuid import uuid4

import pytest
from django import forms
from django.template.loader import render_to_string
from playwright.sync_api import Page, Route, expect

from accounts.models import User
from chatrooms.models import Chatroom
from messaging.media.forms import File, FilesField
from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.looks import assert_accessible
from tests.ui.conftest import ORIGIN, SIGNED_IN, Site, show

ELSEWHERE = "https://shop.example/{}.jpg"
SENT = "[...new FormData(document.querySelector('[data-attach]').closest('form'))].filter(([name]) => name === FIELD)"


def pick(*names: str) -> list[dict]:
    return [{"name": name, "mimeType": "image/png", "buffer": b"bytes"} for name in names]


def read_form(page: Page, field: str = "media_urls") -> list[str]:
    """What the form would send."""
    return [value for _name, value in page.evaluate(SENT.replace("FIELD", f'"{field}"'))]


class Letter(forms.Form):
    """A form as pages have them, with the templates One and Many."""

    template = forms.ChoiceField(choices=[("", "None"), ("one", "One"), ("many", "Many")], required=False)
    media_urls = FilesField(label="Files", required=False)
    files_of = forms.CharField(required=False, widget=forms.HiddenInput)


FILES_OF = {
    "one": [File("018f", "Oak.png", 1200)],
    "many": [File(ELSEWHERE.format(n), ELSEWHERE.format(n)) for n in range(10)],
}


@pytest.fixture
def letter(page: Page, site: Site) -> None:
    """A page with the form. The server takes uploads whose names end in .png for SMS."""

    def answer_upload(route: Route) -> None:
        body = route.request.post_data_buffer
        status = 413 if b"large" in body else 201
        answer = {"error": {"message": "Too large."}} if status == 413 else {"id": "9", "platforms": ["MESSENGER"]}
        if b".png" in body and status == 201:
            answer["platforms"].append("SMS")
        route.fulfill(status=status, body=json.dumps(answer), content_type="application/json")

    page.route(f"{ORIGIN}/api/media", answer_upload)
    form = Letter()
    form.fields["media_urls"].serve(User(role="agent"), Chatroom(pk=uuid4()), "SMS")
    context = {"field": form["media_urls"]}
    held = "".join(
        f'<template data-files-of="{key}">{render_to_string("media/rows.html", {"files": files})}</template>'
        for key, files in FILES_OF.items()
    )
    body = f"""<main><h1>Letter</h1><form action="/sent">{form["template"].as_field_group()}
        {form["files_of"]}{render_to_string("media/field.html", context)}<button>Preview</button></form></main>{held}"""
    head = """<title>Letter</title><link rel="stylesheet" href="/static/ui/ui.css">
        <script type="module" src="/static/ui/files.js"></script>"""
    show(page, site, body, SIGNED_IN, head)


def test_files_are_uploaded_told_and_removed_by_the_keyboard(page: Page, letter):
    files, status, attach = page.locator("#files li"), page.locator("#files-status"), page.locator("#attach")
    page.locator("#file").set_input_files(pick("oak.png"))
    expect(status).to_have_text("oak.png is attached.")
    assert read_form(page) == ["9"]
    page.locator("#file").set_input_files(pick("large.png"))
    expect(status).to_have_text("large.png isn't attached. Too large.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert").filter(has_text="Wait until all files are uploaded")).to_be_visible()
    page.locator("#file").set_input_files(pick("notes.wav"))
    expect(files.nth(2)).to_contain_text("Too large for this channel")
    assert read_form(page) == ["9"]
    for name in ("large.png", "notes.wav", "oak.png"):
        page.get_by_role("button", name=f"Remove {name}").focus()
        page.keyboard.press("Enter")
        expect(status).to_have_text(f"{name} was removed.")
        expect(attach).to_be_focused()
    assert read_form(page) == []
    expect(page.locator("#files")).to_be_hidden()


def test_the_chosen_template_brings_its_files_and_another_takes_them_away(page: Page, letter):
    page.locator("#file").set_input_files(pick("own.png"))
    expect(page.locator("#files-status")).to_have_text("own.png is attached.")
    page.locator("[name=template]").select_option("one")
    assert (read_form(page), read_form(page, "files_of")) == (["9", "018f"], ["one"])
    page.locator("[name=template]").select_option("many")
    assert read_form(page) == ["9", *(ELSEWHERE.format(n) for n in range(9))]
    expect(page.get_by_role("alert").filter(has_text="At most 10 files go along")).to_be_visible()
    page.locator("[name=template]").select_option("")
    assert (read_form(page), read_form(page, "files_of")) == (["9"], [""])


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_control_is_accessible(page: Page, letter, viewport):
    page.set_viewport_size(viewport)
    page.locator("#file").set_input_files(pick("oak.png", "large.png"))
    expect(page.locator("#files li.failed")).to_have_count(1)
    assert_accessible(page, "files")

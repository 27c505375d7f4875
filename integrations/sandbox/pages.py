"""The two pages for people: phones in the browser, and the mails written."""

import asyncio
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from integrations.sandbox import phones, samples
from integrations.sandbox.asgi import Request, Response
from integrations.sandbox.mail import read_mails
from integrations.sandbox.server import Sandbox

PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
        " media-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; font-src 'self'"
    ),
    "referrer-policy": "same-origin",
}
PAGES = (
    ("Phones", "/sandbox/", "phone"),
    ("Messenger", "/sandbox/messenger", "ch-messenger"),
    ("Instagram", "/sandbox/instagram", "ch-instagram"),
    ("Mail", "/sandbox/mail", "mail"),
)


async def show_phones(sandbox: Sandbox, request: Request) -> Response:
    numbers = await sandbox.store.read(phones.numbers)
    accounts = [(sid, list(rows)) for sid, rows in groupby(numbers, key=lambda number: number["account_sid"])]
    return await _page("sandbox/phones.html", "/sandbox/", {"accounts": accounts, "pace": sandbox.pace})


async def show_messenger(sandbox: Sandbox, request: Request) -> Response:
    return await _page("sandbox/chats.html", "/sandbox/messenger", {"platform": "messenger", "pace": sandbox.pace})


async def show_instagram(sandbox: Sandbox, request: Request) -> Response:
    return await _page("sandbox/chats.html", "/sandbox/instagram", {"platform": "instagram", "pace": sandbox.pace})


async def show_mail(sandbox: Sandbox, request: Request) -> Response:
    folder = Path(settings.EMAIL_FILE_PATH or settings.LOCAL_DIR / "mail")
    return await _page("sandbox/mail.html", "/sandbox/mail", {"mails": await asyncio.to_thread(read_mails, folder)})


async def show_sample(sandbox: Sandbox, request: Request) -> Response:
    """A picture that a phone may send along."""
    return Response(200, await asyncio.to_thread(samples.picture), "image/png")


async def _page(template: str, here: str, context: dict[str, Any]) -> Response:
    html = await asyncio.to_thread(render_to_string, template, {"pages": PAGES, "here": here, **context})
    return Response(200, html.encode(), "text/html; charset=utf-8", PAGE_HEADERS)

"""The two pages for people: phones in the browser, and the mails written."""

import asyncio
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from integrations.sandbox import phones
from integrations.sandbox.asgi import Request, Response
from integrations.sandbox.mail import read_mails
from integrations.sandbox.server import Sandbox

PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; font-src 'self'"
    ),
    "referrer-policy": "same-origin",
}


async def show_phones(sandbox: Sandbox, request: Request) -> Response:
    numbers = await sandbox.store.read(phones.numbers)
    accounts = [(sid, list(rows)) for sid, rows in groupby(numbers, key=lambda number: number["account_sid"])]
    return await _page(request, "sandbox/phones.html", {"accounts": accounts, "pace": sandbox.pace})


async def show_mail(sandbox: Sandbox, request: Request) -> Response:
    folder = Path(getattr(settings, "EMAIL_FILE_PATH", None) or Path(settings.LOCAL_DIR) / "mail")
    mails = await asyncio.to_thread(read_mails, folder)
    return await _page(request, "sandbox/mail.html", {"mails": mails})


async def _page(request: Request, template: str, context: dict[str, Any]) -> Response:
    html = await asyncio.to_thread(render_to_string, template, context | {"theme": request.cookie_theme})
    return Response(200, html.encode(), "text/html; charset=utf-8", PAGE_HEADERS)

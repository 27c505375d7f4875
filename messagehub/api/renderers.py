"""Answers as JSON, and as files."""

from typing import IO

import orjson
from django.http import FileResponse
from django.utils import timezone
from rest_framework import negotiation, renderers


class JSONRenderer(renderers.BaseRenderer):
    """JSON by orjson."""

    media_type, format, charset = "application/json", "json", None

    def render(self, data, accepted_media_type=None, renderer_context=None) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z)


class FileNegotiation(negotiation.DefaultContentNegotiation):
    """For actions that answer with a file, whatever the client accepts; what they refuse is JSON as everywhere."""

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


def answer_csv(file: IO[bytes], name: str) -> FileResponse:
    """A CSV file as an attachment called `<name>-<today>.csv`, sent in parts and closed at the end."""
    return FileResponse(
        file,
        as_attachment=True,
        filename=f"{name}-{timezone.localdate().isoformat()}.csv",
        content_type="text/csv; charset=utf-8",
    )

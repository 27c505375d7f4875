"""Answers as JSON."""

import orjson
from rest_framework import renderers


class JSONRenderer(renderers.BaseRenderer):
    """JSON by orjson."""

    media_type, format, charset = "application/json", "json", None

    def render(self, data, accepted_media_type=None, renderer_context=None) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z)

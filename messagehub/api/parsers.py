"""Requests as JSON."""

import json
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.BaseParser):
    """A JSON object in strict form: no NaN, no lone surrogates, no NUL, no endless nesting, no repeated keys."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        length = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
        if int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:  # Django only guards `body`, not the stream
            raise RequestDataTooBig
        raw = stream.read()
        if not raw:
            return {}
        try:
            orjson.loads(raw)  # refuses NaN, bad UTF-8, lone surrogates and endless nesting
            data = json.loads(raw, object_pairs_hook=_unique_keys)
            nul = _has_nul(data)
        except (ValueError, RecursionError):
            raise ParseError(_("The body is not valid JSON.")) from None
        if not isinstance(data, dict):
            raise ParseError(_("The body must be a JSON object."))
        if nul:
            raise ParseError(_("The body contains a NUL character."))
        return data


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("The body contains a duplicate key.")
    return members


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(each) for key, each in value.items())
    return isinstance(value, list) and any(_has_nul(each) for each in value)

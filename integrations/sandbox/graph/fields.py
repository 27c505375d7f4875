"""Field expansion, `id,name,messages.limit(5){id,message}`, and the pages of a list.

https://developers.facebook.com/docs/graph-api/guides/field-expansion
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from integrations.sandbox.graph.errors import refuse_parameter

NAME = re.compile(r"[a-z0-9_]+")
MODIFIER = re.compile(r"\.([a-z_]+)\(([^()]*)\)")
USUAL_LIMIT, MOST_LIMIT = 25, 100

Tree = dict[str, "Field"]


class Field:
    """One field that is asked for, with its modifiers such as `limit` and the fields within it."""

    def __init__(self, modifiers: Mapping[str, str], within: Tree) -> None:
        self.modifiers = modifiers
        self.within = within


def parse_fields(text: str) -> Tree:
    """Raises GraphError."""
    tree, end = _parse(text.replace(" ", ""), 0)
    if end != len(text.replace(" ", "")):
        raise refuse_parameter(f"Syntax error in the field list at character {end}")
    return tree


def _parse(text: str, at: int) -> tuple[Tree, int]:
    tree: Tree = {}
    while at < len(text) and text[at] != "}":
        name = NAME.match(text, at)
        if name is None:
            raise refuse_parameter(f"Syntax error in the field list at character {at}")
        at, modifiers, within = name.end(), {}, {}
        while modifier := MODIFIER.match(text, at):
            modifiers[modifier[1]] = modifier[2]
            at = modifier.end()
        if text[at : at + 1] == "{":
            within, at = _parse(text, at + 1)
            if text[at : at + 1] != "}":
                raise refuse_parameter(f"Syntax error in the field list at character {at}")
            at += 1
        tree[name[0]] = Field(modifiers, within)
        if text[at : at + 1] == ",":
            at += 1
    return tree, at


def pick(values: Mapping[str, Any], wanted: Iterable[str], *, known: Iterable[str], kind: str) -> dict[str, Any]:
    """The id and the wanted fields that have a value. Raises GraphError for a field that the kind does not have."""
    for name in wanted:
        if name not in known:
            raise refuse_parameter(f"Tried accessing nonexisting field ({name}) on node type ({kind})")
    return {name: values[name] for name in dict.fromkeys([*wanted, "id"]) if values.get(name) is not None}


def read_limit(modifiers: Mapping[str, Any]) -> int:
    limit = str(modifiers.get("limit", USUAL_LIMIT))
    if not limit.isdecimal() or not int(limit):
        raise refuse_parameter("limit must be a whole number")
    return min(int(limit), MOST_LIMIT)


def read_cursor(modifiers: Mapping[str, Any]) -> str:
    """The place that `after` names, or nothing for the first page."""
    after = str(modifiers.get("after", ""))
    try:
        return base64.urlsafe_b64decode(after.encode()).decode()
    except (binascii.Error, ValueError):
        raise refuse_parameter("Invalid cursors values were specified") from None


def make_page(
    rows: Sequence[tuple[str, dict[str, Any]]], limit: int, url: str, query: Mapping[str, Any]
) -> dict[str, Any]:
    """One page of a list: (place, item) each, one more of them than `limit` where there is a next page."""
    shown = rows[:limit]
    if not shown:
        return {"data": []}
    before, after = (base64.urlsafe_b64encode(place.encode()).decode() for place in (shown[0][0], shown[-1][0]))
    paging: dict[str, Any] = {"cursors": {"before": before, "after": after}}
    if len(rows) > limit:
        kept = {name: value for name, value in query.items() if name not in ("access_token", "after", "before")}
        paging["next"] = f"{url}?{urlencode(kept | {'limit': limit, 'after': after})}"
    return {"data": [item for _, item in shown], "paging": paging}

"""One example of each operation: what the OpenAPI document shows and what `tests/api/test_examples.py` sends."""

from functools import cache
from pathlib import Path

import orjson

FILE = Path(__file__).with_name("examples.json")


@cache
def read_examples() -> dict[str, dict]:
    """By operation (`GET /api/chatrooms/{id}`): `status` and, where it has them, `id`, `query`, `body` and `answer`.

    Instead of a `body` there may be a `form` whose `file` is the text of an uploaded file (called `file_name`), instead
    of an `answer` a `csv`.
    """
    return orjson.loads(FILE.read_bytes())


def add_examples(result: dict, generator, request, public: bool) -> dict:
    """A hook of drf-spectacular, called with the finished document."""
    examples = read_examples()
    for path, verbs in result["paths"].items():
        for verb, operation in verbs.items():
            if example := examples.get(f"{verb.upper()} {path}"):
                _add_example(operation, example)
    return result


def _add_example(operation: dict, example: dict) -> None:
    shown = {"id": example.get("id"), **example.get("query", {})}
    for parameter in operation.get("parameters", ()):
        if shown.get(parameter["name"]) is not None:
            parameter["example"] = shown[parameter["name"]]
    request, answer = operation.get("requestBody", {}), operation["responses"].get(str(example["status"]), {})
    places = [
        (request, "body", "application/json"),
        (request, "form", "multipart/form-data"),
        (answer, "answer", "application/json"),
        (answer, "csv", "text/csv"),
    ]
    for place, name, media_type in places:
        content = place.get("content", {}).get(media_type)
        if content is not None and name in example:
            content["example"] = example[name]

"""The files that people send and show, drawn here, at addresses such as Meta would give."""

import asyncio
from collections.abc import Callable

from integrations.sandbox import samples
from integrations.sandbox.asgi import Request, Response
from integrations.sandbox.errors import Refused
from integrations.sandbox.graph import clip
from integrations.sandbox.server import Sandbox

FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "picture.png": (samples.picture, "image/png"),
    "sticker.png": (samples.sticker, "image/png"),
    "story.png": (samples.story, "image/png"),
    "voice.wav": (samples.voice, "audio/wav"),
    "clip.mp4": (clip.clip, "video/mp4"),
    "order.pdf": (samples.document, "application/pdf"),
}


async def show_file(sandbox: Sandbox, request: Request, name: str) -> Response:
    if name not in FILES:
        raise Refused(404, "There is no such file.")
    make, content_type = FILES[name]
    return serve_range(await asyncio.to_thread(make), content_type, request.header(b"range"))


async def show_face(sandbox: Sandbox, request: Request, person_id: str) -> Response:
    return Response(200, await asyncio.to_thread(samples.face, person_id), "image/png")


def serve_range(body: bytes, content_type: str, wanted: str | None) -> Response:
    """The file, or the one range of it that a player asks for."""
    first, dash, last = (wanted or "").removeprefix("bytes=").partition("-")
    if not dash or not first.isdecimal() or not (last == "" or last.isdecimal()):
        return Response(200, body, content_type, {"accept-ranges": "bytes"})
    start, end = int(first), min(int(last) if last else len(body) - 1, len(body) - 1)
    if start > end:
        return Response(416, b"", content_type, {"content-range": f"bytes */{len(body)}"})
    return Response(206, body[start : end + 1], content_type, {"content-range": f"bytes {start}-{end}/{len(body)}"})

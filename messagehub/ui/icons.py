"""The icons we use, as one SVG sprite: Lucide's from its wheel, the channels' and the mark our own."""

import re
from importlib.metadata import version
from importlib.resources import files
from zipfile import ZipFile

LUCIDE = frozenset({
    "alarm-clock", "archive", "arrow-down", "arrow-left", "arrow-right", "at-sign", "ban", "book-open-text",
    "calendar-clock", "chart-line", "check", "check-check", "chevron-down", "chevrons-up-down", "circle-alert",
    "circle-dashed", "circle-question-mark", "clock-3", "cloud-alert", "cloud-off", "coffee", "coins", "compass",
    "contact-round", "copy", "download", "ellipsis", "eye", "history", "hourglass", "image", "inbox", "keyboard",
    "layers", "layout-grid", "list-filter", "lock", "log-out", "mail", "megaphone", "menu", "merge",
    "message-square", "messages-square", "mic", "monitor", "moon", "mouse-pointer-click", "panel-right", "paperclip",
    "pencil", "phone", "plus", "refresh-cw", "rotate-ccw", "rotate-cw", "scroll-text", "search", "send", "settings",
    "share-2", "stethoscope", "sticker", "sun", "tag", "timer", "trash-2", "triangle-alert", "upload", "user",
    "user-round-check", "user-round-plus", "users", "video", "wifi", "wifi-off", "x",
})  # fmt: skip
POINTING = frozenset({"arrow-left", "arrow-right", "log-out", "panel-right", "send"})  # mirrored from right to left

# Lucide has no brand icons, and these must stay legible at 11 px.
OWN = {
    "mark": (
        '<path fill="currentColor" stroke="none" d="M6.5 2h11A4.5 4.5 0 0 1 22 6.5v8a4.5 4.5 0 0 1-4.5'
        ' 4.5h-4.2l-4.6 3.2c-.5.3-1.2 0-1.2-.6V19h-1A4.5 4.5 0 0 1 2 14.5v-8A4.5 4.5 0 0 1 6.5 2z"/>'
        '<path fill="none" stroke="#fff" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"'
        ' d="M8 12.9V8.1l4 3.6 4-3.6v4.8"/>'
    ),
    "ch-sms": (
        '<path d="M5.5 4h13A2.5 2.5 0 0 1 21 6.5v8a2.5 2.5 0 0 1-2.5 2.5H12l-5 4v-4H5.5A2.5 2.5 0 0 1 3'
        ' 14.5v-8A2.5 2.5 0 0 1 5.5 4z"/><path stroke-width="3" d="M8 10.5h.01M12 10.5h.01M16 10.5h.01"/>'
    ),
    "ch-messenger": (
        '<path d="M12 3c-5.2 0-9 3.7-9 8.4 0 2.6 1.1 4.7 3 6.2V21l3.2-1.7c.9.2 1.8.4 2.8.4 5.2 0 9-3.7'
        ' 9-8.3S17.2 3 12 3z"/><path d="m7.5 13.3 3-3 3 2.2 3-2.9"/>'
    ),
    "ch-instagram": (
        '<rect x="3.5" y="3.5" width="17" height="17" rx="5"/><circle cx="12" cy="12" r="3.8"/>'
        '<path stroke-width="3" d="M16.6 7.4h.01"/>'
    ),
}

NAMES = LUCIDE | OWN.keys()


def fingerprint() -> str:
    """Changes whenever the sprite would."""
    return f"{version('lucide')} {sorted(LUCIDE)} {OWN}"


def sprite() -> str:
    with files("lucide").joinpath("lucide.zip").open("rb") as archive, ZipFile(archive) as drawings:
        shapes = OWN | {name: _inner(drawings.read(f"{name}.svg").decode()) for name in LUCIDE}
    symbols = "".join(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes[name]}</symbol>' for name in sorted(shapes))
    return f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>'


def _inner(svg: str) -> str:
    shapes = re.sub(r"^.*?<svg\b[^>]*>|</svg>\s*$", "", svg, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "", shapes)

"""The style sheet of every page: one file joined from the parts below `static/ui/`, so that a page asks once."""

import re
from pathlib import Path

from django.contrib.staticfiles import finders

from messagehub.ui import fonts

# In the order in which they build on each other; `tokens` also names the cascade layers.
PARTS = ("tokens", "base", "components", "app", "inbox")


def sheet() -> str:
    """The whole style sheet, without what only its authors read."""
    face = fonts.FACE if fonts.available() else ""
    css = "".join(Path(finders.find(f"ui/{part}.css")).read_text() for part in PARTS)
    return _squeezed(css + face)


def _squeezed(css: str) -> str:
    without_comments = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    tight = re.sub(r"\s+", " ", without_comments)
    return re.sub(r" ?([{};,]) ?", r"\1", tight).strip()

"""Static files made at first use: from wheels, so that no third-party file is in the repository, and from our parts."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

from messagehub.ui import fonts, icons, scripts, styles


class BuiltAssetsFinder(BaseFinder):
    """Finds `ui/icons.svg`, `ui/ui.css`, the scripts `ui/built/*.js`, and Inter's two files where it is installed."""

    def check(self, **kwargs):
        return []

    def find(self, path, find_all=False, **kwargs):
        if path not in self._recipes():
            return [] if find_all else None
        found = str(self._built(path) / path)
        return [found] if find_all else found

    def list(self, ignore_patterns) -> Iterator[tuple[str, FileSystemStorage]]:
        for path in self._recipes():
            yield path, FileSystemStorage(location=self._built(path))

    def _recipes(self) -> dict[str, tuple[Callable[[], str], Callable[[], bytes]]]:
        """What can be built: path -> (what it depends on, how it is made)."""
        recipes = {
            "ui/icons.svg": (icons.fingerprint, lambda: icons.sprite().encode()),
            "ui/ui.css": (styles.sheet, lambda: styles.sheet().encode()),
        }
        for bundle in scripts.bundles():
            recipes[f"ui/built/{bundle.name}.js"] = (bundle.text, lambda bundle=bundle: bundle.text().encode())
        if fonts.available():
            recipes["ui/inter.css"] = (lambda: fonts.FACE, fonts.FACE.encode)
            recipes["ui/inter.woff2"] = (fonts.fingerprint, fonts.inter)
        return recipes

    def _built(self, path: str) -> Path:
        """The folder that holds `path`, made now if its packages or its recipe changed."""
        fingerprint, make = self._recipes()[path]
        key = hashlib.sha256(fingerprint().encode()).hexdigest()[:12]
        root = Path(settings.LOCAL_DIR) / "assets" / key
        target = root / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(target, make())
        return root


def _write_whole(target: Path, content: bytes) -> None:
    """Several processes may build at once; none ever sees half a file."""
    handle, unfinished = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    os.chmod(unfinished, 0o644)
    os.replace(unfinished, target)

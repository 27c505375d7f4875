"""Static files with hashed names, compressed, cached for good."""

import re

from django.core.files.base import ContentFile, File
from whitenoise.storage import CompressedManifestStaticFilesStorage

_DJANGO_PATTERNS = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]
OURS = re.compile(r"ui/[\w-]+\.js")


class Storage(CompressedManifestStaticFilesStorage):
    """Also rewrites the imports of our own modules, and leaves out what only their authors read.

    Only ours: over every script, django-htmx's `ext/hx-sse-2.js` sends collectstatic looking for a file
    that does not exist. Imports must end in a semicolon to be seen.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = ("ui/*.js", _DJANGO_PATTERNS)

    def _save(self, name: str, content: File) -> str:
        if OURS.fullmatch(name):
            content = ContentFile(squeezed(content.read().decode()).encode())
        return super()._save(name, content)


def squeezed(script: str) -> str:
    """A module without comments that have a line or a line's end to themselves, and without indentation.

    It knows no JavaScript: a text that spans lines or holds ` //` must not be in our modules, and a test sees to it.
    """
    return re.sub(r"\n{2,}", "\n", re.sub(r"^[ \t]+|^[ \t]*//.*$|[ \t]+//.*$", "", script, flags=re.MULTILINE))

"""Static files with hashed names, compressed, cached for good."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

_DJANGO_PATTERNS = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]


class Storage(CompressedManifestStaticFilesStorage):
    """Also rewrites the imports of our own modules.

    Only ours: over every script, django-htmx's `ext/hx-sse-2.js` sends collectstatic looking for a file
    that does not exist. Imports must end in a semicolon to be seen.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = ("ui/*.js", _DJANGO_PATTERNS)
    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("sandbox/*.js", _DJANGO_PATTERNS))

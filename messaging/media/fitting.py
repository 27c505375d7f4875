"""Which files a platform takes, told before anything is paid."""

from collections.abc import Sequence

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from integrations import providers
from messaging.models import Upload


def say_too_many() -> str:
    """What is said of more files than any platform takes in one message."""
    words = _("At most {n} files go along with a message, those of its template included.")
    return words.format(n=providers.count_most_media())


def say_limits(platform: str) -> str:
    """What the platform takes, for people who choose files."""
    limits, label = providers.read_limits(platform), providers.name_platform(platform)
    pictures = max(most for kind, most in limits.media_bytes.items() if kind.startswith("image/"))
    others = max(most for kind, most in limits.media_bytes.items() if not kind.startswith("image/"))
    if limits.most_media > 1:
        words = _("{platform}: up to {n} files, {most} together; pictures up to {pictures}, others up to {others}.")
    else:
        words = _("{platform}: one file instead of a text; pictures up to {pictures}, others up to {others}.")
    return words.format(
        platform=label,
        n=limits.most_media,
        most=filesizeformat(limits.most_media_bytes),
        pictures=filesizeformat(pictures),
        others=filesizeformat(others),
    )


def list_unfit(platform: str, uploads: Sequence[Upload]) -> list[tuple[str, str, str]]:
    """Why the platform does not take these files in one message, each a code, the words and what to do."""
    limits, label = providers.read_limits(platform), providers.name_platform(platform)
    found = []
    for upload in uploads:
        most = limits.media_bytes.get(upload.content_type)
        if most is None:
            text = _("{platform} doesn't take this kind of file: {name}.")
            found.append(("media_unsupported", text.format(platform=label, name=upload.name), _("Send another file.")))
        elif upload.size > most:
            text = _("{name} is too large: {platform} takes at most {most} of this kind.")
            words = text.format(platform=label, name=upload.name, most=filesizeformat(most))
            found.append(("media_too_large", words, _("Send a smaller file.")))
    if not found and sum(upload.size for upload in uploads) > limits.most_media_bytes:
        text = _("These files are too large together: {platform} takes at most {most} in one message.")
        words = text.format(platform=label, most=filesizeformat(limits.most_media_bytes))
        found.append(("media_too_large", words, _("Send them in two messages.")))
    return found

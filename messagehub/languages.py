"""In which language people are spoken to, and how each writes its dates. How to translate: docs/translating.md."""

from datetime import date

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import pgettext_lazy

from messagehub import tenancy

# Django's letters for dates -> the same in the page's language, which may want dots or another order.
DATE_FORMS = {
    "D": pgettext_lazy("form of a date", "D"),
    "j M": pgettext_lazy("form of a date", "j M"),
    "j M Y": pgettext_lazy("form of a date", "j M Y"),
    "j F": pgettext_lazy("form of a date", "j F"),
    "j F Y": pgettext_lazy("form of a date", "j F Y"),
    "l j F": pgettext_lazy("form of a date", "l j F"),
    "l, j F": pgettext_lazy("form of a date", "l, j F"),
    "F Y": pgettext_lazy("form of a date", "F Y"),
}


def format_day(day: date, form: str) -> str:
    """A day by one of DATE_FORMS."""
    return date_format(day, str(DATE_FORMS[form]))


def format_number(value: float) -> str:
    """With the language's separator of thousands."""
    return number_format(value, force_grouping=True)


def choose_language(request: HttpRequest) -> str:
    """What the viewer chose, else the first that the browser asks for and we have, else English.

    Programs that come with a token are not viewers: their answers stay English unless the request itself asks. The back
    office is English for everybody, as what operators read about it is.
    """
    if request.path.startswith(tenancy.BACK_OFFICE):
        return settings.LANGUAGE_CODE
    chosen = "" if getattr(request, "token", None) else language_of(request.user)
    return chosen or translation.get_language_from_request(request)


def language_of(person: object) -> str:
    """What somebody chose in their profile, or nothing."""
    chosen = getattr(person, "language", None)
    return chosen if chosen in dict(settings.LANGUAGES) else ""


def speak_to(person: object, *, otherwise: str = "") -> translation.override:
    """For what somebody reads later, wherever it is written: what they chose, else `otherwise`, else English."""
    return translation.override(language_of(person) or otherwise or settings.LANGUAGE_CODE)

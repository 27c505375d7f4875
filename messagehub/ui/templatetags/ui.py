"""Icons, people, channels and times, drawn the same on every page."""

import re
import zlib
from datetime import UTC, date, datetime
from functools import lru_cache

import phonenumbers
from django import template
from django.contrib.messages import get_messages
from django.template import TemplateSyntaxError
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, pgettext

from messagehub import languages, sentences
from messagehub.ui import charts, fonts, icons
from messagehub.ui.navigation import list_pages

register = template.Library()

CHANNELS = {
    "SMS": "SMS",
    "MESSENGER": "Messenger",
    "INSTAGRAM": "Instagram",
}  # names, the same in any language
HUES = 8
DECORATION = SafeString('aria-hidden="true"')


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "") -> SafeString:
    """An icon of the sprite. Without a label it only decorates and readers skip it."""
    if name not in icons.NAMES:
        raise TemplateSyntaxError(f"No icon is called {name!r}: add it to messagehub/ui/icons.py.")
    meaning = format_html('role="img" aria-label="{}"', label) if label else DECORATION
    size_class = "" if size == 16 else f" i-{size}"
    way_class = " i-ahead" if name in icons.POINTING else ""
    return format_html(
        '<svg class="i{}{}" {}><use href="{}#{}"/></svg>',
        size_class,
        way_class,
        meaning,
        static("ui/icons.svg"),
        name,
    )


@register.simple_tag
def channel(platform: str, flat: bool = False) -> SafeString:
    """The round badge that says by which channel people write."""
    return format_html(
        '<svg class="chan chan-{}{}" role="img" aria-label="{}"><use href="{}#ch-{}"/></svg>',
        platform.lower(),
        " chan-flat" if flat else "",
        CHANNELS[platform],
        static("ui/icons.svg"),
        platform.lower(),
    )


@register.simple_tag
def avatar(
    name: object, key: object, size: int = 36, platform: str = "", label: str = "", picture: str = ""
) -> SafeString:
    """Initials on a colour that stays with the person; a figure for somebody known only by number.

    A picture covers them, and leaves them to be seen where it can't be loaded.

    Readers skip it, for a name stands beside it, unless it shows a channel or has a label of its own.
    """
    words, letters = label or CHANNELS.get(platform, ""), initials(str(name))
    return format_html(
        '<span class="av av-{}{} av-hue-{}" {}>{}{}{}</span>',
        size,
        "" if letters else " nobody",  # drawn by the style sheet: an icon would be three more nodes for each
        zlib.crc32(str(key).encode()) % HUES + 1,
        format_html('role="img" aria-label="{0}" title="{0}"', words) if words else DECORATION,
        letters,
        # Nothing is drawn for a picture that fails, because its text is empty.
        format_html('<img class="face" src="{}" alt="" loading="lazy" decoding="async">', picture) if picture else "",
        channel(platform) if platform else "",
    )


def initials(name: str) -> str:
    words = re.findall(r"[^\W\d_][^\s]*", name)
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.simple_tag
def font_links(*, sheet: bool = False) -> SafeString:
    """Inter, fetched early; nothing where it is not installed. `sheet` is for pages without our style sheet."""
    if not fonts.available():
        return SafeString()
    early = format_html(
        '<link rel="preload" href="{}" as="font" type="font/woff2" fetchpriority="low" crossorigin>',
        static("ui/inter.woff2"),
    )
    return early + format_html('<link rel="stylesheet" href="{}">', static("ui/inter.css")) if sheet else early


THEMES = ("light", "dark")  # anything else follows the device


@register.simple_tag(takes_context=True)
def theme(context) -> str:
    """The look that this browser asked for: light, dark, or nothing for that of the device."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else ""
    return chosen if chosen in THEMES else ""


@register.simple_tag(takes_context=True)
def notices(context) -> list:
    """What the page before wanted to be said on this one, once."""
    request = context.get("request")
    return list(get_messages(request)) if request else []


@register.simple_tag(takes_context=True)
def navigation(context) -> list[dict]:
    """The pages that the viewer may see. `own_page` in the context says which of them is open."""
    open_page = context.get("own_page") or ("" if context.get("chatroom") else "inbox")
    pages = list_pages(context["request"].user)
    return [vars(page) | {"is_current": page.url_name == open_page} for page in pages]


def local(moment: datetime | str) -> datetime:
    """A moment, or its RFC 3339 text as in the API's shapes, in the viewer's zone."""
    return timezone.localtime(datetime.fromisoformat(moment) if isinstance(moment, str) else moment)


@register.filter
def iso(moment: datetime | str) -> str:
    """For machines: `<time datetime>` and what scripts sort by, so always of one length."""
    return local(moment).astimezone(UTC).isoformat(timespec="microseconds")


@register.filter
def clock_time(moment: datetime | str) -> str:
    """When, within a day that is already named: 14:05."""
    return f"{local(moment):%H:%M}"


@lru_cache(1000)
def _date_words(day: date, form: str, language: str) -> str:
    """A thread says each of its days some fifty times; Django formats them anew each time."""
    return languages.format_day(day, form)


def date_words(when: datetime, form: str) -> str:
    """The day of a local moment, by one of `languages.DATE_FORMS`."""
    return _date_words(when.date(), form, get_language())


@register.filter
def short_time(moment: datetime | str) -> str:
    """When, in a list: the shortest form that cannot be misread."""
    when, now = local(moment), timezone.localtime()
    days = (now.date() - when.date()).days
    if days <= 0:
        return clock_time(moment)
    if days == 1:
        return gettext("Yesterday")
    if days < 7:
        return date_words(when, "D")
    return date_words(when, "j M" if when.year == now.year else "j M Y")


@register.filter
def day(moment: datetime | str) -> str:
    """The name of a day above its messages."""
    when, now = local(moment), timezone.localtime()
    days = (now.date() - when.date()).days
    if days <= 0:
        return gettext("Today")
    if days == 1:
        return gettext("Yesterday")
    return date_words(when, "l, j F" if when.year == now.year else "j F Y")


@register.filter
def full_time(moment: datetime | str) -> str:
    """Everything, for a tooltip."""
    return pgettext("date and time", "%(day)s at %(time)s") % {
        "day": date_words(local(moment), "j F Y"),
        "time": clock_time(moment),
    }


@register.filter
def exact_time(moment: datetime | str) -> str:
    """To the second, for a log: 3 March 2026, 14:05:09."""
    when = local(moment)
    return f"{date_words(when, 'j F Y')}, {when:%H:%M:%S}"


@register.filter
def brief_time(moment: datetime | str) -> str:
    """Day and time in few letters, whichever day it is: 3 Mar 2026, 14:05."""
    return f"{date_words(local(moment), 'j M Y')}, {clock_time(moment)}"


@register.filter
def full_day(moment: datetime | str) -> str:
    return date_words(local(moment), "j F Y")


@register.filter
def near_time(moment: datetime | str) -> str:
    """Within a sentence: days nearby have names, and only another year is told."""
    when, now = local(moment), timezone.localtime()
    named = {-1: gettext("yesterday"), 0: gettext("today"), 1: gettext("tomorrow")}
    days = (when.date() - now.date()).days
    return pgettext("date and time", "%(day)s at %(time)s") % {
        "day": named.get(days) or date_words(when, "j F" if when.year == now.year else "j F Y"),
        "time": clock_time(moment),
    }


@register.filter
def iso_day(moment: datetime | str) -> str:
    """Which day it is for the viewer, for scripts to compare."""
    return local(moment).date().isoformat()


@register.filter
def month(moment: datetime | str) -> str:
    return date_words(local(moment), "F Y")


@register.filter
def retold(text: str) -> str:
    """A sentence that is stored, in the reader's language."""
    return sentences.retell(text)


@register.simple_tag
def channel_name(platform: str) -> str:
    return CHANNELS[platform]


@register.filter
def number(value: int) -> str:
    return languages.format_number(value)


@register.filter
def duration(seconds: float) -> str:
    """How long, in the two largest units at most: 45 s, 3 min, 2 h 5 min, 4 d 1 h."""
    if seconds < 60:
        return gettext("{n} s").format(n=round(seconds))
    minutes = round(seconds / 60)
    if minutes < 60:
        return gettext("{n} min").format(n=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return gettext("{h} h {m} min").format(h=hours, m=minutes) if minutes else gettext("{h} h").format(h=hours)
    days, hours = divmod(hours, 24)
    return gettext("{d} d {h} h").format(d=days, h=hours) if hours else gettext("{d} d").format(d=days)


@register.filter
def phone(address: object) -> str:
    """A phone number as people read it; anything else (a name, a short code) as it is."""
    text = str(address)
    if not text.startswith("+"):
        return text
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return text
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


# ---------------------------------------------------------------- charts
@register.filter
def amount(value: float | None) -> str:
    """A number of a chart: whole where it is whole. Where a line has a gap there is none."""
    if value is None:
        return "–"
    return number_format(value, 0 if value == int(value) else 1, force_grouping=True)


@register.inclusion_tag("ui/charts/lines.html")
def line_chart(chart: charts.Chart) -> dict:
    return {"chart": chart}


@register.inclusion_tag("ui/charts/bars.html")
def bar_chart(chart: charts.Chart) -> dict:
    return {"chart": chart}


@register.inclusion_tag("ui/charts/heat.html")
def heat_table(title: str, columns: list[str], rows: list[tuple[str, list[float]]]) -> dict:
    return {"title": title, "columns": columns, "rows": charts.heat(rows)}


@register.inclusion_tag("ui/charts/stackbar.html")
def stack_bar(title: str, parts: list[tuple[str, str, float]]) -> dict:
    return {"title": title, "parts": charts.stack(parts)}


@register.simple_tag
def spark(values: list[float], title: str, color: str = "petrol") -> SafeString:
    """A line without axes, as high as a word; `title` tells readers where it goes."""
    return format_html(
        '<svg class="spark" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="s-line s-{}" d="{}"/></svg>',
        title,
        color,
        charts.path(values, max(values, default=0) or 1),
    )

"""/: what needs attention, and what happened in the last days. Every number leads to the list behind it."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from chatrooms.models import Chatroom
from integrations.failures import explain_code
from messagehub import datetimes, languages
from messagehub.ui.charts import Chart, Series
from messaging.consent import offers
from messaging.context_processors import shell_of
from messaging.dashboard import queries
from messaging.statistics.queries import read_statistics
from tokens import ledger

RANGES = (7, 30, 90)
DEFAULT_RANGE = 30
LONG = 3 * 3600  # seconds of waiting, from which they are told in hours
TOTALS = ("inbound", "outbound", "delivered", "failed", "resolved")


@dataclass(frozen=True)
class Filters:
    """Which days, both included, and which chatroom (None for all that the viewer sees)."""

    days: int
    last: date
    chatroom: Chatroom | None

    @property
    def first(self) -> date:
        return self.last - timedelta(days=self.days - 1)

    def build_query(self, **changed: object) -> str:
        values = {"days": self.days, "chatroom": self.chatroom.pk if self.chatroom else ""} | changed
        chosen = {name: value for name, value in values.items() if value and value != DEFAULT_RANGE}
        return f"?{urlencode(chosen)}" if chosen else "."


@require_safe
def show_dashboard(request: HttpRequest) -> HttpResponse:
    organization = request.user.organization
    if organization is None:  # operators work in the back office, and may look into the inbox
        return redirect("inbox")
    zone = datetimes.read_time_zone(organization.time_zone)
    filters = read_filters(request, datetime.now(zone).date())
    all_rooms = shell_of(request).rooms
    rooms = [filters.chatroom.pk] if filters.chatroom else [room.pk for room in all_rooms]
    # A week further back, for the same weekday before.
    statistics = read_statistics(rooms, min(filters.first, filters.last - timedelta(days=7)), filters.last, zone.key)
    days = statistics["days"][-filters.days :]
    since = datetime.combine(filters.first, time(), zone)
    failures = queries.count_failures(organization.pk, rooms, since, since + timedelta(days=filters.days))
    context = {
        "own_page": "home",
        "filters": filters,
        "today": languages.format_day(filters.last, "l j F"),
        "ranges": [(each, filters.build_query(days=each)) for each in RANGES],
        "rooms": [(room, filters.build_query(chatroom=room.pk)) for room in all_rooms],
        "every_room": filters.build_query(chatroom=""),
        "attention": queries.read_attention(rooms),
        "most_counted": queries.MOST_COUNTED,
        "offers": offers.count_offers(request.user),
        "first_offer": offers.list_open_offers(request.user).first(),
        "campaigns": queries.list_active_campaigns(rooms),
        "totals": {name: sum(day[name] for day in days) for name in TOTALS},
        "response": statistics["totals"],
        "comparison": compare_days(statistics["days"], filters),
        "volume": draw_volume(days),
        "resolved": draw_resolved(days),
        "replies": draw_replies(days),
        "tokens": draw_tokens(days),
        "tokens_spent": sum(day["tokens_spent"] for day in days),
        "failures": [describe_failure(row, filters) for row in failures[:6]],
        "links": build_links(filters),
        "low_count": count_low_balances(request.user),
        "low_limit": organization.low_balance_limit,
    }
    return render(request, "dashboard/dashboard.html", context)


def read_filters(request: HttpRequest, today: date) -> Filters:
    """Raises Http404 for a chatroom that the viewer may not see; any other number of days is the default."""
    days = {str(each): each for each in RANGES}.get(request.GET.get("days", ""), DEFAULT_RANGE)
    chatroom = None
    if text := request.GET.get("chatroom"):
        try:
            chatroom = next(room for room in shell_of(request).rooms if room.pk == UUID(text))
        except (ValueError, StopIteration):
            raise Http404 from None
    return Filters(days, today, chatroom)


def compare_days(days: list[dict], filters: Filters) -> list[dict]:
    """Messages in and out today, and on the same weekday before; and what was resolved."""
    today, before = days[-1], days[-8]
    links = build_links(replace(filters, days=1))
    return [
        {"name": name, "today": today[kind], "before": before[kind], "url": links[kind]}
        for kind, name in (
            ("inbound", _("Received today")),
            ("outbound", _("Sent today")),
            ("resolved", _("Resolved today")),
        )
    ]


def draw_volume(days: list[dict]) -> Chart:
    return Chart(
        _("Messages by day"),
        _label_days(days),
        [
            Series(_("Received"), "petrol", [day["inbound"] for day in days]),
            Series(_("Sent"), "ochre", [day["outbound"] for day in days]),
        ],
    )


def draw_resolved(days: list[dict]) -> Chart:
    return Chart(
        _("Resolved conversations by day"),
        _label_days(days),
        [Series(_("Resolved"), "green", [day["resolved"] for day in days])],
    )


def draw_replies(days: list[dict]) -> Chart:
    """How long customers waited for their first reply; in hours where minutes would be too many."""
    longest = max((day["first_response_p90_seconds"] or 0 for day in days), default=0)
    unit, title = (
        (3600, _("First reply by day, in hours")) if longest > LONG else (60, _("First reply by day, in minutes"))
    )

    def measure(name: str) -> list[float | None]:
        return [None if day[name] is None else round(day[name] / unit, 1) for day in days]

    return Chart(
        title,
        _label_days(days),
        [
            Series(_("Half within"), "petrol", measure("first_response_seconds")),
            Series(_("9 of 10 within"), "ochre", measure("first_response_p90_seconds")),
        ],
    )


def draw_tokens(days: list[dict]) -> Chart:
    return Chart(
        _("Tokens spent by day"),
        _label_days(days),
        [Series(_("Tokens"), "petrol", [max(0, day["tokens_spent"]) for day in days])],
    )


def _label_days(days: list[dict]) -> list[str]:
    return [languages.format_day(day["date"], "j M") for day in days]


def describe_failure(row: dict, filters: Filters) -> dict:
    """A provider's code in words, with how many failed by it, and the address of their list."""
    url = build_links(filters)["failed"]
    words = explain_code(row["code"]).text if row["code"] else _("No reason given")
    url += f"&{urlencode({'error_code': row['code']})}" if row["code"] else ""
    return {"code": row["code"], "count": row["count"], "words": words, "url": url}


def build_links(filters: Filters) -> dict[str, str]:
    """Addresses of the lists behind the numbers."""
    inbox = {"chatroom": filters.chatroom.pk} if filters.chatroom else {}
    log = {"since": filters.first.isoformat(), "until": filters.last.isoformat()}
    log |= {"chatroom_id": filters.chatroom.pk} if filters.chatroom else {}

    def to(name: str, **query: object) -> str:
        return f"{reverse(name)}?{urlencode(query)}" if query else reverse(name)

    return {
        "open": to("inbox", **inbox),
        "unassigned": to("inbox", tab="unassigned", **inbox),
        "waiting": to("inbox", status="waiting", **inbox),
        "inbound": to("messages", direction="inbound", **log),
        "outbound": to("messages", direction="outbound", **log),
        "delivered": to("messages", state="delivered", **log),
        "failed": to("messages", state="failed", **log),
        "resolved": to("inbox", status="closed", **inbox),
    }


def count_low_balances(user: User) -> int | None:
    """How many agents are below the limit, for admins. An agent without an account has 0."""
    if not user.is_admin:
        return None
    return ledger.count_low_balances(user.organization)

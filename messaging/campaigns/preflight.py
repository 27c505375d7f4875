"""What a campaign would do if it were started: whom it reaches, who is skipped and why, and what it costs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, User
from chatrooms.models import Chatroom, Contact
from integrations import providers
from messagehub import sql
from messaging.campaigns import audience, lifecycle, trial
from messaging.consent import entries, footers
from messaging.media import uploads
from messaging.message_templates import templates
from messaging.models import Campaign, Platform
from messaging.sending import eligibility, enqueue, quiet_hours, reply_windows
from tokens import ledger

BATCH = 5000
READ = f"""
{{members}}
SELECT c.id, coalesce(c.phone, '') AS phone, c.first_name, c.last_name, c.email, c.blocked_at IS NOT NULL AS is_blocked,
       c.phone_refused, recently, reached.address, CASE WHEN %(platform)s <> 'SMS' THEN (
           SELECT max(v.last_inbound_at) FROM (SELECT * FROM conversations WHERE contact_id = c.id OFFSET 0) v
           WHERE v.channel_id = %(channel)s) END AS last_word
FROM {audience.CONTACTS}
ORDER BY c.id
"""
CHOSEN = """
SELECT count(*), count(DISTINCT contact_id) AS contacts FROM group_members
WHERE group_id = ANY(%(chosen_groups)s::uuid[])
"""
# In the order in which the feed looks at them.
WORDS = {
    "no_phone": _("No phone number"),
    "no_address": _("Never wrote on this channel"),
    "recently_contacted": _("Recently contacted"),
    "same_number": _("The same number in another form"),
    "blocked": _("Blocked"),
    "opted_out": _("Opted out"),
    "invalid_number": _("The number can't receive messages"),
    "outside_messaging_window": _("Didn't write within the reply window"),
    "quiet_hours": _("No hour is outside your quiet hours"),
    "missing_variables": _("A variable without a value"),
    "bad_length": _("The text is empty or too long"),
}


@dataclass(slots=True)
class Member:
    """What the texts and rules need of a contact. A model's instance would take as long as all the rest."""

    id: UUID
    phone: str
    first_name: str
    last_name: str
    email: str
    is_blocked: bool
    phone_refused: str
    recently: bool
    address: str
    last_word: datetime | None
    organization: Organization
    chatroom: Chatroom

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.phone or gettext("Unknown")


@dataclass(frozen=True, slots=True)
class Text:
    """A text as one recipient gets it. Ordered by what it costs the provider."""

    segments: int
    characters: int
    text: str
    member: Member

    def as_json(self) -> dict[str, Any]:
        return {
            "segments": self.segments,
            "characters": self.characters,
            "text": self.text,
            "contact": {"id": self.member.id, "name": self.member.name},
        }


@dataclass(slots=True)
class Preflight:
    """Counts of contacts; `segments`, `tokens` and `balance` of what they would get. Times are in UTC.

    With any of `reasons` it can't start. Contacts of its groups who are not in the audience are counted by
    `left_out`, and by nothing else.

    `later` has the recipients who wait for the end of their quiet hours or of a holiday, by time zone and that end.
    """

    reasons: Sequence[eligibility.Reason] = ()
    audience: int = 0
    in_several_groups: int = 0
    left_out: int = 0
    recipients: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    later: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    segments: int = 0
    shortest: Text | None = None
    longest: Text | None = None
    tokens: int = 0
    balance: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def covered(self) -> int:
        """How many of the recipients the balance pays for."""
        price = self.tokens // self.recipients if self.recipients else 0
        return min(self.recipients, (self.balance or 0) // price) if price else self.recipients

    def as_json(self) -> dict[str, Any]:
        return {
            "reasons": [reason.as_json() for reason in self.reasons],
            "audience": self.audience,
            "in_several_groups": self.in_several_groups,
            "left_out": self.left_out,
            "recipients": self.recipients,
            "skipped": [
                {"code": code, "message": str(WORDS[code]), "count": self.skipped[code]}
                for code in WORDS
                if self.skipped[code]
            ],
            "later": [
                {"time_zone": zone, "opens_at": opens_at, "count": count}
                for (zone, opens_at), count in sorted(self.later.items(), key=lambda item: (item[0][1], item[0][0]))
            ],
            "segments": {
                "total": self.segments,
                "shortest": self.shortest and self.shortest.as_json(),
                "longest": self.longest and self.longest.as_json(),
            },
            "tokens": {"needed": self.tokens, "balance": self.balance, "covered": self.covered},
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
        }


def check_campaign(
    campaign: Campaign, *, by: User, groups: audience.Groups | None = None, at: datetime | None = None
) -> Preflight:
    """What would happen if `by` started the draft now (`at`), by the rules that the start and the feed apply.

    A draft that is not saved needs its `groups`.

    `ends_at` is None where neither the campaign nor its channel has a rate of its own: the provider queues then.
    """
    starts_at = max(campaign.send_at or timezone.now(), at or timezone.now())
    preflight = Preflight(starts_at=starts_at, balance=ledger.balance(by), reasons=_check_files(campaign))
    whose = audience.build_parameters(campaign, groups or audience.read_groups(campaign))
    members = list(_read_members(campaign, whose))
    preflight.audience = len(members)
    [chosen] = sql.fetch_rows(CHOSEN, whose)
    preflight.in_several_groups = chosen["count"] - chosen["contacts"]
    preflight.left_out = chosen["contacts"] - len(members)
    reachable = list(_skip_unreachable(campaign, members, preflight))
    has_variables = bool(templates.PLACE.search(campaign.content))
    platform = campaign.channel.platform
    limits = providers.read_limits(platform)
    greeted_ids = _find_greeted(by, reachable) if platform == Platform.SMS else None
    hours = quiet_hours.choose_hours(campaign.organization, campaign.chatroom, for_campaign=True)
    same_text = None if has_variables else _measure(platform, campaign.content)
    same_first = None if has_variables else _measure(platform, footers.add_footer(campaign.content, by.organization))
    for member in reachable:
        is_first = greeted_ids is not None and member.id not in greeted_ids
        quiet = quiet_hours.find_quiet(hours, member.phone, starts_at)
        goes_at = quiet.opens_at if quiet and quiet.opens_at else starts_at
        if reply_windows.is_window_closed(limits.window, member.last_word, goes_at):
            preflight.skipped["outside_messaging_window"] += 1
            continue
        if quiet and quiet.opens_at is None:
            preflight.skipped["quiet_hours"] += 1
            continue
        measured = (same_first if is_first else same_text) or _fill_in(campaign, member, by, preflight, is_first)
        if measured is None:
            continue
        count, text = measured
        if not text.strip() or not limits.fits(text):
            preflight.skipped["bad_length"] += 1
            continue
        if quiet and quiet.opens_at:
            preflight.later[quiet.zone.key, quiet.opens_at] += 1
        _count_text(preflight, count, text, member)
    preflight.tokens = preflight.recipients * lifecycle.price_each(campaign, by)
    if duration := trial.find_duration(campaign, preflight.recipients, preflight.segments):
        ends = [opens_at for _zone, opens_at in preflight.later]
        preflight.ends_at = max([starts_at + duration, *ends])
    return preflight


def _check_files(campaign: Campaign) -> list[eligibility.Reason]:
    try:
        return lifecycle.check_files(campaign)
    except uploads.UploadGone as gone:
        return [eligibility.Reason("upload_gone", str(gone))]


def _read_members(campaign: Campaign, whose: dict) -> Iterator[Member]:
    organization, chatroom = campaign.organization, campaign.chatroom
    for row in sql.fetch_rows(READ.format(members=audience.build_members(campaign)), whose):
        yield Member(**row, organization=organization, chatroom=chatroom)


def _skip_unreachable(campaign: Campaign, members: Sequence[Member], preflight: Preflight) -> Iterator[Member]:
    """Those that nothing but the hour or the text could stop."""
    forms: set[str] = set()
    no_address = audience.choose_code(campaign)
    for start in range(0, len(members), BATCH):
        batch = members[start : start + BATCH]
        opt_outs = entries.find_opt_outs(campaign.channel_id, [member.address for member in batch if member.address])
        for member in batch:
            form = audience.find_form(member.address)
            if not member.address:
                code = no_address
            elif member.recently:
                code = "recently_contacted"
            elif form in forms:
                code = "same_number"
            elif member.is_blocked:
                code = "blocked"
            elif member.address in opt_outs:
                code = "opted_out"
            elif member.phone_refused and member.address == member.phone:
                code = "invalid_number"
            else:
                code = ""
            if code not in (no_address, "recently_contacted"):
                forms.add(form)
            if code:
                preflight.skipped[code] += 1
            else:
                yield member


def _find_greeted(by: User, members: Sequence[Member]) -> set[UUID]:
    """Those who get no footer."""
    starts = range(0, len(members), BATCH)
    batches = ([member.id for member in members[start : start + BATCH]] for start in starts)
    return set().union(*(footers.find_greeted(by.organization, batch) for batch in batches))


def _fill_in(
    campaign: Campaign, member: Member, sender: User, preflight: Preflight, is_first: bool
) -> tuple[int, str] | None:
    try:
        text = templates.fill_in_template(campaign.content, cast(Contact, member), sender=sender)
        text = footers.add_footer(text, sender.organization) if is_first else text
        return _measure(campaign.channel.platform, text)
    except templates.MissingVariables:
        preflight.skipped["missing_variables"] += 1
        return None


def _measure(platform: str, text: str) -> tuple[int, str]:
    return enqueue.count_parts(platform, text), text


def _count_text(preflight: Preflight, count: int, text: str, member: Member) -> None:
    preflight.recipients += 1
    preflight.segments += count
    size = (count, len(text))
    if preflight.shortest is None or size < (preflight.shortest.segments, preflight.shortest.characters):
        preflight.shortest = Text(count, len(text), text, member)
    if preflight.longest is None or size > (preflight.longest.segments, preflight.longest.characters):
        preflight.longest = Text(count, len(text), text, member)

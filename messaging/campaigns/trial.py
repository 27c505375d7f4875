"""How fast a campaign goes, and its trial: the first messages go alone, and are judged before the others follow."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from messagehub import sql
from messaging.campaigns import responses
from messaging.models import Campaign

# What people choose of a draft: columns of the campaign.
SPEED = ("per_minute", "canary_count", "canary_percent", "canary_minutes", "most_failures", "most_opt_outs")
BEHIND = timedelta(seconds=2)  # so much time that was lost is made good; messages don't pile up for longer
JUDGED = f"""
SELECT count(*) AS made, count(*) FILTER (WHERE m.status IN ('failed', 'undelivered', 'not_sent')) AS failed,
       count(*) FILTER (WHERE m.status IN ('queued', 'sending', 'unknown')) AS flying,
       count(opt_out.occurred_at) AS opted_out
FROM messages m {responses.RESPONSES}
WHERE m.campaign_id = %s
"""
WORDS = {
    "canary_failures": (
        "{bad:,} of the first {size:,} messages failed, more than {most}% of them. Nobody else got one. Look at what "
        "failed, then resume for all others, or cancel."
    ),
    "canary_opt_outs": (
        "{bad:,} of the first {size:,} recipients opted out, more than {most}% of them. Nobody else got a message. "
        "Resume for all others, or cancel."
    ),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What the feed is to do: make so many messages at most, pause with a reason, or set columns of the campaign."""

    most: int
    code: str = ""
    explanation: str = ""
    until: datetime | None = None
    ended_at: datetime | None = None


def size_trial(campaign: Campaign, waiting_count: int) -> int | None:
    """How many of so many messages go first; None where there is no trial, or it would be for everybody."""
    size = campaign.canary_count or -(-waiting_count * (campaign.canary_percent or 0) // 100)
    return size if 0 < size < waiting_count else None


def is_on_trial(campaign: Campaign) -> bool:
    return campaign.canary_size is not None and campaign.canary_ended_at is None


def judge_trial(campaign: Campaign, at: datetime, most: int) -> Trial:
    """Of a campaign on trial. `most` messages would be made without one."""
    size = campaign.canary_size or 0
    (counts,) = sql.fetch_rows(JUDGED, [campaign.pk])
    for code, bad, share in (
        ("canary_failures", counts["failed"], campaign.most_failures),
        ("canary_opt_outs", counts["opted_out"], campaign.most_opt_outs),
    ):
        if bad * 100 > share * size:
            return Trial(0, code, WORDS[code].format(bad=bad, size=size, most=share))
    if counts["made"] < size:
        return Trial(min(most, size - counts["made"]))
    if campaign.canary_until is None:
        return Trial(0, until=at + timedelta(minutes=campaign.canary_minutes))
    if at < campaign.canary_until or counts["flying"]:
        return Trial(0)
    return Trial(most, ended_at=at)


def limit_speed(campaign: Campaign, at: datetime, queued_count: int) -> int | None:
    """How many messages its own speed allows now; None for a campaign without one."""
    if campaign.per_minute is None:
        return None
    if campaign.next_message_at and campaign.next_message_at > at:
        return 0
    second = max(1, campaign.per_minute // 60)
    # What could not go out meanwhile must not go all at once.
    return max(0, min(second, 2 * second - queued_count))


def find_next_time(campaign: Campaign, at: datetime, made_count: int) -> datetime:
    """When the next message is due, after so many of a campaign with a speed of its own."""
    begin = max(campaign.next_message_at or at, at - BEHIND)
    return begin + timedelta(minutes=made_count / (campaign.per_minute or 1))


def find_duration(campaign: Campaign, recipient_count: int, segment_count: int) -> timedelta | None:
    """How long it takes to send without a break; None where neither it nor its number has a rate."""
    rate = campaign.channel.segments_per_second
    seconds = [segment_count / rate] if rate else []
    if campaign.per_minute:
        seconds.append(recipient_count * 60 / campaign.per_minute)
    if not seconds:
        return None
    pause = timedelta(minutes=campaign.canary_minutes if size_trial(campaign, recipient_count) else 0)
    return timedelta(seconds=max(seconds)) + pause

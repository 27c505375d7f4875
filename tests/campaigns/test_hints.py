"""Whatever moves a campaign tells the sockets of its chatroom to look again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from messagehub import bus
from messaging.campaigns import feed, lifecycle
from messaging.live import event_log
from messaging.models import Campaign

pytestmark = pytest.mark.django_db


@contextmanager
def hear_hints(commits) -> Iterator[list[dict]]:
    """What the bus told of campaigns meanwhile."""
    hints: list[dict] = []
    with bus.client().pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(bus.CAMPAIGNS)
        subscription.get_message(timeout=5)
        with commits(execute=True):
            yield hints
        bus.client().publish(bus.CAMPAIGNS, "end")
        messages = iter(lambda: subscription.get_message(timeout=5), None)
        for message in messages:
            if message["data"] == b"end":
                break
            hints.append(json.loads(message["data"]))


def change(campaign: Campaign, _do, inside, acme) -> None:
    with inside(acme):
        lifecycle.change_campaign(campaign, content="Other")


def break_text(campaign: Campaign, do, inside, acme) -> None:
    do("start", campaign)
    with inside(acme):
        Campaign.objects.update(content="Hi {{nickname}}")
    feed.feed_campaigns()


ACTS = {
    "change": (change, 1),
    "start": (lambda campaign, do, *_: do("start", campaign), 1),
    "pause": (lambda campaign, do, *_: (do("start", campaign), do("pause", campaign)), 2),
    "resume": (lambda campaign, do, *_: [do(name, campaign) for name in ("start", "pause", "resume")], 3),
    "cancel": (lambda campaign, do, *_: (do("start", campaign), do("cancel", campaign)), 2),
    "feed": (lambda campaign, do, *_: (do("start", campaign), feed.feed_campaigns()), 3),  # spent, and fed
    "break": (break_text, 2),
}


@pytest.mark.parametrize(("act", "count"), ACTS.values(), ids=ACTS)
def test_whatever_moves_a_campaign_tells_of_it(
    acme, sales, crowd, draft, do, inside, act, count, django_capture_on_commit_callbacks
):
    campaign = draft(crowd(1))
    with hear_hints(django_capture_on_commit_callbacks) as hints:
        act(campaign, do, inside, acme)
    assert hints == [{"chatroom_id": str(sales.room.pk), "campaign_id": str(campaign.pk)}] * count


def test_frames_of_its_messages_say_whose_they_are(acme, sales, crowd, draft, do, inside):
    campaign = draft(crowd(2))
    do("start", campaign)
    feed.feed_campaigns()
    with inside(acme):
        frames = event_log.missed_frames(str(sales.room.pk), 0)
    told = [event_log.Frame.unpacked(frame.packed()).campaign_id for frame in frames]
    assert told == [str(campaign.pk)] * 2

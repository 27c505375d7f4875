"""A campaign's own speed, and its trial: who goes first, what stops it, and who decides then."""

from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.campaigns import feed, preflight, trial
from messaging.consent import keywords, offers
from messaging.models import Campaign, Message
from messaging.sending import delivery
from tests import factories
from tests.campaigns.conftest import become

pytestmark = pytest.mark.django_db


def feed_all() -> None:
    while feed.feed_campaigns():
        pass


@pytest.fixture
def hand_over(inside, acme):
    """The first messages go out and are delivered, but for so many that fail or are answered with STOP."""

    def run(campaign: Campaign, failed: int = 0, opted_out: int = 0) -> None:
        delivery.claim_messages(100)
        become("delivered", campaign)
        with inside(acme):
            sent = list(Message.objects.filter(campaign=campaign).order_by("pk"))
            for message in sent[:failed]:
                Message.objects.filter(pk=message.pk).update(status="undelivered")
            for message in sent[:opted_out]:
                stop = factories.MessageFactory(
                    conversation=message.conversation, content="STOP", from_address=message.to_address,
                    occurred_at=timezone.now() + timedelta(seconds=1),
                )  # fmt: skip
                offers.note_consent(keywords.read_texts([(stop.pk, "STOP", "")]))
        feed_all()

    return run


@pytest.fixture
def pass_time(acme, inside):
    def move(**columns) -> None:
        with inside(acme):
            Campaign.objects.update(**{name: timezone.now() for name in columns})

    return move


@pytest.mark.parametrize("share", [{"canary_percent": 25}, {"canary_count": 2}])
def test_the_first_go_alone_and_the_others_follow_after_a_while(
    crowd, draft, do, counts, fresh, hand_over, pass_time, share
):
    campaign = draft(crowd(8), canary_minutes=15, **share)
    do("start", campaign)
    feed_all()
    assert counts(campaign) == {"queued": 2, "waiting": 6}
    hand_over(campaign)
    assert counts(campaign) == {"delivered": 2, "waiting": 6}
    left = fresh(campaign).canary_until - timezone.now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    pass_time(canary_until=None)
    feed_all()
    assert counts(campaign) == {"delivered": 2, "queued": 6}


def test_what_is_still_on_its_way_is_waited_for(crowd, draft, do, counts, pass_time):
    campaign = draft(crowd(4), canary_count=2, canary_minutes=0)
    do("start", campaign)
    feed_all()
    pass_time(canary_until=None)
    feed_all()
    assert counts(campaign) == {"queued": 2, "waiting": 2}


@pytest.mark.parametrize(
    ("bad", "limits", "code", "words"),
    [
        ({"failed": 2}, {"most_failures": 49}, "canary_failures", "2 of the first 4 messages failed, more than 49%"),
        ({"opted_out": 1}, {"most_opt_outs": 24}, "canary_opt_outs", "1 of the first 4 recipients opted out"),
        ({"failed": 2, "opted_out": 1}, {"most_failures": 50, "most_opt_outs": 25}, "", ""),
    ],
)
def test_too_many_failures_or_opt_outs_pause_it(
    api, browser, bo, crowd, draft, do, counts, fresh, hand_over, bad, limits, code, words
):
    campaign = draft(crowd(8), canary_percent=50, **limits)
    do("start", campaign)
    feed_all()
    hand_over(campaign, **bad)
    assert counts(campaign)["waiting"] == 4
    assert (fresh(campaign).state, fresh(campaign).paused_code) == ("paused" if code else "running", code)
    if not code:
        return
    paused = api(bo).get(f"/api/campaigns/{campaign.pk}").json()["paused"]
    assert (paused["code"], words in paused["message"]) == (code, True)
    for path in (f"/campaigns/{campaign.pk}/", "/"):
        assert words in browser(bo).get(path).content.decode()
    do("resume", campaign)  # somebody looked at it, and wants it nevertheless
    feed_all()
    assert counts(campaign)["queued"] == 4


def test_a_trial_of_everybody_is_none(crowd, draft, do, fresh):
    everybody = draft(crowd(2), canary_count=2)
    do("start", everybody)
    assert fresh(everybody).canary_size is None


def test_its_own_speed_holds_it_back(crowd, draft, do, counts, fresh, pass_time):
    campaign = draft(crowd(8), per_minute=120)
    do("start", campaign)
    feed_all()
    assert counts(campaign) == {"queued": 2, "waiting": 6}
    for _ in range(3):  # nothing leaves: what piles up would go all at once
        pass_time(next_message_at=None)
        feed_all()
    assert counts(campaign) == {"queued": 4, "waiting": 4}
    become("delivered", campaign)
    pass_time(next_message_at=None)
    feed_all()
    assert counts(campaign) == {"delivered": 4, "queued": 2, "waiting": 2}


@pytest.mark.parametrize(
    ("per_minute", "made", "behind", "expected"),
    [(60, 1, 0, 1), (30, 1, 0, 2), (600, 10, 0, 1), (60, 1, 1, 0), (60, 1, 60, -1)],
)
def test_lost_time_is_made_good_for_two_seconds(per_minute, made, behind, expected):
    now = timezone.now()
    campaign = Campaign(per_minute=per_minute, next_message_at=now - timedelta(seconds=behind))
    assert trial.find_next_time(campaign, now, made) - now == timedelta(seconds=expected)


def test_speed_and_trial_are_written_by_api_and_page(api, browser, bo, acme, sales, crowd, draft, inside):
    campaign, client = draft(crowd(2)), api(bo)
    path = f"/api/campaigns/{campaign.pk}"
    assert (client.get(path).json()["per_minute"], client.get(path).json()["canary"]) == (None, None)
    canary = {"count": None, "percent": 5, "minutes": 30, "most_failures": 3, "most_opt_outs": 1}
    changed = client.patch(path, {"per_minute": 90, "canary": {**canary}}).json()
    assert (changed["per_minute"], changed["canary"]) == (90, canary)
    copy = client.post(f"{path}/duplicate").json()
    assert (copy["per_minute"], copy["canary"]) == (90, canary)
    for wrong in ({"percent": 5, "count": 5}, {"minutes": 5}, {"percent": 51}):
        assert client.patch(path, {"canary": wrong}).status_code == 400
    assert client.patch(path, {"canary": None}).json()["canary"] is None
    with inside(acme):
        group = campaign.groups.get()
    form = {"name": "A", "groups": [group.pk], "channel": sales.number.pk, "content": "Hi", "canary_count": 7}
    browser(bo).post(f"/campaigns/{campaign.pk}/", form)
    expected = {"count": 7, "percent": None, "minutes": 10, "most_failures": 10, "most_opt_outs": 2}
    assert client.get(path).json()["canary"] == expected
    both = browser(bo).post(f"/campaigns/{campaign.pk}/", {**form, "canary_percent": 5})
    assert (both.status_code, "not both" in both.content.decode()) == (422, True)


def test_the_end_is_told_by_its_own_speed_and_pause(acme, rich, crowd, draft, inside):
    campaign = draft(crowd(6), per_minute=2, canary_count=2, canary_minutes=10)
    with inside(acme):
        told = preflight.check_campaign(Campaign.objects.get(pk=campaign.pk), by=rich)
    assert told.ends_at - told.starts_at == timedelta(minutes=13)


def test_a_trial_of_which_nobody_knows_what_became_does_not_go_on(crowd, draft, do, counts, pass_time):
    """The provider timed out on all of it, and to find out takes longer than the trial's pause."""
    campaign = draft(crowd(8), canary_count=4, canary_minutes=10, most_failures=0)
    do("start", campaign)
    feed_all()
    become("unknown", campaign)
    feed_all()
    pass_time(canary_until=None)
    feed_all()

    assert counts(campaign) == {"unknown": 4, "waiting": 4}

"""Sentences that ask for no more messages: offered to staff, due in ten business days, and never opting out alone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from messagehub import tenancy
from messaging.consent import entries, offers
from messaging.models import ConsentEntry, Conversation, Event, OptOutOffer
from messaging.sending import eligibility
from tests import factories
from tests.consent.texts import OFFERED, OUT, TEXTS, UNTOUCHED

WISH = "Please take me off your list"


def test_every_text_of_the_table_opts_out_is_offered_or_changes_nothing(acme, sales, inside, receive):
    phone_of = {text: f"+1415555{place:04d}" for place, text in enumerate(TEXTS)}
    receive(sales, {phone: text for text, phone in phone_of.items()})
    with inside(acme):
        gone = entries.find_opt_outs(sales.number.pk, phone_of.values())
        offered = set(OptOutOffer.objects.values_list("address", flat=True))
    results = {
        text: OUT if phone in gone else OFFERED if phone in offered else UNTOUCHED for text, phone in phone_of.items()
    }
    assert results == TEXTS
    assert len(TEXTS) >= 60
    assert not offered & gone.keys()


@pytest.fixture
def offer(acme, sales, inside, receive) -> OptOutOffer:
    receive(sales, WISH)
    with inside(acme):
        return OptOutOffer.objects.select_related("message").get()


@pytest.mark.parametrize(("languages", "offered"), [(["fr"], 1), (["es"], 0), ([], 0)])
def test_sentences_are_offered_in_the_organizations_languages(acme, sales, inside, receive, languages, offered):
    with tenancy.system():
        Organization.objects.filter(pk=acme.organization.pk).update(keyword_languages=languages)
    receive(sales, "Retirez-moi de votre liste")
    with inside(acme):
        assert OptOutOffer.objects.count() == offered


@pytest.mark.parametrize(
    ("zone", "written", "due"),
    [
        ("UTC", "2026-11-26T15:00", "2026-12-10T15:00"),  # a Thursday
        ("UTC", "2026-11-27T23:59", "2026-12-11T23:59"),  # a Friday
        ("UTC", "2026-11-28T09:00", "2026-12-11T09:00"),  # a Saturday: the first business day is Monday
        ("UTC", "2026-11-29T09:00", "2026-12-11T09:00"),  # a Sunday
        ("Asia/Tokyo", "2026-11-28T06:00", "2026-12-11T06:00"),  # Friday evening in UTC
        ("America/New_York", "2026-10-23T10:00", "2026-11-06T10:00"),  # the clock is put back meanwhile
    ],
)
def test_an_offer_is_due_ten_business_days_later_by_the_organizations_clock(
    acme, sales, inside, receive, zone: str, written: str, due: str
):
    with tenancy.system():
        Organization.objects.filter(pk=acme.organization.pk).update(time_zone=zone)
    written_at, due_at = (datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) for text in (written, due))
    receive(sales, WISH, at=written_at.astimezone(UTC))
    with inside(acme):
        assert OptOutOffer.objects.get().due_at == due_at


def test_an_offer_refuses_nothing_until_it_is_accepted(acme, ann, sales, inside, offer):
    with inside(acme):
        assert eligibility.may_send(ann, sales.conversation, to=sales.contact.phone).allowed
        offers.accept_offer(offer, by=ann)
        refusal = eligibility.may_send(ann, sales.conversation, to=sales.contact.phone).reasons[0]
    assert refusal.code == "opted_out"


def test_accepting_records_the_exact_words_and_who_decided(api, acme, bo, inside, offer):
    answer = api(bo).post(f"/api/opt-out-offers/{offer.pk}/accept", {})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["state"], answer.json()["closed_by"]["name"]) == ("accepted", "Bo")
    with inside(acme):
        entry = ConsentEntry.objects.get()
    assert (entry.kind, entry.source, entry.text, entry.message_id, entry.actor_id) == (
        "opt_out",
        "staff",
        WISH,
        offer.message_id,
        bo.pk,
    )


def test_dismissing_needs_a_reason_and_leaves_the_customer_as_they_are(api, acme, bo, inside, offer):
    path = f"/api/opt-out-offers/{offer.pk}/dismiss"
    assert api(bo).post(path, {"reason": " "}).status_code == 400
    answer = api(bo).post(path, {"reason": "Meant the guest list"})
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (
        200,
        "dismissed",
        "Meant the guest list",
    )
    with inside(acme):
        assert not ConsentEntry.objects.exists()


@pytest.mark.parametrize("verb", ["accept", "dismiss"])
def test_a_closed_offer_is_not_decided_again(api, bo, offer, verb: str):
    assert api(bo).post(f"/api/opt-out-offers/{offer.pk}/dismiss", {"reason": "A joke"}).status_code == 200
    again = api(bo).post(f"/api/opt-out-offers/{offer.pk}/{verb}", {"reason": "Really"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_open")


def test_the_list_has_open_offers_and_is_narrowed_by_chatroom(api, ann, acme, sales, support, inside, receive, offer):
    receive(support, {"+14155550001": WISH, "+14155550002": "No more texts please"})
    client = api(ann)
    assert len(client.get("/api/opt-out-offers").json()["results"]) == 3
    (row,) = client.get("/api/opt-out-offers", {"chatroom_id": str(sales.room.pk)}).json()["results"]
    assert (row["id"], row["text"], row["contact_id"]) == (str(offer.pk), WISH, str(sales.contact.pk))
    client.post(f"/api/opt-out-offers/{offer.pk}/accept", {})
    assert len(client.get("/api/opt-out-offers").json()["results"]) == 2


def test_the_list_takes_as_many_queries_with_more_rows(api, ann, sales, receive, assert_constant_queries, offer):
    phones = iter(("+14155550001", "+14155550002"))
    assert_constant_queries(api(ann), "/api/opt-out-offers", lambda: receive(sales, {next(phones): WISH}))


def test_one_offer_is_open_for_a_customer_and_their_own_stop_closes_it(acme, sales, inside, receive, offer):
    receive(sales, "I don't want any more texts")
    with inside(acme):
        assert OptOutOffer.objects.get().pk == offer.pk
    receive(sales, "STOP")
    receive(sales, WISH)  # out already
    with inside(acme):
        closed = OptOutOffer.objects.get()
    assert (closed.pk, closed.state, closed.closed_by) == (offer.pk, "accepted", None)


def test_open_and_overdue_offers_are_counted_in_the_chatrooms_that_one_sees(
    acme, ann, bo, cy, sales, support, inside, receive
):
    receive(sales, {"+14155550001": WISH}, at=datetime.now(UTC) - timedelta(days=15))
    receive(support, {"+14155550002": WISH, "+14155550003": WISH})
    with inside(acme), CaptureQueriesContext(connection) as queries:
        counts = {user.name: offers.count_offers(user) for user in (ann, bo, cy)}
    assert counts == {
        "Ann": offers.OfferCounts(open=3, overdue=1),
        "Bo": offers.OfferCounts(open=1, overdue=1),
        "Cy": offers.OfferCounts(open=0, overdue=0),
    }
    assert len(queries) == 3


def frames_since(client, cursor: str) -> list[dict]:
    return client.get("/api/events", {"after": cursor}).json()["results"]


def test_the_live_feed_tells_of_a_new_offer_and_of_its_end(api, bo, sales, receive):
    client = api(bo)
    cursor = client.get("/api/events").json()["cursor"]
    receive(sales, WISH)
    frames = frames_since(client, cursor)
    assert [frame["type"] for frame in frames] == ["message.created", "opt_out_offer.updated"]
    new = frames[1]["opt_out_offer"]
    assert (new["state"], new["text"], frames[1]["message"]["id"]) == ("open", WISH, new["message_id"])

    client.post(f"/api/opt-out-offers/{new['id']}/accept", {})
    ends = {frame["type"]: frame for frame in frames_since(client, frames[1]["cursor"])}
    assert ends.keys() == {"conversation.updated", "opt_out_offer.updated"}
    assert ends["opt_out_offer.updated"]["opt_out_offer"]["state"] == "accepted"


def test_an_ordinary_text_tells_of_no_offer(acme, sales, inside, receive):
    receive(sales, "Stop by tomorrow")
    with inside(acme):
        assert set(Event.objects.values_list("type", flat=True)) == {"message.created"}


def test_the_thread_shows_the_offer_at_its_message_until_it_is_closed(browser, bo, sales, offer):
    path = f"/inbox/{sales.conversation.pk}/"
    page = browser(bo).get(path).content.decode()
    assert "data-opt-out" in page
    assert f"/opt-out-offers/{offer.pk}/" in page.split(f'id="m-{offer.message_id}"')[1]

    answer = browser(bo, part=True).post(f"/opt-out-offers/{offer.pk}/", {"outcome": "accept"})
    assert answer.status_code == 200, answer.content
    assert f'id="m-{offer.message_id}"' in answer.content.decode()
    assert "data-opt-out" not in answer.content.decode()
    page = browser(bo).get(path).content.decode()
    assert "data-opt-out" not in page
    assert "Opted out" in page


def test_the_thread_asks_why_an_offer_is_dismissed(browser, bo, cy, offer):
    path = f"/opt-out-offers/{offer.pk}/"
    assert browser(bo, part=True).post(path, {"outcome": "dismiss"}).status_code == 422
    assert browser(cy, part=True).post(path, {"outcome": "dismiss", "reason": "A joke"}).status_code == 404
    assert browser(bo, part=True).post(path, {"outcome": "dismiss", "reason": "A joke"}).status_code == 200


def test_a_thread_takes_as_many_queries_with_more_offers(acme, browser, bo, sales, inside, offer):
    client, path = browser(bo), f"/inbox/{sales.conversation.pk}/"

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        return len(queries)

    before = count()
    with inside(acme):
        for number in range(3):
            conversation = Conversation.objects.get(pk=sales.conversation.pk)
            message = factories.MessageFactory(conversation=conversation, from_address=f"+1415555000{number}")
            factories.OptOutOfferFactory(message=message)
    assert count() == before

"""Who wants no messages: by keyword, or because the provider says so."""

from datetime import UTC, datetime

import pytest

from integrations.events import InboundMessage, Refused
from messagehub import tenancy
from messaging.consent import entries
from messaging.live import event_log
from messaging.models import ConsentEntry, Event
from messaging.receiving import arrivals
from messaging.sending import delivery, eligibility, enqueue
from tests.cast import create_tenant
from tokens import ledger

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


def comes_in(acme: dict, *texts: str, keyword: str = "") -> None:
    with tenancy.system():
        event_log.record_events(
            arrivals.receive_messages(
                InboundMessage(
                    account="ACacme",
                    provider_id=f"SM{text}{place}{ConsentEntry.objects.count()}",
                    from_address=acme["contact"].phone,
                    to_address="+15550100100",
                    body=text,
                    occurred_at=datetime.now(UTC),
                    keyword=keyword,
                )
                for place, text in enumerate(texts)
            )
        )


def said(acme: dict) -> list[str]:
    with tenancy.organization(acme["organization"].pk):
        return list(ConsentEntry.objects.order_by("pk").values_list("kind", flat=True))


def is_out(acme: dict) -> bool:
    with tenancy.organization(acme["organization"].pk):
        return entries.find_opt_out(acme["number"].pk, acme["contact"].phone) is not None


@pytest.mark.parametrize("word", ["STOP", "stop", " Unsubscribe\n", "OPTOUT", "quit"])
def test_a_keyword_alone_opts_out(acme, word):
    comes_in(acme, word)
    assert is_out(acme)


@pytest.mark.parametrize("text", ["Please stop", "Stop it", "YES", "Hello", ""])
def test_nothing_else_does(acme, text):
    comes_in(acme, text)
    assert said(acme) == []


def test_only_start_lifts_it_and_every_keyword_is_kept_as_evidence(acme):
    for text in ("STOP", "STOP", "YES", "ok"):
        comes_in(acme, text)
        assert is_out(acme)
    for text in ("START", "START", "STOP"):
        comes_in(acme, text)
    assert said(acme) == ["opt_out", "opt_out", "opt_in", "opt_in", "opt_out"]


def test_both_in_one_batch_hold_in_their_order(acme):
    comes_in(acme, "STOP", "START")
    assert not is_out(acme)


def test_what_the_provider_took_for_a_keyword_is_one(acme):
    comes_in(acme, "Arrêt", keyword="STOP")
    assert is_out(acme)
    comes_in(acme, "Aide", keyword="HELP")
    assert is_out(acme)
    comes_in(acme, "Reprendre", keyword="START")
    assert not is_out(acme)


def test_21610_opts_out_pays_back_and_refuses_before_the_provider(acme):
    (claimed,) = delivery.claim_messages(1)
    delivery.settle_outcomes([(claimed, Refused("21610", "Attempt to send to unsubscribed recipient"))])
    with tenancy.organization(acme["organization"].pk):
        assert ConsentEntry.objects.get().source == "provider"
        assert ledger.balance(acme["agent"]) == 5
        with pytest.raises(eligibility.SendRefused) as refused:
            enqueue.send_message(acme["conversation"], "Again", sent_by=acme["agent"])
    assert refused.value.code == "opted_out"
    assert delivery.claim_messages(10) == []


def test_it_counts_for_the_number_that_was_written_to(acme):
    comes_in(acme, "STOP")
    with tenancy.organization(acme["organization"].pk):
        other = acme["number"]
        other.pk, other.address = None, "+15550100177"
        other.save(force_insert=True)
        assert entries.find_opt_out(other.pk, acme["contact"].phone) is None


def updated_conversations(acme: dict) -> list:
    with tenancy.organization(acme["organization"].pk):
        updates = Event.objects.filter(type=Event.Type.CONVERSATION_UPDATED)
        return list(updates.order_by("seq").values_list("conversation_id", flat=True))


@pytest.mark.parametrize("word", ["STOP", "START"])
def test_a_keyword_updates_the_open_conversation_on_every_screen(acme, word):
    before = updated_conversations(acme)
    comes_in(acme, word)
    assert updated_conversations(acme) == [*before, acme["conversation"].pk]


def test_an_ordinary_text_updates_nothing_beside_its_message(acme):
    before = updated_conversations(acme)
    comes_in(acme, "Stop by tomorrow")
    assert updated_conversations(acme) == before

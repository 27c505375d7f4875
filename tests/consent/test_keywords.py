"""Texts that say STOP, START or HELP however a phone writes them, and texts that only contain the words."""

from datetime import UTC, datetime

import pytest
from uuid_utils.compat import uuid7

from accounts.models import Organization
from integrations.events import InboundMessage
from messagehub import tenancy
from messaging.consent import entries, keywords
from messaging.models import ConsentEntry
from messaging.receiving import arrivals
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


def receive(acme: dict, *texts: str, keyword: str = "") -> None:
    with tenancy.system():
        arrivals.receive_messages(
            InboundMessage(
                account="ACacme",
                provider_id=f"SM{uuid7().hex}",
                from_address=acme["contact"].phone,
                to_address="+15550100100",
                body=text,
                occurred_at=datetime.now(UTC),
                keyword=keyword,
            )
            for text in texts
        )


def is_out(acme: dict) -> bool:
    with tenancy.organization(acme["organization"].pk):
        return entries.find_opt_out(acme["number"].pk, acme["contact"].phone) is not None


STOPS = [
    "STOP.", "Stop!", "“STOP”", "STOP ALL", "stop-all", "Opt out", "opt-out", "opt\u2011out", "ST\u200bOP",
    "\ufeffSTOP", "STOP\u00ad", "\u202aSTOP\u202c", "\uff33\uff34\uff2f\uff30", "ARRET", "Arrêt", "arre\u0302t",
    "ARRÊT !", "ALTO", "¡Alto!", "Dar de baja",
    "désabonner", "revoke", "S T O P",
]  # fmt: skip


@pytest.mark.parametrize("text", STOPS)
def test_stop_opts_out_however_it_is_written(acme, text):
    receive(acme, text)
    assert is_out(acme)


@pytest.mark.parametrize(
    "text",
    [
        "Stop by tomorrow", "Please stop", "Stop it", "Liked “STOP”", "A aimé « STOP »", "Le gustó “STOP”",
        "👍 to “STOP”",
        "Reacted ❤️ to “ALTO”", "Non-stop", "The end", "¿Dónde está la parada de autobús?", "Je suis en arrêt maladie",
        "...", "\u200b", "HELP", "Aide", "¡Ayuda!", "YES",
    ],
)  # fmt: skip
def test_text_that_only_contains_a_keyword_changes_no_consent(acme, text):
    receive(acme, text)
    assert not is_out(acme)
    receive(acme, "STOP", text)
    assert is_out(acme)


STARTS = [
    "Start.", "UN-STOP", "St\u200bart", "\uff33\uff34\uff21\uff32\uff34", "Iniciar", "¡Comenzar!", "Démarrer",
    "Reprendre",
]  # fmt: skip


@pytest.mark.parametrize("text", STARTS)
def test_start_lifts_an_opt_out_however_it_is_written(acme, text):
    receive(acme, "STOP", text)
    assert not is_out(acme)


@pytest.mark.parametrize("text", ["HELP", "help!", "He\u200blp", "Info", "AIDE", "¿Ayuda?"])
def test_help_is_read_by_the_same_function(text):
    assert (keywords.read_keyword(text, "") or ())[:1] == ("HELP",)


def test_what_the_provider_calls_a_keyword_is_read_whatever_its_text(acme):
    receive(acme, "Basta ya", keyword="STOP")
    assert is_out(acme)


def test_evidence_keeps_the_text_as_it_was_written(acme):
    receive(acme, "Opt-out!")
    with tenancy.organization(acme["organization"].pk):
        assert ConsentEntry.objects.get().text == "Opt-out!"


@pytest.mark.parametrize(
    ("languages", "text", "keyword", "out"),
    [
        (["en", "es", "fr"], "Baja", "", True),
        (["en", "fr"], "Baja", "", False),
        (["en", "fr"], "Arrêt", "", True),
        ([], "Arrêt", "", False),
        ([], "Stop", "", True),  # English always holds
        ([], "Baja", "STOP", True),  # the provider has blocked the number
    ],
)
def test_only_keywords_of_the_organizations_languages_count(acme, languages: list, text: str, keyword: str, out: bool):
    with tenancy.system():
        Organization.objects.filter(pk=acme["organization"].pk).update(keyword_languages=languages)
    receive(acme, text, keyword=keyword)
    assert is_out(acme) == out

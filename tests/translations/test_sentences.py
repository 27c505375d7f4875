"""Sentences of rows are stored in English and told in the reader's language, those of before too."""

import pytest
from django.utils import translation

from messagehub import sentences

MOVED = "The shop was connected elsewhere with a new token, and Meta no longer accepts yours."


@pytest.mark.parametrize(
    ("stored", "german"),
    [
        ("Campaign ended", "Kampagne beendet"),
        ("Paused by Ann Paused by.", "Pausiert von Ann Paused by."),
        ("Not sent: 30003", "Nicht gesendet: 30003"),
        ("“12%(given)s” isn't a valid phone number. Include the country code, for example +14155550123.",
         "„12%(given)s“ ist keine gültige Telefonnummer. Geben Sie sie mit Landesvorwahl an, zum Beispiel "
         "+14155550123."),
        ("The token of Shop {name} ends on 01 March 2026. From then on nothing can be sent. Create a new one and "
         "update it under Facebook and Instagram.",
         "Der Token von Shop {name} läuft am 1. März 2026 ab. Danach kann nichts mehr gesendet werden. Erstellen Sie "
         "einen neuen und erneuern Sie ihn unter „Facebook und Instagram“."),
        ("A message was not delivered (30022): Our number has reached its registered sending limit. Ask an admin to "
         "fix it.",
         "Eine Nachricht wurde nicht zugestellt (30022): Unsere Nummer hat ihre registrierte Sendegrenze erreicht. "
         "Bitten Sie einen Admin, das zu beheben."),
        ("This contact is blocked. Unblock to reply.",
         "Dieser Kontakt ist blockiert. Geben Sie ihn frei, um zu antworten."),
        ("Messenger's reply window has closed. You can reply once the customer writes again.",
         "Das Antwortfenster von Messenger ist geschlossen. Sie können antworten, sobald der Kunde wieder schreibt."),
        ("A thank-you for March", "A thank-you for March"),
        (MOVED, MOVED),  # cut off: better whole in English than half
        ("", ""),
    ],
)  # fmt: skip
def test_stored_sentence_is_retold(stored, german):
    with translation.override("de"):
        assert sentences.retell(stored) == german
    with translation.override("en-gb"):
        assert sentences.retell(stored) == stored


@pytest.mark.parametrize("name", ["Sale ends on Friday", "Shop", "31 February 2026", "ends on 05 December 2026"])
def test_a_name_that_reads_like_the_sentence_breaks_nothing(name):
    text = sentences.EXPIRING_TOKEN.format(name=name, day="05 December 2026")
    with translation.override("de"):
        assert name in sentences.retell(text)

"""Who wants no messages from which number. The newest entry about an address and a number holds."""

import unicodedata
from collections.abc import Iterable, Sequence

from django.db import connection

from messaging.models import ConsentEntry

# Twilio's own list (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out) and the words that are usual in
# Spanish and French, as `fold_keyword` writes them. They count in every organization: customers write in their own
# language, whatever the organization's is. YES opts in at Twilio, but is an ordinary answer to people.
KEYWORDS = {
    "STOP": (
        "stop", "stopall", "stopsms", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
        "alto", "parar", "baja", "darbaja", "dardebaja", "darmedebaja", "cancelar", "detener",
        "arret", "arreter", "arretez", "desabonner", "desabonnement", "desinscrire", "desinscription",
    ),
    "START": (
        "start", "unstop",
        "iniciar", "comenzar", "empezar", "reanudar",
        "commencer", "demarrer", "reprendre",
    ),
    "HELP": ("help", "info", "ayuda", "aide"),
}  # fmt: skip
KEYWORD_OF = {word: keyword for keyword, words in KEYWORDS.items() for word in words}
CONSENT_OF = {"STOP": ConsentEntry.Kind.OPT_OUT, "START": ConsentEntry.Kind.OPT_IN}
LONGEST_KEYWORD = 100  # characters as written, so that a long text is not folded for nothing

# Every keyword, in the order of the messages and not of their arrival here: one that is fetched late may be older than
# what is known already.
WRITTEN = """
INSERT INTO consent_entries (created_at, organization_id, sender_number_id, address, kind, source, text, message_id)
SELECT m.occurred_at, m.organization_id, n.id, m.from_address, w.kind, 'keyword', left(m.content, 100), m.id
FROM unnest(%s::uuid[], %s::text[]) AS w (message_id, kind)
JOIN messages m ON m.id = w.message_id
JOIN sender_numbers n ON n.phone = m.to_address AND n.organization_id = m.organization_id
ORDER BY m.occurred_at, m.id
"""


def find_opt_out(sender_id, address: str) -> ConsentEntry | None:
    """The entry by which this address wants nothing from this number; None where it has not opted out."""
    return find_opt_outs(sender_id, [address]).get(address)


def find_opt_outs(sender_id, addresses: Iterable[str]) -> dict[str, ConsentEntry]:
    """Of these addresses those that want nothing from this number, with the entries that say so."""
    said = ConsentEntry.objects.filter(sender_number_id=sender_id, address__in=set(addresses))
    newest = said.order_by("address", "-created_at", "-pk").distinct("address")
    return {entry.address: entry for entry in newest if entry.kind == ConsentEntry.Kind.OPT_OUT}


def fold_keyword(text: str) -> str:
    """The letters and digits of a text in one form: no case, accents, spaces, punctuation or invisible characters.

    Symbols stay, so that a text with an emoji in it is no keyword.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in plain if unicodedata.category(char)[0] not in "CMPZ")


def read_keyword(text: str, said: str) -> str | None:
    """STOP, START or HELP, by what the provider took the message for (`said`) or by its whole text.

    "Please stop" is for people to read: Twilio does not take it as a keyword either.
    """
    if said in KEYWORDS:
        return said
    return KEYWORD_OF.get(fold_keyword(text)) if len(text) <= LONGEST_KEYWORD else None


def read_consent(text: str, said: str) -> str | None:
    """What a message says about consent, if anything."""
    return CONSENT_OF.get(read_keyword(text, said) or "")


def record_keywords(kinds: Sequence[tuple]) -> None:
    """Note messages that came in and say something about consent, as (message id, kind)."""
    if kinds:
        with connection.cursor() as cursor:
            cursor.execute(WRITTEN, [list(column) for column in zip(*kinds, strict=True)])


def record_provider_opt_out(organization_id, sender_id, address: str, *, message_id, text: str) -> None:
    """The provider says that the recipient has opted out, which we did not know."""
    if find_opt_out(sender_id, address) is None:
        ConsentEntry.objects.create(
            organization_id=organization_id,
            sender_number_id=sender_id,
            address=address,
            kind=ConsentEntry.Kind.OPT_OUT,
            source=ConsentEntry.Source.PROVIDER,
            text=text[:100],
            message_id=message_id,
        )

"""Who wants no messages from which number. The newest entry about an address and a number holds."""

import unicodedata
from collections.abc import Iterable, Sequence
from uuid import UUID

from chatrooms import phones
from messagehub import sql
from messaging.live import event_log
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
RETURNING sender_number_id, address
"""

BY_FORM = """
SELECT DISTINCT form.message_id AS id
FROM unnest(%s::uuid[], %s::text[]) AS form (message_id, address)
JOIN messages m ON m.id = form.message_id
JOIN sender_numbers n ON n.phone = m.from_address AND n.organization_id = m.organization_id
JOIN consent_entries e ON e.sender_number_id = n.id AND e.address = form.address AND e.kind = 'opt_out'
"""
# Open conversations of a number with an address in any of its forms; the page of one shows what the address wants.
CONCERNED = """
SELECT DISTINCT v.organization_id, v.chatroom_id, v.id
FROM unnest(%s::uuid[], %s::text[]) AS concerned (number_id, address)
JOIN sender_numbers n ON n.id = concerned.number_id
JOIN contacts c ON c.chatroom_id = n.chatroom_id AND c.phone = concerned.address
JOIN conversations v ON v.contact_id = c.id AND v.sender_number_id = n.id AND v.status <> 'CLOSED'
"""


def find_opt_out(sender_id, address: str) -> ConsentEntry | None:
    """The entry by which this address wants nothing from this number; None where it has not opted out."""
    return find_opt_outs(sender_id, [address]).get(address)


def find_opt_outs(sender_id, addresses: Iterable[str]) -> dict[str, ConsentEntry]:
    """Of these addresses those that want nothing from this number, with the entries that say so.

    The newest entry about any form of an address holds.
    """
    forms_of = {address: phones.list_forms(address) for address in addresses}
    every_form = {form for forms in forms_of.values() for form in forms}
    said = ConsentEntry.objects.filter(sender_number_id=sender_id, address__in=every_form)
    newest = {entry.address: entry for entry in said.order_by("address", "-created_at", "-pk").distinct("address")}
    opt_outs = {}
    for address, forms in forms_of.items():
        entries = [newest[form] for form in forms if form in newest]
        entry = max(entries, key=lambda entry: (entry.created_at, entry.pk), default=None)
        if entry and entry.kind == ConsentEntry.Kind.OPT_OUT:
            opt_outs[address] = entry
    return opt_outs


def find_opt_outs_by_form(messages: Iterable[tuple[UUID, str]]) -> set[UUID]:
    """Of these messages, as (id, recipient), those whose number has opted out at some time in another of its forms."""
    others = [(pk, form) for pk, address in messages for form in phones.list_forms(address)[1:]]
    if not others:
        return set()
    return {row["id"] for row in sql.fetch_rows(BY_FORM, [list(column) for column in zip(*others, strict=True)])}


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


def record_keywords(kinds: Sequence[tuple]) -> list[event_log.Change]:
    """Note messages that came in and say something about consent, as (message id, kind); returns what it changed."""
    if not kinds:
        return []
    entries = sql.fetch_rows(WRITTEN, [list(column) for column in zip(*kinds, strict=True)])
    return _show((row["sender_number_id"], row["address"]) for row in entries)


def record_provider_opt_out(
    organization_id, sender_id, address: str, *, message_id, text: str
) -> list[event_log.Change]:
    """The provider says that the recipient has opted out; returns what that changed, nothing where it was known."""
    if find_opt_out(sender_id, address):
        return []
    ConsentEntry.objects.create(
        organization_id=organization_id,
        sender_number_id=sender_id,
        address=address,
        kind=ConsentEntry.Kind.OPT_OUT,
        source=ConsentEntry.Source.PROVIDER,
        text=text[:100],
        message_id=message_id,
    )
    return _show([(sender_id, address)])


def _show(addresses: Iterable[tuple[UUID, str]]) -> list[event_log.Change]:
    """The conversations on whose page consent reads differently now, by (number, address)."""
    concerned = [(number_id, form) for number_id, address in addresses for form in phones.list_forms(address)]
    rows = sql.fetch_rows(CONCERNED, [list(column) for column in zip(*concerned, strict=True)])
    return [
        event_log.Change(event_log.CONVERSATION, row["organization_id"], row["chatroom_id"], row["id"]) for row in rows
    ]

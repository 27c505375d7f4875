"""Who wants no messages from which number. The newest entry about an address and a number holds."""

from collections.abc import Iterable, Sequence

from django.db import connection

from messaging.models import ConsentEntry

# The whole text, in any case. "Please stop" is for people to read: Twilio does not take it as a keyword either.
STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
# YES opts in at Twilio, but is an ordinary answer to people; only these two lift a STOP here.
START = {"START", "UNSTOP"}

WRITTEN = """
INSERT INTO consent_entries (organization_id, sender_number_id, address, kind, source, text, message_id)
SELECT m.organization_id, n.id, m.from_address, w.kind, 'keyword', left(m.content, 100), m.id
FROM (VALUES (%s::uuid, %s)) AS w (message_id, kind)
JOIN messages m ON m.id = w.message_id
JOIN sender_numbers n ON n.phone = m.to_address AND n.organization_id = m.organization_id
WHERE w.kind IS DISTINCT FROM coalesce((
    SELECT o.kind FROM consent_entries o WHERE o.sender_number_id = n.id AND o.address = m.from_address
    ORDER BY o.id DESC LIMIT 1), 'opt_in')
"""


def find_opt_out(sender_id, address: str) -> ConsentEntry | None:
    """The entry by which this address wants nothing from this number; None where it has not opted out."""
    return find_opt_outs(sender_id, [address]).get(address)


def find_opt_outs(sender_id, addresses: Iterable[str]) -> dict[str, ConsentEntry]:
    """Of these addresses those that want nothing from this number, with the entries that say so."""
    said = ConsentEntry.objects.filter(sender_number_id=sender_id, address__in=set(addresses))
    newest = said.order_by("address", "-pk").distinct("address")
    return {entry.address: entry for entry in newest if entry.kind == ConsentEntry.Kind.OPT_OUT}


def read_consent(text: str, said: str) -> str | None:
    """What a message says about consent: by its whole text, or by what the provider took it for."""
    word = text.strip().upper()
    if said == "STOP" or word in STOP:
        return ConsentEntry.Kind.OPT_OUT
    if said == "START" or word in START:
        return ConsentEntry.Kind.OPT_IN
    return None


def record_keywords(kinds: Sequence[tuple]) -> None:
    """Note messages that came in and say something about consent, as (message id, kind) in their order.

    One by one, since each depends on the one before; what is known already is not written again.
    """
    with connection.cursor() as cursor:
        for message_id, kind in kinds:
            cursor.execute(WRITTEN, [message_id, kind])


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

"""The footer of the first SMS to a contact: who writes, and how to opt out."""

from collections.abc import Iterable
from uuid import UUID

from accounts.models import Organization
from integrations.models import Platform
from messagehub import sql
from messaging.models import UNSUCCESSFUL

# An SMS that was never sent is none, and neither is an answer to HELP. It
# stops at the first one that was, however long the history is.
GREETED = """
SELECT c.id FROM unnest(%s::uuid[]) AS c (id) WHERE EXISTS (
    SELECT FROM messages m WHERE m.contact_id = c.id AND m.direction = 'outbound' AND m.platform = 'SMS'
      AND m.automatic = '' AND m.status <> ALL(%s::text[]))
"""


def build_footer(organization: Organization | None) -> str:
    """What is added to the text, on a line of its own; empty where the organization has set none."""
    if organization is None or not organization.first_message_footer:
        return ""
    return f"\n{organization.name}: {organization.first_message_footer}"


def find_greeted(organization: Organization | None, contact_ids: Iterable[UUID]) -> set[UUID]:
    """Those who have got an SMS, or will get one that waits. Asks nothing where the organization has no footer."""
    if not build_footer(organization):
        return set()
    return {row["id"] for row in sql.fetch_prepared(GREETED, [list(contact_ids), UNSUCCESSFUL])}


def add_footer(text: str, organization: Organization | None) -> str:
    """The text with the footer, which a retried one has already."""
    footer = build_footer(organization)
    return text if not text.strip() or text.endswith(footer) else text + footer


def find_footer(platform: str, organization: Organization | None, contact_id: UUID) -> str:
    """The footer, if the next message to the contact is their first SMS; else nothing."""
    if platform != Platform.SMS or not build_footer(organization) or find_greeted(organization, [contact_id]):
        return ""
    return build_footer(organization)


def complete_text(text: str, platform: str, organization: Organization | None, contact_id: UUID) -> str:
    """What goes out: with the footer, if it is the first SMS to the contact."""
    return add_footer(text, organization) if find_footer(platform, organization, contact_id) else text

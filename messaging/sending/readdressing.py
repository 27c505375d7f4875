"""Readdressing queued and scheduled messages after a contact's number was corrected.

A merge is no correction: messages still go to the number that was written to.
"""

from django.db import connection

from chatrooms.models import Contact

# Locked by id, like the worker does, and in a statement of their own ("Never lock and update the same rows in one
# statement" in docs/decisions.md). Messages in `sending` keep their address: the provider may have them.
HOLD_MESSAGES = """
SELECT id FROM messages
WHERE contact_id = %(contact)s AND direction = 'outbound' AND platform = 'SMS' AND status IN ('queued', 'scheduled')
  AND to_address = %(before)s
ORDER BY id FOR NO KEY UPDATE
"""
MESSAGES = "UPDATE messages SET to_address = %(phone)s WHERE id = ANY(%(ids)s) AND status IN ('queued', 'scheduled')"
HOLD_RECIPIENTS = """
SELECT id FROM campaign_recipients WHERE contact_id = %(contact)s AND outcome = 'waiting' AND address = %(before)s
ORDER BY id FOR NO KEY UPDATE
"""
# A campaign has each address once. Where another recipient has the new number already, this one is skipped below.
RECIPIENTS = """
UPDATE campaign_recipients r SET address = %(phone)s, not_before = NULL
WHERE id = ANY(%(ids)s) AND NOT EXISTS (
    SELECT FROM campaign_recipients o WHERE o.campaign_id = r.campaign_id AND o.address = %(phone)s)
"""
SAME_NUMBER = """
UPDATE campaign_recipients SET outcome = 'skipped', reason_code = 'same_number', not_before = NULL,
    reason = 'Another recipient of the campaign has this number.'
WHERE id = ANY(%(ids)s) AND address = %(before)s
"""


def readdress_waiting(contact: Contact, *, before: str) -> None:
    """Readdress what waits for a locked contact from the number `before` to their present one."""
    # The new number's consent is not asked here: it is checked when the message is claimed.
    columns: dict = {"contact": contact.pk, "before": before, "phone": contact.phone}
    with connection.cursor() as cursor:
        cursor.execute(HOLD_MESSAGES, columns)
        cursor.execute(MESSAGES, {**columns, "ids": [pk for (pk,) in cursor.fetchall()]})
        cursor.execute(HOLD_RECIPIENTS, columns)
        columns["ids"] = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(RECIPIENTS, columns)
        cursor.execute(SAME_NUMBER, columns)

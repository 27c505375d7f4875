"""A contact's number was corrected: what has not gone out goes to the new one.

A merge is no correction. It keeps the number that was written to, which is a further number of the contact then.
"""

from django.db import connection

from chatrooms.models import Contact

# Locked in the order in which the worker locks them, before they are changed. What the provider may have stays.
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
    """Send what waits for the held contact, addressed to the number `before`, to their present one.

    Whether that number wants it is asked when it is claimed, as for everything that waits.
    """
    columns: dict = {"contact": contact.pk, "before": before, "phone": contact.phone}
    with connection.cursor() as cursor:
        cursor.execute(HOLD_MESSAGES, columns)
        cursor.execute(MESSAGES, {**columns, "ids": [pk for (pk,) in cursor.fetchall()]})
        cursor.execute(HOLD_RECIPIENTS, columns)
        columns["ids"] = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(RECIPIENTS, columns)
        cursor.execute(SAME_NUMBER, columns)

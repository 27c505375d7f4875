"""The phone of a contact is one of its addresses, whoever writes it."""

import json

import pytest
from django.db import IntegrityError, connection, transaction

from chatrooms.models import ContactAddress

INSERT = """
INSERT INTO contacts (organization_id, chatroom_id, phone)
SELECT organization_id, id, CASE WHEN n > 1 THEN '+1555010' || n END FROM chatrooms, generate_series(1, 40) n
WHERE id = %s
"""


def test_many_new_contacts_get_their_addresses_in_one_statement(acme, sales, inside):
    with inside(acme), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {INSERT}", [sales.room.pk])
        (plan,) = cursor.fetchone()
        added = ContactAddress.objects.filter(address__startswith="+1555010", is_primary=True)
        assert added.count() == 39
    (plan,) = json.loads(plan) if isinstance(plan, str) else plan
    calls = {trigger["Trigger Name"]: trigger["Calls"] for trigger in plan["Triggers"]}
    assert calls["phones_are_addresses_of_new"] == 1
    assert not [name for name, count in calls.items() if count > 1 and "phone" in name]


ADD = """
INSERT INTO contacts (organization_id, chatroom_id, phone) SELECT organization_id, id, %s FROM chatrooms WHERE id = %s
"""


def test_a_further_number_of_another_contact_is_refused(acme, sales, inside):
    with inside(acme), connection.cursor() as cursor:
        ContactAddress.objects.create(
            organization=acme.organization, chatroom=sales.room, contact=sales.contact, platform="SMS",
            address="+15550199000", is_primary=False,
        )  # fmt: skip
        with pytest.raises(IntegrityError, match="belongs to another contact") as refused, transaction.atomic():
            cursor.execute(ADD, ["+15550199000", sales.room.pk])
        assert refused.value.__cause__.diag.constraint_name == "contact_addresses_once"
        cursor.execute(ADD, ["+15550199001", sales.room.pk])

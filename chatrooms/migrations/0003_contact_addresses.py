"""A further number of a contact becomes one of their addresses, among which their primary numbers are too."""

import django.db.models.deletion
from django.db import migrations, models

from messagehub.tenancy import rename_constraints, same_organization

BATCH = 10_000
NOWHERE = "00000000-0000-0000-0000-000000000000"
# Whoever has a number as their own keeps it, where a second contact of the chatroom has it as a further one.
FILL = """
WITH batch AS (
    SELECT id, organization_id, chatroom_id, phone FROM contacts WHERE id > %s ORDER BY id LIMIT %s
), filled AS (
    INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, is_primary)
    SELECT organization_id, chatroom_id, id, 'SMS', phone, true FROM batch WHERE phone IS NOT NULL
    ON CONFLICT (chatroom_id, platform, address)
    DO UPDATE SET contact_id = excluded.contact_id, is_primary = true
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""
# `phone` is what people write and search; the row among the addresses is what messages find. The former primary number
# is dropped, unless the new one was a further number of the contact: then the two change places.
TRIGGER = """
CREATE FUNCTION contacts_phone_is_an_address() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner uuid;
BEGIN
    IF NEW.phone IS NOT NULL THEN
        SELECT contact_id INTO owner FROM contact_addresses
        WHERE chatroom_id = NEW.chatroom_id AND platform = 'SMS' AND address = NEW.phone;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF owner = NEW.id AND OLD.phone IS NOT NULL THEN
            UPDATE contact_addresses SET is_primary = false
            WHERE contact_id = NEW.id AND platform = 'SMS' AND is_primary AND address <> NEW.phone;
        ELSE
            DELETE FROM contact_addresses WHERE contact_id = NEW.id AND platform = 'SMS' AND is_primary;
        END IF;
    END IF;
    IF NEW.phone IS NULL THEN
        RETURN NULL;
    ELSIF owner = NEW.id THEN
        UPDATE contact_addresses SET is_primary = true
        WHERE chatroom_id = NEW.chatroom_id AND platform = 'SMS' AND address = NEW.phone AND NOT is_primary;
    ELSE
        -- Another contact's: contact_addresses_once refuses it.
        INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, is_primary)
        VALUES (NEW.organization_id, NEW.chatroom_id, NEW.id, 'SMS', NEW.phone, true);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER phone_is_an_address_of_new AFTER INSERT ON contacts
FOR EACH ROW WHEN (NEW.phone IS NOT NULL) EXECUTE FUNCTION contacts_phone_is_an_address();
CREATE TRIGGER phone_is_an_address AFTER UPDATE OF phone ON contacts
FOR EACH ROW WHEN (OLD.phone IS DISTINCT FROM NEW.phone) EXECUTE FUNCTION contacts_phone_is_an_address();
"""
NO_TRIGGER = """
DROP TRIGGER phone_is_an_address_of_new ON contacts;
DROP TRIGGER phone_is_an_address ON contacts;
DROP FUNCTION contacts_phone_is_an_address();
"""


def fill_addresses(apps, schema_editor) -> None:
    """In transactions of their own, so that no lock is held for long; begun again, it goes on."""
    last_id: object = NOWHERE
    with schema_editor.connection.cursor() as cursor:
        while last_id:
            cursor.execute(FILL, [last_id, BATCH])
            row = cursor.fetchone()
            last_id = row and row[0]


def remove_primaries(apps, schema_editor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DELETE FROM contact_addresses WHERE is_primary OR platform <> 'SMS'")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("chatrooms", "0002_names_for_people"), ("integrations", "0006_channels")]

    operations = [
        migrations.RemoveConstraint("contactnumber", "contact_numbers_phone"),
        rename_constraints(
            "contact_numbers",
            contact_numbers_chatroom_id_same_organization="contact_addresses_chatroom_id_same_organization",
            contact_numbers_contact_id_same_organization="contact_addresses_contact_id_same_organization",
        ),
        migrations.RenameModel("ContactNumber", "ContactAddress"),
        migrations.AlterModelTable("contactaddress", "contact_addresses"),
        migrations.AlterModelOptions("contactaddress", {"verbose_name_plural": "contact addresses"}),
        migrations.RenameField("contactaddress", "phone", "address"),
        migrations.AlterField("contactaddress", "address", models.CharField(max_length=64)),
        migrations.AlterField(
            "contactaddress",
            "contact",
            models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="addresses",
                to="chatrooms.contact",
            ),
        ),
        migrations.AddField(
            "contactaddress", "platform", models.CharField(db_default="SMS", default="SMS", max_length=9)
        ),
        migrations.AddField("contactaddress", "is_primary", models.BooleanField(db_default=False, default=False)),
        migrations.AddField(
            "contactaddress",
            "channel",
            models.ForeignKey(
                db_constraint=False,
                help_text="The only one that knows a scoped id; empty for phone numbers.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="integrations.channel",
            ),
        ),
        same_organization("contact_addresses", "channel_id", "channels"),
        migrations.AddConstraint(
            "contactaddress",
            models.UniqueConstraint(fields=("chatroom", "platform", "address"), name="contact_addresses_once"),
        ),
        migrations.AddConstraint(
            "contactaddress",
            models.UniqueConstraint(
                condition=models.Q(("is_primary", True)),
                fields=("contact", "platform"),
                name="contact_addresses_primary",
            ),
        ),
        # Before the filling: a contact that is made meanwhile has its address too.
        migrations.RunSQL(TRIGGER, NO_TRIGGER),
        migrations.RunPython(fill_addresses, remove_primaries),
    ]

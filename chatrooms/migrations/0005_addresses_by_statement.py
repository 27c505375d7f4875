"""The phones of new contacts become addresses in one statement, however many contacts there are."""

from django.db import migrations

# A trigger for each row asked for each phone whether it was taken, with a plan that a session had made when the table
# was small: 20,000 contacts at once took a minute. The unique constraint asks the same.
BY_STATEMENT = """
DROP TRIGGER phone_is_an_address_of_new ON contacts;
CREATE FUNCTION contacts_new_phones_are_addresses() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    added int;
    taken text;
BEGIN
    INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, is_primary)
    SELECT organization_id, chatroom_id, id, 'SMS', phone, true FROM now_there WHERE phone IS NOT NULL
    ON CONFLICT (chatroom_id, platform, address) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added < (SELECT count(phone) FROM now_there) THEN  -- who claims the address first makes the contact for it
        UPDATE contact_addresses k SET is_primary = true FROM now_there n
        WHERE k.contact_id = n.id AND k.platform = 'SMS' AND k.address = n.phone AND NOT k.is_primary;
        SELECT k.address INTO taken FROM now_there n JOIN contact_addresses k
            ON k.chatroom_id = n.chatroom_id AND k.platform = 'SMS' AND k.address = n.phone AND k.contact_id <> n.id
        LIMIT 1;
        IF taken IS NOT NULL THEN
            RAISE EXCEPTION '% belongs to another contact', taken
                USING ERRCODE = 'unique_violation', CONSTRAINT = 'contact_addresses_once', TABLE = 'contact_addresses';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER phones_are_addresses_of_new AFTER INSERT ON contacts REFERENCING NEW TABLE AS now_there
FOR EACH STATEMENT EXECUTE FUNCTION contacts_new_phones_are_addresses();
"""
BY_ROW = """
DROP TRIGGER phones_are_addresses_of_new ON contacts;
DROP FUNCTION contacts_new_phones_are_addresses();
CREATE TRIGGER phone_is_an_address_of_new AFTER INSERT ON contacts
FOR EACH ROW WHEN (NEW.phone IS NOT NULL) EXECUTE FUNCTION contacts_phone_is_an_address();
"""


class Migration(migrations.Migration):
    dependencies = [("chatrooms", "0004_referred_contacts")]
    operations = [migrations.RunSQL(BY_STATEMENT, BY_ROW)]

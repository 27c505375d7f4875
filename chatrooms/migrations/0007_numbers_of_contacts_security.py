"""The second wall for further numbers of contacts."""

from django.db import migrations

from messagehub.tenancy import row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [("chatrooms", "0006_numbers_of_contacts")]
    operations = [
        row_security("contact_numbers"),
        same_organization("contact_numbers", "chatroom_id", "chatrooms"),
        same_organization("contact_numbers", "contact_id", "contacts"),
    ]

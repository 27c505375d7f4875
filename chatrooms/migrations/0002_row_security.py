"""The second wall for chatrooms and contacts."""

from django.db import migrations

from messagehub.tenancy import row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [("chatrooms", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [
        row_security("chatrooms"),
        row_security("user_chatrooms"),
        same_organization("user_chatrooms", "user_id", "users"),
        same_organization("user_chatrooms", "chatroom_id", "chatrooms"),
        row_security("contacts"),
        same_organization("contacts", "chatroom_id", "chatrooms"),
        row_security("contact_activities"),
        same_organization("contact_activities", "contact_id", "contacts"),
    ]

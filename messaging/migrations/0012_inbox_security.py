"""The second wall for what people did with conversations; a quoted message is one of the same organization."""

from django.db import migrations

from messagehub.tenancy import append_only, row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [("messaging", "0011_inbox")]
    operations = [
        row_security("conversation_activities"),
        same_organization("conversation_activities", "conversation_id", "conversations"),
        append_only("conversation_activities"),
        same_organization("messages", "reply_to_id", "messages"),
    ]

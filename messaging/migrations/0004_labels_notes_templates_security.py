"""The second wall for labels, notes and templates."""

from django.db import migrations

from messagehub.tenancy import row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [("messaging", "0003_labels_notes_templates")]
    operations = [
        row_security("labels"),
        row_security("conversation_labels"),
        same_organization("conversation_labels", "conversation_id", "conversations"),
        same_organization("conversation_labels", "label_id", "labels"),
        row_security("notes"),
        same_organization("notes", "conversation_id", "conversations"),
        row_security("templates"),
        same_organization("templates", "chatroom_id", "chatrooms"),
    ]

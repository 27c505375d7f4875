"""The second wall for conversations, messages and their log."""

from django.db import migrations

from messagehub.tenancy import append_only, row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0001_initial"),
        ("integrations", "0002_row_security"),
    ]
    operations = [
        row_security("conversations"),
        same_organization("conversations", "chatroom_id", "chatrooms"),
        same_organization("conversations", "contact_id", "contacts"),
        same_organization("conversations", "sender_number_id", "sender_numbers"),
        row_security("messages"),
        same_organization("messages", "chatroom_id", "chatrooms"),
        same_organization("messages", "conversation_id", "conversations"),
        same_organization("messages", "contact_id", "contacts"),
        row_security("attachments"),
        same_organization("attachments", "message_id", "messages"),
        row_security("message_receipts"),
        same_organization("message_receipts", "message_id", "messages"),
        append_only("message_receipts"),
        row_security("events"),
        same_organization("events", "chatroom_id", "chatrooms"),
        row_security("read_markers"),
        same_organization("read_markers", "user_id", "users"),
        same_organization("read_markers", "conversation_id", "conversations"),
        row_security("idempotency_keys"),
        same_organization("idempotency_keys", "user_id", "users"),
    ]

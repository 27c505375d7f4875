"""The second wall for campaigns: everything that they name is of the same organization."""

from django.db import migrations

from messagehub.tenancy import row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [("messaging", "0014_campaigns")]
    operations = [
        row_security("campaigns"),
        same_organization("campaigns", "chatroom_id", "chatrooms"),
        same_organization("campaigns", "sender_number_id", "sender_numbers"),
        row_security("campaign_groups"),
        same_organization("campaign_groups", "campaign_id", "campaigns"),
        same_organization("campaign_groups", "group_id", "groups"),
        row_security("campaign_recipients"),
        same_organization("campaign_recipients", "campaign_id", "campaigns"),
        same_organization("campaign_recipients", "contact_id", "contacts", on_delete="SET NULL (contact_id)"),
        same_organization("campaign_recipients", "message_id", "messages"),
        same_organization("messages", "campaign_id", "campaigns"),
    ]

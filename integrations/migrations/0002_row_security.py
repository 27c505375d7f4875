"""The second wall for provider accounts; webhook events can be added by all and read by the system role only."""

from django.db import migrations

from messagehub.tenancy import row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0001_initial"),
        ("chatrooms", "0002_row_security"),
    ]
    operations = [
        row_security("twilio_accounts"),
        row_security("sender_numbers"),
        same_organization("sender_numbers", "chatroom_id", "chatrooms"),
        same_organization("sender_numbers", "twilio_account_id", "twilio_accounts"),
        migrations.RunSQL(
            "REVOKE SELECT, UPDATE, DELETE ON webhook_events FROM mh_app",
            "GRANT SELECT, UPDATE, DELETE ON webhook_events TO mh_app",
        ),
    ]

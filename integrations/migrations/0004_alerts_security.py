"""The second wall for alerts."""

from django.db import migrations

from messagehub.tenancy import row_security


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_holds_and_alerts")]
    operations = [row_security("channel_alerts")]

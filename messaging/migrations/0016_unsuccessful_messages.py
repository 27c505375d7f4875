"""Failed and canceled messages of an organization, newest first, without reading all the others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0015_contact_lists")]

    operations = [
        migrations.AddIndex(
            "message",
            models.Index(
                condition=models.Q(("status__in", ["failed", "undelivered", "not_sent", "canceled"])),
                fields=["organization", "-occurred_at", "-id"],
                name="messages_unsuccessful",
            ),
        ),
    ]

"""Requests for deletion are webhooks of their own kind."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0006_channels")]

    operations = [
        migrations.AlterField(
            "webhookevent",
            "source",
            models.CharField(
                choices=[
                    ("twilio.message", "Twilio Message"),
                    ("twilio.status", "Twilio Status"),
                    ("meta.batch", "Meta Batch"),
                    ("meta.event", "Meta Event"),
                    ("meta.deletion", "Meta Deletion"),
                ],
                max_length=24,
            ),
        ),
    ]

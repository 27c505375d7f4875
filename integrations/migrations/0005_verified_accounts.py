"""Whose signature a webhook had is kept in a column of its own. Until now it stood first in the key."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0004_alerts_security"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhookevent",
            name="account",
            field=models.CharField(
                default="",
                help_text="Whose signature was verified, as the provider calls them. The body is not asked again.",
                max_length=64,
            ),
            preserve_default=False,
        ),
        # A key that was too long is a digest, and names no account: such an event is set aside and not processed.
        migrations.RunSQL(
            """
            UPDATE webhook_events SET account = split_part(dedupe_key, ':', 1)
            WHERE dedupe_key ~ '^[0-9A-Za-z]{1,34}:'
            """,
            migrations.RunSQL.noop,
        ),
    ]

"""Campaigns leave out groups and recently contacted people, and send failed messages again."""

import django.db.models.deletion
from django.db import migrations, models

from messagehub.tenancy import same_organization


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0013_messages_in_turn"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="contacted_days",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="Contacts who got a message of ours within so many days are skipped.", null=True
            ),
        ),
        migrations.AddField(
            model_name="campaigngroup",
            name="is_excluded",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Its contacts get nothing, whichever other group they are in.",
            ),
        ),
        migrations.AddField(
            model_name="campaignrecipient",
            name="failed_message",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                help_text="The failed one that the next message is another attempt of.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="messaging.message",
            ),
        ),
        same_organization("campaign_recipients", "failed_message_id", "messages"),
    ]

"""A second person approves a campaign, and admins are notified."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from messagehub.tenancy import same_organization


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_campaign_approval"),
        ("messaging", "0023_media_of_templates_and_campaigns"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="approval_asked_at",
            field=models.DateTimeField(help_text="Since when it waits for a second person.", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="approved_at",
            field=models.DateTimeField(help_text="A change of the draft empties it.", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="approved_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="writer_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                db_default=[],
                default=list,
                help_text="Who changed it, beside who created it.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="campaign",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="messaging.campaign",
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="conversation",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="messaging.conversation",
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[("mention", "Mention"), ("assignment", "Assignment"), ("approval", "Approval")], max_length=12
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("campaign__isnull", False), ("conversation", None)),
                    models.Q(("campaign", None), ("conversation__isnull", False)),
                    _connector="OR",
                ),
                name="notifications_subject",
            ),
        ),
        same_organization("notifications", "campaign_id", "campaigns", "CASCADE"),
        # On the way back: notifications of before are all about conversations.
        migrations.RunSQL("", "DELETE FROM notifications WHERE conversation_id IS NULL"),
    ]

"""Quiet hours hold what people write only where an organization wants that; holidays hold campaigns."""

import accounts.models
from django.db import migrations, models


# Where quiet hours are set, they held what people write until now.
AS_BEFORE = "UPDATE organizations SET quiet_hours_for_people = true WHERE quiet_from IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_campaign_approval"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="holidays",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                help_text="Days, in the recipient's local time, on which no campaign goes out: each with `date` and `name`.",
                validators=[accounts.models.validate_holidays],
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="quiet_hours_for_people",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Quiet hours also hold what people write first. They always hold campaigns.",
            ),
        ),
        migrations.RunSQL(AS_BEFORE, migrations.RunSQL.noop),
    ]

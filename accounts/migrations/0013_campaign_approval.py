"""Campaigns may need the approval of a second person."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_user_language"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="approve_campaigns",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A campaign starts only once an admin who did not write it has approved it.",
            ),
        ),
    ]

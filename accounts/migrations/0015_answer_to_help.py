"""What an organization answers to HELP, where the provider does not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_quiet_hours_for_people_and_holidays"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="help_on_long_codes",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Twilio does not answer HELP and INFO to this organization's numbers by itself.",
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="help_text",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Sent to customers who write HELP, where the provider does not answer it. Empty: nothing.",
                max_length=320,
            ),
        ),
    ]

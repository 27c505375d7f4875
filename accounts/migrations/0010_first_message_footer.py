"""The first SMS to a contact says who writes, and how to opt out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_opt_out_scope"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="first_message_footer",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="How to opt out. Added, after the organization's name, to the first SMS to each contact.",
                max_length=160,
            ),
        ),
    ]

"""Messages that nobody wrote: answers to HELP."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0025_uses_and_owners_of_templates"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="automatic",
            field=models.CharField(
                blank=True,
                choices=[("help", "Answer to HELP")],
                db_default="",
                help_text="What it answers by itself: nobody wrote it, and nobody pays for it.",
                max_length=8,
            ),
        ),
    ]

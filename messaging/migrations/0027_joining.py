"""Messages that nobody wrote: also questions whether somebody wants to join."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0026_automatic_answers"),
    ]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="automatic",
            field=models.CharField(
                blank=True,
                choices=[("help", "Answer to HELP"), ("join", "Question whether to join")],
                db_default="",
                help_text="What it answers by itself: nobody wrote it, and nobody pays for it.",
                max_length=8,
            ),
        ),
    ]

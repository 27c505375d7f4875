"""When a message was last handed to its provider."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0009_visible_names")]

    operations = [
        migrations.AddField(
            "message",
            "attempted_at",
            models.DateTimeField(blank=True, help_text="When it was last claimed for sending.", null=True),
        ),
    ]

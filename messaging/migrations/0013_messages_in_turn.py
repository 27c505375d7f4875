"""Queued messages in the order of the time for which they were meant, scheduled ones among the others."""

from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    dependencies = [("messaging", "0012_sample_of_answers")]

    operations = [
        migrations.AddIndex(
            "message",
            models.Index(
                "channel",
                "priority",
                Coalesce("send_at", "created_at"),
                "id",
                name="messages_in_turn",
                condition=models.Q(status="queued"),
            ),
        ),
        migrations.RemoveIndex("message", "messages_queued"),
    ]

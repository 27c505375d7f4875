"""What a STOP holds for: its channel, the chatroom, or the whole organization."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_more_keyword_languages"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="opt_out_scope",
            field=models.CharField(
                choices=[
                    ("channel", "The channel that they wrote to"),
                    ("chatroom", "All channels of its chatroom"),
                    ("organization", "All channels of the organization"),
                ],
                db_default="channel",
                default="channel",
                help_text="What a customer's STOP to one channel holds for.",
                max_length=12,
            ),
        ),
    ]

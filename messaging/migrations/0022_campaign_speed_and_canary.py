"""A campaign has a speed of its own, and a part that goes first to be judged."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_saved_views"),
        ("chatrooms", "0007_read_versions"),
        ("integrations", "0009_retired_accounts"),
        ("messaging", "0021_push_subscriptions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="canary_count",
            field=models.PositiveIntegerField(blank=True, help_text="How many messages go first.", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="canary_ended_at",
            field=models.DateTimeField(help_text="When it went on to everybody.", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="canary_minutes",
            field=models.PositiveSmallIntegerField(
                db_default=10,
                default=10,
                help_text="How long it waits after the first messages, for what becomes of them.",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="canary_percent",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="How many messages go first, as a share of those who get one.", null=True
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="canary_size",
            field=models.PositiveIntegerField(help_text="How many messages go first, from the start on.", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="canary_until",
            field=models.DateTimeField(help_text="When it goes on, once the first messages are made.", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="most_failures",
            field=models.PositiveSmallIntegerField(
                db_default=10, default=10, help_text="Percent of the first messages that may fail."
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="most_opt_outs",
            field=models.PositiveSmallIntegerField(
                db_default=2, default=2, help_text="Percent of the first recipients that may opt out."
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="next_message_at",
            field=models.DateTimeField(help_text="When its own speed allows the next message.", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="per_minute",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Messages in a minute at most; as many as the number's rate allows if empty.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("canary_count", None), ("canary_percent", None), _connector="OR"),
                name="campaigns_one_canary",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("per_minute", None), ("per_minute__gt", 0), _connector="OR"),
                name="campaigns_per_minute",
            ),
        ),
    ]

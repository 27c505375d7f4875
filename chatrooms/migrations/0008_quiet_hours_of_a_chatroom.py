"""A chatroom may have quiet hours of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_quiet_hours_for_people_and_holidays"),
        ("chatrooms", "0007_read_versions"),
    ]

    operations = [
        migrations.AddField(
            model_name="chatroom",
            name="quiet_from",
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="chatroom",
            name="quiet_until",
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="chatroom",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("quiet_from", None), ("quiet_until", None)),
                    models.Q(
                        ("quiet_from__isnull", False),
                        ("quiet_until__isnull", False),
                        models.Q(("quiet_from", models.F("quiet_until")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="chatrooms_quiet_hours",
            ),
        ),
    ]

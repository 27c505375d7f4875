"""The language that somebody chose; nobody has chosen one yet."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_saved_views"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="language",
            field=models.CharField(
                blank=True,
                help_text="Of pages and mails. Empty is what the browser asks for.",
                max_length=10,
                null=True,
            ),
        ),
    ]

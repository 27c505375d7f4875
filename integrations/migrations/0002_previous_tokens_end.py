"""A token that was replaced signs for a day; those of before get the day from now on."""

from django.db import migrations, models

END_IN_A_DAY = """
UPDATE twilio_accounts SET other_token_until = now() + interval '1 day' WHERE other_auth_token <> ''
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="twilioaccount",
            name="other_token_until",
            field=models.DateTimeField(
                blank=True, help_text="Until then the previous token signs webhooks too.", null=True
            ),
        ),
        migrations.RunSQL(END_IN_A_DAY, migrations.RunSQL.noop),
    ]

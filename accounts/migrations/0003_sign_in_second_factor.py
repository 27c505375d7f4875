"""Each sign-in knows whether a code proved it, and with it its bearer token."""

from django.db import migrations, models

# Whoever had an authenticator when they signed in was asked for a code of it.
PROVED = """
UPDATE sign_ins SET second_factor = true FROM mfa_authenticator
WHERE mfa_authenticator.user_id = sign_ins.user_id AND mfa_authenticator.type = 'totp'
AND mfa_authenticator.created_at <= sign_ins.created_at
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_known_zones_and_countries"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [
        migrations.AddField(
            model_name="signin",
            name="second_factor",
            field=models.BooleanField(db_default=False, default=False, help_text="Whether a code proved it."),
        ),
        migrations.RunSQL(PROVED, migrations.RunSQL.noop),
    ]

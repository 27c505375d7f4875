"""Sessions are found by a digest of their key; nobody is signed out. There is no way back from a digest."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_prices_and_quiet_hours"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.RenameField("signin", "session_key", "session_digest"),
        migrations.RunSQL(
            """
            UPDATE sign_ins SET session_digest = left(encode(sha256(convert_to(session_digest, 'UTF8')), 'hex'), 40);
            UPDATE django_session SET session_key = left(encode(sha256(convert_to(session_key, 'UTF8')), 'hex'), 40);
            """
        ),
    ]

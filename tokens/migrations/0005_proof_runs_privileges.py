"""Every organization may know whether everything adds up; which rows do not is for operators."""

from django.db import migrations

from messagehub.tenancy import APPLICATION_ROLE


class Migration(migrations.Migration):
    dependencies = [("tokens", "0004_reserves_and_proof_runs")]
    operations = [
        migrations.RunSQL(
            f"""
            REVOKE ALL ON proof_runs FROM {APPLICATION_ROLE};
            GRANT SELECT (id, created_at, seconds, holds) ON proof_runs TO {APPLICATION_ROLE};
            """,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON proof_runs TO {APPLICATION_ROLE}",
        )
    ]

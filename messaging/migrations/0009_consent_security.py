"""The second wall for consent, written once; and what older refunds were given for."""

from django.db import migrations

from messagehub.tenancy import append_only, row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [("messaging", "0008_consent_and_priority"), ("tokens", "0004_reserves_and_proof_runs")]
    operations = [
        row_security("consent_entries"),
        same_organization("consent_entries", "sender_number_id", "sender_numbers"),
        same_organization("consent_entries", "message_id", "messages"),
        append_only("consent_entries"),
        migrations.RunSQL(
            """
            UPDATE messages m SET refunded_as = m.status FROM token_entries e
            WHERE e.kind = 'refund' AND e.reference = 'message:' || m.id AND m.tokens = 0
              AND m.status IN ('failed', 'undelivered', 'not_sent', 'canceled')
            """,
            migrations.RunSQL.noop,
        ),
    ]

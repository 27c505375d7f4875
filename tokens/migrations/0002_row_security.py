"""The second wall for tokens, and a ledger that is written once."""

from django.db import migrations

from messagehub.tenancy import append_only, row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [("tokens", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [
        row_security("user_tokens"),
        same_organization("user_tokens", "user_id", "users"),
        row_security("token_entries"),
        same_organization("token_entries", "account_id", "user_tokens"),
        append_only("token_entries"),
    ]

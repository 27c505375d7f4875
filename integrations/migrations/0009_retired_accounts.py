"""An account that is retired may be connected by another organization.

Facebook pages that were disconnected with conversations are retired already, by their channels.
"""

from django.db import migrations, models
from django.db.models import Q

RETIRE = """
UPDATE provider_accounts a SET retired_at = (SELECT max(retired_at) FROM channels WHERE account_id = a.id)
WHERE provider = 'meta' AND EXISTS (SELECT FROM channels WHERE account_id = a.id)
  AND NOT EXISTS (SELECT FROM channels WHERE account_id = a.id AND retired_at IS NULL)
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0008_visible_names")]

    operations = [
        migrations.AddField(
            "provideraccount",
            "retired_at",
            models.DateTimeField(blank=True, help_text="Since when others may connect it.", null=True),
        ),
        migrations.RunSQL(RETIRE, migrations.RunSQL.noop),
        migrations.RemoveConstraint("provideraccount", "provider_accounts_external_id"),
        migrations.AddConstraint(
            "provideraccount",
            models.UniqueConstraint(
                condition=Q(("retired_at", None)),
                fields=("provider", "external_id"),
                name="provider_accounts_external_id",
            ),
        ),
        migrations.AddConstraint(
            "provideraccount",
            models.UniqueConstraint(
                fields=("organization", "provider", "external_id"), name="provider_accounts_of_organization"
            ),
        ),
    ]

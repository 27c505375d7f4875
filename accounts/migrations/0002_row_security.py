"""An organization sees its own row. Users and sign-ins are read before the tenant is known: no policy there."""

from django.db import migrations

from messagehub.tenancy import row_security


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        row_security("organizations", column="id"),
    ]

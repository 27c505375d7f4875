"""Django's `migrate`, as the role that owns the tables."""

from django.core.management.commands import migrate

from messagehub import tenancy


class Command(migrate.Command):
    def handle(self, *args, **options):
        with tenancy.as_owner(options["database"]):
            return super().handle(*args, **options)

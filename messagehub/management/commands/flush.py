"""Django's `flush`, as the role that owns the tables: the application role may not truncate them."""

from django.core.management.commands import flush

from messagehub import tenancy


class Command(flush.Command):
    def handle(self, **options):
        with tenancy.as_owner(options["database"]):
            return super().handle(**options)

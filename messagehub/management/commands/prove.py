"""`manage.py prove`: check every invariant in SQL, and name the rows that break one."""

from django.core.management.base import BaseCommand, CommandError

from tokens import proof


class Command(BaseCommand):
    help = "Verify ledger, message and event-log invariants in SQL and list violations."

    def handle(self, *args, **options):
        broken = list(proof.find_broken())
        for each in broken:
            self.stdout.write(str(each))
        if broken:
            raise CommandError(f"{len(broken)} of {len(proof.INVARIANTS)} invariants do not hold.")
        self.stdout.write(f"All {len(proof.INVARIANTS)} invariants hold.")

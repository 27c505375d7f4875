"""`manage.py reconcile`: look for unknown messages at the provider now; `--prove` compares its whole list with ours."""

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from messaging.sending import reconciliation

SHOWN = 10


class Command(BaseCommand):
    help = "Reconcile unknown messages against the provider's message list. --prove compares every message."

    def add_arguments(self, parser):
        parser.add_argument(
            "--prove", action="store_true", help="compare every message of the period with the provider's list"
        )
        parser.add_argument("--hours", type=float, default=24, help="how far back to compare (24)")
        parser.add_argument("--until", type=float, default=120, help="ignore messages of the last seconds (120)")

    def handle(self, *args, **options):
        looked_for = reconciliation.reconcile_unknown(pause=0)
        self.stdout.write(f"{looked_for} unknown messages were reconciled with the provider.")
        if options["prove"]:
            self.prove(options["hours"], options["until"])

    def prove(self, hours: float, until: float) -> None:
        now = timezone.now()
        wrong, unasked = 0, []
        for compared in reconciliation.compare_lists(now - timedelta(hours=hours), now - timedelta(seconds=until)):
            if compared.error:
                unasked.append(compared.account)
                self.stdout.write(f"{compared.account}: its messages can't be compared ({compared.error}).")
                continue
            wrong += not compared.holds
            self.stdout.write(f"{compared.account}: {compared.both} messages there and here.")
            only = (("there and not here", compared.only_there), ("here and not there", compared.only_here))
            for words, ids in only:
                if ids:
                    self.stdout.write(f"  {len(ids)} {words}: {', '.join(ids[:SHOWN])}")
        if unasked:
            raise CommandError(f"{len(unasked)} accounts can't be compared, so nothing is proved about them.")
        if wrong:
            raise CommandError(f"{wrong} accounts don't match the provider's list.")
        self.stdout.write("Every message matches the provider's list.")

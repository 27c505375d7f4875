"""`python -m tests.releases`: write down what the present version is, on the day of its release."""

import os
import sys

from tests import services

os.environ["DJANGO_SETTINGS_MODULE"] = "messagehub.settings"


def main() -> None:
    services.start_postgres()
    services.start_valkey()
    try:
        import django

        django.setup()
        import messagehub
        from messagehub import tenancy
        from tests import releases
        from tests.releases.fill import fill_every_table

        fill_every_table()
        with tenancy.as_owner():
            sys.stdout.write(f"Wrote {releases.write_release(messagehub.__version__)}\n")
    finally:
        services.pytest_unconfigure()


main()

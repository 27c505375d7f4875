"""`manage.py create_organization`: a new organization, and an invitation to its first admin."""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import organizations


class Command(BaseCommand):
    help = (
        "Create an organization and mail an invitation to its first admin. Running it again with the same name and "
        "address changes nothing; while the invitation is pending, it is mailed again."
    )

    def add_arguments(self, parser):
        parser.add_argument("name", help="the organization's name, as its people read it")
        parser.add_argument("--admin-email", required=True, metavar="ADDRESS", help="where the invitation is mailed")
        parser.add_argument(
            "--country", default="US", metavar="CODE", help="country of phone numbers entered without + (US)"
        )
        parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="such as Europe/Berlin (UTC)")

    def handle(self, *args, **options):
        try:
            creation = organizations.create_organization(
                options["name"],
                options["admin_email"],
                by=None,
                default_country=options["country"],
                time_zone=options["time_zone"],
            )
        except ValidationError as error:
            lines = [f"{_words(name)}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
            raise CommandError("\n".join(lines)) from None
        except (organizations.OrganizationExists, organizations.AddressInUse) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(str(creation))


def _words(name: str) -> str:
    return {"default_country": "country"}.get(name, name.replace("_", " "))

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.contrib.staticfiles.apps import StaticFilesConfig as DjangoStaticFilesConfig

from messagehub import redaction


class MessageHubConfig(AppConfig):
    name = "messagehub"

    def ready(self) -> None:
        redaction.install()


class BackOfficeConfig(AdminConfig):
    """Django's admin with our way in."""

    default_site = "accounts.backoffice.Site"


class StaticFilesConfig(DjangoStaticFilesConfig):
    """Leaves out what packages bring along and no page of ours asks for: megabytes to hash and compress."""

    ignore_patterns = [*DjangoStaticFilesConfig.ignore_patterns, "redoc", "rest_framework"]

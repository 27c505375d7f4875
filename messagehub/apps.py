from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig as DjangoStaticFilesConfig


class MessageHubConfig(AppConfig):
    name = "messagehub"


class StaticFilesConfig(DjangoStaticFilesConfig):
    """Leaves out what packages bring along and no page of ours asks for: megabytes to hash and compress."""

    ignore_patterns = [*DjangoStaticFilesConfig.ignore_patterns, "redoc", "rest_framework"]

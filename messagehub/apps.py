from django.apps import AppConfig


class MessageHubConfig(AppConfig):
    name = "messagehub"

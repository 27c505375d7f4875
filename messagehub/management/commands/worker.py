"""`manage.py worker`: processes received webhooks and sends what is queued."""

import asyncio

from django.core.management.base import BaseCommand

from messaging.worker import Worker


class Command(BaseCommand):
    help = "Process received webhooks and send queued messages, until SIGTERM."

    def handle(self, *args, **options):
        asyncio.run(Worker().run())

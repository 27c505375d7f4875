"""The pages, the API and the back office: ordinary synchronous Django. Servers run `messagehub.web`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messagehub.settings")
application = get_wsgi_application()

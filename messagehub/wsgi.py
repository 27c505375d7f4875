"""The pages, the API and the back office: ordinary synchronous Django."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messagehub.settings")
application = get_wsgi_application()
if proxies := os.environ.get("FORWARDED_ALLOW_IPS"):  # limits count clients, not the proxy in front
    from granian.utils.proxies import wrap_wsgi_with_proxy_headers

    application = wrap_wsgi_with_proxy_headers(application, trusted_hosts=proxies)

"""Every address of the product but websockets, webhooks and the sandbox's wire, which have servers of their own."""

from django.contrib import admin
from django.urls import include, path

from messagehub import health, metrics
from messagehub.ui import commands, installable, styleguide
from messaging.media import link_views
from messaging.sending import send_views

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", metrics.metrics),
    path("styleguide/", styleguide.page),
    path("commands/", commands.show_commands, name="commands"),
    path("manifest.webmanifest", installable.manifest, name="manifest"),
    path("service-worker.js", installable.service_worker),
    path("offline/", installable.offline, name="offline"),
    path("api/", include("messagehub.api_urls")),
    path("admin/", admin.site.urls),
    path("", include("accounts.pages.urls")),
    path("manage/", include("tokens.page_urls")),
    path("manage/", include("accounts.pages.manage_urls")),
    path("manage/", include("chatrooms.page_urls")),
    path("manage/", include("integrations.page_urls")),
    path("manage/", include("messaging.sending.page_urls")),
    path("manage/", include("messaging.conversations.page_urls")),
    path("contacts/", include("messaging.contacts.urls")),
    path("groups/", include("messaging.contacts.group_urls")),
    path("messages/", include("messaging.message_log.urls")),
    path("notifications/", include("messaging.notifications.urls")),
    path("campaigns/", include("messaging.campaigns.urls")),
    path("templates/", include("messaging.message_templates.urls")),
    path("media/<str:signed>/<str:name>", link_views.serve_upload, name="media"),
    path("send/", send_views.send_texts, name="send"),
    path("", include("messaging.dashboard.urls")),
    path("", include("messaging.inbox.urls")),
]
handler400 = "messagehub.errors.bad_request"
handler403 = "messagehub.errors.forbidden"
handler404 = "messagehub.errors.not_found"
handler500 = "messagehub.errors.server_error"

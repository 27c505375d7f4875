from django.urls import path

from messaging.inbox import actions, attachment_views, bulk_actions, views

urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/rows/", views.rows, name="inbox-rows"),
    path("inbox/bubbles/", views.bubbles, name="inbox-bubbles"),
    path("inbox/bulk/", bulk_actions.change_selected, name="inbox-bulk"),
    path("inbox/commands/", views.commands, name="inbox-commands"),
    path("inbox/<uuid:pk>/", views.conversation, name="conversation"),
    path("inbox/<uuid:pk>/side/", views.side, name="conversation-side"),
    path("inbox/<uuid:pk>/templates/", views.template_picker, name="conversation-templates"),
    path("inbox/<uuid:pk>/messages/", actions.send, name="conversation-messages"),
    path("inbox/<uuid:pk>/notes/", actions.note, name="conversation-notes"),
    path("inbox/<uuid:pk>/read/", actions.read, name="conversation-read"),
    path("inbox/<uuid:pk>/change/", actions.change, name="conversation-change"),
    path("attachments/<uuid:pk>/", attachment_views.show_attachment, name="attachment"),
    path("messages/<uuid:pk>/retry/", actions.retry, name="message-retry"),
    path("messages/<uuid:pk>/cancel/", actions.cancel, name="message-cancel"),
    path("messages/<uuid:pk>/schedule/", actions.reschedule, name="message-schedule"),
    path("opt-out-offers/<uuid:pk>/", actions.close_offer, name="opt-out-offer"),
    path("messages/<uuid:pk>/settle/", actions.settle, name="message-settle"),
]

from django.urls import path

from messaging import views

urlpatterns = [
    path("", views.home, name="home"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/rows/", views.rows, name="inbox-rows"),
    path("inbox/bubbles/", views.bubbles, name="inbox-bubbles"),
    path("inbox/<uuid:pk>/", views.conversation, name="conversation"),
    path("inbox/<uuid:pk>/messages/", views.send, name="conversation-messages"),
    path("inbox/<uuid:pk>/read/", views.read, name="conversation-read"),
    path("messages/<uuid:pk>/retry/", views.retry, name="message-retry"),
]

from django.urls import path

from messaging import api

urlpatterns = [
    path("events", api.EventsView.as_view()),
    path("conversations", api.ConversationsView.as_view()),
    path("conversations/<uuid:pk>", api.ConversationView.as_view()),
    path("conversations/<uuid:pk>/messages", api.ThreadView.as_view()),
    path("conversations/<uuid:pk>/read", api.ReadView.as_view()),
    path("messages", api.MessagesView.as_view()),
    path("messages/inbound", api.MessagesView.as_view(direction="inbound")),
    path("messages/send", api.SendView.as_view()),
    path("messages/<uuid:pk>", api.MessageView.as_view()),
]

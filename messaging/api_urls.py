from django.urls import path

from messaging import api, contacts_api, stats_api, wording_api

urlpatterns = [
    path("events", api.EventsView.as_view()),
    path("conversations", api.ConversationsView.as_view()),
    path("conversations/<uuid:pk>", api.ConversationView.as_view()),
    path("conversations/<uuid:pk>/messages", api.ThreadView.as_view()),
    path("conversations/<uuid:pk>/notes", api.NotesView.as_view()),
    path("conversations/<uuid:pk>/read", api.ReadView.as_view()),
    path("messages", api.MessagesView.as_view()),
    path("messages/inbound", api.MessagesView.as_view(direction="inbound")),
    path("messages/send", api.SendView.as_view()),
    path("messages/<uuid:pk>", api.MessageView.as_view()),
    path("messages/<uuid:pk>/retry", api.RetryView.as_view()),
    path("messages/<uuid:pk>/cancel", api.CancelView.as_view()),
    path("messages/<uuid:pk>/settle", api.SettleView.as_view()),
    path("contacts", contacts_api.ContactsView.as_view()),
    path("contacts/<uuid:pk>", contacts_api.ContactView.as_view()),
    path("groups", contacts_api.GroupsView.as_view()),
    path("groups/<uuid:pk>", contacts_api.GroupView.as_view()),
    path("groups/<uuid:pk>/members", contacts_api.MembersView.as_view()),
    path("stats", stats_api.StatsView.as_view()),
    path("labels", wording_api.LabelsView.as_view()),
    path("labels/<uuid:pk>", wording_api.LabelView.as_view()),
    path("templates", wording_api.TemplatesView.as_view()),
    path("templates/<uuid:pk>", wording_api.TemplateView.as_view()),
    path("templates/<uuid:pk>/render", wording_api.RenderView.as_view()),
]

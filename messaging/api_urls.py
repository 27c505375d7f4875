from django.urls import path

from messaging.campaigns import api as campaigns_api
from messaging.contacts import api as contacts_api
from messaging.conversations import api as conversations_api
from messaging.conversations import label_api
from messaging.live import api as events_api
from messaging.message_templates import api as templates_api
from messaging.sending import api as sending_api
from messaging.statistics import api as statistics_api

urlpatterns = [
    path("events", events_api.EventsView.as_view()),
    path("conversations", conversations_api.ConversationsView.as_view()),
    path("conversations/<uuid:pk>", conversations_api.ConversationView.as_view()),
    path("conversations/<uuid:pk>/messages", conversations_api.ThreadView.as_view()),
    path("conversations/<uuid:pk>/notes", conversations_api.NotesView.as_view()),
    path("conversations/<uuid:pk>/read", conversations_api.ReadView.as_view()),
    path("messages", sending_api.MessagesView.as_view()),
    path("messages/inbound", sending_api.MessagesView.as_view(direction="inbound")),
    path("messages/send", sending_api.SendView.as_view()),
    path("messages/<uuid:pk>", sending_api.MessageView.as_view()),
    path("messages/<uuid:pk>/retry", sending_api.RetryView.as_view()),
    path("messages/<uuid:pk>/cancel", sending_api.CancelView.as_view()),
    path("messages/<uuid:pk>/settle", sending_api.SettleView.as_view()),
    path("campaigns", campaigns_api.CampaignsView.as_view()),
    path("campaigns/<uuid:pk>", campaigns_api.CampaignView.as_view()),
    path("campaigns/<uuid:pk>/recipients", campaigns_api.RecipientsView.as_view()),
    path("campaigns/<uuid:pk>/start", campaigns_api.ActView.as_view(act="start")),
    path("campaigns/<uuid:pk>/pause", campaigns_api.ActView.as_view(act="pause")),
    path("campaigns/<uuid:pk>/resume", campaigns_api.ActView.as_view(act="resume")),
    path("campaigns/<uuid:pk>/cancel", campaigns_api.ActView.as_view(act="cancel")),
    path("contacts", contacts_api.ContactsView.as_view()),
    path("contacts/<uuid:pk>", contacts_api.ContactView.as_view()),
    path("groups", contacts_api.GroupsView.as_view()),
    path("groups/<uuid:pk>", contacts_api.GroupView.as_view()),
    path("groups/<uuid:pk>/members", contacts_api.MembersView.as_view()),
    path("stats", statistics_api.StatsView.as_view()),
    path("labels", label_api.LabelsView.as_view()),
    path("labels/<uuid:pk>", label_api.LabelView.as_view()),
    path("templates", templates_api.TemplatesView.as_view()),
    path("templates/<uuid:pk>", templates_api.TemplateView.as_view()),
    path("templates/<uuid:pk>/render", templates_api.RenderView.as_view()),
]

"""Every route of the API but webhooks, which have a server of their own."""

from django.urls import path

from accounts.api.keys import KeyViewSet
from accounts.api.settings import SettingsViewSet
from accounts.api.sign_in import LoginView, LogoutView, MeViewSet
from accounts.api.team import UserViewSet
from chatrooms.api import AssignmentViewSet, ChatroomViewSet
from integrations.api import FacebookPageViewSet, SenderNumberViewSet
from messagehub import docs
from messagehub.api.routers import Router
from messaging.campaigns.api import CampaignViewSet
from messaging.consent.api import ConsentViewSet, OptOutOfferViewSet
from messaging.contacts.api import ContactViewSet, GroupViewSet
from messaging.contacts.import_api import ImportViewSet
from messaging.conversations.api import ConversationViewSet
from messaging.conversations.label_api import LabelViewSet
from messaging.live.api import EventViewSet
from messaging.media.api import UploadViewSet
from messaging.message_templates.api import TemplateViewSet
from messaging.search.api import SearchViewSet
from messaging.sending.api import MessageViewSet
from messaging.statistics.api import StatisticsViewSet
from tokens.api import TokenViewSet

router = Router()
for prefix, viewset in {
    "campaigns": CampaignViewSet,
    "chatrooms": ChatroomViewSet,
    "contacts": ContactViewSet,
    "conversations": ConversationViewSet,
    "events": EventViewSet,
    "facebook-pages": FacebookPageViewSet,
    "groups": GroupViewSet,
    "keys": KeyViewSet,
    "labels": LabelViewSet,
    "media": UploadViewSet,
    "messages": MessageViewSet,
    "opt-out-offers": OptOutOfferViewSet,
    "search": SearchViewSet,
    "sender-numbers": SenderNumberViewSet,
    "stats": StatisticsViewSet,
    "templates": TemplateViewSet,
    "tokens": TokenViewSet,
    "user-chatrooms": AssignmentViewSet,
    "users": UserViewSet,
}.items():
    router.register(prefix, viewset, prefix)

ONE = {"get": "retrieve", "patch": "partial_update"}  # there is one of it, so it has no id
urlpatterns = [
    path("auth/login", LoginView.as_view()),
    path("auth/logout", LogoutView.as_view()),
    path("auth/me", MeViewSet.as_view(ONE)),
    path("contacts/<uuid:pk>/consent", ConsentViewSet.as_view({"get": "read", "post": "record"}, detail=True)),
    path("contacts/import", ImportViewSet.as_view({"post": "create"})),
    path("contacts/imports/<uuid:pk>", ImportViewSet.as_view({"get": "retrieve"}, detail=True)),
    path("settings", SettingsViewSet.as_view(ONE)),
    path("schema", docs.schema, name="api-schema"),
    path("docs", docs.browser),
    *router.urls,
]

"""Conversations, messages, receipts and received webhooks in the back office."""

from django.contrib import admin, messages
from django.db.models import Q

from accounts import audit
from accounts.backoffice import Rows
from integrations.models import WebhookEvent
from messaging.models import (
    Campaign,
    CampaignRecipient,
    Conversation,
    Label,
    Message,
    MessageReceipt,
    MessageTemplate,
    Platform,
)
from messaging.receiving import ingest


@admin.register(Conversation)
class ConversationAdmin(Rows):
    list_display = ["contact", "platform", "status", "assigned_to", "chatroom", "last_message_at"]
    list_select_related = ["contact", "assigned_to", "chatroom"]


@admin.register(Message)
class MessageAdmin(Rows):
    list_display = ["created_at", "direction", "status", "from_address", "to_address", "provider_id", "error_code"]
    search_help_text = "An id or the provider's id"

    def finding(self, term):
        return Q(platform__in=Platform.values, provider_id=term)  # the index begins with the platform


@admin.register(MessageReceipt)
class MessageReceiptAdmin(Rows):
    list_display = ["created_at", "message_id", "status", "error_code"]


@admin.register(Campaign)
class CampaignAdmin(Rows):
    list_display = ["name", "state", "audience", "reserved", "chatroom", "started_by", "started_at"]
    list_select_related = ["chatroom", "started_by"]


@admin.register(CampaignRecipient)
class CampaignRecipientAdmin(Rows):
    list_display = ["campaign", "address", "outcome", "reason_code", "message_id"]
    list_select_related = ["campaign"]


@admin.register(Label)
class LabelAdmin(Rows):
    list_display = ["name", "color", "organization"]
    list_select_related = ["organization"]


@admin.register(MessageTemplate)
class MessageTemplateAdmin(Rows):
    list_display = ["name", "chatroom", "owner", "organization"]
    list_select_related = ["chatroom", "owner", "organization"]

    def get_queryset(self, request):
        """Operators see all. An admin sees nobody else's personal ones here either."""
        templates = super().get_queryset(request)
        return templates if request.user.is_superuser else templates.filter(Q(owner=None) | Q(owner=request.user))


class StateFilter(admin.SimpleListFilter):
    """By what became of it; each answer is a condition, none counts."""

    title = parameter_name = "state"
    STATES = {
        "quarantined": ~Q(quarantined=""),
        "failed": Q(quarantined="", processed_at=None, attempts__gte=WebhookEvent.MOST_ATTEMPTS),
        "waiting": Q(quarantined="", processed_at=None, attempts__lt=WebhookEvent.MOST_ATTEMPTS),
        "processed": Q(quarantined="", processed_at__isnull=False),
    }

    def lookups(self, request, model_admin):
        return [(name, name) for name in self.STATES]

    def queryset(self, request, queryset):
        return queryset.filter(self.STATES[self.value()]) if self.value() in self.STATES else queryset


@admin.register(WebhookEvent)
class WebhookEventAdmin(Rows):
    """For operators alone: one body may hold several organizations' messages."""

    operators_only = True
    list_display = ["created_at", "source", "state", "reason", "attempts", "processed_at"]
    list_filter = [StateFilter, "source"]
    actions = ["process_again"]
    hidden = ["body"]

    def get_fields(self, request, obj=None):
        return [*super().get_fields(request, obj), "text"]

    @admin.display(description="body")
    def text(self, event):
        return bytes(event.body).decode("utf-8", "replace")

    @admin.display(description="reason")
    def reason(self, event):
        return event.quarantined or event.error[:200]

    @admin.action(description="Process again", permissions=["view"])
    def process_again(self, request, queryset):
        chosen = list(queryset.filter(processed_at=None).values_list("pk", flat=True))
        for pk in chosen:
            audit.record_action("webhook.process_again", actor=request.user, target=WebhookEvent(pk=pk))
        done = ingest.process_events(chosen)
        level = messages.SUCCESS if done == len(chosen) else messages.WARNING
        self.message_user(request, f"{done} of {len(chosen)} succeeded.", level)

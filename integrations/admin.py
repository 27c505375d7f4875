"""Provider accounts and numbers in the back office; their secrets are never shown."""

from django.contrib import admin
from django.db.models import Q

from accounts.backoffice import Rows
from integrations.models import SenderNumber, TwilioAccount


@admin.register(TwilioAccount)
class TwilioAccountAdmin(Rows):
    list_display = ["account_sid", "organization", "created_at"]
    list_select_related = ["organization"]
    hidden = ["auth_token", "other_auth_token"]
    search_help_text = "An id or an account SID"

    def finding(self, term):
        return Q(account_sid=term)

    def get_queryset(self, request):
        return super().get_queryset(request).defer("auth_token", "other_auth_token")


@admin.register(SenderNumber)
class SenderNumberAdmin(Rows):
    list_display = ["phone", "name", "chatroom", "organization", "messaging_service_sid"]
    list_select_related = ["chatroom", "organization"]
    search_help_text = "An id or a phone number"

    def finding(self, term):
        return Q(phone=term)

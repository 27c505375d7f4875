"""Chatrooms, who works in them, and contacts in the back office."""

from django.contrib import admin
from django.db.models import Q

from accounts.backoffice import Rows
from chatrooms.models import Chatroom, Contact, Group, UserChatroom


@admin.register(Chatroom)
class ChatroomAdmin(Rows):
    list_display = ["name", "organization", "last_seq", "archived_at", "created_at"]
    list_select_related = ["organization"]


@admin.register(UserChatroom)
class UserChatroomAdmin(Rows):
    list_display = ["user", "chatroom", "assigned_by", "created_at"]
    list_select_related = ["user", "chatroom", "assigned_by"]


@admin.register(Contact)
class ContactAdmin(Rows):
    list_display = ["__str__", "phone", "chatroom", "last_activity_at", "blocked_at", "created_at"]
    list_select_related = ["chatroom"]
    search_help_text = "An id or a whole phone number"

    def finding(self, term):
        rooms = Chatroom.objects.values("pk")  # the index begins with the chatroom
        return Q(chatroom__in=rooms, phone=term)


@admin.register(Group)
class GroupAdmin(Rows):
    list_display = ["name", "chatroom", "created_at"]
    list_select_related = ["chatroom"]

"""Filters of conversations, shared by the inbox, the API and the counts, and filters of messages."""

from uuid import UUID

import django_filters
from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field

from accounts.models import User
from chatrooms.filters import ChatroomFilter
from chatrooms.models import Chatroom, Contact, UserChatroom
from messagehub.api.filters import FilterSet, KnownValueFilter, MomentFilter, SearchFilter, TruthFilter, VisibleFilter
from messaging.models import Campaign, Conversation, Label, Message, Platform

ME, NOBODY = "me", "none"
MOST_MINUTES = 60 * 24 * 366


class AssigneeFilter(django_filters.CharFilter):
    """`me`, `none`, or the id of a colleague whom the user may know of."""

    def resolve_assignee(self, text: str) -> UUID | str:
        user = self.parent.request.user
        if text == NOBODY:
            return text
        if text == ME:
            return user.pk
        try:
            return known_colleagues(user).get(pk=UUID(text)).pk
        except (ValueError, User.DoesNotExist):
            raise forms.ValidationError(_("Not found.")) from None

    @property
    def field(self):
        field = super().field
        field.clean = lambda text: self.resolve_assignee(text) if text else None
        return field


def known_colleagues(user: User):
    """For an admin all colleagues; for an agent the admins, and agents of a shared chatroom."""
    colleagues = User.objects.filter(organization_id=user.organization_id)
    if user.is_admin:
        return colleagues
    shared = UserChatroom.objects.filter(chatroom__in=Chatroom.objects.visible_to(user)).values("user_id")
    return colleagues.filter(Q(role=User.Role.ADMIN) | Q(pk=user.pk) | Q(pk__in=shared))


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": MOST_MINUTES})
class MinutesFilter(django_filters.Filter):
    field_class = forms.IntegerField

    def __init__(self, **options):
        super().__init__(min_value=0, max_value=MOST_MINUTES, **options)


class ConversationFilterSet(FilterSet):
    chatroom_id = ChatroomFilter()
    platform = KnownValueFilter(choices=Platform.choices)
    status = KnownValueFilter(choices=Conversation.Status.choices)
    assigned_to = AssigneeFilter(help_text="`me`, `none` or the id of a colleague.")
    label_id = VisibleFilter(queryset=Label.objects.all(), field_name="label")
    unread = TruthFilter()
    waiting_minutes = MinutesFilter(
        help_text="Only open ones whose customer has waited for an answer for longer than this."
    )
    search = SearchFilter(help_text="A part of the contact's name, number or email.")


class MessageFilterSet(FilterSet):
    direction = KnownValueFilter(choices=Message.Direction.choices)
    platform = KnownValueFilter(choices=Platform.choices)
    status = KnownValueFilter(choices=Message.Status.choices)
    chatroom_id = ChatroomFilter()
    contact_id = VisibleFilter(queryset=Contact.objects.all(), field_name="contact")
    campaign_id = VisibleFilter(queryset=Campaign.objects.all(), field_name="campaign")
    since = MomentFilter()
    until = MomentFilter()
    search = SearchFilter()

"""/api/contacts and /api/groups. They are here and not in chatrooms because a contact's payload includes consent."""

from functools import partial

from django.http import Http404
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from chatrooms import contacts, groups
from chatrooms.filters import InChatroomFilterSet
from chatrooms.models import Contact, Group
from messagehub.api.filters import refuse_unknown_parameters
from messagehub.api.renderers import FileNegotiation, answer_csv
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantModelViewSet
from messaging.contacts import contact_listing, exports
from messaging.contacts.filters import ContactListFilterSet
from messaging.contacts.serializers import (
    AddedSerializer,
    ContactChangeSerializer,
    ContactSerializer,
    GroupSerializer,
    MemberSerializer,
    MembersSerializer,
    NewContactSerializer,
    NewGroupSerializer,
)
from messaging.conversations import changes


@extend_schema_view(
    list=operation("List contacts", description="Newest first. `search` matches name, phone and email."),
    retrieve=operation("Get a contact"),
    create=operation(
        "Add a contact",
        description="Returns 409 `duplicate` if the chatroom already has the number.",
        refuses=[409],
    ),
    partial_update=operation("Update a contact", refuses=[409]),
    destroy=operation(
        "Delete a contact",
        description="Deletes a contact without conversations. Returns 409 `has_conversations` otherwise; block the "
        "contact instead.",
        refuses=[409],
    ),
)
class ContactViewSet(TenantModelViewSet):
    """Customers of the chatrooms that the current user can see."""

    queryset = Contact.objects.prefetch_related("groups")
    serializer_class = ContactSerializer
    input_classes = {"create": NewContactSerializer, "partial_update": ContactChangeSerializer}
    filterset_class = ContactListFilterSet

    def paginate_queryset(self, queryset):
        fetch = partial(contact_listing.list_matching_contacts, self.request.user, **self.read_filters())
        return self.paginator.paginate_rows(fetch, lambda contact: (contact.created_at, contact.pk), self.request)

    def filter_queryset(self, queryset):
        # `list_matching_contacts` filters in its own statement, which walks one index for each chatroom.
        return queryset

    def perform_create(self, serializer):
        data = serializer.validated_data
        contact = contacts.create_contact(data.pop("chatroom"), by=self.request.user, **data)
        serializer.instance = self.get_queryset().get(pk=contact.pk)

    def perform_update(self, serializer):
        if contacts.change_contact(serializer.instance, by=self.request.user, **serializer.validated_data):
            changes.announce_contact_change(serializer.instance)
        serializer.instance = self.get_object()

    def perform_destroy(self, contact):
        contacts.delete_contact(contact)

    @operation(
        "Export contacts",
        description="All contacts that match, newest first, as a CSV file in UTF-8 with the same filters as the list. "
        "A cell that a spreadsheet would run as a formula has an apostrophe before it.",
        file=True,
    )
    @action(detail=False, pagination_class=None, content_negotiation_class=FileNegotiation)
    def export(self, request):
        match = contact_listing.build_match(request.user, **self.read_filters())
        return answer_csv(exports.export_contacts(match), "contacts")


@extend_schema_view(
    list=operation("List groups"),
    retrieve=operation("Get a group"),
    create=operation("Create a group"),
    partial_update=operation("Rename a group"),
    destroy=operation("Delete a group", description="Its contacts are kept."),
)
class GroupViewSet(TenantModelViewSet):
    """Named groups of contacts, used as audiences of campaigns."""

    queryset = Group.objects.all()
    serializer_class = GroupSerializer
    input_classes = {
        "create": NewGroupSerializer,
        "add_members": MembersSerializer,
        "remove_member": MemberSerializer,
    }
    filterset_class = InChatroomFilterSet

    def perform_create(self, serializer):
        group = groups.create_group(**serializer.validated_data)
        group.refresh_from_db()
        serializer.instance = group

    def perform_update(self, serializer):
        if name := serializer.validated_data.get("name"):
            groups.rename_group(serializer.instance, name)

    def perform_destroy(self, group):
        groups.delete_group(group)

    @operation("List a group's contacts", page=True)
    @action(detail=True, serializer_class=ContactSerializer, filterset_class=None)
    def members(self, request, pk):
        members = self.get_object().members.select_related("contact").prefetch_related("contact__groups")
        page = self.paginate_queryset(self.filter_queryset(members))
        contacts_ = [member.contact for member in page]
        return self.get_paginated_response(self.get_serializer(contacts_, many=True).data)

    @operation(
        "Add contacts to a group",
        description="Contacts must belong to the group's chatroom. Existing members are left unchanged.",
        answers={200: AddedSerializer},
    )
    @members.mapping.post
    def add_members(self, request, pk):
        group = self.get_object()
        return Response({"added": groups.add_members(group, self.read_input(group=group)["contacts"])})

    @operation("Remove a contact from a group", query=MemberSerializer)
    @members.mapping.delete
    def remove_member(self, request, pk):
        refuse_unknown_parameters(request, MemberSerializer().fields)
        group = self.get_object()
        if not groups.remove_member(group, self.read_input(request.query_params)["contact"]):
            raise Http404
        return Response(status=204)

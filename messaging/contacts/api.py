"""/api/contacts and /api/groups: the customers, and their gatherings.

They stand here and not in chatrooms because a contact's shape also tells of consent and of channels.
"""

from functools import partial

from django.http import Http404
from rest_framework.response import Response
from rest_framework.views import APIView

from chatrooms import contacts, groups
from chatrooms.models import Contact, Group
from chatrooms.serializers import InRoomFilters
from messagehub.api import conventions
from messagehub.api.conventions import newest
from messagehub.api.schema import operation
from messaging import payloads
from messaging.contacts.serializers import (
    AddedSerializer,
    ContactChangeSerializer,
    ContactFilters,
    ContactSerializer,
    GroupSerializer,
    MemberSerializer,
    MembersSerializer,
    NewContactSerializer,
    NewGroupSerializer,
)
from messaging.conversations import changes


def contact_shapes(found: list[Contact]) -> list[dict]:
    return payloads.contacts(found)


def contact_shape(request, pk) -> dict:
    found = conventions.found(Contact.objects.visible_to(request.user).prefetch_related("groups"), pk)
    return payloads.contacts([found])[0]


class ContactsView(APIView):
    """The customers whom the caller's chatrooms know."""

    @operation(
        "List contacts",
        description="Newest first. `search` looks into name, phone and email.",
        query=ContactFilters,
        answers={200: [ContactSerializer]},
    )
    def get(self, request):
        given = conventions.filters(ContactFilters, request)
        return conventions.page(request, partial(contacts.listed, request.user, **given), newest, contact_shapes)

    @operation(
        "Add a contact",
        description="409 `duplicate` when the chatroom has the number already.",
        body=NewContactSerializer,
        answers={201: ContactSerializer, 409: None},
        examples=[
            {
                "name": "A customer",
                "value": {"phone": "+14155550123", "first_name": "Nina", "last_name": "Okafor"},
                "request_only": True,
            }
        ],
    )
    def post(self, request):
        data = conventions.validated(NewContactSerializer, request, request.data)
        made = contacts.create(data.pop("chatroom"), by=request.user, **data)
        return conventions.created(request, contact_shape(request, made.pk))


class ContactView(APIView):
    """One customer."""

    @operation("Read a contact", answers={200: ContactSerializer})
    def get(self, request, pk):
        return Response(contact_shape(request, pk))

    @operation("Change a contact", body=ContactChangeSerializer, answers={200: ContactSerializer, 409: None})
    def patch(self, request, pk):
        contact = conventions.found(Contact.objects.visible_to(request.user), pk)
        data = conventions.validated(ContactChangeSerializer, request, request.data, partial=True)
        if contacts.change(contact, by=request.user, **data):
            changes.contact_changed(contact)
        return Response(contact_shape(request, pk))

    @operation(
        "Delete a contact",
        description="Only who was never talked with; otherwise 409 `has_conversations`: block them instead.",
        answers={204: None, 409: None},
    )
    def delete(self, request, pk):
        contacts.remove(conventions.found(Contact.objects.visible_to(request.user), pk))
        return Response(status=204)


def group_shape(group: Group) -> dict:
    return {"id": group.pk, "chatroom_id": group.chatroom_id, "name": group.name, "created_at": group.created_at}


def visible_group(request, pk) -> Group:
    return conventions.found(Group.objects.visible_to(request.user), pk)


class GroupsView(APIView):
    """Contacts gathered under names."""

    @operation("List groups", query=InRoomFilters, answers={200: [GroupSerializer]})
    def get(self, request):
        given = conventions.filters(InRoomFilters, request)
        found = Group.objects.visible_to(request.user).filter(**given)
        return conventions.page(
            request, conventions.keyset(found, "created_at"), newest, lambda rows: [*map(group_shape, rows)]
        )

    @operation("Make a group", body=NewGroupSerializer, answers={201: GroupSerializer})
    def post(self, request):
        data = conventions.validated(NewGroupSerializer, request, request.data)
        made = groups.create(data["chatroom"], data["name"])
        return conventions.created(request, group_shape(visible_group(request, made.pk)))


class GroupView(APIView):
    """One group."""

    @operation("Read a group", answers={200: GroupSerializer})
    def get(self, request, pk):
        return Response(group_shape(visible_group(request, pk)))

    @operation("Rename a group", body=GroupSerializer, answers={200: GroupSerializer})
    def patch(self, request, pk):
        group = visible_group(request, pk)
        data = conventions.validated(GroupSerializer, request, request.data, partial=True)
        if "name" in data:
            groups.rename(group, data["name"])
        return Response(group_shape(group))

    @operation("Delete a group", description="Its contacts stay.", answers={204: None})
    def delete(self, request, pk):
        groups.remove(visible_group(request, pk))
        return Response(status=204)


class MembersView(APIView):
    """Who is in a group."""

    @operation("List a group's contacts", answers={200: [ContactSerializer]})
    def get(self, request, pk):
        conventions.known_only(request, ())
        members = visible_group(request, pk).members.select_related("contact")
        return conventions.page(
            request,
            conventions.keyset(members.prefetch_related("contact__groups"), "created_at"),
            newest,
            lambda found: payloads.contacts([member.contact for member in found]),
        )

    @operation(
        "Put contacts into a group",
        description="Those of the group's chatroom only; who is in it already stays.",
        body=MembersSerializer,
        answers={200: AddedSerializer},
    )
    def post(self, request, pk):
        group = visible_group(request, pk)
        data = conventions.validated(MembersSerializer, request, request.data, group=group)
        return Response({"added": groups.add(group, data["contacts"])})

    @operation("Take a contact out of a group", query=MemberSerializer, answers={204: None})
    def delete(self, request, pk):
        conventions.known_only(request, MemberSerializer().fields)
        group = visible_group(request, pk)
        if not groups.take_out(
            group, conventions.validated(MemberSerializer, request, request.query_params)["contact"]
        ):
            raise Http404
        return Response(status=204)

"""/api/labels and /api/templates: the words of an organization."""

from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import AdminChanges, AdminWrites
from chatrooms.models import Chatroom
from integrations import segments
from messagehub.api import conventions
from messagehub.api.schema import operation
from messaging.contacts.api import newest
from messaging.contacts.serializers import InRoomFilters
from messaging.conversations import labels
from messaging.conversations.serializers import NewTemplateSerializer, RenderSerializer, TemplateChangeSerializer
from messaging.message_templates import templates
from messaging.models import Label, MessageTemplate
from messaging.payload_schema import LabelSerializer, RenderedSerializer, TemplateSerializer


def label_shape(label: Label) -> dict:
    return {"id": label.pk, "name": label.name, "color": label.color}


class LabelsView(APIView):
    """Words that sort conversations."""

    permission_classes = [AdminWrites]

    @operation("List labels", answers={200: [LabelSerializer]})
    def get(self, request):
        conventions.known_only(request, ())
        found = conventions.keyset(Label.objects.visible_to(request.user), "created_at")
        return conventions.page(request, found, newest, lambda rows: [*map(label_shape, rows)])

    @operation("Make a label", body=LabelSerializer, answers={201: LabelSerializer})
    def post(self, request):
        data = conventions.validated(LabelSerializer, request, request.data)
        return conventions.created(request, label_shape(labels.create(request.user.organization, **data)))


class LabelView(APIView):
    """One label."""

    permission_classes = [AdminChanges]

    def found(self, request, pk) -> Label:
        label = conventions.found(Label.objects.visible_to(request.user), pk)
        self.check_object_permissions(request, label)
        return label

    @operation("Read a label", answers={200: LabelSerializer})
    def get(self, request, pk):
        return Response(label_shape(self.found(request, pk)))

    @operation("Change a label", body=LabelSerializer, answers={200: LabelSerializer})
    def patch(self, request, pk):
        label = self.found(request, pk)
        labels.change(label, **conventions.validated(LabelSerializer, request, request.data, partial=True))
        return Response(label_shape(label))

    @operation("Delete a label", description="It leaves all conversations.", answers={204: None})
    def delete(self, request, pk):
        self.found(request, pk).delete()
        return Response(status=204)


# ---------------------------------------------------------------- templates
def template_shape(template: MessageTemplate) -> dict:
    return {
        "id": template.pk,
        "chatroom_id": template.chatroom_id,
        "name": template.name,
        "body": template.body,
        "created_at": template.created_at,
    }


def visible_template(request, pk) -> MessageTemplate:
    return conventions.found(MessageTemplate.objects.visible_to(request.user), pk)


def may_write(request, chatroom_id) -> None:
    """What is for the whole organization is written by admins. Raises PermissionDenied."""
    if chatroom_id is None and not request.user.is_admin:
        raise PermissionDenied("Only admins of your organization write templates for all chatrooms.")


class TemplatesView(APIView):
    """Texts to write often."""

    @operation(
        "List templates",
        description="With `chatroom_id` only that chatroom's own.",
        query=InRoomFilters,
        answers={200: [TemplateSerializer]},
    )
    def get(self, request):
        given = conventions.filters(InRoomFilters, request)
        found = MessageTemplate.objects.visible_to(request.user).filter(**given)
        return conventions.page(
            request, conventions.keyset(found, "created_at"), newest, lambda rows: [*map(template_shape, rows)]
        )

    @operation(
        "Write a template",
        description="Variables are " + ", ".join(f"`{{{{{name}}}}}`" for name in templates.VARIABLES) + "; "
        "`{{first_name|there}}` writes “there” where no name is known.",
        body=NewTemplateSerializer,
        answers={201: TemplateSerializer},
        examples=[
            {
                "name": "A greeting",
                "value": {"name": "Greeting", "body": "Hello {{first_name|there}}, how can we help?"},
                "request_only": True,
            }
        ],
    )
    def post(self, request):
        data = conventions.validated(NewTemplateSerializer, request, request.data)
        chatroom: Chatroom | None = data.pop("chatroom")
        may_write(request, chatroom)
        made = templates.create(request.user.organization_id, chatroom, **data)
        return conventions.created(request, template_shape(visible_template(request, made.pk)))


class TemplateView(APIView):
    """One template."""

    @operation("Read a template", answers={200: TemplateSerializer})
    def get(self, request, pk):
        return Response(template_shape(visible_template(request, pk)))

    @operation("Change a template", body=TemplateChangeSerializer, answers={200: TemplateSerializer})
    def patch(self, request, pk):
        template = visible_template(request, pk)
        may_write(request, template.chatroom_id)
        templates.change(
            template, **conventions.validated(TemplateChangeSerializer, request, request.data, partial=True)
        )
        return Response(template_shape(template))

    @operation("Delete a template", answers={204: None})
    def delete(self, request, pk):
        template = visible_template(request, pk)
        may_write(request, template.chatroom_id)
        template.delete()
        return Response(status=204)


class RenderView(APIView):
    """A template, filled in."""

    @operation(
        "Fill in a template",
        description="For a contact. A place that nothing is known for is named in `fields` as `variables.<name>`.",
        body=RenderSerializer,
        answers={200: RenderedSerializer},
    )
    def post(self, request, pk):
        template = visible_template(request, pk)
        data = conventions.validated(RenderSerializer, request, request.data, template=template)
        text = templates.render(template, data["contact"], sender=request.user, given=data.get("variables"))
        return Response({"content": text, "segments": segments.count(text)})

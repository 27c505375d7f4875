"""/api/labels and /api/templates: the words of an organization."""

from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from chatrooms.models import Chatroom
from chatrooms.serializers import InRoomFilters
from integrations import segments
from messagehub.api import conventions
from messagehub.api.conventions import newest
from messagehub.api.schema import operation
from messaging.message_templates import templates
from messaging.message_templates.serializers import NewTemplateSerializer, RenderSerializer, TemplateChangeSerializer
from messaging.models import MessageTemplate
from messaging.payload_schema import RenderedSerializer, TemplateSerializer


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

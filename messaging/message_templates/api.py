"""/api/templates."""

from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response

from accounts.api.permissions import IsStaffOfOrganization
from chatrooms.filters import InChatroomFilterSet
from integrations import segments
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantModelViewSet
from messaging.message_templates import templates
from messaging.message_templates.serializers import (
    NewTemplateSerializer,
    PreviewSerializer,
    RenderSerializer,
    TemplateChangeSerializer,
)
from messaging.models import MessageTemplate
from messaging.payload_schema import PreviewedSerializer, RenderedSerializer, TemplateSerializer


class WritesOwnTemplates(IsStaffOfOrganization):
    """Templates for all chatrooms are written by admins."""

    message = "Only admins can change templates shared by all chatrooms."

    def has_object_permission(self, request, view, template) -> bool:
        is_shared = template.chatroom_id is None
        return not is_shared or request.user.is_admin or request.method in SAFE_METHODS or view.action == "render"


@extend_schema_view(
    list=operation("List templates", description="With `chatroom_id`, only the templates of that chatroom."),
    retrieve=operation("Get a template"),
    create=operation(
        "Create a template",
        description="Variables are " + ", ".join(f"`{{{{{name}}}}}`" for name in templates.VARIABLES) + "; "
        "`{{first_name|there}}` falls back to “there” if the name is unknown.",
    ),
    partial_update=operation("Update a template"),
    destroy=operation("Delete a template"),
)
class TemplateViewSet(TenantModelViewSet):
    """Reusable message texts with variables."""

    permission_classes = [WritesOwnTemplates]
    queryset = MessageTemplate.objects.all()
    serializer_class = TemplateSerializer
    input_classes = {"create": NewTemplateSerializer, "partial_update": TemplateChangeSerializer}
    filterset_class = InChatroomFilterSet

    def perform_create(self, serializer):
        data = serializer.validated_data
        chatroom = data.pop("chatroom")
        if chatroom is None and not self.request.user.is_admin:
            self.permission_denied(self.request, message=WritesOwnTemplates.message)
        template = templates.create_template(self.request.user.organization_id, chatroom, **data)
        template.refresh_from_db()
        serializer.instance = template

    def perform_update(self, serializer):
        templates.change_template(serializer.instance, **serializer.validated_data)

    @operation(
        "Render a template",
        description="Renders it for a contact. A variable without a value is listed in `fields` as `variables.<name>`.",
        answers={200: RenderedSerializer},
    )
    @action(detail=True, methods=["post"], serializer_class=RenderSerializer)
    def render(self, request, pk):
        template = self.get_object()
        data = self.read_input(template=template)
        text = templates.render_template(
            template, data["contact"], sender=request.user, variables=data.get("variables")
        )
        return Response({"content": text, "segments": segments.count_segments(text)})

    @operation(
        "Preview a template",
        description="A sample of a text that is not saved. `missing` names the variables without value or fallback, "
        "which stay in `content` as written; without `contact_id` only `agent` and `organization` have values. "
        "`unicode_characters` are those that make an SMS cost more segments.",
        answers={200: PreviewedSerializer},
    )
    @action(detail=False, methods=["post"], serializer_class=PreviewSerializer)
    def preview(self, request):
        data = self.read_input()
        text, missing_names = templates.fill_in_sample(data["body"], data["contact"], sender=request.user)
        characters = segments.find_unicode_characters(text)
        plain_text = segments.simplify_text(text)
        return Response(
            {
                "content": text,
                "missing": missing_names,
                "encoding": "UCS-2" if characters else "GSM-7",
                "segments": segments.count_segments(text),
                "unicode_characters": [
                    {
                        "character": character,
                        "name": segments.describe_character(character),
                        "plain": segments.find_plain_form(character),
                    }
                    for character in characters
                ],
                "plain_content": plain_text,
                "plain_segments": segments.count_segments(plain_text),
            }
        )

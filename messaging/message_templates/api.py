"""/api/templates."""

from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response

from accounts.api.permissions import IsStaffOfOrganization
from integrations import segments
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantModelViewSet
from messaging.message_templates import templates
from messaging.message_templates.filters import TemplateFilterSet
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

    message = gettext_lazy("Only admins can change templates shared by all chatrooms.")

    def has_object_permission(self, request, view, template) -> bool:
        is_shared = template.scope == MessageTemplate.Scope.ORGANIZATION
        return not is_shared or request.user.is_admin or request.method in SAFE_METHODS or view.action == "render"


@extend_schema_view(
    list=operation(
        "List templates",
        description="Those that are not archived: of the organization, of the chatrooms that one sees, and one's own "
        "personal ones, which nobody else sees. With `chatroom_id`, only the templates of that chatroom.",
    ),
    retrieve=operation("Get a template"),
    create=operation(
        "Create a template",
        description="Variables are " + ", ".join(f"`{{{{{name}}}}}`" for name in templates.VARIABLES) + "; "
        "`{{first_name|there}}` falls back to “there” if the name is unknown. "
        "Returns 409 `upload_gone` where a file of `media` was deleted meanwhile.",
        refuses=[409],
    ),
    partial_update=operation("Update a template", refuses=[409]),
    destroy=operation("Delete a template"),
)
class TemplateViewSet(TenantModelViewSet):
    """Reusable message texts with variables."""

    permission_classes = [WritesOwnTemplates]
    queryset = MessageTemplate.objects.all()
    serializer_class = TemplateSerializer
    input_classes = {"create": NewTemplateSerializer, "partial_update": TemplateChangeSerializer}
    filterset_class = TemplateFilterSet

    def get_queryset(self):
        rows = super().get_queryset()
        # A list without the filter is of what is offered; one archived template is still found by its id.
        return (
            rows if self.action != "list" or "archived" in self.request.query_params else rows.filter(archived_at=None)
        )

    def perform_create(self, serializer):
        data = serializer.validated_data
        chatroom, scope = data.pop("chatroom"), data.pop("scope")
        if scope == MessageTemplate.Scope.ORGANIZATION and not self.request.user.is_admin:
            self.permission_denied(self.request, message=WritesOwnTemplates.message)
        owner = self.request.user if scope == MessageTemplate.Scope.PERSONAL else None
        template = templates.create_template(self.request.user.organization_id, chatroom, owner=owner, **data)
        template.refresh_from_db()
        serializer.instance = template

    def perform_update(self, serializer):
        data = dict(serializer.validated_data)
        if "archived" in data:
            templates.archive_template(serializer.instance, is_archived=data.pop("archived"))
        if data:
            templates.change_template(serializer.instance, **data)

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
        footer = templates.describe_footer(text, request.user.organization, data["contact"])
        return Response({"content": text, "segments": segments.count_segments(text), **footer})

    @operation(
        "Preview a template",
        description="A sample of a text that is not saved. `missing` names the variables without value or fallback, "
        "which stay in `content` as written; without `contact_id` only `agent` and `organization` have values. "
        "`unicode_characters` are those that make an SMS cost more segments. `footer` is what a first SMS has besides; "
        "it is empty where the contact has got one.",
        answers={200: PreviewedSerializer},
    )
    @action(detail=False, methods=["post"], serializer_class=PreviewSerializer)
    def preview(self, request):
        data = self.read_input()
        return Response(templates.describe_sample(data["body"], data["contact"], sender=request.user))

"""/api/campaigns."""

from collections.abc import Callable

from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from chatrooms.filters import InChatroomFilterSet
from messagehub.api.pagination import KeyPagination
from messagehub.api.schema import IDEMPOTENCY_KEY, operation
from messagehub.api.viewsets import TenantModelViewSet
from messaging import idempotency
from messaging.campaigns import lifecycle
from messaging.campaigns.filters import RecipientFilterSet
from messaging.campaigns.serializers import (
    CampaignChangeSerializer,
    CampaignDetailSerializer,
    CampaignSerializer,
    NewCampaignSerializer,
    RecipientSerializer,
)
from messaging.models import Campaign
from messaging.sending import enqueue
from messaging.sending.api import respond_once


def move(summary: str, description: str):
    """An action that moves a campaign on, and answers with its state."""
    return operation(
        summary,
        description=description,
        header=IDEMPOTENCY_KEY,
        body=None,
        answers={200: CampaignDetailSerializer},
        refuses=[402, 409, 422],
    )


@extend_schema_view(
    list=operation("List campaigns", description="Newest first, without counts: each campaign's own address has them."),
    retrieve=operation("Read a campaign"),
    create=operation(
        "Draft a campaign",
        description="Nothing is sent before it is started. The text may have variables like a template.",
        refuses=[422],
    ),
    partial_update=operation("Change a draft", description="409 `not_draft` once it was started.", refuses=[409]),
    destroy=operation("Delete a draft", description="409 `not_draft` once it was started.", refuses=[409]),
)
class CampaignViewSet(TenantModelViewSet):
    """Texts sent to many contacts at once."""

    queryset = Campaign.objects.select_related("created_by", "started_by").prefetch_related("audience_groups")
    serializer_class = CampaignDetailSerializer
    input_classes = {
        "list": CampaignSerializer,
        "create": NewCampaignSerializer,
        "partial_update": CampaignChangeSerializer,
    }
    filterset_class = InChatroomFilterSet

    def perform_create(self, serializer):
        data = serializer.validated_data
        sender = data.pop("sender_number", None) or enqueue.sender_of(data["chatroom"].pk)
        campaign = lifecycle.create(by=self.request.user, sender_number=sender, **data)
        serializer.instance = self.get_queryset().get(pk=campaign.pk)

    def perform_update(self, serializer):
        lifecycle.change(serializer.instance, **serializer.validated_data)
        serializer.instance = self.get_object()

    def perform_destroy(self, campaign):
        lifecycle.remove(campaign)

    @operation(
        "List a campaign's recipients",
        description="Each with its message, or the reason why there is none. The audience is fixed at the start.",
        page=True,
    )
    @action(
        detail=True,
        serializer_class=RecipientSerializer,
        filterset_class=RecipientFilterSet,
        pagination_class=KeyPagination,
    )
    def recipients(self, request, pk):
        return self.answer_page(self.get_object().recipients.all())

    @move(
        "Start a campaign",
        "Freezes the audience and reserves the tokens. Where they cover a part only, that part is sent and the "
        "campaign pauses with `insufficient_tokens`; 402 where they cover nobody. 409 `not_draft`, `no_recipients` or "
        "`too_late`.",
    )
    @action(detail=True, methods=["post"])
    def start(self, request, pk):
        return self.move_once(lifecycle.start)

    @move("Pause a campaign", "What is at the provider already goes on. 409 `not_running`.")
    @action(detail=True, methods=["post"])
    def pause(self, request, pk):
        return self.move_once(lifecycle.pause)

    @move("Resume a campaign", "By the person who started it, or an admin: 409 `not_yours`. 409 `not_paused`.")
    @action(detail=True, methods=["post"])
    def resume(self, request, pk):
        return self.move_once(lifecycle.resume)

    @move("Cancel a campaign", "Reserved tokens come back. 409 `not_started`.")
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        return self.move_once(lifecycle.cancel)

    def move_once(self, move_campaign: Callable) -> Response:
        campaign = self.get_object()

        def act() -> idempotency.Answer:
            move_campaign(campaign, by=self.request.user)
            return idempotency.Answer(200, self.get_serializer(self.get_object()).data)

        return respond_once(self.request, act)

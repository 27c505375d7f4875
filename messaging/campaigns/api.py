"""/api/campaigns."""

from collections.abc import Callable
from typing import ClassVar

from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from messagehub.api.pagination import KeyPagination
from messagehub.api.renderers import FileNegotiation, answer_csv
from messagehub.api.schema import IDEMPOTENCY_KEY, operation
from messagehub.api.viewsets import TenantModelViewSet
from messaging import idempotency
from messaging.campaigns import approval, campaign_listing, lifecycle, preflight, responses, retrying, testing
from messaging.campaigns.filters import CampaignFilterSet, RecipientFilterSet
from messaging.campaigns.preflight_serializers import PreflightSerializer
from messaging.campaigns.serializers import (
    CampaignChangeSerializer,
    CampaignDetailSerializer,
    CampaignSerializer,
    CampaignTestSerializer,
    NewCampaignSerializer,
    OutcomeGroupSerializer,
    RecipientSerializer,
)
from messaging.contacts.serializers import GroupSerializer
from messaging.models import Campaign
from messaging.payload_schema import SentSerializer
from messaging.sending import enqueue
from messaging.sending.api import answered, respond_once


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
    list=operation("List campaigns", description="Newest first, without counts. Get a single campaign for its counts."),
    retrieve=operation("Get a campaign"),
    create=operation(
        "Create a draft campaign",
        description="Nothing is sent until you start it. The text can contain variables, like a template. On "
        "Messenger and Instagram it only reaches people who wrote within the last 24 hours.",
        refuses=[409, 422],
    ),
    partial_update=operation("Update a draft", description="Returns 409 `not_draft` once started.", refuses=[409]),
    destroy=operation("Delete a draft", description="Returns 409 `not_draft` once started.", refuses=[409]),
)
class CampaignViewSet(TenantModelViewSet):
    """Bulk messages to one or more contact groups."""

    own_scopes: ClassVar = {"group": "contacts", "approve": None}  # a program is no second person

    queryset = Campaign.objects.select_related("channel", "created_by", "started_by", "approved_by").prefetch_related(
        "audience_groups"
    )
    serializer_class = CampaignDetailSerializer
    input_classes = {
        "list": CampaignSerializer,
        "create": NewCampaignSerializer,
        "partial_update": CampaignChangeSerializer,
    }
    filterset_class = CampaignFilterSet

    def perform_create(self, serializer):
        data = serializer.validated_data
        sender = data.pop("channel", None) or enqueue.find_sender(data["chatroom"].pk)
        campaign = lifecycle.create_campaign(by=self.request.user, channel=sender, **data)
        serializer.instance = self.get_queryset().get(pk=campaign.pk)

    def perform_update(self, serializer):
        if serializer.validated_data:
            lifecycle.change_campaign(serializer.instance, by=self.request.user, **serializer.validated_data)
        serializer.instance = self.get_object()

    def perform_destroy(self, campaign):
        lifecycle.delete_campaign(campaign)

    @operation(
        "List a campaign's recipients",
        description="Each with its message, or the reason it was skipped. The audience is fixed when the campaign "
        "starts.",
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

    @operation(
        "Export a campaign's recipients",
        description="All recipients, or those of one outcome, as a CSV file in UTF-8: name, phone (or their id at "
        "Messenger or Instagram), what became of each and why, segments, tokens, times and the channel. A cell that a "
        "spreadsheet would run as a formula has an apostrophe before it.",
        file=True,
    )
    @action(
        detail=True,
        url_path="recipients/export",
        filterset_class=RecipientFilterSet,
        pagination_class=None,
        content_negotiation_class=FileNegotiation,
    )
    def export_recipients(self, request, pk):
        campaign = self.get_object()
        return answer_csv(campaign_listing.export_recipients(campaign, **self.read_filters()), "recipients")

    @move(
        "Start a campaign",
        "Freezes the audience and reserves tokens. If the balance covers only some recipients, those are sent and the "
        "campaign pauses with `insufficient_tokens`; if it covers none, returns 402. Returns 409 `not_draft`, "
        "`no_recipients` or `too_late`.",
    )
    @action(detail=True, methods=["post"])
    def start(self, request, pk):
        return self.move_once(lifecycle.start_campaign)

    @move(
        "Ask for approval of a campaign",
        "Where `approve_campaigns` is set, a draft starts only once another admin has approved it. Notifies the admins "
        "who did not write it. Returns 409 `nobody_approves`.",
    )
    @action(detail=True, methods=["post"], url_path="ask-approval")
    def ask_approval(self, request, pk):
        return self.move_once(approval.ask_approval)

    @move(
        "Approve a campaign",
        "For admins who did not write it. A later change of the draft takes the approval back. Returns 409 "
        "`not_approver` or `not_draft`.",
    )
    @action(detail=True, methods=["post"])
    def approve(self, request, pk):
        return self.move_once(approval.approve_campaign)

    @move("Pause a campaign", "Holds queued messages. Messages in flight are still sent. Returns 409 `not_running`.")
    @action(detail=True, methods=["post"])
    def pause(self, request, pk):
        return self.move_once(lifecycle.pause_campaign)

    @move(
        "Resume a campaign",
        "Only the person who started it, or an admin, can resume it. Returns 409 `not_yours` or `not_paused`.",
    )
    @action(detail=True, methods=["post"])
    def resume(self, request, pk):
        return self.move_once(lifecycle.resume_campaign)

    @move(
        "Cancel a campaign",
        "Cancels all messages that are not in flight, and releases reserved tokens. Returns 409 `not_started`.",
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        return self.move_once(lifecycle.cancel_campaign)

    @operation(
        "Check a campaign before it starts",
        description="Whom it would reach, who is skipped and why, and what it costs. Changes nothing. Returns 409 "
        "`not_draft` once started.",
        body=None,
        answers={200: PreflightSerializer},
        refuses=[409],
    )
    @action(detail=True, methods=["post"])
    def preflight(self, request, pk):
        campaign = self.get_object()
        lifecycle.require_draft(campaign)
        return Response(preflight.check_campaign(campaign, by=request.user).as_json())

    @operation(
        "Send a test of a campaign",
        description="Sends the campaign's text to one number, as a message of yours. Variables are filled in for the "
        "contact with that number. Returns 409 `no_test` for a campaign over Messenger or Instagram.",
        header=IDEMPOTENCY_KEY,
        answers={201: SentSerializer},
        refuses=[402, 409, 422],
    )
    @action(detail=True, methods=["post"], serializer_class=CampaignTestSerializer)
    def test(self, request, pk):
        campaign = self.get_object()
        number = self.read_input(country=campaign.organization.default_country)["to"]
        enqueue.count_send(request.user)
        return respond_once(request, lambda: answered(testing.send_test(campaign, number, by=request.user)))

    @move(
        "Retry what failed",
        "Only once the campaign is done. Its failed recipients get another message, which you pay. Returns 409 "
        "`not_done` or `nothing_failed`.",
    )
    @action(detail=True, methods=["post"], url_path="retry-failed")
    def retry_failed(self, request, pk):
        return self.move_once(retrying.retry_failed)

    @operation(
        "Make a group of a campaign's recipients",
        description="A group of all contacts with one outcome, to write to them again or to leave them out. Returns "
        "409 `nobody` where there are none.",
        header=IDEMPOTENCY_KEY,
        body=OutcomeGroupSerializer,
        answers={201: GroupSerializer},
        refuses=[409],
    )
    @action(detail=True, methods=["post"], serializer_class=OutcomeGroupSerializer)
    def group(self, request, pk):
        campaign, data = self.get_object(), self.read_input()

        def act() -> idempotency.Answer:
            made = responses.group_recipients(campaign, **data)
            return idempotency.Answer(201, GroupSerializer(made).data)

        return respond_once(request, act)

    @operation(
        "Duplicate a campaign",
        description="A draft with the same text, channel and groups.",
        header=IDEMPOTENCY_KEY,
        body=None,
        answers={201: CampaignDetailSerializer},
    )
    @action(detail=True, methods=["post"])
    def duplicate(self, request, pk):
        campaign = self.get_object()

        def act() -> idempotency.Answer:
            draft = retrying.duplicate_campaign(campaign, by=request.user)
            return idempotency.Answer(201, self.get_serializer(self.get_queryset().get(pk=draft.pk)).data)

        response = respond_once(request, act)
        response["Location"] = f"/api/campaigns/{response.data['id']}"
        return response

    def move_once(self, move_campaign: Callable) -> Response:
        campaign = self.get_object()

        def act() -> idempotency.Answer:
            move_campaign(campaign, by=self.request.user)
            return idempotency.Answer(200, self.get_serializer(self.get_object()).data)

        return respond_once(self.request, act)

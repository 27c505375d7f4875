"""/api/campaigns: parse, one call, answer."""

from rest_framework.response import Response
from rest_framework.views import APIView

from chatrooms.models import Chatroom
from chatrooms.serializers import InRoomFilters
from messagehub.api import conventions
from messagehub.api.conventions import newest
from messagehub.api.schema import IDEMPOTENCY_KEY, operation
from messagehub.datetimes import time
from messaging import idempotency
from messaging.campaigns import lifecycle
from messaging.campaigns.serializers import (
    CampaignChangeSerializer,
    CampaignDetailSerializer,
    CampaignSerializer,
    NewCampaignSerializer,
    RecipientFilters,
    RecipientSerializer,
)
from messaging.models import Campaign, CampaignRecipient
from messaging.sending import enqueue

WITH = ("created_by", "started_by")
ACTS = {"start": lifecycle.start, "pause": lifecycle.pause, "resume": lifecycle.resume, "cancel": lifecycle.cancel}


def person(user) -> dict | None:
    return {"id": str(user.pk), "name": user.name} if user else None


def shape(campaign: Campaign) -> dict:
    paused = {"code": campaign.paused_code, "message": campaign.paused_message}
    return {
        "id": str(campaign.pk),
        "chatroom_id": str(campaign.chatroom_id),
        "name": campaign.name,
        "content": campaign.content,
        "sender_number_id": str(campaign.sender_number_id),
        "group_ids": [str(each.group_id) for each in campaign.audience_groups.all()],
        "state": campaign.state,
        "paused": paused if campaign.paused_code else None,
        "send_at": time(campaign.send_at),
        "audience": campaign.audience,
        "created_by": person(campaign.created_by),
        "started_by": person(campaign.started_by),
        "created_at": time(campaign.created_at),
        "started_at": time(campaign.started_at),
        "finished_at": time(campaign.finished_at),
    }


def detail(campaign: Campaign) -> dict:
    counts, spent = lifecycle.counts(campaign)
    return {**shape(campaign), "counts": counts, "tokens": {"reserved": campaign.reserved, "spent": spent}}


def visible(request, pk) -> Campaign:
    return conventions.found(Campaign.objects.visible_to(request.user).select_related(*WITH), pk)


class CampaignsView(APIView):
    """Texts to many."""

    @operation(
        "List campaigns",
        description="Newest first, without counts: each campaign's own address has them.",
        query=InRoomFilters,
        answers={200: [CampaignSerializer]},
    )
    def get(self, request):
        given = conventions.filters(InRoomFilters, request)
        found = Campaign.objects.visible_to(request.user).filter(**given)
        found = found.select_related(*WITH).prefetch_related("audience_groups")
        return conventions.page(
            request, conventions.keyset(found, "created_at"), newest, lambda rows: [*map(shape, rows)]
        )

    @operation(
        "Draft a campaign",
        description="Nothing goes out before it is started. The text has places to fill as a template has them.",
        body=NewCampaignSerializer,
        answers={201: CampaignDetailSerializer, 422: None},
    )
    def post(self, request):
        data = conventions.validated(NewCampaignSerializer, request, request.data)
        chatroom: Chatroom = data["chatroom"]
        data.setdefault("sender_number", None)
        data["sender_number"] = data["sender_number"] or enqueue.sender_of(chatroom.pk)
        made = lifecycle.create(by=request.user, **data)
        return conventions.created(request, detail(visible(request, made.pk)))


class CampaignView(APIView):
    """One campaign."""

    @operation("Read a campaign", answers={200: CampaignDetailSerializer})
    def get(self, request, pk):
        return Response(detail(visible(request, pk)))

    @operation(
        "Change a draft",
        description="409 `not_draft` once it was started.",
        body=CampaignChangeSerializer,
        answers={200: CampaignDetailSerializer, 409: None},
    )
    def patch(self, request, pk):
        campaign = visible(request, pk)
        data = conventions.validated(CampaignChangeSerializer, request, request.data, partial=True, campaign=campaign)
        lifecycle.change(campaign, **data)
        return Response(detail(visible(request, pk)))

    @operation("Delete a draft", description="409 `not_draft` once it was started.", answers={204: None, 409: None})
    def delete(self, request, pk):
        lifecycle.remove(visible(request, pk))
        return Response(status=204)


class RecipientsView(APIView):
    """A campaign's audience, frozen at its start."""

    @operation(
        "List a campaign's recipients",
        description="Each with its message, or the reason why it gets none.",
        query=RecipientFilters,
        answers={200: [RecipientSerializer]},
    )
    def get(self, request, pk):
        campaign = visible(request, pk)
        found = campaign.recipients.filter(**conventions.filters(RecipientFilters, request))
        return conventions.page(request, conventions.newest_keys(found), newest, lambda rows: [*map(recipient, rows)])


def recipient(row: CampaignRecipient) -> dict:
    return {
        "id": row.pk,
        "contact_id": row.contact_id,
        "address": row.address,
        "outcome": row.outcome,
        "reason": {"code": row.reason_code, "message": row.reason} if row.reason_code else None,
        "not_before": row.not_before,
        "message_id": row.message_id,
    }


class ActView(APIView):
    """Start, pause, resume and call off: each moves the campaign on, and answers with where it stands."""

    act = ""

    @operation(
        "Move a campaign on",
        description="`start` freezes the audience and sets the tokens aside; where they cover a part only, that part "
        "goes, and the campaign pauses with `insufficient_tokens`. 402 where they cover nobody. 409 `not_draft`, "
        "`not_running`, `not_paused`, `not_started`, `not_yours`, `no_recipients` or `too_late`. What is at the "
        "provider already goes on.",
        header=IDEMPOTENCY_KEY,
        answers={200: CampaignDetailSerializer, 402: None, 409: None, 422: None},
    )
    def post(self, request, pk):
        campaign = visible(request, pk)

        def move() -> idempotency.Answer:
            ACTS[self.act](campaign, by=request.user)
            return idempotency.Answer(200, detail(visible(request, pk)))

        asked = {"path": request.path, "body": request.data}
        answer = idempotency.once(request.user, conventions.idempotency_key(request), asked, move)
        response = Response(answer.body, status=answer.status)
        if answer.replayed:
            response["Idempotency-Replayed"] = "true"
        return response

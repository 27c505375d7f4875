"""/api/opt-out-offers, and the consent of /api/contacts/{id}/consent."""

from collections.abc import Sequence

from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.response import Response

from accounts.models import User
from chatrooms.models import Contact
from integrations.models import WebhookEvent
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantViewSet
from messaging.consent import evidence, offers
from messaging.consent.filters import OfferFilterSet
from messaging.consent.serializers import (
    AcceptedOfferSerializer,
    ConsentSerializer,
    DismissedOfferSerializer,
    NewConsentSerializer,
    OptOutOfferSerializer,
)
from messaging.models import ConsentEntry, OptOutOffer


@extend_schema_view(
    list=operation("List open opt-out offers", description="Newest first. Each is to be closed before its `due_at`."),
    retrieve=operation("Get an opt-out offer"),
)
class OptOutOfferViewSet(ListModelMixin, RetrieveModelMixin, TenantViewSet):
    """Customers' sentences that seem to ask for no more messages, and wait for a person's decision."""

    queryset = OptOutOffer.objects.select_related("message", "closed_by")
    serializer_class = OptOutOfferSerializer
    filterset_class = OfferFilterSet

    def get_queryset(self):
        visible_offers = super().get_queryset()
        return visible_offers.filter(state=OptOutOffer.State.OPEN) if self.action == "list" else visible_offers

    @operation(
        "Opt the customer out",
        description="Records an opt-out with the customer's words as evidence. Returns 409 `not_open` once closed.",
        answers={200: OptOutOfferSerializer},
        refuses=[409],
    )
    @action(detail=True, methods=["post"], serializer_class=AcceptedOfferSerializer)
    def accept(self, request, pk):
        return self.answer_offer(offers.accept_offer(self.get_object(), by=request.user, **self.read_input()))

    @operation(
        "Dismiss an opt-out offer",
        description="The customer stays as they are. Returns 409 `not_open` once it is closed.",
        answers={200: OptOutOfferSerializer},
        refuses=[409],
    )
    @action(detail=True, methods=["post"], serializer_class=DismissedOfferSerializer)
    def dismiss(self, request, pk):
        return self.answer_offer(offers.dismiss_offer(self.get_object(), by=request.user, **self.read_input()))

    def answer_offer(self, offer: OptOutOffer) -> Response:
        return Response(OptOutOfferSerializer(offer).data)


class ConsentViewSet(TenantViewSet):
    """A contact's consent, with its evidence."""

    queryset = Contact.objects.select_related("organization")
    serializer_class = ConsentSerializer
    input_classes = {"record": NewConsentSerializer}

    @operation(
        "Get a contact's consent",
        description="For each channel of the contact's chatroom: may it write to them, since when, by which entry, and "
        "what was last sent after that. `results` is everything that was said, newest first, with the exact words, the "
        "message and its signed webhook.",
        answers={200: ConsentSerializer},
        page=True,
    )
    def read(self, request, pk):
        return self.answer_consent(self.get_object())

    @operation(
        "Record a contact's consent",
        description="By a person, a web form or an import, each with a reason. An opt-in by a form or import returns "
        "409 `opted_out` while the contact has opted out: only START or a person (`staff`) lifts that. Returns 409 "
        "`no_address` if the channel can't reach the contact.",
        answers={201: ConsentSerializer},
        refuses=[409],
    )
    def record(self, request, pk):
        contact = self.get_object()
        evidence.record_consent(contact, by=request.user, **self.read_input(contact=contact))
        response = self.answer_consent(contact)
        response.status_code = 201
        return response

    def answer_consent(self, contact: Contact) -> Response:
        page = self.paginate_queryset(self.filter_queryset(evidence.list_entries(contact)))
        response = self.get_paginated_response(describe_entries(page, self.request.user))
        standings = [describe_standing(standing) for standing in evidence.list_standings(contact)]
        response.data = {"opt_out_scope": contact.organization.opt_out_scope, "channels": standings, **response.data}
        return response


def describe_standing(standing: evidence.Standing) -> dict:
    decision, last = standing.decision, standing.last_sent
    consent = {None: "unknown", "opt_in": "opted_in", "opt_out": "opted_out"}[decision and decision.kind]
    return {
        "channel_id": standing.channel.pk,
        "channel": standing.channel.address,
        "platform": standing.channel.platform,
        "address": standing.address,
        "may_send": not standing.is_out,
        "consent": consent,
        "since": decision and decision.said_at,
        "entry_id": decision and decision.entry_id,
        "said_to": decision and decision.channel_address,
        "last_sent": last
        and {"message_id": last["id"], "text": last["content"], "status": last["status"], "at": last["at"]},
    }


def describe_entries(entries: Sequence[ConsentEntry], user: User) -> list[dict]:
    """With their evidence, as far as the user sees the chatroom of the channel."""
    webhook_of, hidden_ids = evidence.find_evidence(entries), evidence.find_hidden(entries, user)
    return [
        {
            "id": entry.pk,
            "kind": entry.kind,
            "source": entry.source,
            "said_at": entry.created_at,
            "channel_id": entry.channel_id,
            "channel": entry.channel.address,
            "address": entry.address,
            **(
                {"text": "", "message_id": None, "webhook": None, "recorded_by": None, "asked_by": "", "reason": ""}
                if entry.pk in hidden_ids
                else describe_evidence(entry, webhook_of.get(entry.pk))
            ),
        }
        for entry in entries
    ]


def describe_evidence(entry: ConsentEntry, webhook: WebhookEvent | None) -> dict:
    return {
        "text": entry.text,
        "message_id": entry.message_id,
        "webhook": webhook and {"id": webhook.pk, "received_at": webhook.created_at},
        "recorded_by": entry.actor and {"id": entry.actor.pk, "name": entry.actor.name},
        "asked_by": entry.asked_by,
        "reason": entry.reason,
    }

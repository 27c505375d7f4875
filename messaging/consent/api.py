"""/api/opt-out-offers."""

from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.response import Response

from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantViewSet
from messaging.consent import offers
from messaging.consent.filters import OfferFilterSet
from messaging.consent.serializers import AcceptedOfferSerializer, DismissedOfferSerializer, OptOutOfferSerializer
from messaging.models import OptOutOffer


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

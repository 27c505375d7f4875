"""/api/search."""

from rest_framework.response import Response

from messagehub.api.filters import refuse_unknown_parameters
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantViewSet
from messaging import payloads
from messaging.models import Conversation
from messaging.search import finding
from messaging.search.serializers import FoundSerializer, SearchQuerySerializer


class SearchViewSet(TenantViewSet):
    """Contacts, conversations and messages at once."""

    queryset = Conversation.objects.all()
    serializer_class = FoundSerializer
    pagination_class = None

    @operation(
        "Search",
        description=f"At most {finding.MOST_OF_EACH} of each, newest first, of what the current user can see: contacts "
        "by a part of their name, phone number or email, however the number is written; conversations with such "
        f"contacts; and messages of the last {finding.MESSAGE_DAYS} days by a part of their text. The lists of "
        "contacts, conversations and messages have the same `search`, in pages and without an end.",
        query=SearchQuerySerializer,
        answers={200: FoundSerializer},
    )
    def list(self, request):
        refuse_unknown_parameters(request, SearchQuerySerializer().fields)
        query = SearchQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = finding.search_everything(request.user, query.validated_data["q"])
        return Response(
            {
                "contacts": payloads.describe_contacts(found.contacts),
                "conversations": found.conversations,
                "messages": found.messages,
            }
        )

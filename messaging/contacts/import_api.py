"""/api/contacts/import and /api/contacts/imports."""

from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from messagehub.api.filters import refuse_unknown_parameters
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantViewSet
from messaging.contacts import imports
from messaging.contacts.serializers import (
    MOST_ERRORS,
    ImportQuerySerializer,
    ImportSerializer,
    NewImportSerializer,
    StartedImportSerializer,
    describe_import,
)
from messaging.models import ContactImport


class ImportViewSet(TenantViewSet):
    """Files of contacts, and what became of their rows."""

    queryset = ContactImport.objects.defer("content")
    serializer_class = ImportSerializer
    input_classes = {"create": NewImportSerializer}
    parser_classes = [MultiPartParser]

    @operation(
        "Import contacts",
        description="A CSV file with a line of titles, by which columns are recognized: phone, first name, last name, "
        "name, email, consent and opted out, also in German. A yes or no about consent is recorded for each number of "
        "the chatroom, with the file and the row; it lifts no opt-out. Rows are imported in the background; follow the "
        "import at `Location`. Bad rows are skipped and told by their line, contacts that exist stay as they are. "
        "Returns 400 for a file without rows or without a column of phone numbers.",
        answers={202: StartedImportSerializer},
    )
    def create(self, request):
        data = self.read_input()
        file = data["file"]
        contact_import = imports.import_file(
            data["chatroom"], data["group"], file.name, file.read(), by=request.user, country=data["country"]
        )
        location = request.build_absolute_uri(f"/api/contacts/imports/{contact_import.pk}")
        return Response({"import_id": contact_import.pk}, status=202, headers={"Location": location})

    @operation(
        "Get an import",
        description=f"How far it is, and the first {MOST_ERRORS:,} rows that were skipped; ask for further ones by "
        "`errors_after`.",
        query=ImportQuerySerializer,
    )
    def retrieve(self, request, pk):
        refuse_unknown_parameters(request, ImportQuerySerializer().fields)
        query = ImportQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        contact_import = self.get_object()
        after = query.validated_data["errors_after"]
        errors = imports.list_row_errors(contact_import, after=after, limit=MOST_ERRORS)
        return Response(describe_import(contact_import, errors))

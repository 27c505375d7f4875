"""/api/settings: what an organization decides for itself."""

from zoneinfo import available_timezones

import phonenumbers
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import organizations
from accounts.models import Organization
from accounts.permissions import IsAdmin
from messagehub import rest
from messagehub.schema import operation


class SettingsSerializer(serializers.Serializer):
    """Of the organization: its name, the zone of its days, and the country of numbers that are typed without a plus."""

    name = serializers.CharField(max_length=120)
    slug = serializers.CharField(read_only=True)
    time_zone = serializers.CharField(max_length=64)
    default_country = serializers.CharField(max_length=2)
    require_mfa_for_admins = serializers.BooleanField(
        required=False, help_text="Admins sign in with a second factor; set up your own first."
    )

    def validate_time_zone(self, given: str) -> str:
        if given not in available_timezones():
            raise serializers.ValidationError("There is no time zone of this name. Write it as in Europe/Berlin.")
        return given

    def validate_default_country(self, given: str) -> str:
        if given.upper() not in phonenumbers.SUPPORTED_REGIONS:
            raise serializers.ValidationError("There is no country of this code. Write two letters as in US.")
        return given.upper()


def shape(organization: Organization) -> dict:
    return {
        name: getattr(organization, name)
        for name in ("name", "slug", "time_zone", "default_country", "require_mfa_for_admins")
    }


class SettingsView(APIView):
    """The organization's settings."""

    permission_classes = [IsAdmin]

    @operation("Read the settings", answers={200: SettingsSerializer})
    def get(self, request):
        return Response(shape(request.user.organization))

    @operation("Change the settings", body=SettingsSerializer, answers={200: SettingsSerializer})
    def patch(self, request):
        organization = request.user.organization
        data = rest.validated(SettingsSerializer, request, request.data, partial=True)
        organizations.change(organization, by=request.user, **data)
        return Response(shape(organization))

"""The cast of the API tests, who send."""

import pytest

from accounts.models import Organization
from messagehub import tenancy
from tests.api.conftest import acme, ann, api, bo, cy, elsewhere, globex, inside, sales, zed  # noqa: F401
from tokens import ledger


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings) -> None:
    """Hashed names need a collectstatic."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture
def rich(acme, bo, ann):  # noqa: F811
    """Bo with ten tokens."""
    with tenancy.organization(acme.organization.pk):
        ledger.adjust(bo, 10, actor=ann, reason="Start")
    return bo


@pytest.fixture
def rule(acme):  # noqa: F811
    """Change the organization's rules."""

    def change(**values) -> None:
        with tenancy.organization(acme.organization.pk):
            Organization.objects.update(**values)

    return change

"""The cast of the API tests, who send."""

import pytest

from messagehub import tenancy
from tests.api.conftest import acme, ann, api, bo, cy, elsewhere, globex, inside, sales, support, zed
from tests.ui.conftest import _static_files_as_they_are
from tokens import ledger

__all__ = [
    "_static_files_as_they_are", "acme", "ann", "api", "bo", "cy", "elsewhere", "globex", "inside", "sales", "support",
    "zed",
]  # fmt: skip


@pytest.fixture
def rich(acme, bo, ann):
    """Bo with ten tokens."""
    with tenancy.organization(acme.organization.pk):
        ledger.adjust(bo, 10, actor=ann, reason="Start")
    return bo

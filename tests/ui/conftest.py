"""The cast of the API's tests, in a browser without a script."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.api.conftest import acme, ann, api, bo, cy, elsewhere, globex, inside, olga, sales, support, zed

__all__ = ["acme", "ann", "api", "bo", "cy", "elsewhere", "globex", "inside", "olga", "sales", "support", "zed"]


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings) -> None:
    """Hashed names need a collectstatic; `test_assets` makes one."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture
def browser() -> Callable[..., Client]:
    """Somebody's browser; `part=True` asks as a script does."""

    def client(user: User | None = None, *, part: bool = False) -> Client:
        made = Client(headers={"HX-Request": "true"} if part else None)
        if user:
            made.force_login(user)
        return made

    return client

"""The cast of the API's tests, and people who sign in for real."""

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import User
from tests import factories
from tests.api.conftest import (
    acme,
    ann,
    api,
    assert_constant_queries,
    bo,
    cy,
    elsewhere,
    globex,
    inside,
    olga,
    sales,
    support,
    zed,
)
from tests.ui.conftest import _static_files_as_they_are, browser

__all__ = [
    "_static_files_as_they_are", "acme", "ann", "api", "assert_constant_queries", "bo", "browser", "cy", "elsewhere",
    "globex", "inside", "olga", "sales", "support", "zed",
]  # fmt: skip


@pytest.fixture
def login() -> Callable:
    """POST /api/auth/login as this person."""

    def post(user: User | str, password: str = factories.PASSWORD, **more):
        email = user if isinstance(user, str) else user.email
        return APIClient().post("/api/auth/login", {"email": email, "password": password, **more})

    return post


@pytest.fixture
def bearer() -> Callable[[str], APIClient]:
    return lambda token: APIClient(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def by_key(bearer, inside) -> Callable[..., APIClient]:
    """A client that signs in with a fresh API key of this person."""
    return lambda user, *scopes: bearer(keys.create_key(user, "A key", list(scopes))[1])


@pytest.fixture
def signed_in() -> Callable[..., Client]:
    """Somebody's browser, signed in through the page."""

    def client(user: User, **more) -> Client:
        made = Client(**more)
        answer = made.post("/login/", {"email": user.email, "password": factories.PASSWORD})
        assert answer.status_code == 302, answer.content
        return made

    return client

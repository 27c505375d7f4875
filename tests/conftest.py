"""What every test needs: a database that the owner made and the application role uses, and an empty Valkey."""

import gc
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings as django_settings
from django.test import TransactionTestCase, override_settings
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

from tests import services
from tests.browser import launch_chromium
from tests.running_demo import Demo, demo_folder, running_demo

pytest_plugins = ["tests.cast", "tests.desk"]

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

BROWSERS = 3  # at once: each keeps half a core busy, and four of them kept each other waiting


def pytest_collection_finish() -> None:
    """What is imported by now stays: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers come last: while Playwright's synchronous API is open, no other test can run an event loop.

    Before them come the tests of the demo, which takes a while to be made.
    """
    items.sort(key=lambda item: (needs_browser(item), uses(item, "demo")))
    browser_files = sorted({item.path for item in items if needs_browser(item)})
    for item in items:
        if needs_browser(item):
            group = browser_files.index(item.path) % BROWSERS
            item.add_marker(pytest.mark.xdist_group(f"browser-{group}"))


def needs_browser(item: pytest.Item) -> bool:
    return uses(item, "chromium") or "e2e" in item.path.parts


def uses(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment) -> None:
    """The owner has migrated; the tests connect as the application role, or row security would not apply to them."""
    services.start_postgres()
    TransactionTestCase._fixture_teardown = lambda case: services.empty_tables()


@pytest.fixture(scope="session")
def _valkey() -> Iterator[redis.Redis]:
    services.start_valkey()
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_valkey(_valkey: redis.Redis) -> None:
    """Counters of attempts and cached answers must not reach the next test."""
    _valkey.flushdb()


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Argon2 takes 0.2 s on purpose; MD5 hashes what the tests make."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher", *django_settings.PASSWORD_HASHERS]
    with override_settings(PASSWORD_HASHERS=hashers):
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_as_they_are() -> Iterator[None]:
    """Hashed names need a collectstatic; `test_assets` makes one."""
    files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES=django_settings.STORAGES | {"staticfiles": files}):
        yield


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield launch_chromium(playwright)


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The whole product, running, shared by the tests that use it from outside."""
    with demo_folder() as folder, running_demo(folder) as demo:
        yield demo

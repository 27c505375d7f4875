"""Debian's Chromium, never one that was downloaded. Its headless shell first: it draws no toolbars of its own."""

import os
import shutil

import pytest
from playwright.sync_api import Browser, Playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")


def launch_chromium(playwright: Playwright) -> Browser:
    """A browser with the rights of whoever runs the tests: in a container that is root, whom its sandbox refuses."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if not found:
        missing = "Chromium is missing: install Debian's package `chromium-headless-shell`."
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])

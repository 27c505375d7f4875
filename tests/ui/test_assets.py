"""Files made from wheels, and what collectstatic makes of ours."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings

from messagehub.ui import fonts, icons
from messagehub.ui.finders import BuiltAssetsFinder

pytestmark = pytest.mark.xdist_group("assets")  # one worker, which collects them once
JOINED = (
    "shell",
    "login",
    "files",
    "focus",
    "inbox",
    "lists",
    "commands",
    "viewer",
    "selecting",
    "alerts",
    "ringing",
    "campaign",
)
JOINED_SCRIPTS = {f"ui/built/{name}.js" for name in JOINED}
THIRD_PARTIES = ["rest_framework", "admin", "django_htmx"]


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Path:
    """The static files as production has them."""
    folder = tmp_path_factory.mktemp("static")
    storage = {"staticfiles": {"BACKEND": "messagehub.ui.storage.Storage"}}
    with override_settings(STATIC_ROOT=folder, STORAGES=django_settings.STORAGES | storage):
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=THIRD_PARTIES)
    return folder


def test_the_finder_builds_sprite_and_font(settings, tmp_path):
    settings.LOCAL_DIR = tmp_path
    finder = BuiltAssetsFinder()

    found = {path: storage.open(path).read() for path, storage in finder.list([])}

    assert set(found) == {"ui/icons.svg", "ui/inter.css", "ui/inter.woff2", "ui/ui.css", *JOINED_SCRIPTS}
    assert set(re.findall(rb'<symbol id="([^"]+)"', found["ui/icons.svg"])) == {name.encode() for name in icons.NAMES}
    assert found["ui/inter.woff2"].startswith(b"wOF2")
    assert len(found["ui/inter.woff2"]) < 40_000
    assert finder.find("ui/nothing.svg") is None
    assert finders.find("ui/icons.svg")


def test_without_the_font_packages_pages_use_the_fonts_of_the_system(settings, tmp_path, monkeypatch):
    settings.LOCAL_DIR = tmp_path
    monkeypatch.setattr(fonts, "available", lambda: False)

    assert {path for path, _ in BuiltAssetsFinder().list([])} == {"ui/icons.svg", "ui/ui.css", *JOINED_SCRIPTS}


def test_a_changed_icon_list_makes_a_new_sprite(settings, tmp_path, monkeypatch):
    settings.LOCAL_DIR = tmp_path
    before = BuiltAssetsFinder().find("ui/icons.svg")
    monkeypatch.setattr(icons, "LUCIDE", frozenset({"inbox"}))

    after = BuiltAssetsFinder().find("ui/icons.svg")

    assert before != after


@pytest.mark.parametrize(
    ("folder", "script", "modules"),
    [
        ("ui/built", "inbox", ["shell", "files", "viewer", "selecting"]),
        ("sandbox", "chats", ["parts", "bubbles", "failures"]),
    ],
)
def test_scripts_import_each_other_by_hashed_names(collected, folder, script, modules):
    made = {path.name: path.read_text() for path in (collected / folder).glob("*.js")}

    text = next(text for name, text in made.items() if re.fullmatch(rf"{script}\.[0-9a-f]{{12}}\.js", name))
    imported = re.findall(r'"\./([\w.-]+)"', text)

    assert [name.split(".")[0] for name in imported] == modules
    assert all(re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", name) and name in made for name in imported)

"""Files made from wheels, and what collectstatic makes of ours."""

import re

from django.contrib.staticfiles import finders
from django.core.management import call_command

from messagehub.ui import fonts, icons
from messagehub.ui.finders import BuiltAssetsFinder

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
THIRD_PARTIES = ["rest_framework", "admin", "django_htmx", "sandbox"]


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


def test_joined_scripts_import_each_other_by_hashed_names(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "messagehub.ui.storage.Storage"}}

    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=THIRD_PARTIES)

    made = {path.name: path.read_text() for path in (tmp_path / "ui" / "built").glob("*.js")}
    inbox = next(text for name, text in made.items() if re.fullmatch(r"inbox\.[0-9a-f]{12}\.js", name))
    imported = re.findall(r'"\./([\w.-]+)"', inbox)
    assert [name.split(".")[0] for name in imported] == ["shell", "files", "viewer", "selecting"]
    assert all(re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", name) and name in made for name in imported)


def test_modules_of_the_sandbox_import_each_other_by_hashed_names(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "messagehub.ui.storage.Storage"}}

    others = [name for name in THIRD_PARTIES if name != "sandbox"]
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=others)

    made = {path.name: path.read_text() for path in (tmp_path / "sandbox").glob("*.js")}
    chats = next(text for name, text in made.items() if re.fullmatch(r"chats\.[0-9a-f]{12}\.js", name))
    imported = re.findall(r'"\./([\w.-]+)"', chats)
    assert [name.split(".")[0] for name in imported] == ["parts", "bubbles", "failures"]
    assert all(re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", name) and name in made for name in imported)

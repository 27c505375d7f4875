"""What must hold in every template, so that the strict Content-Security-Policy never has to give way."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import get_template

from messagehub.ui import icons

ROOT = settings.BASE_DIR
OURS = [ROOT / "templates", ROOT / "messagehub" / "ui" / "templates"]
TEMPLATES = sorted(path for folder in OURS for path in folder.rglob("*.html"))
SOURCES = [*TEMPLATES, *(ROOT / "messagehub" / "ui").rglob("*.py"), *(ROOT / "integrations" / "sandbox").glob("*.py")]

FORBIDDEN = {
    "an inline style": r"\sstyle\s*=",
    "a style element": r"<style\b",
    "an inline script": r"<script\b(?![^>]*\bsrc=)",
    "an event handler": r"\son[a-z]+\s*=",
    "htmx evaluating code": r"hx-on|hx-vals\s*=\s*['\"]js:|hx-vars|hx-trigger\s*=\s*\"[^\"]*\[",
    "a script address": r"javascript:",
    "another host": r"(?:src|href)\s*=\s*[\"'](?:https?:)?//",
}


def name_of(template: Path) -> str:
    return str(next(template.relative_to(folder) for folder in OURS if template.is_relative_to(folder)))


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_it_compiles(template):
    get_template(name_of(template))


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_it_holds_nothing_that_the_policy_forbids(template):
    text = template.read_text()
    assert {what: found for what, pattern in FORBIDDEN.items() if (found := re.findall(pattern, text))} == {}


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_its_icons_exist(template):
    assert set(re.findall(r"{% icon \"([^\"]+)\"", template.read_text())) <= icons.NAMES


def test_every_icon_of_the_sprite_is_used():
    text = "\n".join(path.read_text() for path in SOURCES if path.name != "icons.py")
    assert {name for name in icons.LUCIDE if f'"{name}"' not in text} == set()


def test_an_unknown_icon_is_an_error():
    with pytest.raises(TemplateSyntaxError, match="inbxo"):
        Template('{% load ui %}{% icon "inbxo" %}').render(Context())


@pytest.mark.parametrize("script", sorted((ROOT / "static" / "ui").glob("*.js")), ids=lambda path: path.name)
def test_scripts_write_no_markup_and_evaluate_nothing(script):
    text = script.read_text()
    assert not re.search(r"\beval\(|new Function|insertAdjacentHTML|document\.write|setAttribute\([\"']style", text)
    assert len(re.findall(r"innerHTML", text)) <= (script.name == "live.js")  # the server's own parts
    assert all(line.endswith(";") for line in re.findall(r"^import .*", text, re.MULTILINE))  # or no hashed name


@pytest.mark.parametrize("page", ["400", "403", "403_csrf", "404", "429", "500", "503"])
def test_error_pages_need_nothing(page):
    """No database, no request, no user: they are shown when these are missing."""
    assert "MessageHub" in get_template(f"{page}.html").render({})


@pytest.mark.parametrize(
    ("tag", "drawn"),
    [
        ('{% avatar "Chloé de la Croix" 1 %}', ">CC<"),
        ('{% avatar "+1 555-010-0001" 1 %}', "#user"),
        ('{% avatar "<b>" 1 %}', "av-36"),
        ('{% channel "MESSENGER" %}', 'title="Messenger"'),
        ('{{ "+447700900142"|phone }}', "+44 7700 900142"),
        ('{{ "SUPPORT"|phone }}', "SUPPORT"),
        ("{{ 1284|number }}", "1,284"),
    ],
)
def test_tags(tag, drawn):
    html = Template("{% load ui %}" + tag).render(Context())
    assert drawn in html
    assert "<b>" not in html

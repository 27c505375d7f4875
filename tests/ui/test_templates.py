"""What must hold in every template, so that the strict Content-Security-Policy never has to give way."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Engine, Template, TemplateSyntaxError
from django.template.loader import get_template

from messagehub.ui import icons

ROOT = settings.BASE_DIR
OURS = [ROOT / "templates", ROOT / "messagehub" / "ui" / "templates"]
TEMPLATES = sorted(path for folder in OURS for path in folder.rglob("*.html"))
SOURCES = [*TEMPLATES, *(ROOT / "messagehub" / "ui").rglob("*.py"), *(ROOT / "integrations" / "sandbox").glob("*.py")]
TAGS = [path for folder in ("messagehub", "messaging") for path in (ROOT / folder).rglob("templatetags/*.py")]

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


# What only those who build or run the product read.
FOR_BUILDERS = ("sandbox/", "admin/", "docs.html", "docs_quickstart.html", "ui/styleguide.html")
NAMES = re.compile(r"\b(MessageHub|SMS|Esc|Ctrl|Sofia Marchetti|Jonas Weber|Amelia Hart)\b")  # the same in any language
SETTINGS = ("pane", "htmx_keeps_history", "body_attributes")  # blocks that no one reads
TRANSLATED = r"{% *blocktrans(?:late)?\b.*?{% *endblocktrans(?:late)? *%}|{% *comment\b.*?{% *endcomment *%}|{#.*?#}"
READ_OUT = r"\s(?:aria-label|title|placeholder|alt)=\"([^\"]*)\""


def bare_words(text: str) -> list[str]:
    """Words that people would read in English whatever their language."""
    text = re.sub(TRANSLATED, " ", text, flags=re.DOTALL)
    for block in SETTINGS:
        text = re.sub(rf"{{% *block {block} *%}}.*?{{% *endblock *%}}", " ", text, flags=re.DOTALL)
    text = re.sub(r"{%.*?%}|{{.*?}}", " ", text, flags=re.DOTALL)
    between = re.sub(r"<[^>]*>|&\w+;", "\n", text)
    found = [*between.split("\n"), *re.findall(READ_OUT, text)]
    return [words.strip() for words in found if re.search(r"[^\W\d_]{2}", NAMES.sub("", words))]


@pytest.mark.parametrize(
    "template", [each for each in TEMPLATES if not name_of(each).startswith(FOR_BUILDERS)], ids=name_of
)
def test_its_words_can_be_translated(template):
    assert bare_words(template.read_text()) == []


def test_bare_words_are_found():
    assert bare_words('<p title="Old">{{ name }} wrote</p>{% translate "fine" %}{# this is fine #}') == ["wrote", "Old"]


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_its_icons_exist(template):
    assert set(re.findall(r"{% icon \"([^\"]+)\"", template.read_text())) <= icons.NAMES


def test_every_icon_of_the_sprite_is_used():
    text = "\n".join(path.read_text() for path in [*SOURCES, *TAGS] if path.name != "icons.py")
    assert {name for name in icons.LUCIDE if f'"{name}"' not in text} == set()


def test_an_unknown_icon_is_an_error():
    with pytest.raises(TemplateSyntaxError, match="inbxo"):
        Template('{% load ui %}{% icon "inbxo" %}').render(Context())


@pytest.mark.parametrize("page", ["400", "403", "403_csrf", "404", "429", "500", "503"])
def test_error_pages_need_nothing(page):
    """No database, no request, no user: they are shown when these are missing."""
    assert "MessageHub" in get_template(f"{page}.html").render({})


@pytest.mark.parametrize(
    ("tag", "drawn"),
    [
        ('{% avatar "Chloé de la Croix" 1 %}', ">CC<"),
        ('{% avatar "+1 555-010-0001" 1 %}', "nobody"),
        ('{% avatar "<b>" 1 %}', "av-36"),
        ('{% channel "MESSENGER" %}', 'aria-label="Messenger"'),
        ('{% avatar "A B" 1 36 "SMS" %}', 'role="img" aria-label="SMS" title="SMS">AB<svg'),
        ('{% avatar "A B" 1 label="Assigned to A" %}', 'aria-label="Assigned to A"'),
        ('{% avatar "A B" 1 %}', 'aria-hidden="true">AB<'),
        ('{{ "+447700900142"|phone }}', "+44 7700 900142"),
        ('{{ "SUPPORT"|phone }}', "SUPPORT"),
        ("{{ 1284|number }}", "1,284"),
    ],
)
def test_tags(tag, drawn):
    html = Template("{% load ui %}" + tag).render(Context())
    assert drawn in html
    assert "<b>" not in html


def test_pages_are_sent_without_the_indentation_of_their_authors(tmp_path):
    engine = Engine(dirs=[tmp_path], loaders=["messagehub.ui.loaders.Loader"])
    for name in ("page.html", "mail.txt"):
        (tmp_path / name).write_text("<p>\n    {{ text }}\n\n\tand more\n</p>\n")

    told = Context({"text": "two\n  lines"})
    assert engine.get_template("page.html").render(told) == "<p>\ntwo\n  lines\n\nand more\n</p>\n"
    assert engine.get_template("mail.txt").render(told) == "<p>\n    two\n  lines\n\n\tand more\n</p>\n"

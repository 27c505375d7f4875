"""Every text that people write has a direction of its own, or Arabic has its full stop on the wrong side."""

import re
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from chatrooms import contacts, groups
from messagehub.ui import icons
from messagehub.ui.templatetags.ui import icon
from messaging.conversations import changes, labels, notes
from messaging.models import ConversationActivity
from tests import factories

ARABIC = re.compile("[\u0600-\u06ff]")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
WITHOUT_DIRECTION = {"title", "option", "script", "style"}  # the browser finds out itself, or nobody reads it


class Undirected(HTMLParser):
    """Texts and filled boxes with Arabic and no `dir="auto"` around them."""

    def __init__(self, page: str):
        super().__init__()
        self.path: list[tuple[str, bool]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        directed = attributes.get("dir") == "auto" or tag == "bdi"
        if tag == "input" and ARABIC.search(attributes.get("value") or "") and not directed:
            self.texts.append(self.get_starttag_text())
        if tag not in VOID:
            self.path.append((tag, directed))

    def handle_endtag(self, tag):
        while self.path and self.path.pop()[0] != tag:
            pass

    def handle_data(self, data):
        initial = len(data.strip()) == 1
        if (
            initial
            or not ARABIC.search(data)
            or any(directed or tag in WITHOUT_DIRECTION for tag, directed in self.path)
        ):
            return
        self.texts.append(f"{'>'.join(tag for tag, _ in self.path[-3:])}: {data.strip()}")


@pytest.fixture
def arabic(acme, sales, support, ann, bo, inside):
    """Sales, and everything that a page shows of it, named and written in Arabic."""
    with inside(acme):
        acme.organization.name = "شركة"
        acme.organization.save()
        for person in (ann, bo):
            person.name = "سارة."
            person.save()
        for room in (sales.room, support.room):
            room.name = f"مبيعات {room.name}"
            room.save()
        contacts.change_contact(sales.contact, by=ann, first_name="نينا.", last_name="")
        other = factories.ContactFactory(chatroom=sales.room, first_name="نينا", last_name="")
        group = groups.create_group(sales.room, "مهم.")
        groups.add_members(group, [sales.contact])
        label = labels.create_label(acme.organization, name="عاجل.")
        factories.MessageTemplateFactory(organization=acme.organization, name="مرحبا.", body="مرحبا {{first_name}}.")
        changes.change_conversation(sales.conversation, by=ann, assigned_to=bo, labels=[label])
        notes.add_note(sales.conversation, "اتصل به @سارة.", author=ann, mentions=[bo])
        for direction, sender in (("inbound", None), ("outbound", ann)):
            factories.MessageFactory(
                conversation=sales.conversation, content="أهلا.", direction=direction, sent_by=sender
            )
        assert ConversationActivity.objects.count() == 2
    return other


@pytest.mark.parametrize(
    "path",
    [
        "/inbox/",
        "/inbox/{conversation}/",
        "/inbox/{conversation}/templates/",
        "/inbox/commands/",
        "/commands/",
        "/contacts/{contact}/",
        "/contacts/{contact}/edit/",
        "/contacts/{contact}/merge/",
        "/contacts/{contact}/merge/{other}/",
        "/manage/tokens/",
        "/me/",
    ],
)
def test_written_text_has_its_own_direction(path, browser, ann, sales, arabic):
    ids = {"conversation": sales.conversation.pk, "contact": sales.contact.pk, "other": arabic.pk}
    answer = browser(ann).get(path.format(**ids))
    assert answer.status_code == 200
    assert not (texts := Undirected(answer.content.decode()).texts), "\n".join(texts)


# ---------------------------------------------------------------- pages that run from right to left
def test_page_runs_as_its_language_does():
    for language, direction in (("ar", "rtl"), ("de", "ltr")):
        with translation.override(language):
            assert re.search(rf'<html lang="{language}"\s+dir="{direction}"', render_to_string("404.html"))


SIDED = re.compile(
    r"(?:margin|padding|border)-(?:left|right)|(?:^|[\s;{])(?:left|right)\s*:|(?:text-align|float|clear):\s*(?:left|right)|-(?:left|right)-radius"
)
SHORTHAND = re.compile(r"(?<![\w-])(margin|padding|inset|border-width|border-radius):\s*([^;}]+)")


def find_sides(rules: str) -> list[str]:
    """What names left or right, also by the second and fourth of four values; corners all differ by side."""
    found = [match[0].strip() for match in SIDED.finditer(rules)]
    for match in SHORTHAND.finditer(rules):
        values, depth = [""], 0
        for letter in match[2].strip():
            depth += (letter == "(") - (letter == ")")
            if letter == " " and not depth:
                values.append("")
            else:
                values[-1] += letter
        if len(values) == 4 and values[1] != values[3] or match[1] == "border-radius" and len(values) > 1:
            found.append(match[0])
    return found


@pytest.mark.parametrize(
    ("rules", "count"),
    [
        ("a { margin-left: 0; text-align: right; left: 0 }", 3),
        ("a { padding: 1px 2px 3px 4px; border-radius: 4px 8px 8px }", 2),
        ("a { padding: 1px calc(1px + 2px) 3px calc(1px + 2px); border-radius: 50%; margin-inline-start: 1px }", 0),
    ],
)
def test_physical_side_is_found(rules, count):
    assert len(find_sides(rules)) == count


def test_style_sheets_name_no_side():
    sheets = [path for path in (settings.BASE_DIR / "static" / "ui").glob("*.css") if path.name != "styleguide.css"]
    assert len(sheets) > 4
    sided = {path.name: find_sides(re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)) for path in sheets}
    assert not any(sided.values()), sided


def test_icons_that_point_are_mirrored():
    assert icons.POINTING <= icons.LUCIDE
    assert 'class="i i-20 i-ahead"' in icon("arrow-left", 20)
    assert "i-ahead" not in icon("check")

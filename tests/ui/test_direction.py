"""Every text that people write has a direction of its own, or Arabic has its full stop on the wrong side."""

import re
from html.parser import HTMLParser

import pytest

from chatrooms import contacts, groups
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

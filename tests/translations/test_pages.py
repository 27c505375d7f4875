"""Pages in German have no English left: neither in templates nor in what a page draws."""

import re
from html.parser import HTMLParser

import pytest

from messagehub import datetimes
from messaging.conversations import changes
from tests.translations import catalogue

SPOKEN = {"title", "aria-label", "alt", "placeholder"}
# Written in English on purpose (docs/translating.md), or pictures of a text.
LEFT_IN_ENGLISH = ("sandbox/", "docs.html", "docs_quickstart.html", "styleguide.html", "accounts/_scene.html")
SAME = {"MessageHub", ", MessageHub", "Esc", "Ctrl K"}  # names, and what stands on keys
OF_FRAMES = {"false", "thread", "list"}  # values that blocks of inbox.html and shell.html give to attributes
DATA = {"Ann", "Bo", "Cy", "Acme", "Sales", "Support", "Nina Okafor", "Hello", "SMS", "Messenger", "Instagram"}
CODES = re.compile(r"\S+@\S+|UTC|GSM-7|[A-Z]{2} \+\d+|Deutsch|English|[\w-]{30,}")  # languages call themselves


def find_bare_text(source: str) -> list[str]:
    """Text between tags, or in an attribute that is read out, that no tag of a translation is around."""
    for pattern in (r"{% comment.*?endcomment %}|{#.*?#}", r"{% blocktranslate.*?{% endblocktranslate %}"):
        source = re.sub(pattern, "", source, flags=re.DOTALL)
    source = re.sub(r"{%.*?%}|{{.*?}}", "\n", source, flags=re.DOTALL)
    attributes = re.findall(r'\b(?:title|aria-label|alt|placeholder)="([^"]*)"', source)
    between = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", "\n", source, flags=re.DOTALL).splitlines()
    texts = (text.strip() for text in attributes + between)
    known = SAME | OF_FRAMES
    return [
        text for text in texts if re.search("[A-Za-z]{2}", text) and text not in known and not re.search("=[\"']", text)
    ]


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('<p title="Send">{% translate "Send" %}</p>', ["Send"]),
        ("<p>{{ n }} left</p>", ["left"]),
        ('{# Send #}<p class="send">{% blocktranslate %}Send{% endblocktranslate %}</p>', []),
    ],
)
def test_bare_text_is_found(source, texts):
    assert find_bare_text(source) == texts


def test_templates_have_no_bare_text():
    pages = [path for path in catalogue.list_templates() if path.suffix == ".html"]
    bare = {
        path: find_bare_text(path.read_text()) for path in pages if not any(n in str(path) for n in LEFT_IN_ENGLISH)
    }
    assert len(bare) > 100
    broken = {str(path.relative_to(catalogue.ROOT)): texts for path, texts in bare.items() if texts}
    assert not broken, broken


class Texts(HTMLParser):
    """What a page says: its texts, and the attributes that are read out."""

    def __init__(self, page: str):
        super().__init__()
        self.said: list[str] = []
        self.skipped = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.said += [value for name, value in attrs if name in SPOKEN and value]
        self.skipped = tag if tag in {"script", "style", "code"} else self.skipped

    def handle_endtag(self, tag):
        self.skipped = "" if tag == self.skipped else self.skipped

    def handle_data(self, data):
        if not self.skipped and data.strip():
            self.said.append(" ".join(data.split()))


PAGES = [
    "/", "/inbox/", "/inbox/{conversation}/", "/contacts/", "/contacts/{contact}/", "/contacts/{contact}/edit/",
    "/contacts/{contact}/merge/", "/contacts/new/", "/contacts/imports/", "/contacts/duplicates/", "/groups/",
    "/groups/new/", "/templates/", "/templates/new/", "/campaigns/", "/campaigns/new/?chatroom={room}",
    "/send/?chatroom={room}", "/messages/", "/messages/{message}/", "/notifications/", "/me/", "/commands/",
    "/inbox/commands/", "/manage/users/", "/manage/users/{person}/", "/manage/tokens/", "/manage/chatrooms/",
    "/manage/chatrooms/{room}/", "/manage/numbers/", "/manage/pages/", "/manage/settings/", "/manage/settings/audit/",
    "/manage/settings/keys/", "/manage/settings/labels/", "/manage/settings/quiet-hours/",
]  # fmt: skip


@pytest.fixture
def same_in_both() -> set[str]:
    """Texts that German says with the same letters."""
    return {str(message.id) for message in catalogue.read_catalogue("de") if message.id == message.string}


@pytest.mark.django_db
def test_pages_in_german_say_nothing_in_english(browser, acme, ann, bo, sales, inside, same_in_both):
    with inside(acme):
        changes.change_conversation(sales.conversation, by=ann, assigned_to=bo)
    ids = {
        "conversation": sales.conversation.pk, "contact": sales.contact.pk, "room": sales.room.pk,
        "message": sales.message.pk, "person": bo.pk,
    }  # fmt: skip
    client, left = browser(ann), {}
    known = same_in_both | SAME | DATA | {zone.replace("_", " ") for zone in datetimes.list_time_zones()}
    for path in PAGES:
        english, german = (read_page(client, path.format(**ids), language) for language in ("en", "de"))
        unchanged = {text.removesuffix(", MessageHub") for text in german & english} - known
        left[path] = {text for text in unchanged if re.search("[A-Za-z]{3}", text) and not CODES.fullmatch(text)}
        assert len(german - english) > 5, path
    assert not any(left.values()), {path: texts for path, texts in left.items() if texts}


def read_page(client, path: str, language: str) -> set[str]:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, path
    return set(Texts(answer.content.decode()).said)

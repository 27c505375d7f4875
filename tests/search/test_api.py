"""/api/search: a few contacts, conversations and messages that the user may see."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatrooms.models import Contact
from messaging.models import Message
from messaging.search import finding
from tests import factories

pytestmark = pytest.mark.django_db
KINDS = ["contacts", "conversations", "messages"]


def search(client, text: str) -> list[list[str]]:
    """Ids of what is found, of each kind."""
    answer = client.get("/api/search", {"q": text})
    assert answer.status_code == 200, answer.content
    assert list(answer.json()) == KINDS
    return [[row["id"] for row in answer.json()[kind]] for kind in KINDS]


@pytest.fixture(autouse=True)
def people(acme, globex, inside) -> None:
    """In each chatroom of both organizations one Zoë Brandt, whose message is about a sofa."""
    for number, world in enumerate((acme, globex)):
        with inside(world):
            for place, room in enumerate(world.rooms.values()):
                Contact.objects.filter(pk=room.contact.pk).update(
                    first_name="Zoë", last_name="Brandt", phone=f"+1415594{number}{place}80"
                )
                Message.objects.filter(pk=room.message.pk).update(content="The sofa is 50% too_wide")


def ids_of(*rooms, people: bool = True, texts: bool = True) -> list[list[str]]:
    of_people = [[str(getattr(room, kind).pk) for room in rooms if people] for kind in ("contact", "conversation")]
    return [*of_people, [str(room.message.pk) for room in rooms if texts]]


@pytest.mark.parametrize("text", ["zoë", "BRANDT", "e\u0308 brandt", "(415) 594-00", "+1 415-594-0080"])
def test_people_and_their_conversations_are_found_by_name_and_number(api, bo, sales, text):
    assert search(api(bo), text) == ids_of(sales, texts=False)


@pytest.mark.parametrize("text", ["sofa", "50% too_", "SOFA IS"])
def test_messages_are_found_by_their_text(api, bo, sales, text):
    assert search(api(bo), text) == ids_of(sales, people=False)


@pytest.mark.parametrize("text", ["%%", "s_fa", "50\\%"])
def test_what_looks_like_a_pattern_is_only_text(api, bo, text):
    assert search(api(bo), text) == [[], [], []]


@pytest.mark.parametrize("text", ["brandt", "sofa"])
def test_each_finds_what_they_see(api, ann, bo, cy, zed, sales, support, elsewhere, text):
    of = {"people": text == "brandt", "texts": text == "sofa"}
    assert [set(ids) for ids in search(api(ann), text)] == [set(ids) for ids in ids_of(sales, support, **of)]
    assert search(api(bo), text) == ids_of(sales, **of)
    assert search(api(cy), text) == [[], [], []]
    assert search(api(zed), text) == ids_of(elsewhere, **of)


def test_rows_are_those_of_the_lists(api, bo):
    client = api(bo)
    assert client.get("/api/search?q=brandt").json()["contacts"] == client.get("/api/contacts").json()["results"]
    found = client.get("/api/search?q=brandt").json()["conversations"]
    assert found == client.get("/api/conversations").json()["results"]
    assert client.get("/api/search?q=sofa").json()["messages"] == client.get("/api/messages").json()["results"]


def test_messages_from_long_ago_are_left_to_their_list(api, bo, acme, sales, inside):
    with inside(acme):
        long_ago = timezone.now() - timedelta(days=finding.MESSAGE_DAYS, minutes=1)
        Message.objects.filter(pk=sales.message.pk).update(occurred_at=long_ago)
    assert search(api(bo), "sofa") == [[], [], []]
    assert len(api(bo).get("/api/messages?search=sofa").json()["results"]) == 1


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("", "q", "required"),
        ("q=", "q", "blank"),
        ("q=%20x%20", "q", "at least 2"),
        ("q=" + "x" * 201, "q", "no more than 200"),
        ("q=%00%00", "q", "Null"),
        ("q=sofa&page_size=5", "page_size", "Unknown query parameter. Allowed: q."),
    ],
)
def test_bad_queries_are_refused_in_words(api, bo, query, field, words):
    answer = api(bo).get(f"/api/search?{query}")
    assert answer.status_code == 400
    assert words in answer.json()["error"]["fields"][field][0]


def test_there_are_a_few_of_each_in_as_many_queries(api, bo, acme, sales, inside):
    client = api(bo)

    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            search(client, "brandt")
        return len(queries)

    with inside(acme):
        Message.objects.filter(pk=sales.message.pk).update(content="Brandt again")
    before = count_queries()
    with inside(acme):
        for _ in range(finding.MOST_OF_EACH + 1):
            contact = factories.ContactFactory(chatroom=sales.room, last_name="Brandt")
            conversation = factories.ConversationFactory(chatroom=sales.room, contact=contact, channel=sales.number)
            factories.MessageFactory(conversation=conversation, content="Brandt here")
    assert count_queries() == before
    assert [len(ids) for ids in search(client, "brandt")] == [finding.MOST_OF_EACH] * 3

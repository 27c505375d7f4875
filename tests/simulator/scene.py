"""What every operation is given, and what several of them do."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from tests.sandbox_server import SandboxServer
from tests.simulator.book import Asked, Book
from tests.simulator.cast import Answer, Door, Organization, Person, Room

ON_META = 0.4  # of messages in either direction
WORDS = "thanks order table ready friday noon call back invoice delivery yes no maybe tomorrow café 你好 👍".split()


@dataclass
class Scene:
    organizations: list[Organization]
    door: Door
    sandbox: SandboxServer
    book: Book

    def gather_accepted(self, organization: Organization) -> list[dict]:
        """What the providers have taken for an organization, in the form of Twilio's list, newest first."""
        return gather_accepted(self.sandbox, organization)


def gather_accepted(sandbox: SandboxServer, organization: Organization) -> list[dict]:
    page = organization.page
    graph = [each for account in (page.page_id, page.instagram_id) for each in sandbox.accepted_by_graph(account)]
    return sandbox.accepted(organization.account_sid) + [
        {
            "sid": each["mid"], "account_sid": each["account_id"], "from": each["account_id"], "to": each["person_id"],
            "body": each["text"], "status": each["status"],
        }
        for each in graph
    ]  # fmt: skip


Operation = Callable[[Scene, random.Random, int], None]


def text_of(chance: random.Random, number: int) -> str:
    return f"#{number} " + " ".join(chance.choices(WORDS, k=chance.randint(1, 25)))


def somebody(chance: random.Random, organization: Organization) -> tuple[Person, Room]:
    """A person and a chatroom, most of the time one that they work in."""
    person = chance.choice(organization.people)
    room = chance.choice(organization.rooms)
    mine = [each for each in organization.rooms if each.id in person.rooms]
    return person, chance.choice(mine) if mine and chance.random() < 0.9 else room


def choose_target(chance: random.Random, organization: Organization) -> tuple[Person, dict]:
    """Who writes, and to whom: to a phone, or in a conversation on Messenger or Instagram."""
    person, room = somebody(chance, organization)
    phone, customer = chance.choice(organization.phones), chance.choice(organization.page.known)
    if chance.random() >= ON_META:
        return person, {"to": phone, "chatroom_id": room.id}
    here = [each for each in organization.people if each.is_admin or organization.page.room_id in each.rooms]
    person = chance.choice(here) if chance.random() < 0.9 else person
    return person, {"conversation_id": customer.conversation_id}


def ask(scene: Scene, asked: Asked, person: Person, path: str, body: dict, headers: dict) -> Answer | None:
    scene.book.note_asked(asked)
    answer = scene.door.ask(person, "POST", path, json=body, headers=headers)
    with scene.book.lock:
        _note(scene.book, asked, answer)
    return answer


def _note(book: Book, asked: Asked, answer: Answer | None) -> None:
    if answer is None:
        asked.unsure = True
    elif answer.status in (200, 201):
        message = answer.body["message"]
        if asked.message_id not in (None, message["id"]):
            book.note_wrong(f"One request made two messages: {asked.message_id} and {message['id']}")
        if message["content"] not in asked.texts:
            book.note_wrong(f"{message['id']} says {message['content']!r}, asked was {asked.texts!r}")
        asked.message_id = message["id"]
    else:
        asked.refused, asked.unsure = answer.status, asked.unsure or answer.unsure


def uuid_of(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)

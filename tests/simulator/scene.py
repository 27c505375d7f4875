"""What every operation is given, and what several of them do."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from tests.sandbox_server import SandboxServer
from tests.simulator.book import Asked, Book
from tests.simulator.cast import Answer, Door, Organization, Person, Room

WORDS = "thanks order table ready friday noon call back invoice delivery yes no maybe tomorrow café 你好 👍".split()


@dataclass
class Scene:
    organizations: list[Organization]
    door: Door
    sandbox: SandboxServer
    book: Book


Operation = Callable[[Scene, random.Random, int], None]


def text_of(chance: random.Random, number: int) -> str:
    return f"#{number} " + " ".join(chance.choices(WORDS, k=chance.randint(1, 25)))


def somebody(chance: random.Random, organization: Organization) -> tuple[Person, Room]:
    """A person and a chatroom, most of the time one that they work in."""
    person = chance.choice(organization.people)
    room = chance.choice(organization.rooms)
    mine = [each for each in organization.rooms if each.id in person.rooms]
    return person, chance.choice(mine) if mine and chance.random() < 0.9 else room


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

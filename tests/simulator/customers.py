"""What customers do: they write, several texts in one moment, and change their minds about being written to."""

import http.client
import random
import time
from urllib.parse import urlencode, urlsplit

import requests
from twilio.request_validator import RequestValidator

from tests.simulator import people
from tests.simulator.book import Texted
from tests.simulator.cast import Organization
from tests.simulator.scene import ON_META, Scene, text_of

PATH = "/api/webhooks/twilio/messages"
# As people write them. The sandbox itself heeds only few, as Twilio does.
STOP = ("STOP", "stop", "Stop!", "STOP.", "opt-out", "Opt out", "STOP ALL", "ＳＴＯＰ", "ST\u200bOP", "Arrêt")
START = ("START", "start", "Start!", "ＳＴＡＲＴ", "unstop", "Iniciar")
ORDINARY = ("Stop by tomorrow", "Start without me", "Liked “STOP”", "👍", "please stop")
SPOKEN = {text: word for word, texts in {"STOP": STOP, "START": START}.items() for text in texts}


def text_us(scene: Scene, chance: random.Random, number: int) -> None:
    """A customer writes; a few of them want no more texts, or again."""
    if chance.random() < ON_META:
        return people.write(scene, chance, number)
    organization = chance.choice(scene.organizations)
    body = chance.choices([text_of(chance, number), "STOP", "START"], [30, 1, 2])[0]
    phone, room = chance.choice(organization.phones), chance.choice(organization.rooms)
    to = organization.wandering.phone if chance.random() < 0.2 else room.number
    began = time.monotonic()
    taken = _take_in(scene, phone, to, body)
    texted = Texted(phone, to, body, began, time.monotonic(), 0, taken["webhook_status"] == 200)
    scene.book.note_texted(taken["sid"], texted)


def text_in_a_burst(scene: Scene, chance: random.Random, number: int) -> None:
    """Several texts of one customer in one moment, as a long one comes that a phone cut into pieces."""
    if chance.random() < 0.5:
        return people.write_in_a_burst(scene, chance, number)
    organization = chance.choice(scene.organizations)
    room, phone = chance.choice(organization.rooms), chance.choice(organization.phones)
    _burst(scene, organization, phone, room.number, [text_of(chance, number) for _ in range(chance.randint(3, 8))])


def change_mind(scene: Scene, chance: random.Random, number: int) -> None:
    """STOP, START and ordinary texts in one moment, as people and machines write them. The last word counts."""
    organization = chance.choice(scene.organizations)
    phone = chance.choice(organization.talkers)
    said = [chance.choice(chance.choice([STOP, STOP, START, START, ORDINARY])) for _ in range(chance.randint(1, 5))]
    with scene.book.lock_of(phone):
        _burst(scene, organization, phone, organization.rooms[0].number, said)


def _burst(scene: Scene, organization: Organization, phone: str, to: str, bodies: list[str]) -> None:
    """The provider has them all before the first webhook is sent, and sends them without waiting for an answer."""
    began = time.monotonic()
    sids = [_take_in(scene, phone, to, body, webhook=False)["sid"] for body in bodies]
    fields = {"AccountSid": organization.account_sid, "From": phone, "To": to, "NumMedia": "0", "NumSegments": "1"}
    forms = [fields | {"MessageSid": sid, "Body": body} for sid, body in zip(sids, bodies, strict=True)]
    statuses = post_in_order(scene.door.url, organization.auth_token, forms)
    ended = time.monotonic()
    for place, (sid, body, status) in enumerate(zip(sids, bodies, statuses, strict=True)):
        scene.book.note_texted(sid, Texted(phone, to, body, began, ended, place, status == 200))


def post_in_order(origin: str, token: str, forms: list[dict[str, str]]) -> list[int | None]:
    """The answers to signed webhooks, each over a connection of its own. None where there was no answer."""
    signed = [(urlencode(form), RequestValidator(token).compute_signature(origin + PATH, form)) for form in forms]
    connections: list[http.client.HTTPConnection | None] = []
    for _ in forms:
        connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=20)
        try:
            connection.connect()
        except OSError:
            connections.append(None)
        else:
            connections.append(connection)
    for place, (body, signature) in enumerate(signed):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        if connection := connections[place]:
            try:
                connection.request("POST", PATH, body.encode(), headers)
            except (OSError, http.client.HTTPException):
                connections[place] = None
    return [_read_status(connection) for connection in connections]


def _read_status(connection: http.client.HTTPConnection | None) -> int | None:
    if connection is None:
        return None
    try:
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _take_in(scene: Scene, phone: str, to: str, body: str, **more) -> dict:
    try:
        return scene.sandbox.post(f"/phones/{phone}/messages", to=to, body=body, **more)
    except requests.RequestException as error:
        raise AssertionError(f"The sandbox itself failed: {error}") from error

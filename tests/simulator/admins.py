"""What admins change while everybody works: rights and assignments, quiet hours, numbers, chatrooms, contacts."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from django.db import Error, connection

from messagehub import tenancy
from messaging.models import Conversation
from tests.simulator import clocks
from tests.simulator.book import Asked
from tests.simulator.cast import Answer, Organization, Person, Room
from tests.simulator.scene import Scene, ask, text_of, uuid_of


# ---------------------------------------------------------------- rights and assignments
def assign_conversation(scene: Scene, chance: random.Random, number: int) -> None:
    """To anybody: who may not see it is refused."""
    organization = chance.choice(scene.organizations)
    if conversation := _a_conversation(scene, chance, organization):
        _assign(scene, organization, conversation, chance.choice([*organization.agents, *organization.temps]))


def shift_rights(scene: Scene, chance: random.Random, number: int) -> None:
    """Somebody comes to see a conversation, gets it, and loses the right again while it is given to them once more."""
    organization = chance.choice(scene.organizations)
    conversation, temp = _a_conversation(scene, chance, organization), chance.choice(organization.temps)
    if conversation is None:
        return
    here = {"user_id": str(temp.id), "chatroom_id": conversation["chatroom_id"]}

    def change_person(**values) -> Answer | None:
        return scene.door.ask(organization.admin, "PATCH", f"/api/users/{temp.id}", json=values)

    def change_room(method: str, **payload) -> Answer | None:
        return scene.door.ask(organization.admin, method, "/api/user-chatrooms", **payload)

    change_person(is_active=True, **chance.choice([{}, {"role": "admin"}]))
    change_room("POST", json=here)
    _assign(scene, organization, conversation, temp)
    losses = [{"role": "agent"}, {"is_active": False}, {"role": "agent", "is_active": False}]
    with ThreadPoolExecutor(2) as pool:
        if chance.random() < 0.5:
            pool.submit(change_room, "DELETE", params=here)
        else:
            pool.submit(change_person, **chance.choice(losses))
        if chance.random() < 0.5:
            pool.submit(_assign, scene, organization, conversation, temp)


def _assign(scene: Scene, organization: Organization, conversation: dict, person: Person) -> Answer | None:
    path = f"/api/conversations/{conversation['id']}"
    return scene.door.ask(organization.admin, "PATCH", path, json={"assigned_to": str(person.id)})


def _a_conversation(scene: Scene, chance: random.Random, organization: Organization) -> dict | None:
    """One of the newest, most of the time one that is open."""
    wanted = {"status": "OPEN"} if chance.random() < 0.8 else {}
    answer = scene.door.ask(organization.admin, "GET", "/api/conversations", params=wanted)
    listed = answer.body.get("results", []) if answer else []
    return chance.choice(listed) if listed else None


# ---------------------------------------------------------------- quiet hours
def change_quiet_hours(scene: Scene, chance: random.Random, number: int) -> None:
    """Quiet hours begin while messages wait, and what a refusal promises is taken at its word.

    They leave the organization's own zone alone, where all other phones are.
    """
    organization = chance.choice(scene.organizations)
    places = clocks.FAR, clocks.EVERYWHERE
    waiting, refused = ([form.format(2 * number + n) for form in places] for n in range(2))
    agent = chance.choice(organization.agents)
    with scene.book.lock_of(f"quiet hours of {organization.id}"):
        if not set_quiet_hours(scene, organization, None):
            return
        due = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        for place, phone in enumerate(waiting):
            _write_first(scene, chance, number * 10 + place, organization, agent, phone, due)
        if not set_quiet_hours(scene, organization, organization.quiet_hours):
            return
        for place, phone in enumerate(refused, 2):
            refusal = _write_first(scene, chance, number * 10 + place, organization, organization.admin, phone)
            promise = _read_promise(scene, organization, phone, refusal)
            if promise:
                kept = _write_first(
                    scene, chance, number * 10 + place + 2, organization, organization.admin, phone, promise
                )
                if kept and kept.status != 201:
                    scene.book.note_wrong(f"{phone} may be written to at {promise}, and then: {kept.body}")


def set_quiet_hours(scene: Scene, organization: Organization, hours: clocks.Hours | None) -> bool:
    """Whether they are as wanted now."""
    wanted = hours and {"from": f"{hours.start:%H:%M}", "until": f"{hours.until:%H:%M}"}
    rules = {"quiet_hours": wanted, "quiet_hours_for_people": True}
    answer = scene.door.ask(organization.admin, "PATCH", "/api/settings", json=rules)
    return answer is not None and answer.status == 200


def _write_first(
    scene: Scene,
    chance: random.Random,
    number: int,
    organization: Organization,
    person: Person,
    phone: str,
    send_at: str | None = None,
) -> Answer | None:
    text, client_id = text_of(chance, number), str(uuid_of(chance))
    body = {"to": phone, "chatroom_id": organization.rooms[0].id, "content": text, "client_id": client_id}
    body |= {"send_at": send_at} if send_at else {}
    asked = Asked(number, organization.id, person.id, person.is_admin, {text}, client_id)
    return ask(scene, asked, person, "/api/messages/send", body, {})


def _read_promise(scene: Scene, organization: Organization, phone: str, answer: Answer | None) -> str | None:
    """When the refusal says that it ends. Notes what is wrong with it."""
    if answer is None or answer.unsure:
        return None
    reasons = answer.body.get("error", {}).get("reasons", [])
    quiet = next((reason for reason in reasons if reason["code"] == "quiet_hours"), None)
    if quiet is None:
        scene.book.note_wrong(f"{phone} was written to in its quiet hours, or refused for less: {answer.body}")
        return None
    promise = quiet["opens_at"]
    if promise and not organization.quiet_hours.allow(phone, datetime.fromisoformat(promise)):
        scene.book.note_wrong(f"{phone} is told to wait until {promise}, which is in its quiet hours")
    if bool(promise) != organization.quiet_hours.end_for(phone):
        scene.book.note_wrong(f"{phone} is promised {promise}, and there is {'one' if not promise else 'no'} such hour")
    return promise


# ---------------------------------------------------------------- numbers, chatrooms, contacts
def move_number(scene: Scene, chance: random.Random, number: int) -> None:
    """Its open conversations go along, while customers write to it."""
    organization = chance.choice(scene.organizations)
    number_id = organization.wandering.id
    path = f"/api/sender-numbers/{number_id}"
    with scene.book.lock_of(organization.wandering.phone):
        present = scene.door.ask(organization.admin, "GET", path)
        if present is None:
            return
        room = chance.choice([each for each in organization.rooms if each.id != present.body["chatroom_id"]])
        before = _open_elsewhere(number_id, room)
        answer = scene.door.ask(organization.admin, "PATCH", path, json={"chatroom_id": room.id})
        if answer and answer.status != 200:
            scene.book.note_wrong(f"A number can't be moved: {answer.status} {answer.body}")
        elif answer:
            for pk in before & _open_elsewhere(number_id, room) - scene.book.closed:
                scene.book.note_wrong(f"The conversation {pk} was left behind when its number was moved to {room.id}")


def _open_elsewhere(number_id: str, room: Room) -> set[str]:
    """What is not closed of a number and in another chatroom. One that comes into being meanwhile follows later."""
    try:
        with tenancy.system():
            there = Conversation.objects.filter(channel=number_id).exclude(status="CLOSED")
            return {str(pk) for pk in there.exclude(chatroom=room.id).values_list("pk", flat=True)}
    except Error:  # PostgreSQL was restarted: nothing is known
        return set()
    finally:
        connection.close()  # of this thread


def archive_chatroom(scene: Scene, chance: random.Random, number: int) -> None:
    """Each has a number, so it is refused."""
    organization = chance.choice(scene.organizations)
    room = chance.choice(organization.rooms)
    answer = scene.door.ask(organization.admin, "DELETE", f"/api/chatrooms/{room.id}")
    if answer and answer.status != 409:
        scene.book.note_wrong(f"A chatroom with numbers was archived: {answer.status} {answer.body}")


def merge_contacts(scene: Scene, chance: random.Random, number: int) -> None:
    """Two contacts, each with a scheduled message, are one person."""
    organization = chance.choice(scene.organizations)
    admin, room, ids, waiting = organization.admin, chance.choice(organization.rooms), [], []
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    for place in range(2):
        text, client_id = text_of(chance, number), str(uuid_of(chance))
        asked = Asked(number * 10 + place, organization.id, admin.id, True, {text}, client_id)
        body = {"to": f"+15569{number:05d}{place}", "chatroom_id": room.id, "content": text, "client_id": client_id}
        answer = ask(scene, asked, admin, "/api/messages/send", body | {"send_at": later}, {})
        if answer is None or answer.status not in (200, 201):
            return
        waiting.append(answer.body["message"]["id"])
        ids.append(answer.body["message"]["contact_id"])
    kept, lost = ids
    status = scene.door.ask_page(admin, f"/contacts/{kept}/merge/{lost}/")
    if status == 302:
        scene.book.note_merged(kept, waiting)
    elif status is not None and status != 404:  # 404: done by a request that got no answer
        scene.book.note_wrong(f"Two contacts can't be merged: {status}")

"""What people do, and how often each operation is dealt. Each takes the scene, its own chance and its number."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.simulator.admins import (
    archive_chatroom,
    assign_conversation,
    change_quiet_hours,
    merge_contacts,
    move_number,
    shift_rights,
)
from tests.simulator.book import Asked, Campaign, Granted
from tests.simulator.cast import Organization, Person, Room
from tests.simulator.customers import change_mind, text_in_a_burst, text_us
from tests.simulator.scene import Operation, Scene, ask, choose_target, somebody, text_of, uuid_of

FAILED = ("failed", "undelivered", "not_sent", "canceled")


# ---------------------------------------------------------------- sending
def send(scene: Scene, chance: random.Random, number: int) -> None:
    _send(scene, chance, number, text_of(chance, number))


def send_at_once(scene: Scene, chance: random.Random, number: int) -> None:
    """The same request several times at the same moment, as impatient clients and proxies do."""
    _send(scene, chance, number, text_of(chance, number), copies=chance.randint(2, 4))


def schedule(scene: Scene, chance: random.Random, number: int) -> None:
    """For in a few seconds, or for a day that this simulation does not see."""
    wait = chance.uniform(2, 6) if chance.random() < 0.5 else 86_400
    due = datetime.now(UTC) + timedelta(seconds=wait)
    _send(scene, chance, number, text_of(chance, number), send_at=due.isoformat(), keyed=True)


def say_again(scene: Scene, chance: random.Random, number: int) -> None:
    """Two messages with one text to one person: for the provider they look alike."""
    organization = chance.choice(scene.organizations)
    person, target = choose_target(chance, organization)
    text = text_of(chance, number)
    for copy in range(2):
        body = {**target, "content": text, "client_id": str(uuid_of(chance))}
        ask(scene, Asked(number * 10 + copy, organization.id, person.id, person.is_admin, {text}, body["client_id"]),
             person, "/api/messages/send", body, {})  # fmt: skip


def _send(
    scene: Scene, chance: random.Random, number: int, text: str, *, copies: int = 1, keyed: bool = False, **more
) -> None:
    organization = chance.choice(scene.organizations)
    person, target = choose_target(chance, organization)
    body = {**target, "content": text, **more}
    headers, client_id = {}, str(uuid_of(chance))
    if keyed or chance.random() < 0.3:
        headers["Idempotency-Key"], client_id = client_id, None
    else:
        body["client_id"] = client_id
    asked = Asked(number * 10, organization.id, person.id, person.is_admin, {text}, client_id)
    if copies == 1:
        ask(scene, asked, person, "/api/messages/send", body, headers)
    else:
        with ThreadPoolExecutor(copies) as pool:
            for _ in range(copies):
                pool.submit(ask, scene, asked, person, "/api/messages/send", body, headers)


def repeat(scene: Scene, chance: random.Random, number: int) -> None:
    """A client_id once more: with its text it is the same message, with another it is refused."""
    organization = chance.choice(scene.organizations)
    known = [asked for asked in scene.book.acknowledged(organization.id) if asked.client_id]
    if not known:
        return
    asked = chance.choice(known)
    person = next(person for person in organization.people if person.id == asked.person_id)
    seen = scene.door.ask(person, "GET", f"/api/messages/{asked.message_id}")
    if seen is None or seen.status != 200:
        return  # their chatroom was taken from them since
    message, other = seen.body, chance.random() < 0.3
    body = {
        "conversation_id": message["conversation_id"],
        "content": message["content"] + (" changed" if other else ""),
        "client_id": asked.client_id,
    }
    answer = scene.door.ask(person, "POST", "/api/messages/send", json=body)
    if answer is None or answer.status in (400, 402, 409, 422):
        return
    if other or answer.body["message"]["id"] != asked.message_id:
        scene.book.note_wrong(f"client_id {asked.client_id} of {asked.message_id} made {answer.body['message']['id']}")


def retry(scene: Scene, chance: random.Random, number: int) -> None:
    organization = chance.choice(scene.organizations)
    person, _ = somebody(chance, organization)
    message = _one_of(scene, chance, person, scene.book.troubled.get(organization.id, []))
    if message is None or message["status"] not in FAILED:
        return
    asked = Asked(number * 10, organization.id, person.id, person.is_admin, {message["content"]}, None)
    ask(scene, asked, person, f"/api/messages/{message['id']}/retry", {}, {"Idempotency-Key": str(uuid_of(chance))})


def cancel(scene: Scene, chance: random.Random, number: int) -> None:
    if found := _scheduled(scene, chance):
        person, message = found
        with scene.book.lock:
            scene.book.canceling.add(message["id"])
        answer = scene.door.ask(person, "POST", f"/api/messages/{message['id']}/cancel")
        if answer and answer.status == 200:
            with scene.book.lock:
                scene.book.canceled.add(message["id"])


def change(scene: Scene, chance: random.Random, number: int) -> None:
    if not (found := _scheduled(scene, chance)):
        return
    person, message = found
    if chance.random() < 0.5:
        with scene.book.of_message(message["id"]) as asked:
            text = f"{asked.tag}changed by {number}"
            asked.texts.add(text)
        scene.door.ask(person, "PATCH", f"/api/messages/{message['id']}", json={"content": text})
    else:
        due = datetime.now(UTC) + timedelta(seconds=3)
        scene.door.ask(person, "PATCH", f"/api/messages/{message['id']}", json={"send_at": due.isoformat()})


def settle(scene: Scene, chance: random.Random, number: int) -> None:
    """A person looks an unknown message up at the provider and tells the truth."""
    organization = chance.choice(scene.organizations)
    recent = [asked.message_id for asked in scene.book.acknowledged(organization.id)[-60:]]
    for _ in range(12):
        message = _one_of(scene, chance, organization.admin, recent)
        if message and message["status"] == "unknown":
            break
    else:
        return
    alike = scene.door.ask(organization.admin, "GET", "/api/messages", params={"search": message["content"]})
    if alike is None or len(alike.body["results"]) != 1:
        return  # several of one text: a person could not say which
    there = any(each["body"] == message["content"] for each in scene.gather_accepted(organization))
    outcome = "accepted" if there else "not_sent"
    scene.door.ask(organization.admin, "POST", f"/api/messages/{message['id']}/settle", json={"outcome": outcome})


def campaign(scene: Scene, chance: random.Random, number: int) -> None:
    """One text to everybody of a chatroom, started at once or by several clients at the same moment."""
    organization = chance.choice(scene.organizations)
    person, room = somebody(chance, organization)
    text = text_of(chance, number)
    draft = {"name": f"#{number}", "content": text, "chatroom_id": room.id, "group_ids": [room.group_id]}
    answer = scene.door.ask(person, "POST", "/api/campaigns", json=draft)
    if answer is None or answer.status != 201:
        return
    made = Campaign(answer.body["id"], organization.id, text)
    scene.book.note_campaign(made)
    headers = {"Idempotency-Key": str(uuid_of(chance))}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(chance.randint(1, 2)):
            pool.submit(scene.door.ask, person, "POST", f"/api/campaigns/{made.id}/start", headers=headers)


def steer(scene: Scene, chance: random.Random, number: int) -> None:
    """Pause a campaign, let it go on, or call it off."""
    organization = chance.choice(scene.organizations)
    with scene.book.lock:
        known = [each for each in scene.book.campaigns if each.organization_id == organization.id][-6:]
    if not known:
        return
    chosen, act = chance.choice(known), chance.choice(["pause", "pause", "resume", "resume", "cancel"])
    answer = scene.door.ask(organization.admin, "POST", f"/api/campaigns/{chosen.id}/{act}")
    if act == "cancel" and answer and answer.status == 200:
        chosen.canceled = True


# ---------------------------------------------------------------- tokens, rights, reading
def grant(scene: Scene, chance: random.Random, number: int) -> None:
    _adjust(scene, chance, number, chance.randint(1, 40))


def take_back(scene: Scene, chance: random.Random, number: int) -> None:
    _adjust(scene, chance, number, -chance.randint(1, 10))


def _adjust(scene: Scene, chance: random.Random, number: int, delta: int) -> None:
    organization = chance.choice(scene.organizations)
    agent, reason = chance.choice(organization.agents), f"#{number} simulated"
    body = {"user_id": str(agent.id), "delta": delta, "reason": reason}
    headers = {"Idempotency-Key": str(uuid_of(chance))}
    answer = scene.door.ask(organization.admin, "PATCH", "/api/tokens/update", json=body, headers=headers)
    scene.book.note_granted(Granted(agent.id, delta, reason, None if answer is None else answer.status == 200))


def assign(scene: Scene, chance: random.Random, number: int) -> None:
    organization, agent, room = _assignment(scene, chance)
    body = {"user_id": str(agent.id), "chatroom_id": room.id}
    if scene.door.ask(organization.admin, "POST", "/api/user-chatrooms", json=body):
        agent.rooms.add(room.id)


def revoke(scene: Scene, chance: random.Random, number: int) -> None:
    organization, agent, room = _assignment(scene, chance)
    query = {"user_id": str(agent.id), "chatroom_id": room.id}
    if scene.door.ask(organization.admin, "DELETE", "/api/user-chatrooms", params=query):
        agent.rooms.discard(room.id)


def _assignment(scene: Scene, chance: random.Random) -> tuple[Organization, Person, Room]:
    organization = chance.choice(scene.organizations)
    return organization, chance.choice(organization.agents), chance.choice(organization.rooms)


def read(scene: Scene, chance: random.Random, number: int) -> None:
    """Open the inbox and a conversation, read it, and close some."""
    person, _ = somebody(chance, chance.choice(scene.organizations))
    listed = scene.door.ask(person, "GET", "/api/conversations")
    if not listed or not listed.body.get("results"):
        return
    conversation = chance.choice(listed.body["results"])
    path = f"/api/conversations/{conversation['id']}"
    thread = scene.door.ask(person, "GET", f"{path}/messages")
    if thread and thread.body.get("results"):
        scene.door.ask(person, "POST", f"{path}/read", json={"up_to": thread.body["results"][0]["id"]})
    if chance.random() < 0.3:
        status = chance.choice(["CLOSED", "PENDING", "OPEN"])
        if status == "CLOSED":
            with scene.book.lock:
                scene.book.closed.add(conversation["id"])
        scene.door.ask(person, "PATCH", path, json={"status": status})


# ---------------------------------------------------------------- in common
def _one_of(scene: Scene, chance: random.Random, person: Person, ids: list[str]) -> dict | None:
    """One of these messages as it is now, if the person may see it."""
    if not ids:
        return None
    answer = scene.door.ask(person, "GET", f"/api/messages/{chance.choice(ids)}")
    return answer.body if answer and answer.status == 200 else None


def _scheduled(scene: Scene, chance: random.Random) -> tuple[Person, dict] | None:
    person, _ = somebody(chance, chance.choice(scene.organizations))
    answer = scene.door.ask(person, "GET", "/api/messages", params={"status": "scheduled"})
    found = answer.body["results"] if answer and answer.status == 200 else []
    return (person, chance.choice(found)) if found else None


# How often each kind is dealt, beside one another.
SHARE: dict[Operation, float] = {
    send: 34, send_at_once: 4, say_again: 3, schedule: 5, repeat: 5, retry: 6, cancel: 3, change: 3, settle: 3,
    campaign: 1.5, steer: 2.5, text_us: 14, grant: 6, take_back: 2, assign: 2, revoke: 1, read: 5,
    text_in_a_burst: 2, change_mind: 3, assign_conversation: 4, shift_rights: 3, change_quiet_hours: 0.8,
    move_number: 1, archive_chatroom: 0.3, merge_contacts: 1,
}  # fmt: skip

"""What people do on Messenger and Instagram: they write, edit, react, and take back what they wrote."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.meta_events import build_event
from tests.simulator.book import Texted
from tests.simulator.cast import Customer
from tests.simulator.environment import APP_ID
from tests.simulator.scene import Scene, text_of

LOST = 0.12  # of single messages: their webhook never comes
SEEN = 0.4  # of those who write: they look at what was written to them first
EMOJIS = ("❤", "👍", "😮", "🎉")


def say_hello(scene: Scene) -> None:
    """Who is known has written: Meta lets nobody answer who was not asked."""
    for customer in (each for organization in scene.organizations for each in organization.page.known):
        began = time.monotonic()
        taken = _tell(scene, customer, "messages", text="Hello")
        span = (began, time.monotonic())
        _note(scene, customer, taken["mid"], "Hello", span, 0, taken["webhook_status"] == 200)


def write(scene: Scene, chance: random.Random, number: int) -> None:
    """Somebody writes, and perhaps changes, takes back or reacts to it right away."""
    customer = _choose_customer(scene, chance)
    if chance.random() < SEEN:
        see(scene, customer)
    text, told = text_of(chance, number), chance.random() >= LOST
    acts = _choose_acts(chance, customer, number)
    began = time.monotonic()
    taken = _tell(scene, customer, "messages", text=text, webhook=told)
    heard = [taken["webhook_status"] == 200]
    _note(scene, customer, taken["mid"], text, (began, time.monotonic()), 0, heard[0])
    # About a message that nobody has heard of nothing can be told.
    for act in acts if told else []:
        answer = _tell(scene, customer, "acts", mid=taken["mid"], **act)
        heard.append(answer["webhook_status"] == 200)
    if not all(heard):
        with scene.book.lock:
            scene.book.unheard.add(taken["mid"])


def see(scene: Scene, customer: Customer) -> None:
    """All that was written to them; those who see everything at once have seen it before."""
    thread = scene.sandbox.get(f"/meta/threads/{customer.account_id}/{customer.person_id}")
    if any(message["direction"] == "received" for message in thread["messages"]):
        _tell(scene, customer, "acts", act="seen")


def write_in_a_burst(scene: Scene, chance: random.Random, number: int) -> None:
    """Several messages of one moment, told in batches that overtake one another, some of them twice, some never."""
    customer = _choose_customer(scene, chance)
    texts = [text_of(chance, number) for _ in range(chance.randint(3, 8))]
    began = time.monotonic()
    mids = [_tell(scene, customer, "messages", text=text, webhook=False)["mid"] for text in texts]
    ended = time.monotonic()
    for place, (mid, text) in enumerate(zip(mids, texts, strict=True)):
        _note(scene, customer, mid, text, (began, ended), place, False)
    times = {
        each["mid"]: round(each["created_at"] * 1000)
        for each in scene.sandbox.get(f"/meta/threads/{customer.account_id}/{customer.person_id}")["messages"]
    }
    events = [
        build_event(customer.account_id, person=customer.person_id, at=times[mid], message={"mid": mid, "text": text})
        for mid, text in zip(mids, texts, strict=True)
        if mid in times and chance.random() >= LOST
    ]
    cut = chance.randint(0, len(events))
    batches = [part for part in (events[:cut], events[cut:]) if part]
    batches += batches[:1] if chance.random() < 0.5 else []
    chance.shuffle(batches)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda part: _post_batch(scene, customer, part), batches))


def _post_batch(scene: Scene, customer: Customer, events: list[dict]) -> None:
    entry = {"id": customer.account_id, "time": round(time.time() * 1000), "messaging": events}
    kind = "instagram" if customer.is_on_instagram else "page"
    scene.sandbox.post_batch(APP_ID, {"object": kind, "entry": [entry]})


def _choose_customer(scene: Scene, chance: random.Random) -> Customer:
    return chance.choice(chance.choice(scene.organizations).page.customers)


def _choose_acts(chance: random.Random, customer: Customer, number: int) -> list[dict]:
    acts = []
    if chance.random() < 0.25:
        acts += [{"act": "react", "emoji": chance.choice(EMOJIS)} for _ in range(chance.randint(1, 2))]
        acts += [{"act": "unreact"}] if chance.random() < 0.5 else []
    if chance.random() < 0.2:
        acts += [{"act": "edit", "text": f"#{number} edited {n}"} for n in range(chance.randint(1, 3))]
    if customer.is_on_instagram and chance.random() < 0.25:
        acts.append({"act": "unsend"})
    return acts


def _tell(scene: Scene, customer: Customer, what: str, **payload) -> dict:
    try:
        return scene.sandbox.post(f"/meta/threads/{customer.account_id}/{customer.person_id}/{what}", **payload)
    except requests.RequestException as error:
        raise AssertionError(f"The sandbox itself failed: {error}") from error


def _note(
    scene: Scene, customer: Customer, mid: str, text: str, span: tuple[float, float], place: int, heard: bool
) -> None:
    texted = Texted(customer.person_id, customer.account_id, text, *span, place, heard)
    scene.book.note_texted(mid, texted)

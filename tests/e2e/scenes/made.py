"""Conversations that several scenes look at, and what keeps an answer away."""

from playwright.sync_api import Page, Route

from tests.e2e.scenes import LONG_NAME, Stage
from tests.running_demo import eventually

ASK = "Could you send somebody to look at the table? One leg has a crack from the joint down to the middle."


def is_phone(page: Page) -> bool:
    return page.viewport_size["width"] <= 640


def never(route: Route) -> None:
    """An answer that does not come as long as anybody looks."""


def fault(stage: Stage, kind: str) -> None:
    stage.demo.sandbox("POST", "/faults", provider="twilio", kind=kind, count=1)


def plain(stage: Stage) -> dict:
    """A talk to write into."""
    return stage.talk("Good morning", ASK)


def long_names(stage: Stage) -> dict:
    """Everything that has a name has a long one."""
    first, last = LONG_NAME
    talk = stage.talk("https://example.com/" + "a-very-long-address-without-any-space/" * 4 + " is what I mean, " + ASK)
    dana = stage.client("dana")
    details = {"first_name": first, "last_name": last, "email": f"{last}@{last}.example".lower()}
    assert dana.patch(f"/api/contacts/{talk['contact']['id']}", json=details).status_code == 200
    stage.python(f"""
lena = User.objects.get(email="lena@northbeam.example")
talk = Conversation.objects.get(pk={talk["id"]!r})
talk.assigned_to = lena
talk.save()
note = "Called them: " + "very " * 60 + "friendly."
Note.objects.create(organization=northbeam, conversation=talk, author=lena, content=note)
for word in ("Complaint about a very late delivery", "Contract customers in the far north"):
    label = Label.objects.create(organization=northbeam, name=word, color="ochre")
    ConversationLabel.objects.create(organization=northbeam, conversation=talk, label=label)
""")
    return talk


def rich(stage: Stage) -> dict:
    """A thread with everything that a thread can have."""
    picture = f"{stage.url}/sandbox/sample.png"
    talk = stage.talk("My table arrived with a crack along one leg", media=[picture, picture])
    maya, dana = stage.client("maya"), stage.client("dana")
    here = f"/api/conversations/{talk['id']}"
    assert dana.patch(here, json={"assigned_to": maya.user["id"]}).status_code == 200
    note = {"content": "Transit crack. @Dana Reyes fine to offer next-day with fitting?", "mentions": [dana.user["id"]]}
    assert maya.post(f"{here}/notes", json=note).status_code == 201
    maya.reply(talk, "I'm so sorry about that. We can bring a replacement tomorrow and fit it for you.")
    eventually(lambda: stage.demo.phone(talk["phone"])[-1]["body"].startswith("I'm so sorry"))
    for text in ("14 to 16 please", "And this was in the box", "No, wait"):
        stage.demo.text(talk["phone"], stage.demo.number, text)
    eventually(lambda: maya.conversation_with(talk["phone"])["messages"][0]["content"] == "No, wait")
    stage.python(f"""
said = {{each.content: each for each in Message.objects.filter(conversation={talk["id"]!r})}}
asked = next(each for text, each in said.items() if text.startswith("I'm so sorry"))
answer, box, gone = said["14 to 16 please"], said["And this was in the box"], said["No, wait"]
Message.objects.filter(pk=answer.pk).update(reply_to=asked)
Message.objects.filter(pk=asked.pk).update(reactions=[{{"emoji": emoji, "by": "contact"}} for emoji in "❤☺"])
Message.objects.filter(pk=gone.pk).update(deleted_at=timezone.now(), content="")
for place, (name, kind, state, size) in enumerate([
    ("delivery-note-48213.pdf", "application/pdf", "stored", 219_000),
    ("a-recording-of-what-the-driver-said-when-he-left-it-at-the-door.m4a", "audio/mp4", "pending", None),
    ("", "application/octet-stream", "failed", None),
]):
    Attachment.objects.create(
        organization=northbeam, message=box, position=place, name=name, content_type=kind, state=state, size=size,
        source_url="https://api.twilio.com/media",
    )
""")
    fault(stage, "30003")
    maya.reply(talk, "Booked for tomorrow, 14:00 to 16:00. Your fitter is Callum and texts when he is 30 minutes away.")
    eventually(lambda: maya.conversation_with(talk["phone"])["messages"][0]["status"] == "undelivered")
    return talk


def endless(stage: Stage) -> dict:
    """More messages than one page of a thread holds, of the length that people write."""
    talk = stage.talk("Good morning")
    said = [ASK, "Yes", "I measured it: 180 by 90 cm, and the door is 85 cm wide. Does it come in parts?", "Thank you!"]
    stage.python(f"""
talk = Conversation.objects.get(pk={talk["id"]!r})
first = talk.messages.get()
said = {said!r}
for n in range(150):
    ours = n % 3 == 1
    Message.objects.create(
        organization=northbeam, chatroom=talk.chatroom, conversation=talk, contact=talk.contact, channel=talk.channel,
        platform="SMS",
        content=said[n % 4],
        direction="outbound" if ours else "inbound", status="delivered" if ours else "received",
        occurred_at=first.occurred_at - timezone.timedelta(hours=150 - n), from_address=first.from_address,
        to_address=first.to_address,
    )
""")
    return talk

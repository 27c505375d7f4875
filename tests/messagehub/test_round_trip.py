"""The main job, from outside: a text comes in, is answered, paid and delivered."""

from uuid import uuid4

from tests.running_demo import Demo, eventually, phones


def test_a_text_is_answered_paid_and_delivered(demo: Demo):
    maya, tom, dana = demo.client("maya"), demo.client("tom"), demo.client("dana")
    phone, before = next(phones), maya.balance

    came = demo.text(phone, demo.number, "Is the walnut table back?")

    assert came["webhook_status"] == 200
    conversation = eventually(lambda: maya.conversation_with(phone))
    assert conversation["unread_count"] == 1
    assert conversation["messages"][0]["content"] == "Is the walnut table back?"
    assert conversation["messages"][0]["provider_id"] == came["sid"]
    assert dana.conversation_with(phone)["id"] == conversation["id"]
    assert tom.conversation_with(phone) is None
    assert tom.get(f"/api/conversations/{conversation['id']}").status_code == 404

    answer = maya.reply(conversation, "Two came in this morning.", client_id=str(uuid4()))

    assert answer.status_code == 201
    assert answer.json()["remaining_tokens"] == before - 1
    message = answer.json()["message"]
    assert message["status"] == "queued"
    delivered = eventually(lambda: (found := maya.message(message["id"]))["status"] == "delivered" and found)
    assert delivered["sent_at"] <= delivered["delivered_at"]
    assert [text["body"] for text in demo.phone(phone)] == ["Is the walnut table back?", "Two came in this morning."]
    assert maya.balance == before - 1


def test_reading_clears_the_unread_count(demo: Demo):
    maya, phone = demo.client("maya"), next(phones)
    demo.text(phone, demo.number, "One")
    demo.text(phone, demo.number, "Two")
    conversation = eventually(lambda: (c := maya.conversation_with(phone)) and c["unread_count"] == 2 and c)
    room = f"/api/chatrooms/{conversation['chatroom_id']}"
    unread = maya.read(room)["unread_count"]
    thread = maya.read(f"/api/conversations/{conversation['id']}/messages")["results"]

    first = maya.post(f"/api/conversations/{conversation['id']}/read", json={"up_to": thread[1]["id"]})
    assert first.json()["unread_count"] == 1
    last = maya.post(f"/api/conversations/{conversation['id']}/read", json={"up_to": thread[0]["id"]})
    assert last.json()["unread_count"] == 0
    back = maya.post(f"/api/conversations/{conversation['id']}/read", json={"up_to": thread[1]["id"]})
    assert back.json()["unread_count"] == 0

    assert maya.read(room)["unread_count"] == unread - 2


def test_a_command_of_the_clone_attaches_to_the_running_demo(demo: Demo):
    emails = "*User.objects.values_list('email', flat=True)"
    printed = demo.manage("shell", "-v0", "-c", f"from accounts.models import User; print({emails})")

    # Other tests may have invited somebody meanwhile.
    assert {user["email"] for user in demo.details["users"]} < set(printed.split())

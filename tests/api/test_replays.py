"""A request that is repeated with its key, once rights have changed."""

from chatrooms import membership
from tokens import ledger


def test_the_first_answer_is_not_given_again_to_who_has_lost_the_chatroom(api, acme, sales, ann, bo, inside):
    with inside(acme):
        ledger.adjust(bo, 5, actor=ann, reason="Start")
    given = {"conversation_id": str(sales.conversation.pk), "content": "Hi"}

    def send():
        return api(bo).post("/api/messages/send", given, headers={"Idempotency-Key": "one"})

    assert (send().status_code, send()["Idempotency-Replayed"]) == (201, "true")
    with inside(acme):
        membership.unassign_user(bo, sales.room, by=ann)
    assert send().status_code == 404
    with inside(acme):
        membership.assign_user(bo, sales.room, by=ann)
    assert send()["Idempotency-Replayed"] == "true"

"""What the conversations of a channel hold, read page by page from a server on loopback."""

from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.events import InboundMessage, Listed, Media
from integrations.meta import listing
from integrations.refusals import Away, Refusal
from tests.integrations.meta.graph_server import GraphServer
from tests.integrations.meta.payloads import ACCOUNT, FOLLOWER, PAGE, PERSON

TOKEN = "EAAGcanary0of0the0page"
SINCE = datetime(2026, 5, 28, 20, 0, 0, 700000, tzinfo=UTC)
CDN = "https://scontent.xx.fbcdn.net/v/7_n.jpg"
POST = "https://www.facebook.com/somebody/posts/1"


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 5, 28, 20, minute, second, tzinfo=UTC)


def message(mid: str, sender: str, moment: datetime, **more: Any) -> dict[str, Any]:
    recipient = PAGE if sender == PERSON else PERSON
    addresses = {"from": {"id": sender, "name": "Somebody"}, "to": {"data": [{"id": recipient}]}}
    return {"id": mid, "created_time": moment.strftime("%Y-%m-%dT%H:%M:%S+0000"), "message": mid, **addresses, **more}


def page(*items: dict[str, Any], after: str = "") -> dict[str, Any]:
    paging: dict[str, Any] = {"cursors": {"before": "b", "after": after or "z"}}
    if after:
        paging["next"] = f"http://169.254.169.254/next?access_token={TOKEN}&after={after}"
    return {"data": list(items), "paging": paging}


def conversation(thread: str, updated: datetime, messages: dict[str, Any]) -> dict[str, Any]:
    return {"id": thread, "updated_time": updated.strftime("%Y-%m-%dT%H:%M:%S+0000"), "messages": messages}


def list_sent() -> list[Listed]:
    return listing.list_sent(PAGE, TOKEN, PAGE, PERSON, SINCE, platform="MESSENGER")


def list_received() -> list[InboundMessage]:
    return listing.list_received(PAGE, TOKEN, PAGE, SINCE, platform="MESSENGER")


# ---------------------------------------------------------------- both directions
def test_each_side_of_a_conversation_is_listed_by_itself_and_oldest_first(graph: GraphServer):
    messages = page(
        message("m_4", PERSON, at(40)), message("m_3", PAGE, at(30)),
        message("m_2", PERSON, at(20)), message("m_1", PAGE, at(10)),
    )  # fmt: skip
    graph.answer(200, page(conversation("t_1", at(40), messages)))

    assert list_sent() == [
        Listed("m_1", "m_1", "sent", "", at(10), 1, PAGE),
        Listed("m_3", "m_3", "sent", "", at(30), 1, PAGE),
    ]
    assert [(each.provider_id, each.from_address, each.to_address) for each in list_received()] == [
        ("m_2", PERSON, PAGE),
        ("m_4", PERSON, PAGE),
    ]
    sent_call, received_call = graph.calls
    assert sent_call.path == received_call.path == f"/facebook/v23.0/{PAGE}/conversations"
    assert (sent_call.query["platform"], sent_call.query["user_id"]) == ("messenger", PERSON)
    assert "user_id" not in received_call.query
    assert sent_call.headers["authorization"] == f"Bearer {TOKEN}"


def test_pages_are_followed_by_their_cursor_and_not_by_their_address(graph: GraphServer):
    graph.answer(200, page(conversation("t_1", at(50), page(message("m_6", PERSON, at(50)), after="i1")), after="o1"))
    graph.answer(200, page(message("m_5", PERSON, at(40)), after="i2"))
    graph.answer(200, page(message("m_4", PERSON, at(30))))
    graph.answer(200, page(conversation("t_2", at(45), page(message("m_3", PERSON, at(45))))))

    assert [each.provider_id for each in list_received()] == ["m_4", "m_5", "m_3", "m_6"]

    asked = [(call.path, call.query.get("after")) for call in graph.calls]
    assert asked == [
        (f"/facebook/v23.0/{PAGE}/conversations", None),
        ("/facebook/v23.0/t_1/messages", "i1"),
        ("/facebook/v23.0/t_1/messages", "i2"),
        (f"/facebook/v23.0/{PAGE}/conversations", "o1"),
    ]
    assert TOKEN not in str([call.query for call in graph.calls])
    assert graph.calls[1].query["fields"] == listing.FIELDS


def test_messages_of_one_second_are_listed_in_the_order_in_which_they_were_written(graph: GraphServer):
    """Meta's times are whole seconds, and its list has the newest first."""
    received, sent = [message(f"m_{n}", PERSON, at(5)) for n in (3, 2, 1)], [message("m_5", PAGE, at(5))]
    for _ in range(2):
        graph.answer(200, page(conversation("t_1", at(5), page(*sent, *received, after="i1"))))
        graph.answer(200, page(message("m_4", PAGE, at(5))))

    assert [each.provider_id for each in list_received()] == ["m_1", "m_2", "m_3"]
    assert [each.provider_id for each in list_sent()] == ["m_4", "m_5"]


def test_reading_ends_at_the_first_old_message_and_the_first_old_conversation(graph: GraphServer):
    messages = page(message("m_3", PERSON, at(5)), message("m_2", PERSON, SINCE.replace(minute=0, hour=19)), after="i1")
    old = conversation("t_2", SINCE.replace(hour=19), page(message("m_1", PERSON, at(50))))
    graph.answer(200, page(conversation("t_1", at(5), messages), old, after="o1"))

    assert [each.provider_id for each in list_received()] == ["m_3"]
    assert len(graph.calls) == 1


def test_message_of_the_second_in_which_reading_begins_is_not_missed(graph: GraphServer):
    """Meta's times are whole seconds, cut off."""
    graph.answer(200, page(conversation("t_1", at(0), page(message("m_1", PERSON, at(0))))))

    assert [each.provider_id for each in list_received()] == ["m_1"]


def test_instagram_account_of_a_page_is_listed_through_the_page(graph: GraphServer):
    received = message("m_1", FOLLOWER, at(5), to={"data": [{"id": ACCOUNT}]})
    sent = message("m_2", ACCOUNT, at(6), to={"data": [{"id": FOLLOWER}]})
    graph.answer(200, page(conversation("t_1", at(6), page(sent, received))))

    received_messages = listing.list_received(PAGE, TOKEN, ACCOUNT, SINCE, platform="INSTAGRAM")
    sent_messages = listing.list_sent(PAGE, TOKEN, ACCOUNT, FOLLOWER, SINCE, platform="INSTAGRAM")

    assert [(each.provider_id, each.platform, each.to_address) for each in received_messages] == [
        ("m_1", "INSTAGRAM", ACCOUNT)
    ]
    assert [(each.provider_id, each.from_address) for each in sent_messages] == [("m_2", ACCOUNT)]
    assert {call.path for call in graph.calls} == {f"/facebook/v23.0/{PAGE}/conversations"}
    assert {call.query["platform"] for call in graph.calls} == {"instagram"}


def test_instagram_account_without_a_page_is_listed_at_instagram(graph: GraphServer):
    graph.answer(200, page())

    assert listing.list_received(ACCOUNT, TOKEN, ACCOUNT, SINCE, platform="INSTAGRAM") == []
    assert graph.calls[0].path == f"/instagram/v23.0/{ACCOUNT}/conversations"


@pytest.mark.parametrize(
    "odd",
    [
        message("m_1", PERSON, at(5), to={"data": [{"id": "26001"}]}),
        message("m_1", "", at(5)),
        message("m_1", PAGE, at(5), to={"data": []}),
        message("", PERSON, at(5)),
        {"id": "m_1", "created_time": "2026-05-28T20:05:00+0000"},
    ],
)
def test_message_that_is_not_surely_to_us_makes_no_contact(graph: GraphServer, odd: dict[str, Any]):
    graph.answer(200, page(conversation("t_1", at(6), page(message("m_0", PERSON, at(6)), odd))))

    assert [each.provider_id for each in list_received()] == ["m_0"]


def test_message_of_nobody_is_not_listed_as_ours(graph: GraphServer):
    graph.answer(200, page(conversation("t_1", at(6), page(message("m_1", "", at(6)), message("m_0", PAGE, at(5))))))

    assert [each.provider_id for each in list_sent()] == ["m_0"]


# ---------------------------------------------------------------- what a message holds
CONTENTS: list[tuple[dict[str, Any], str, list[Media]]] = [
    ({"message": "Grüße 😀"}, "Grüße 😀", []),
    (
        {"attachments": {"data": [{"mime_type": "image/jpeg", "name": "a.jpg", "image_data": {"url": CDN}}]}},
        "", [Media(CDN, "image/jpeg", "image", "a.jpg")],
    ),
    (
        {"attachments": {"data": [{"mime_type": "video/mp4", "name": "a.mp4", "video_data": {"url": CDN}}]}},
        "", [Media(CDN, "video/mp4", "video", "a.mp4")],
    ),
    (
        {"message": "Both", "attachments": {"data": [
            {"mime_type": "audio/mpeg", "name": "a.mp3", "file_url": CDN}, {"name": "a.pdf", "file_url": CDN}]}},
        "Both", [Media(CDN, "audio/mpeg", "audio", "a.mp3"), Media(CDN, "", "file", "a.pdf")],
    ),
    (
        {"sticker": CDN, "attachments": {"data": [{"mime_type": "image/png", "image_data": {"url": CDN}}]}},
        "", [Media(CDN, "", "sticker")],
    ),
    ({"shares": {"data": [{"link": CDN}, {"link": POST}, {}]}}, POST, [Media(CDN, "", "share")]),
    ({"message": "Nice", "story": {"reply_to": {"link": CDN, "id": "1"}}}, "Nice", [Media(CDN, "", "story")]),
    ({"story": {"mention": {"link": CDN, "id": "1"}}}, "", [Media(CDN, "", "story")]),
    ({"attachments": {"data": [{"name": "gone"}, 5]}}, "",
     [Media("", "", "unsupported", "gone"), Media("", "", "unsupported")]),
    ({}, "", [Media("", "", "unsupported")]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "body", "media"), CONTENTS)
def test_message_is_listed_with_what_it_holds(
    graph: GraphServer, content: dict[str, Any], body: str, media: list[Media]
):
    item = message("m_1", PERSON, at(5)) | {"message": ""} | content | {"reply_to": {"mid": "m_0"}}
    graph.answer(200, page(conversation("t_1", at(5), page(item))))

    assert list_received() == [
        InboundMessage(
            account="", provider_id="m_1", from_address=PERSON, to_address=PAGE, body=body, occurred_at=at(5),
            media=tuple(media), platform="MESSENGER", reply_to="m_0",
        )
    ]  # fmt: skip


# ---------------------------------------------------------------- failures
def test_refusal_carries_its_code(graph: GraphServer):
    graph.refuse(401, 190, 460)

    with pytest.raises(Refusal) as caught:
        list_sent()

    assert caught.value.code == "190"


def test_failure_on_a_later_page_is_told(graph: GraphServer):
    graph.answer(200, page(conversation("t_1", at(50), page(message("m_6", PERSON, at(50)))), after="o1"))
    graph.refuse(400, 613)

    with pytest.raises(Away):
        list_received()


@pytest.mark.parametrize("moment", ["", "soon", None])
def test_message_without_a_time_is_told(graph: GraphServer, moment: str | None):
    item = message("m_1", PERSON, at(5)) | {"created_time": moment}
    graph.answer(200, page(conversation("t_1", at(50), page(item))))

    with pytest.raises(Away):
        list_received()


def test_list_without_an_end_is_given_up(graph: GraphServer):
    graph.answer(200, page(conversation("t_1", at(50), page()), after="o1"))

    with pytest.raises(Away):
        list_received()

    assert len(graph.calls) == listing.MOST_PAGES + 1


@pytest.mark.parametrize("answer", [{"data": {}}, {"data": [None, 5, {}]}, {"data": [{"id": "t_1", "messages": []}]}])
def test_answer_of_another_shape_lists_nothing(graph: GraphServer, answer: dict[str, Any]):
    graph.answer(200, answer)

    assert list_received() == []

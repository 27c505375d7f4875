"""What people do in the inbox, through its forms: with a part for scripts, with a page for everybody else."""

import json
import re
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from messaging.conversations import changes, listing, notes
from messaging.models import Conversation, ConversationActivity, Message, Note, ReadMarker
from messaging.templatetags.thread import display_name
from tests import factories


@pytest.fixture
def change(browser, sales):
    """`change(bo, status="CLOSED")` as a script posts it; returns the answer and what it told."""

    def post(user, part: bool = True, **fields):
        answer = browser(user, part=part).post(f"/inbox/{sales.conversation.pk}/change/", fields)
        return answer, json.loads(answer.headers.get("HX-Trigger", "{}")).get("done")

    return post


def now(sales, acme, inside) -> Conversation:
    with inside(acme):
        return Conversation.objects.prefetch_related("labels").get(pk=sales.conversation.pk)


# ---------------------------------------------------------------- the list
def shown(page: str) -> set[str]:
    return set(re.findall(r'id="conv-([^"]+)"', page))


def counts(page: str) -> list[str]:
    return re.findall(r'data-tab="\w+">([^<]+)<', page)


@pytest.fixture
def three(acme, sales, bo, ann, inside):
    """Beside the unassigned one of Sales: one of Bo's and a closed one of Ann's."""
    with inside(acme):
        mine = factories.ConversationFactory(chatroom=sales.room, channel=sales.number, assigned_to=bo)
        done = factories.ConversationFactory(
            chatroom=sales.room, channel=sales.number, assigned_to=ann, status="CLOSED"
        )
    return {"free": str(sales.conversation.pk), "mine": str(mine.pk), "done": str(done.pk)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["free", "mine"]),
        ("tab=mine", ["mine"]),
        ("tab=unassigned", ["free"]),
        ("status=closed", ["done"]),
        ("status=any", ["free", "mine", "done"]),
        ("status=snoozed", []),
        ("channel=sms&tab=mine", ["mine"]),
        ("channel=messenger", []),
    ],
)
def test_tabs_and_states_show_what_they_say_and_count_the_same(browser, bo, three, query, expected):
    page = browser(bo).get(f"/inbox/?{query}").content.decode()
    every = query.replace("tab=mine", "tab=all").replace("tab=unassigned", "tab=all")
    whole = browser(bo).get(f"/inbox/?{every}").content.decode()

    assert shown(page) == {three[name] for name in expected}
    assert counts(page) == counts(whole)
    assert counts(page)[2] == str(len(shown(whole)))


def test_who_has_waited_long_is_a_list_of_its_own(browser, api, bo, three, acme, inside):
    with inside(acme):
        for name, minutes in (("free", 31), ("mine", 29), ("done", 90)):
            since = timezone.now() - timedelta(minutes=minutes)
            Conversation.objects.filter(pk=three[name]).update(waiting_since=since)
    page = browser(bo).get("/inbox/?status=waiting").content.decode()
    assert shown(page) == {three["free"]}
    assert counts(page) == ["0", "1", "1"]
    assert re.search(r'href="[^"]*status=waiting"[^>]*aria-current="page"', page)

    def found(minutes) -> list[str]:
        return [each["id"] for each in api(bo).get(f"/api/conversations?waiting_minutes={minutes}").json()["results"]]

    assert found(30) == [three["free"]]
    assert set(found(0)) == {three["free"], three["mine"]}
    for wrong in ("-1", "x", "1.5"):
        assert api(bo).get(f"/api/conversations?waiting_minutes={wrong}").status_code == 400


def test_labels_and_search_narrow_the_list(browser, bo, three, acme, sales, inside):
    with inside(acme):
        label = factories.LabelFactory(organization=acme.organization, name="Damage")
        changes.change_conversation(sales.conversation, labels=[label])
        type(sales.contact).objects.filter(pk=sales.contact.pk).update(first_name="Wilhelmina")

    client = browser(bo)

    assert shown(client.get(f"/inbox/?label={label.pk}").content.decode()) == {three["free"]}
    assert shown(client.get("/inbox/?search=ilhelm").content.decode()) == {three["free"]}
    nothing = client.get("/inbox/?search=zzzz").content.decode()
    assert shown(nothing) == set()
    assert "Search everywhere" in nothing


def test_a_label_of_another_organization_does_not_exist(browser, bo, globex, inside):
    with inside(globex):
        label = factories.LabelFactory(organization=globex.organization)

    assert browser(bo).get(f"/inbox/?label={label.pk}").status_code == 404


def test_counts_stop_at_their_limit(browser, bo, three, monkeypatch):
    monkeypatch.setattr("messaging.inbox.list_filters.MOST_COUNTED", 2)

    assert counts(browser(bo).get("/inbox/").content.decode()) == ["1", "1", "1+"]


def test_changed_rows_bring_the_counts(browser, bo, three):
    part = browser(bo, part=True).get(f"/inbox/rows/?ids={three['mine']}&tab=mine").content.decode()

    assert shown(part) == {three["mine"]}
    assert re.findall(r'data-tab-count="(\w+)" value="(\w+)"', part) == [
        ("mine", "1"),
        ("unassigned", "1"),
        ("all", "2"),
    ]


# ---------------------------------------------------------------- what people do
def test_resolving_is_told_and_can_be_undone(change, bo, sales, acme, inside):
    _, done = change(bo, status="CLOSED")

    assert done == {"words": f"{display_name(sales.contact)} is resolved.", "undo": {"status": "OPEN"}}
    assert now(sales, acme, inside).status == "CLOSED"
    change(bo, **done["undo"])
    assert now(sales, acme, inside).status == "OPEN"
    with inside(acme):
        assert list(ConversationActivity.objects.order_by("pk").values_list("kind", "actor")) == [
            ("closed", bo.pk),
            ("reopened", bo.pk),
        ]


def test_undoing_is_refused_in_words_once_the_customer_has_a_newer_one(change, bo, sales, acme, inside):
    change(bo, status="CLOSED")
    with inside(acme):
        factories.ConversationFactory(chatroom=sales.room, contact=sales.contact, channel=sales.number)

    answer, done = change(bo, status="OPEN")

    assert (answer.status_code, done) == (409, None)
    assert "newer open conversation" in answer.content.decode()


def test_assigning_to_colleagues_who_may_see_it_only(change, bo, cy, ann, zed, sales, acme, inside):
    assert change(bo, assigned_to=bo.pk)[1] == {"words": "Assigned to you.", "undo": {"assigned_to": "none"}}
    assert change(bo, assigned_to=ann.pk)[1]["undo"] == {"assigned_to": str(bo.pk)}
    for stranger in (cy, zed):
        assert change(bo, assigned_to=stranger.pk)[0].status_code == 422
    assert now(sales, acme, inside).assigned_to_id == ann.pk
    assert change(bo, assigned_to="none")[1]["undo"] == {"assigned_to": str(ann.pk)}


def test_labels_come_and_go_one_by_one(change, bo, sales, acme, inside):
    with inside(acme):
        first, second = factories.LabelFactory.create_batch(2, organization=acme.organization)

    change(bo, add_label=first.pk)
    _, done = change(bo, add_label=second.pk)
    change(bo, remove_label=first.pk)

    assert done["undo"] == {"remove_label": str(second.pk)}
    assert [label.pk for label in now(sales, acme, inside).labels.all()] == [second.pk]


def test_snoozing_takes_a_time_to_come(change, bo, sales, acme, inside):
    later = timezone.now() + timedelta(hours=3)

    assert change(bo, snoozed_until=(timezone.now() - timedelta(hours=1)).isoformat())[0].status_code == 422
    _, done = change(bo, snoozed_until=later.isoformat())

    assert done["words"].startswith(f"{display_name(sales.contact)} is snoozed until to")  # today or tomorrow
    assert now(sales, acme, inside).snoozed_until == later
    change(bo, **done["undo"])
    assert now(sales, acme, inside).status == "OPEN"


def test_marking_as_unread_counts_the_last_message_again(change, browser, bo, sales, acme, inside):
    with inside(acme):
        Conversation.objects.filter(pk=sales.conversation.pk).update(inbound_count=1)
    browser(bo).post(f"/inbox/{sales.conversation.pk}/read/", {"up_to": sales.message.pk})

    change(bo, unread="on")

    with inside(acme):
        assert ReadMarker.objects.get(user=bo).seen_count == 0
        assert listing.read_conversation(bo, sales.conversation)["unread_count"] == 1


def test_blocking_replaces_the_box_by_the_reason(change, bo, sales, acme, inside):
    answer, done = change(bo, blocked="yes")

    page = answer.content.decode()
    assert done["undo"] == {"blocked": "no"}
    assert "is blocked" in page
    assert 'value="reply"' not in page
    change(bo, blocked="no")
    with inside(acme):
        assert not type(sales.contact).objects.get(pk=sales.contact.pk).blocked_at


def test_every_form_works_without_a_script(change, bo, sales):
    answer, _ = change(bo, part=False, status="PENDING")
    assert (answer.status_code, answer["Location"]) == (302, f"/inbox/{sales.conversation.pk}/")

    answer, _ = change(bo, part=False, status="CLOSED")
    assert (answer.status_code, answer["Location"]) == (302, "/inbox/")


@pytest.mark.parametrize("path", ["change/", "notes/", "side/", "templates/"])
@pytest.mark.parametrize("outsider", ["cy", "zed"])
def test_nothing_of_it_exists_for_others(browser, sales, outsider, request, path):
    client = browser(request.getfixturevalue(outsider), part=True)
    ask = client.post if path in ("change/", "notes/") else client.get

    answer = ask(
        f"/inbox/{sales.conversation.pk}/{path}", {"status": "CLOSED", "content": "Hi", "since": "2026-01-01T00:00Z"}
    )

    assert answer.status_code == 404


# ---------------------------------------------------------------- notes
def test_a_note_mentions_who_is_named_in_it(browser, bo, ann, sales, acme, inside):
    url = f"/inbox/{sales.conversation.pk}/notes/"
    client_id = "0190f3c4-0000-7000-8000-000000000001"

    for _ in range(2):  # an answer that was lost
        part = browser(bo, part=True).post(url, {"content": "@ann please look", "client_id": client_id})

    assert '<b class="mention">@ann</b>' in browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()
    assert "internal note" in part.content.decode()
    with inside(acme):
        assert [note.mentions for note in Note.objects.all()] == [[ann.pk]]


def test_a_note_is_text(browser, bo, sales):
    browser(bo).post(f"/inbox/{sales.conversation.pk}/notes/", {"content": "<img src=x onerror=alert(1)> @ann"})

    assert "<img src=x" not in browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()


# ---------------------------------------------------------------- templates
def test_templates_are_filled_in_for_the_contact(browser, bo, sales, support, acme, inside):
    with inside(acme):
        make = factories.MessageTemplateFactory
        make(organization=acme.organization, name="Everywhere", body="Hi {{first_name}}, {{email}}. {{agent}}")
        make(organization=acme.organization, chatroom=support.room, name="Elsewhere", body="No")

    part = browser(bo, part=True).get(f"/inbox/{sales.conversation.pk}/templates/").content.decode()

    assert '<span class="var">Nina</span>' in part
    assert "data-missing>{{email}}" in part
    assert "Elsewhere" not in part


# ---------------------------------------------------------------- what Meta tells later
def test_an_unsent_message_shows_that_and_nothing_else(browser, bo, sales, acme, inside):
    with inside(acme):
        type(sales.message).objects.filter(pk=sales.message.pk).update(content="A secret", deleted_at=timezone.now())

    page = browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()
    answer = browser(bo).get(f"/api/messages/{sales.message.pk}").json()

    assert "This message was unsent" in page
    assert "A secret" not in page + browser(bo).get("/inbox/").content.decode()
    assert (answer["content"], bool(answer["deleted_at"])) == ("", True)


def test_quotes_and_reactions_stand_with_their_message(browser, bo, sales, acme, inside):
    with inside(acme):
        factories.MessageFactory(
            conversation=sales.conversation,
            content="This one",
            reply_to=sales.message,
            reactions=[{"emoji": "❤️", "by": "contact"}],
        )

    page = browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()

    assert f'class="quote" href="#m-{sales.message.pk}"' in page
    assert "<span>❤️</span>" in page


def test_a_note_is_written_once_however_often_it_is_handed_in(
    transactional_db, django_db_blocker, acme, ann, bo, sales, support, inside
):
    key, done = uuid4(), []

    def write(conversation, author) -> None:
        try:
            with inside(acme):
                done.append(notes.add_note(conversation, "Once", author=author, client_id=key).pk)
        except Exception as error:
            done.append(type(error))
        finally:
            connection.close()

    with inside(acme):
        first = notes.add_note(sales.conversation, "Once", author=bo, client_id=key)
        again = threading.Thread(target=write, args=(sales.conversation, bo))
        again.start()  # before the first is committed
        again.join(0.5)
    again.join(10)
    for conversation, author in ((sales.conversation, ann), (support.conversation, bo)):
        other = threading.Thread(target=write, args=(conversation, author))
        other.start()
        other.join(10)
    assert done == [first.pk, notes.NoteIdTaken, notes.NoteIdTaken]


def test_a_note_with_the_key_of_another_is_refused_in_words(browser, ann, sales, support):
    given = {"content": "Mine", "client_id": str(uuid4())}
    script = browser(ann, part=True)
    assert script.post(f"/inbox/{sales.conversation.pk}/notes/", given).status_code == 200
    refused = script.post(f"/inbox/{support.conversation.pk}/notes/", given)
    assert (refused.status_code, "client_id" in refused.content.decode()) == (409, True)
    assert browser(ann).post(f"/inbox/{support.conversation.pk}/notes/", given).status_code == 422


def test_a_place_typed_by_hand_is_named_and_not_sent(browser, rich, acme, sales, inside):
    answer = browser(rich, part=True).post(
        f"/inbox/{sales.conversation.pk}/messages/", {"content": "Hi {{first_name}}", "client_id": uuid4()}
    )
    assert answer.status_code == 422
    assert "Replace {{first_name}} before sending." in answer.content.decode()
    with inside(acme):
        assert Message.objects.filter(direction="outbound").count() == 0

"""/send/: one text to a few people, looked at before it goes, and never twice."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatrooms import contacts, groups
from chatrooms.models import Contact
from messaging.conversations import changes
from messaging.live import event_log
from messaging.models import Message
from messaging.sending import direct
from tests import factories
from tests.meanwhile import Aside
from tokens import ledger

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(browser, rich, sales):
    """Posts the form as Bo, who has ten tokens; returns the answer."""
    client = browser(rich)

    def post(action: str = "preview", **values):
        form = {"channel": sales.number.pk, "content": "Hi {{first_name|there}}", "action": action, **values}
        return client.post(f"/send/?chatroom={sales.room.pk}", form)

    return post


def words(answer) -> str:
    return " ".join(answer.content.decode().split())


def hidden(answer) -> dict[str, str]:
    """The key, and what was looked at."""
    html = answer.content.decode()
    return {name: re.search(rf'name="{name}" value="([^"]+)"', html)[1] for name in ("key", "seen")}


def list_sent(acme, inside) -> list[tuple[str, str]]:
    with inside(acme):
        sent = Message.objects.filter(direction="outbound", status="queued")
        return sorted(sent.values_list("to_address", "content"))


def test_a_new_number_is_looked_at_sent_to_once_and_opened(page, acme, inside):
    looked = page(to="+1 555 010 7777")
    for each in ("Hi there", "Send 1 message", "of your 10"):
        assert each in words(looked)
    assert list_sent(acme, inside) == []
    sent = page("send", to="+1 555 010 7777", **hidden(looked))
    assert sent.headers["Location"].startswith("/inbox/")
    again = page("send", to="+1 555 010 7777", **hidden(looked))
    assert again.headers["Location"] == sent.headers["Location"]
    assert list_sent(acme, inside) == [("+15550107777", "Hi there")]
    with inside(acme):
        assert Contact.objects.filter(phone="+15550107777").count() == 1


def test_the_first_message_is_shown_with_its_footer_and_sent_with_it_once(page, acme, inside):
    with inside(acme):
        type(acme.organization).objects.update(first_message_footer="Reply STOP to opt out.")
    looked = page(to="+15550107777", content="Hello")
    assert "Reply STOP to opt out." in words(looked)
    page("send", to="+15550107777", content="Hello", **hidden(looked))
    page("send", to="+15550107777", content="Hello", **hidden(looked))
    assert list_sent(acme, inside) == [("+15550107777", f"Hello\n{acme.organization.name}: Reply STOP to opt out.")]


def test_what_was_changed_after_the_preview_is_looked_at_again(page, acme, inside):
    looked = page(to="+15550107777")
    changed = page("send", to="+15550107777", content="Bye", **hidden(looked))
    assert "You changed something since the last preview." in words(changed)
    assert list_sent(acme, inside) == []
    page("send", to="+15550107777", content="Bye", **hidden(changed))
    assert list_sent(acme, inside) == [("+15550107777", "Bye")]


def test_who_joined_a_group_after_the_preview_is_looked_at_first(page, acme, sales, inside):
    with inside(acme):
        group = groups.create_group(sales.room, "Regulars")
        people = factories.ContactFactory.create_batch(3, chatroom=sales.room)
        groups.add_members(group, people[:1])
    looked = page(groups=[group.pk])
    with inside(acme):
        groups.add_members(group, people[1:])
    changed = page("send", groups=[group.pk], **hidden(looked))
    for each in ("The recipients or the price have changed since", "Send 3 messages"):
        assert each in words(changed)
    assert list_sent(acme, inside) == []
    page("send", groups=[group.pk], **hidden(changed))
    assert len(list_sent(acme, inside)) == 3


def test_a_price_that_was_raised_after_the_preview_is_looked_at_first(page, acme, inside):
    looked = page(to="+15550107777")
    with inside(acme):
        type(acme.organization).objects.update(price_sms=3)
    changed = page("send", to="+15550107777", **hidden(looked))
    assert "The recipients or the price have changed since" in words(changed)
    assert list_sent(acme, inside) == []
    page("send", to="+15550107777", **hidden(changed))
    assert len(list_sent(acme, inside)) == 1


def test_whoever_is_skipped_is_named_with_the_reason(page, acme, sales, bo, inside):
    with inside(acme):
        group = groups.create_group(sales.room, "Regulars")
        people = factories.ContactFactory.create_batch(4, chatroom=sales.room)
        groups.add_members(group, people)
        contacts.change_contact(people[0], by=bo, blocked=True)
        Contact.objects.filter(pk=people[1].pk).update(phone=None)
    looked = page(to=f"not a number, {people[2].phone}", groups=[group.pk])
    for each in ("This contact is blocked.", "This contact has no phone number.", "Send 2 messages", "not a number"):
        assert each in words(looked)
    page("send", to=f"not a number, {people[2].phone}", groups=[group.pk], **hidden(looked))
    assert [to for to, _ in list_sent(acme, inside)] == sorted(person.phone for person in people[2:])


def test_too_few_tokens_are_said_before_the_button(page, acme, ann, bo, inside):
    with inside(acme):
        ledger.adjust(bo, -9, actor=ann, reason="Down")
    looked = page(to="+15550107777, +15550107778")
    assert "You don't have enough tokens." in words(looked)
    assert 'value="send"' not in looked.content.decode()


def test_more_than_the_limit_is_for_a_campaign(page, monkeypatch):
    monkeypatch.setattr(direct, "MOST_RECIPIENTS", 2)
    refused = page(to="+15550107777, +15550107778, +15550107779")
    assert (refused.status_code, "Use a campaign for more." in words(refused)) == (422, True)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"to": ""}, "Write at least one number, or choose a group."),
        ({"to": "+15550107777", "content": " "}, "Write a text, or choose a template."),
        ({"to": "+15550107777", "content": "{{nobody}}"}, "There is no variable"),
        ({"to": "+15550107777", "send_at": "2020-01-01T10:00"}, "Choose a time in the future"),
    ],
)
def test_a_bad_form_is_drawn_again(page, acme, inside, values, said):
    answer = page("send", **values)
    assert (answer.status_code, said in words(answer)) == (422, True)
    assert list_sent(acme, inside) == []


def test_others_chatrooms_contacts_and_groups_do_not_exist(browser, cy, zed, page, acme, sales, support, inside):
    for outsider in (cy, zed):
        client = browser(outsider)
        assert client.get("/send/", {"chatroom": str(sales.room.pk)}).status_code == 404
        assert client.get("/send/", {"contact": str(sales.contact.pk)}).status_code == 404
    with inside(acme):
        elsewhere = groups.create_group(support.room, "Elsewhere")
    assert page(to="+15550107777", groups=[elsewhere.pk]).status_code == 422
    assert page(to="+15550107777", channel=support.number.pk).status_code == 422
    assert browser(cy).get("/send/", {"contact": "x"}).status_code == 404


def test_a_send_to_several_and_another_change_of_the_chatroom_do_not_wait_for_each_other(
    transactional_db, django_db_blocker, page, acme, sales, inside
):
    """PostgreSQL ended one of them as a deadlock: the first letter held the event counter, which the other waited for
    while it held the second letter's conversation."""
    with inside(acme):
        people = factories.ContactFactory.create_batch(2, chatroom=sales.room)
        _first, second = (changes.open_conversation(person, sales.number) for person in people)
    to = ", ".join(person.phone for person in people)
    looked = page(to=to)
    with inside(acme):
        changes.lock_conversation(second)
        other = Aside(lambda: page("send", to=to, **hidden(looked)))
        event_log.record_events([changes.conversation_updated(acme.organization.pk, sales.room.pk, second.pk)])
    assert getattr(other.result(), "status_code", other.came) == 302
    assert [number for number, _ in list_sent(acme, inside)] == sorted(person.phone for person in people)


def test_queries_do_not_grow_with_recipients(page):
    def count_queries(numbers: str) -> int:
        page(to=numbers)
        with CaptureQueriesContext(connection) as queries:
            page(to=numbers)
        return len(queries)

    assert count_queries("+15550107777") == count_queries(", ".join(f"+1555010{n}" for n in range(7001, 7030)))

"""Mentions and assignments: who is told, what is seen, and the mail after ten minutes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.db.models import F

from accounts import team
from accounts.models import User
from chatrooms import membership
from messagehub import tenancy
from messaging.conversations import changes, notes
from messaging.models import Notification
from messaging.notifications import notices
from tests.meanwhile import Aside


@pytest.fixture
def mention(acme, sales, ann, bo, inside):
    def add(content: str = "@Bo look at this") -> None:
        with inside(acme):
            notes.add_note(sales.conversation, content, author=ann, mentions=[bo])

    return add


@pytest.fixture
def assign(acme, sales, inside):
    def change(by: User, to: User | None) -> None:
        with inside(acme):
            changes.change_conversation(sales.conversation, by=by, assigned_to=to)

    return change


@pytest.fixture
def unseen(acme, inside):
    def count(user: User) -> int:
        with inside(acme):
            return notices.count_unseen(user)

    return count


def pass_minutes(minutes: int) -> None:
    with tenancy.system():
        Notification.objects.update(created_at=F("created_at") - timedelta(minutes=minutes))


def test_a_mention_and_an_assignment_are_listed_and_counted(mention, assign, unseen, browser, ann, bo, sales):
    mention()
    assign(ann, bo)
    page = browser(bo).get("/notifications/").content.decode()
    assert "mentioned you in a note" in page
    assert "@Bo look at this" in page
    assert "assigned you the conversation" in page
    assert unseen(bo) == 2
    assert "<span data-count>2</span>" in browser(bo).get("/me/").content.decode()
    assert "Nothing yet" in browser(ann).get("/notifications/").content.decode()


def test_nobody_is_told_of_what_they_did_themselves(assign, unseen, bo):
    assign(bo, bo)
    assert unseen(bo) == 0


def test_opening_the_conversation_marks_it_as_seen(mention, unseen, browser, bo, cy, sales):
    mention()
    assert browser(cy).get(f"/inbox/{sales.conversation.pk}/").status_code == 404
    assert unseen(bo) == 1
    assert browser(bo).get(f"/inbox/{sales.conversation.pk}/").status_code == 200
    assert unseen(bo) == 0


def test_all_are_marked_as_seen_at_once(mention, assign, unseen, browser, ann, bo):
    mention()
    assign(ann, bo)
    assert browser(bo).post("/notifications/seen/").status_code == 302
    assert unseen(bo) == 0


def test_a_lost_chatroom_takes_its_notifications_away(mention, unseen, browser, acme, ann, bo, sales, inside):
    mention()
    with inside(acme):
        membership.unassign_user(bo, sales.room, by=ann)
    assert unseen(bo) == 0
    assert "look at this" not in browser(bo).get("/notifications/").content.decode()
    pass_minutes(11)
    assert notices.mail_unseen_notifications() == 0


def test_the_list_takes_as_many_queries_with_more_rows(
    mention, browser, bo, django_assert_max_num_queries, django_assert_num_queries
):
    mention()
    client = browser(bo)
    with django_assert_max_num_queries(30) as first:
        client.get("/notifications/")
    for n in range(5):
        mention(f"@Bo {n}")
    with django_assert_num_queries(len(first)):
        client.get("/notifications/")


def test_older_ones_come_in_pages(mention, browser, bo):
    for n in range(51):
        mention(f"@Bo number {n:02}")
    page = browser(bo).get("/notifications/").content.decode()
    assert page.count('class="notice unseen"') == 50
    address = page.split('href="/notifications/?')[1].split('"')[0].replace("&amp;", "&")
    older = browser(bo).get(f"/notifications/?{address}").content.decode()
    assert older.count('class="notice unseen"') == 1
    assert "number 00" in older
    assert browser(bo).get("/notifications/?before=nonsense").status_code == 400
    far_zone = "2026-01-01T00:00:00-23:59,00000000-0000-0000-0000-000000000000"  # PostgreSQL takes none beyond 15:59
    assert browser(bo).get("/notifications/", {"before": far_zone}).status_code == 200


# ---------------------------------------------------------------- mail
def test_what_is_unseen_for_ten_minutes_is_mailed_once(mention, ann, bo, sales):
    mention()
    mention("@Bo again")
    assert notices.mail_unseen_notifications() == 0
    pass_minutes(11)
    assert notices.mail_unseen_notifications() == 1
    assert notices.mail_unseen_notifications() == 0
    [message] = mail.outbox
    assert message.to == [bo.email]
    assert message.subject == "2 notifications are waiting for you on MessageHub"
    assert "Ann mentioned you in a note about Nina Okafor" in message.body
    assert f"/inbox/{sales.conversation.pk}/" in message.body


def test_what_was_seen_is_not_mailed(mention, browser, bo, sales):
    mention()
    browser(bo).get(f"/inbox/{sales.conversation.pk}/")
    pass_minutes(11)
    assert notices.mail_unseen_notifications() == 0


def test_somebody_who_wants_no_mail_gets_none(mention, browser, bo):
    assert browser(bo).post("/me/notifications/").status_code == 302
    mention()
    pass_minutes(11)
    assert notices.mail_unseen_notifications() == 0
    assert mail.outbox == []


def test_a_deactivated_person_gets_no_mail(mention, acme, ann, bo, inside):
    mention()
    with inside(acme):
        team.deactivate_user(bo, by=ann)
    pass_minutes(11)
    assert notices.mail_unseen_notifications() == 0


def test_a_mail_that_is_refused_keeps_the_others_from_nothing(mention, assign, acme, ann, bo, sales, settings, inside):
    mention()
    pass_minutes(11)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert notices.mail_unseen_notifications() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert notices.mail_unseen_notifications() == 1


class SlowMailServer(locmem.EmailBackend):
    """While it takes a mail, the reader opens the conversation."""

    open_conversation: Callable[[], None]

    def send_messages(self, messages):
        opened = Aside(self.open_conversation)
        assert opened.result() is None  # not after the mail
        return super().send_messages(messages)


def test_a_slow_mail_server_holds_no_page_up(transactional_db, acme, ann, bo, sales, mention, settings, inside):
    def open_conversation() -> None:
        with inside(acme):
            notices.mark_seen(bo, sales.conversation)

    mention()
    pass_minutes(11)
    SlowMailServer.open_conversation = staticmethod(open_conversation)
    settings.EMAIL_BACKEND = f"{__name__}.SlowMailServer"
    assert notices.mail_unseen_notifications() == 1
    with inside(acme):
        assert Notification.objects.exclude(mailed_at=None).exclude(seen_at=None).count() == 1

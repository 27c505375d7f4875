"""What GET gives may be sent back with PATCH: it changes nothing and is 200, whatever the row came to hold."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Organization, User
from chatrooms.models import Chatroom, Contact, ContactActivity, Group, UserChatroom
from integrations.models import Channel, ProviderAccount
from messaging.models import Campaign, ConversationActivity, Event, Label, Message, MessageTemplate
from tests import factories
from tests.api.permission_table import TABLE

pytestmark = pytest.mark.django_db
PAST = timezone.now() - timedelta(hours=1)


def store_phone(phone: str | None) -> Callable:
    def build(sales, ann) -> str:
        Contact.objects.filter(pk=sales.contact.pk).update(phone=phone)
        return f"contacts/{sales.contact.pk}"

    return build


def assign_and_snooze(sales, ann) -> str:
    sales.conversation.labels.add(
        factories.LabelFactory(organization_id=sales.room.organization_id),
        through_defaults={"organization_id": sales.room.organization_id},
    )
    type(sales.conversation).objects.filter(pk=sales.conversation.pk).update(
        assigned_to=ann, status="SNOOZED", snoozed_until=PAST
    )
    return f"conversations/{sales.conversation.pk}"


def close_with_lost_assignee(sales, ann) -> str:
    agent = User.objects.get(email="bo@acme.example")
    type(sales.conversation).objects.filter(pk=sales.conversation.pk).update(assigned_to=agent, status="CLOSED")
    UserChatroom.objects.filter(user=agent).delete()
    return f"conversations/{sales.conversation.pk}"


def draft(sales, ann) -> Campaign:
    return Campaign.objects.create(
        organization_id=sales.room.organization_id, chatroom=sales.room, channel=sales.number, created_by=ann,
        name="News", content="Hi {{first_name}}", send_at=PAST,
    )  # fmt: skip


def over_a_page(campaign: Campaign) -> Campaign:
    Campaign.objects.filter(pk=campaign.pk).update(channel=factories.PageChannelFactory(chatroom=campaign.chatroom))
    return campaign


def start(campaign: Campaign) -> Campaign:
    Campaign.objects.filter(pk=campaign.pk).update(state="running", audience=0)
    return campaign


def write_message(sales, ann, **values) -> str:
    message = factories.MessageFactory(
        conversation=sales.conversation, direction="outbound", sent_by=ann, content="", **values
    )
    return f"messages/{message.pk}"


def archive_room(sales, ann) -> str:
    Chatroom.objects.filter(pk=sales.room.pk).update(archived_at=PAST)
    return f"sender-numbers/{sales.number.pk}"


def connect_page(sales) -> str:
    messenger = factories.PageChannelFactory(chatroom=sales.room)
    factories.PageChannelFactory(
        chatroom=sales.room, account=messenger.account, platform="INSTAGRAM", address="17840000000007"
    )
    return f"facebook-pages/{messenger.account_id}"


def in_room(sales, create, **values):
    return create(organization_id=sales.room.organization_id, chatroom=sales.room, **values)


OBJECTS: dict[str, Callable] = {
    "auth/me": lambda sales, ann: "auth/me",
    "settings": lambda sales, ann: "settings",
    "users/<uuid:pk>": lambda sales, ann: f"users/{User.objects.get(email='bo@acme.example').pk}",
    "users/<uuid:pk> oneself": lambda sales, ann: f"users/{ann.pk}",
    "chatrooms/<uuid:pk>": lambda sales, ann: f"chatrooms/{sales.room.pk}",
    "sender-numbers/<uuid:pk>": lambda sales, ann: f"sender-numbers/{sales.number.pk}",
    "facebook-pages/<uuid:pk>": lambda sales, ann: connect_page(sales),
    "sender-numbers/<uuid:pk> in an archived chatroom": archive_room,
    "contacts/<uuid:pk>": lambda sales, ann: f"contacts/{sales.contact.pk}",
    "contacts/<uuid:pk> short code": store_phone("72345"),
    "contacts/<uuid:pk> name": store_phone("SUPPORT"),
    "contacts/<uuid:pk> old Mexican form": store_phone("+5215512345678"),
    "contacts/<uuid:pk> without a number": store_phone(None),
    "groups/<uuid:pk>": lambda sales, ann: f"groups/{in_room(sales, Group.objects.create, name='Regulars').pk}",
    "labels/<uuid:pk>": lambda sales, ann: (
        f"labels/{factories.LabelFactory(organization_id=sales.room.organization_id).pk}"
    ),
    "templates/<uuid:pk>": lambda sales, ann: f"templates/{in_room(sales, factories.MessageTemplateFactory).pk}",
    "conversations/<uuid:pk>": assign_and_snooze,
    "conversations/<uuid:pk> closed": close_with_lost_assignee,
    "messages/<uuid:pk>": lambda sales, ann: write_message(
        sales, ann, status="scheduled", send_at=PAST, media_urls=["https://example.com/a.png"]
    ),
    "messages/<uuid:pk> sent": lambda sales, ann: write_message(sales, ann, status="delivered"),
    "campaigns/<uuid:pk>": lambda sales, ann: f"campaigns/{draft(sales, ann).pk}",
    "campaigns/<uuid:pk> over a page": lambda sales, ann: f"campaigns/{over_a_page(draft(sales, ann)).pk}",
    "campaigns/<uuid:pk> running": lambda sales, ann: f"campaigns/{start(draft(sales, ann)).pk}",
}


def count_traces() -> tuple:
    return tuple(model.objects.count() for model in (AuditEntry, ContactActivity, ConversationActivity, Event))


def test_every_object_that_can_be_changed_is_tried():
    changed = {row.route for row in TABLE if row.verb == "patch"} - {"tokens/update"}
    assert changed == {name.split(" ")[0] for name in OBJECTS}


@pytest.mark.parametrize("name", OBJECTS)
def test_writing_back_what_was_read_changes_nothing(acme, sales, ann, api, inside, name):
    with inside(acme):
        Organization.objects.filter(pk=acme.organization.pk).update(default_country="GB")
        path = f"/api/{OBJECTS[name](sales, ann)}"
        before = count_traces()
    shown = api(ann).get(path)
    assert shown.status_code == 200

    answer = api(ann).patch(path, shown.json())

    assert (answer.status_code, answer.json()) == (200, shown.json())
    assert api(ann).get(path).json() == shown.json()
    with inside(acme):
        assert count_traces() == before


INVISIBLE = "\u200b"
NAMED = sorted({name.split(" ")[0] for name in OBJECTS} - {"conversations/<uuid:pk>", "messages/<uuid:pk>"})


@pytest.mark.parametrize("name", NAMED)
def test_writing_back_an_old_name_of_which_nothing_is_seen_changes_nothing(acme, sales, ann, api, inside, name):
    with inside(acme):
        path = f"/api/{OBJECTS[name](sales, ann)}"
        Chatroom.objects.filter(pk=sales.room.pk).update(name=INVISIBLE)
        Contact.objects.update(first_name=INVISIBLE, last_name=INVISIBLE)
        for model in (Organization, User, Group, Channel, ProviderAccount, Label, MessageTemplate, Campaign):
            model.objects.update(name=INVISIBLE)
    shown = api(ann).get(path)
    assert INVISIBLE in shown.content.decode()

    answer = api(ann).patch(path, shown.json())

    assert (answer.status_code, answer.json()) == (200, shown.json())


def test_pages_take_back_an_old_name_of_which_nothing_is_seen(acme, sales, ann, browser, inside):
    with inside(acme):
        User.objects.filter(pk=ann.pk).update(name=INVISIBLE)
        Contact.objects.filter(pk=sales.contact.pk).update(first_name=INVISIBLE, last_name="", phone="+14155550123")
    ann.refresh_from_db()

    form = {"first_name": INVISIBLE, "last_name": "", "phone": "+14155550123", "email": "nina@example.com"}
    edited = browser(ann).post(f"/contacts/{sales.contact.pk}/edit/", form)
    named = browser(ann).post("/me/name/", {"name": INVISIBLE})

    assert (edited.status_code, named.status_code) == (302, 302)
    with inside(acme):
        assert Contact.objects.get(pk=sales.contact.pk).email == "nina@example.com"


def test_one_field_can_be_changed_in_what_was_read(acme, sales, ann, api, inside):
    with inside(acme):
        Organization.objects.filter(pk=acme.organization.pk).update(default_country="GB")
        path = f"/api/{store_phone('72345')(sales, ann)}"
    shown = api(ann).get(path).json()

    changed = api(ann).patch(path, {**shown, "first_name": "Zoë"})

    assert changed.status_code == 200
    assert changed.json() == {**shown, "first_name": "Zoë"}


def test_a_state_and_a_time_that_contradict_are_refused_though_the_state_is_the_same(sales, ann, api):
    later = (timezone.now() + timedelta(days=1)).isoformat()
    path = f"/api/conversations/{sales.conversation.pk}"
    assert api(ann).patch(path, {"status": "OPEN", "snoozed_until": later}).status_code == 400


@pytest.mark.parametrize("phone", ["72345", "SUPPORT", "+5215512345678"])
def test_sending_to_a_contacts_number_reaches_that_contact(acme, sales, ann, api, inside, phone):
    with inside(acme):
        Organization.objects.filter(pk=acme.organization.pk).update(default_country="GB")
        store_phone(phone)(sales, ann)

    sent = api(ann).post("/api/messages/send", {"to": phone, "content": "Hi", "chatroom_id": str(sales.room.pk)})

    assert sent.status_code == 201
    assert sent.json()["message"]["contact_id"] == str(sales.contact.pk)
    with inside(acme):
        assert Message.objects.get(pk=sent.json()["message"]["id"]).to_address == phone

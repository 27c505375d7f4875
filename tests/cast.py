"""The cast of people and rows, and clients that go through the real middleware as the application role.

Acme: ann (admin), bo (agent in Sales), cy (agent without a room); rooms Sales and Support. Globex: zed (admin), room
Spare parts. olga is an operator. Nobody's rows are made outside of their organization.
"""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import Organization, User
from chatrooms import contacts
from chatrooms.models import Chatroom, UserChatroom
from integrations.models import Channel, TwilioAccount
from messagehub import tenancy
from messaging.conversations import changes
from messaging.sending import enqueue
from tests import factories
from tokens import ledger


def build(name: str, people: dict[str, str], rooms: list[str]) -> SimpleNamespace:
    """An organization with people (name -> role) and, per room, a number, a contact and an open conversation."""
    organization = factories.OrganizationFactory(name=name, slug=name.lower())
    world = SimpleNamespace(organization=organization, people={}, rooms={})
    with tenancy.organization(organization.pk):
        for person, role in people.items():
            world.people[person] = factories.UserFactory(
                organization=organization, name=person.title(), email=f"{person}@{name.lower()}.example", role=role
            )
        account = factories.TwilioAccountFactory(organization=organization)
        for room_name in rooms:
            world.rooms[room_name] = furnish(organization, room_name, account)
    return world


def furnish(organization: Organization, name: str, account) -> SimpleNamespace:
    room = factories.ChatroomFactory(organization=organization, name=name)
    number = factories.ChannelFactory(chatroom=room, account=account)
    contact = factories.ContactFactory(chatroom=room)
    conversation = factories.ConversationFactory(chatroom=room, contact=contact, channel=number)
    message = factories.MessageFactory(conversation=conversation)
    return SimpleNamespace(room=room, number=number, contact=contact, conversation=conversation, message=message)


def build_acme() -> SimpleNamespace:
    world = build("Acme", {"ann": "admin", "bo": "agent", "cy": "agent"}, ["Sales", "Support"])
    with tenancy.organization(world.organization.pk):
        factories.UserChatroomFactory(user=world.people["bo"], chatroom=world.rooms["Sales"].room)
        for person in ("bo", "cy"):
            factories.TokenAccountFactory(user=world.people[person])
    return world


def build_globex() -> SimpleNamespace:
    return build("Globex", {"zed": "admin"}, ["Spare parts"])


def build_operator() -> User:
    return User.objects.create_superuser("olga@operators.example", factories.PASSWORD, name="Olga")


@pytest.fixture
def acme(db) -> SimpleNamespace:
    return build_acme()


@pytest.fixture
def globex(db) -> SimpleNamespace:
    return build_globex()


@pytest.fixture
def ann(acme) -> User:
    return acme.people["ann"]


@pytest.fixture
def bo(acme) -> User:
    return acme.people["bo"]


@pytest.fixture
def cy(acme) -> User:
    return acme.people["cy"]


@pytest.fixture
def zed(globex) -> User:
    return globex.people["zed"]


@pytest.fixture
def olga(db) -> User:
    return build_operator()


@pytest.fixture
def sales(acme) -> SimpleNamespace:
    return acme.rooms["Sales"]


@pytest.fixture
def support(acme) -> SimpleNamespace:
    return acme.rooms["Support"]


@pytest.fixture
def elsewhere(globex) -> SimpleNamespace:
    return globex.rooms["Spare parts"]


@pytest.fixture
def api() -> Callable[[User | None], APIClient]:
    """A client signed in by cookie as this person."""

    def client(user: User | None = None) -> APIClient:
        made = APIClient()
        if user:
            made.force_login(user)
        return made

    return client


@pytest.fixture
def inside() -> Callable:
    """`with inside(acme):` for looking at rows."""
    return lambda world: tenancy.organization(world.organization.pk)


@pytest.fixture
def assert_constant_queries() -> Callable:
    """The list takes as many queries with two more rows."""

    def check(client: APIClient, url: str, add_row: Callable[[], object]) -> None:
        def count() -> int:
            with CaptureQueriesContext(
                connection,
            ) as captured:
                answer = client.get(url)
            assert answer.status_code == 200, answer.content
            assert answer.json()["results"], f"{url} lists nothing"
            return len(captured)

        before = count()
        add_row(), add_row()
        assert count() == before

    return check


def create_tenant(slug: str, phone: str, account_sid: str = "", auth_token: str = "secret") -> dict:  # noqa: S107
    """An organization with everything that a message needs, and one message sent by its agent."""
    organization = Organization(name=slug.title(), slug=slug)
    with tenancy.organization(organization.pk):
        organization.save(force_insert=True)
        agent = User.objects.create_user(
            f"agent@{slug}.example", "x", name="A", role="agent", organization=organization
        )
        room = Chatroom.objects.create(organization=organization, name="Sales")
        UserChatroom.objects.create(organization=organization, user=agent, chatroom=room)
        account = TwilioAccount.objects.create(
            organization=organization, external_id=account_sid or f"AC{slug}", secret=auth_token
        )
        number = Channel.objects.create(organization=organization, chatroom=room, account=account, address=phone)
        ledger.adjust(agent, 5, actor=agent, reason="Start")
        contact = contacts.find_or_create_contact(room, f"{phone[:-3]}999")
        conversation = changes.open_conversation(contact, number)
        sent = enqueue.send_message(conversation, "Hello", sent_by=agent)
    return {
        "organization": organization, "agent": agent, "room": room, "number": number, "contact": contact,
        "conversation": conversation, "message": sent.message,
    }  # fmt: skip


@pytest.fixture
def login() -> Callable:
    """POST /api/auth/login as this person."""

    def post(user: User | str, password: str = factories.PASSWORD, **more):
        email = user if isinstance(user, str) else user.email
        return APIClient().post("/api/auth/login", {"email": email, "password": password, **more})

    return post


@pytest.fixture
def bearer() -> Callable[[str], APIClient]:
    return lambda token: APIClient(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def by_key(bearer, inside) -> Callable[..., APIClient]:
    """A client that signs in with a fresh API key of this person."""
    return lambda user, *scopes: bearer(keys.create_key(user, "A key", list(scopes))[1])


@pytest.fixture
def signed_in() -> Callable[..., Client]:
    """Somebody's browser, signed in through the page."""

    def client(user: User, **more) -> Client:
        made = Client(**more)
        answer = made.post("/login/", {"email": user.email, "password": factories.PASSWORD})
        assert answer.status_code == 302, answer.content
        return made

    return client


@pytest.fixture
def browser() -> Callable[..., Client]:
    """Somebody's browser; `part=True` asks as a script does."""

    def client(user: User | None = None, *, part: bool = False) -> Client:
        made = Client(headers={"HX-Request": "true"} if part else None)
        if user:
            made.force_login(user)
        return made

    return client


@pytest.fixture
def rich(acme, bo, ann) -> User:
    """Bo with ten tokens."""
    with tenancy.organization(acme.organization.pk):
        ledger.adjust(bo, 10, actor=ann, reason="Start")
    return bo

"""Who takes part: organizations with people, chatrooms, numbers and customers' phones, and how they ask."""

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

import requests
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from knox.models import get_token_model

from accounts.models import User
from chatrooms import groups
from chatrooms.models import UserChatroom
from integrations.models import Channel
from integrations.sandbox.graph.items import FIELDS
from messagehub import tenancy
from tests import factories
from tests.sandbox_server import SandboxServer
from tests.simulator import clocks
from tests.simulator.environment import APP_ID, APP_SECRET
from tokens import ledger

ORGANIZATIONS = 3
ROOMS = 2
AGENTS = 3
TEMPS = 2
PHONES = 60
TALKERS = 4
MEMBERS = 12  # of the group that a chatroom's campaigns go to; one of them may be in any zone of a large country
KNOWN, NEWCOMERS = 5, 3  # people on Messenger, and again on Instagram: with a conversation at the start, and without
FIRST_TOKENS = 30  # few, so that they run out and are granted again
PATIENCE = 40  # seconds that a client repeats a request that got no clear answer


@dataclass(frozen=True)
class Answer:
    """What a request came to. `unsure` when an earlier try of it may have been carried out as well."""

    status: int
    body: dict
    unsure: bool = False


@dataclass
class Person:
    id: UUID
    email: str
    is_admin: bool
    rooms: set[str]  # ids; of an agent, as the simulator last left them
    token: str = ""


@dataclass(frozen=True)
class Wandering:
    """A number that is moved from chatroom to chatroom."""

    id: str
    phone: str


@dataclass(frozen=True)
class Customer:
    """Somebody who writes on Messenger or Instagram."""

    account_id: str  # of the page, or of its Instagram account
    person_id: str
    is_on_instagram: bool
    conversation_id: str = ""  # of one with whom staff is in conversation


@dataclass(frozen=True)
class Page:
    """A page with its Instagram account, both in one chatroom."""

    page_id: str
    instagram_id: str
    room_id: str
    customers: list[Customer]

    @property
    def known(self) -> list[Customer]:
        return [customer for customer in self.customers if customer.conversation_id]


@dataclass
class Room:
    id: str
    number: str
    group_id: str  # of contacts whom nobody else writes to first


@dataclass
class Organization:
    id: UUID
    account_sid: str
    auth_token: str
    people: list[Person]  # who write
    temps: list[Person]  # who are assigned, promoted, deactivated and so on, and never write
    rooms: list[Room]
    wandering: Wandering
    page: Page
    phones: list[str]
    talkers: list[str]  # phones that nobody writes to, and that change their minds about being written to
    quiet_hours: clocks.Hours  # while they are on
    pays_back: bool  # also what the carrier did not deliver

    @property
    def accounts(self) -> dict[str, str]:
        """By platform, what the provider calls whose messages they are."""
        return {"SMS": self.account_sid, "MESSENGER": self.page.page_id, "INSTAGRAM": self.page.instagram_id}

    @property
    def admin(self) -> Person:
        return self.people[0]

    @property
    def agents(self) -> list[Person]:
        return self.people[1:]


@dataclass
class Door:
    """The front door of the product, for many threads. Counts what it answered."""

    url: str
    answers: dict[str, int] = field(default_factory=dict)
    repeats: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    local: threading.local = field(default_factory=threading.local)

    def ask(self, person: Person, method: str, path: str, **payload) -> Answer | None:
        """The clear answer to a request, repeated as a careful client does until there is one.

        None when patience is over: nobody knows whether it was carried out.
        """
        deadline, unsure = time.monotonic() + PATIENCE, False
        headers = {"Authorization": f"Bearer {person.token}", **payload.pop("headers", {})}
        while True:
            status, body = self._once(method, path, headers, payload)
            if status and status < 500:
                return Answer(status, body, unsure)
            unsure = True
            if time.monotonic() > deadline:
                return None
            with self.lock:
                self.repeats += 1
            time.sleep(0.2)

    def ask_page(self, person: Person, path: str) -> int | None:
        """The status of a page that something is posted to, for what only pages can do."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(requests.RequestException):
                status = self._post_page(person, path)
                self._count(f"page {status}")
                if status < 500:
                    return status
            time.sleep(0.2)
        return None

    def _post_page(self, person: Person, path: str) -> int:
        with requests.Session() as browser:
            sign_in = {"email": person.email, "password": factories.PASSWORD}
            signed_in = browser.post(f"{self.url}/api/auth/login", json=sign_in, timeout=20)
            if signed_in.status_code != 200:
                return signed_in.status_code
            browser.cookies.set("csrftoken", token := secrets.token_hex(16))
            headers = {"X-CSRFToken": token}
            return browser.post(self.url + path, headers=headers, timeout=20, allow_redirects=False).status_code

    def _once(self, method: str, path: str, headers: dict, payload: dict) -> tuple[int | None, dict]:
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
        try:
            answer = self.local.session.request(method, self.url + path, headers=headers, timeout=20, **payload)
            body = answer.json() if answer.content else {}
        except (requests.RequestException, ValueError):
            self._count("no answer")
            return None, {}
        error = body.get("error", {}) if answer.status_code >= 400 else {}
        self._count(f"{answer.status_code} {error.get('code', '')}".strip())
        return answer.status_code, body

    def _count(self, what: str) -> None:
        with self.lock:
            self.answers[what] = self.answers.get(what, 0) + 1


def make(sandbox: SandboxServer, web_url: str) -> list[Organization]:
    """Made by the operations' own means, in the database and at the providers."""
    sandbox.add_app(APP_ID, APP_SECRET, f"{web_url}/api/webhooks/facebook")
    return [_organization(place, sandbox, web_url) for place in range(ORGANIZATIONS)]


def _organization(place: int, sandbox: SandboxServer, web_url: str) -> Organization:
    pays_back = place == 2
    policy = "undelivered" if pays_back else "not_sent"
    made = factories.OrganizationFactory(
        name=f"Simulated {place}", slug=f"simulated-{place}", refund_policy=policy, time_zone="UTC"
    )
    sid, secret = f"AC{place:032x}", f"{place:032x}"
    sandbox.add_account(sid, secret)
    with tenancy.organization(made.pk):
        account = factories.TwilioAccountFactory(organization_id=made.pk, external_id=sid, secret=secret)
        admin = _make_person(made, "admin", f"admin@org{place}.example")
        rooms = []
        for n in range(ROOMS):
            room = factories.ChatroomFactory(organization=made, name=f"Room {n}")
            phone = f"+1555{place:03d}00{n:02d}"
            factories.ChannelFactory(chatroom=room, account=account, address=phone)
            sandbox.add_number(sid, phone, f"{web_url}/api/webhooks/twilio/messages")
            group = groups.create_group(room, "Everybody")
            phones = [f"+1557{place:03d}{n}{member:03d}" for member in range(MEMBERS - 1)]
            phones.append(clocks.EVERYWHERE.format(9_000_000 + place * ROOMS + n))
            groups.add_members(group, [factories.ContactFactory(chatroom=room, phone=each) for each in phones])
            rooms.append(Room(str(room.pk), phone, str(group.pk)))
        # The newest: a chatroom sends from its oldest number.
        wandering = factories.ChannelFactory(chatroom=room, account=account, address=f"+1555{place:03d}0099")
        sandbox.add_number(sid, wandering.address, f"{web_url}/api/webhooks/twilio/messages")
        page = _connect_page(place, sandbox, made, room)
        people = [_sign_in(admin, {room.id for room in rooms})]
        for n in range(AGENTS):
            agent = _make_person(made, "agent", f"agent{n}@org{place}.example")
            mine = {room.id for room in (rooms if n == 0 else rooms[n % ROOMS : n % ROOMS + 1])}
            for room in mine:
                UserChatroom.objects.create(organization=made, user=agent, chatroom_id=room, assigned_by=admin)
            ledger.adjust(agent, FIRST_TOKENS, actor=admin, reason="first")
            people.append(_sign_in(agent, mine))
        temps = [_make_person(made, "agent", f"temp{n}@org{place}.example") for n in range(TEMPS)]
    return Organization(
        id=made.pk,
        account_sid=sid,
        auth_token=secret,
        people=people,
        temps=[Person(temp.pk, temp.email, False, set()) for temp in temps],
        rooms=rooms,
        wandering=Wandering(str(wandering.pk), wandering.address),
        page=page,
        phones=[f"+1556{place:03d}{n:04d}" for n in range(PHONES)],
        talkers=[f"+1558{place:03d}{n:04d}" for n in range(TALKERS)],
        quiet_hours=clocks.Hours.around(datetime.now(UTC)),
        pays_back=pays_back,
    )


def _connect_page(place: int, sandbox: SandboxServer, organization, room) -> Page:
    page_id, instagram_id, token = f"10{place:013}", f"178{place:014}", f"EAA{place:032x}"
    fields = sorted(set(FIELDS.values()))
    sandbox.add_page(
        page_id, f"Simulated {place}", token, APP_ID, instagram_account_id=instagram_id,
        instagram_username=f"simulated{place}", subscribed_fields=fields,
    )  # fmt: skip
    account = factories.FacebookPageFactory(organization=organization, external_id=page_id, secret=token)
    messenger = factories.PageChannelFactory(chatroom=room, account=account)
    instagram = factories.PageChannelFactory(chatroom=room, account=account, platform="INSTAGRAM", address=instagram_id)
    customers = [
        _make_customer(sandbox, channel, f"{7 + n}{place:03}{number:012}", is_known=number < KNOWN)
        for n, channel in enumerate((messenger, instagram))
        for number in range(KNOWN + NEWCOMERS)
    ]
    return Page(page_id, instagram_id, str(room.pk), customers)


def _make_customer(sandbox: SandboxServer, channel: Channel, person_id: str, *, is_known: bool) -> Customer:
    """Every other one's messages are seen at once. A known one has a conversation."""
    account_id, is_on_instagram = channel.address, channel.platform == "INSTAGRAM"
    sandbox.add_person(
        account_id, person_id, first_name="Ada", username=f"ada{person_id}", sees=person_id[-1] in "02468"
    )
    if not is_known:
        return Customer(account_id, person_id, is_on_instagram)
    contact = factories.ContactFactory(chatroom=channel.chatroom, phone=None)
    contact.addresses.create(
        organization_id=channel.organization_id, chatroom=channel.chatroom, platform=channel.platform,
        address=person_id, channel=channel, is_primary=True,
    )  # fmt: skip
    conversation = factories.ConversationFactory(
        chatroom=channel.chatroom, contact=contact, channel=channel, platform=channel.platform,
        last_inbound_at=timezone.now(),
    )  # fmt: skip
    return Customer(account_id, person_id, is_on_instagram, str(conversation.pk))


@cache
def _hashed_password() -> str:
    """Argon2 takes its time on purpose; once is enough."""
    return make_password(factories.PASSWORD)


def _make_person(organization, role: str, email: str) -> User:
    user = factories.UserFactory(organization=organization, role=role, email=email, password=None)
    user.password, user.joined_at = _hashed_password(), timezone.now()
    user.save(update_fields=["password", "joined_at"])
    return user


def _sign_in(user: User, rooms: set[str]) -> Person:
    return Person(user.pk, user.email, user.is_admin, rooms, get_token_model().objects.create(user=user)[1])

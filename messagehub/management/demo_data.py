"""Two organizations to look at: people, chatrooms, numbers, tokens, and conversations with a believable past.

Made once, through the same operations that the product uses where they spend or grant; a second start finds it all.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import second_factor
from accounts.models import Organization, User
from chatrooms import groups
from chatrooms.models import Chatroom, Contact, ContactActivity, UserChatroom
from integrations import segments
from integrations.models import Channel, TwilioAccount
from integrations.sandbox import store
from messagehub import tenancy
from messagehub.management import demo_pages
from messagehub.management.demo_past import backdate, note_waiting_times
from messagehub.management.demo_words import FIRST, LABELS, LAST, NOTES, TALKS, TEMPLATES
from messaging.models import (
    Conversation,
    ConversationActivity,
    ConversationLabel,
    Label,
    Message,
    MessageTemplate,
    Note,
    ReadMarker,
)
from tokens import ledger, proof

PASSWORD = "messagehub-demo"  # noqa: S105  printed for everybody who starts the demo
TOKENS = 1000
CONVERSATIONS_PER_ROOM = 60
OPERATOR = ("operator@messagehub.example", "Robin Falk")

ORGANIZATIONS = [
    {
        "name": "Northbeam Furniture",
        "slug": "northbeam",
        "country": "GB",
        "time_zone": "Europe/London",
        "sid": "AC" + "b" * 32,
        "token": "5f1d3c7a9b2e4f6081a3c5e7092b4d6f",
        "admin": ("dana@northbeam.example", "Dana Reyes"),
        "rooms": [
            ("Sales", "petrol", "+15550100001", "Sales line", "maya@northbeam.example", "Maya Okafor"),
            ("Deliveries", "ochre", "+15550100002", "Deliveries line", "tom@northbeam.example", "Tom Lindqvist"),
            ("Aftercare", "green", "+15550100003", "Aftercare line", "priya@northbeam.example", "Priya Nair"),
        ],
        "spare": ("+15550100009", "Showroom line"),
    },
    {
        "name": "Harbour Dental",
        "slug": "harbour",
        "country": "US",
        "time_zone": "America/New_York",
        "sid": "AC" + "c" * 32,
        "token": "0c9e8d7f6a5b4c3d2e1f00998877a6b5",
        "admin": ("ines@harbour.example", "Ines Duarte"),
        "rooms": [
            ("Reception", "blue", "+15550200001", "Reception", "leo@harbour.example", "Leo Brandt"),
            ("Billing", "magenta", "+15550200002", "Billing", "kim@harbour.example", "Kim Aoki"),
            ("Recalls", "green", "+15550200003", "Recalls", "sam@harbour.example", "Sam Whitlock"),
        ],
        "spare": ("+15550200009", "Emergency line"),
    },
]


def seed() -> dict:
    """Make what is missing and return what `.local/demo.json` says about it."""
    base_url = settings.PUBLIC_BASE_URL
    if not User.objects.filter(email=OPERATOR[0], is_superuser=True).exists():
        with transaction.atomic():
            make()
    with transaction.atomic():
        demo_pages.make_pages()
    operator = find_operator()
    if not second_factor.is_set_up(operator):
        second_factor.begin_enrollment(operator)
    if proof.newest_run() is None:
        proof.run_proof()
    register(base_url)
    demo_pages.register_pages(base_url)
    return describe(base_url)


def find_operator() -> User:
    """An organization may have invited the same address meanwhile."""
    return User.objects.get(email=OPERATOR[0], is_superuser=True)


def make() -> None:
    chance = random.Random(20)
    for plan in ORGANIZATIONS:
        make_organization(plan, chance)
    User.objects.create_superuser(OPERATOR[0], PASSWORD, name=OPERATOR[1])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def make_organization(plan: dict, chance: random.Random) -> None:
    organization = Organization(
        name=plan["name"], slug=plan["slug"], default_country=plan["country"], time_zone=plan["time_zone"]
    )
    with tenancy.organization(organization.pk):
        organization.save(force_insert=True)
        person = {"organization": organization, "password": PASSWORD}
        admin = User.objects.create_user(plan["admin"][0], name=plan["admin"][1], role="admin", **person)
        account = TwilioAccount.objects.create(organization=organization, external_id=plan["sid"], secret=plan["token"])
        words = [
            Label.objects.create(organization=organization, name=name, color=color)
            for name, color in LABELS[plan["slug"]]
        ]
        for name, body in TEMPLATES[plan["slug"]]:
            MessageTemplate.objects.create(organization=organization, name=name, body=body)
        rooms, agents, numbers = [], [], []
        for name, color, phone, label, email, agent in plan["rooms"]:
            room = Chatroom.objects.create(organization=organization, name=name, color=color)
            user = User.objects.create_user(email, name=agent, role="agent", **person)
            UserChatroom.objects.create(organization=organization, user=user, chatroom=room, assigned_by=admin)
            number = Channel.objects.create(
                organization=organization, chatroom=room, account=account, address=phone, name=label
            )
            rooms.append(room), agents.append(user), numbers.append(number)
        for room, agent, number in zip(rooms, agents, numbers, strict=True):
            paid = make_past(plan, room, agent, admin, number, chance)
            make_remarks(room, agent, admin, words, chance)
            make_groups(room, chance)
            ledger.adjust(agent, TOKENS + len(paid), actor=admin, reason="Welcome to the demo")
            for message in sorted(paid, key=lambda message: message.occurred_at):
                ledger.debit(agent, 1, reference=f"message:{message.pk}")


def make_past(plan, room, agent, admin, number, chance: random.Random) -> list[Message]:
    """Conversations of the last three weeks, most of them read; returns the agent's messages, still to be paid."""
    now = timezone.now()
    contacts, activities, conversations, messages, markers = [], [], [], [], []
    used: set[tuple[str, str]] = set()
    for place in range(CONVERSATIONS_PER_ROOM):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        while (first, last) in used:
            first, last = chance.choice(FIRST), chance.choice(LAST)
        used.add((first, last))
        named = chance.random() < 0.88
        ended = now - timedelta(minutes=4 + 9 * place**1.75 + chance.uniform(0, 5))
        contact = Contact(
            organization_id=room.organization_id,
            chatroom=room,
            first_name=first if named else "",
            last_name=last if named else "",
            name_source="staff" if named else "none",
            email=f"{first}.{last}@example.com".lower() if named and first.isascii() and chance.random() < 0.5 else "",
            last_activity_at=ended,
        )
        contact.phone = f"+15557{plan['rooms'][0][2][6]}{number.address[-1]}{place:04d}"
        conversation = Conversation(
            organization_id=room.organization_id,
            chatroom=room,
            contact=contact,
            platform="SMS",
            channel=number,
            assigned_to=agent if chance.random() < 0.5 else None,
            status="CLOSED" if place > 35 and chance.random() < 0.5 else "OPEN",
        )
        said = list(talk(plan["slug"], ended, chance))
        for direction, text, at in said:
            messages.append(past_message(conversation, contact, number, agent, direction, text, at))
        inbound = sum(direction == "inbound" for direction, _, _ in said)
        conversation.last_message = messages[-1]
        conversation.last_message_at = messages[-1].occurred_at
        conversation.inbound_count = inbound
        conversation.last_inbound_at = max(
            (m.occurred_at for m in messages[-len(said) :] if m.direction == "inbound"), default=None
        )
        if conversation.status == "CLOSED":
            conversation.resolved_at = conversation.last_message_at + timedelta(minutes=1)
        unanswered = [at for _, _, at in takewhile(lambda each: each[0] == "inbound", reversed(said))]
        if unanswered and conversation.status == "OPEN":
            conversation.waiting_since = unanswered[-1]
        unread = said[-1][0] == "inbound" and place < 9 and chance.random() < 0.6
        for reader in (agent, admin):
            markers.append(
                ReadMarker(
                    organization_id=room.organization_id,
                    user=reader,
                    conversation=conversation,
                    up_to=messages[-1],
                    seen_count=inbound - (1 if unread else 0),
                )
            )
        contacts.append(contact), conversations.append(conversation)
        for kind, reference in (("created", contact.pk), ("conversation_opened", conversation.pk)):
            activities.append(
                ContactActivity(organization_id=room.organization_id, contact=contact, kind=kind, reference=reference)
            )
    note_waiting_times(messages)
    for rows in (contacts, activities, conversations, messages, markers):
        type(rows[0]).objects.bulk_create(rows)
    backdate(messages, contacts)
    return [message for message in messages if message.tokens]


def make_remarks(room: Chatroom, agent: User, admin: User, words: list[Label], chance: random.Random) -> None:
    """Labels on some conversations, a few notes, and who assigned what."""
    labelings, notes, acts = [], [], []
    for conversation in Conversation.objects.filter(chatroom=room).order_by("-last_message_at"):
        of = {"organization_id": room.organization_id, "conversation": conversation}
        for label in chance.sample(words, chance.choice([0, 0, 0, 1, 1, 2])):
            labelings.append(ConversationLabel(label=label, **of))
        at = conversation.last_message_at - timedelta(seconds=20)
        if conversation.assigned_to_id:
            acts.append(ConversationActivity(kind="assigned", actor=admin, person=agent, created_at=at, **of))
        if chance.random() < 0.2:
            text = chance.choice(NOTES).format(admin=admin.name)
            named = [admin.pk] if "@" in text else []
            notes.append(Note(author=agent, content=text, mentions=named, created_at=at, **of))
    for made in (labelings, notes, acts):
        if made:
            type(made[0]).objects.bulk_create(made)


def make_groups(room: Chatroom, chance: random.Random) -> None:
    """Two groups of the room's contacts, to filter by and to write to."""
    people = list(Contact.objects.filter(chatroom=room).order_by("pk"))
    for name, size in (("Regulars", 24), ("Newsletter", 40)):
        groups.add_members(groups.create_group(room, name), chance.sample(people, min(size, len(people))))


def talk(slug: str, ended: datetime, chance: random.Random) -> Iterator[tuple[str, str, datetime]]:
    """(direction, text, time) of one talk, its last line at `ended`."""
    lines = chance.choice(TALKS[slug]).split("|")
    gaps = [timedelta(minutes=chance.uniform(1, 14)) for _ in lines]
    for place, line in enumerate(lines):
        at = ended - sum(gaps[place + 1 :], timedelta())
        yield ("inbound" if line.startswith("<") else "outbound"), line[1:], at


def past_message(conversation, contact, number, author, direction: str, text: str, at: datetime) -> Message:
    inbound = direction == "inbound"
    message = Message(
        organization_id=conversation.organization_id,
        chatroom_id=conversation.chatroom_id,
        conversation=conversation,
        contact=contact,
        direction=direction,
        platform="SMS",
        content=text,
        status="received" if inbound else "delivered",
        channel=number,
        from_address=contact.phone if inbound else number.address,
        to_address=number.address if inbound else contact.phone,
        segments=segments.count_segments(text),
        sent_by=None if inbound else author,
        tokens=0 if inbound else 1,
        occurred_at=at,
        sent_at=None if inbound else at + timedelta(seconds=1),
        delivered_at=None if inbound else at + timedelta(seconds=4),
    )
    message.provider_id = f"SM{message.pk.hex}"
    return message


def register(base_url: str) -> None:
    """Open the accounts and numbers at the sandbox, with the addresses of this start's port, and one to connect."""
    for plan in ORGANIZATIONS:
        store.add_account(plan["sid"], plan["token"])
        for _, _, phone, label, _, _ in plan["rooms"]:
            store.add_number(plan["sid"], phone, f"{base_url}/api/webhooks/twilio/messages", f"{plan['name']}, {label}")
        store.offer_number(plan["sid"], *plan["spare"])


def describe(base_url: str) -> dict:
    """The people and numbers that were made here and are still there, as they are by now."""
    users, accounts = [], []
    for plan in ORGANIZATIONS:
        with tenancy.system():
            organization_id = Organization.objects.values_list("pk", flat=True).get(slug=plan["slug"])
        with tenancy.organization(organization_id):
            users += describe_people(plan, organization_id)
            accounts.append(describe_account(plan))
    return {
        "base_url": base_url,
        "users": users,
        "operator": {
            "email": OPERATOR[0],
            "password": PASSWORD,
            "totp_secret": second_factor.read_secret(find_operator()),
        },
        "twilio": accounts[0],
        "twilio_others": accounts[1:],
        "meta": demo_pages.list_demo_pages(),
        "sandbox_url": f"{base_url}/sandbox",
    }


def describe_people(plan: dict, organization_id: UUID) -> list[dict]:
    """Who can sign in with the password that is printed: nobody who was invited since or is deactivated."""
    emails = [room[4] for room in plan["rooms"]] + [plan["admin"][0]]
    people = User.objects.filter(
        organization_id=organization_id, email__in=emails, is_active=True, joined_at__isnull=False
    )
    return [
        {
            "email": user.email,
            "password": PASSWORD,
            "role": user.role,
            "organization": plan["slug"],
            "chatroom_ids": [str(room.pk) for room in Chatroom.objects.visible_to(user).order_by("pk")],
        }
        for user in sorted(people, key=lambda user: emails.index(user.email))
    ]


def describe_account(plan: dict) -> dict:
    numbers = Channel.objects.filter(account__external_id=plan["sid"]).order_by("pk")
    return {
        "organization": plan["slug"],
        "account_sid": plan["sid"],
        "auth_token": plan["token"],
        "numbers": [{"phone": number.address, "chatroom_id": str(number.chatroom_id)} for number in numbers],
    }

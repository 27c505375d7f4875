"""The demo starts again from whatever people did in it: its data is prepared after every kind of change."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.utils import timezone

from accounts import invitations, organizations, second_factor, sessions, team
from accounts.models import Organization, User
from chatrooms import contacts, groups, membership, rooms
from chatrooms.models import Chatroom, Contact, ContactAddress
from integrations import numbers
from integrations.models import Channel, FacebookPage
from integrations.sandbox import store
from messagehub import tenancy
from messagehub.management import demo_data, demo_pages
from messaging.campaigns import lifecycle
from messaging.message_templates import templates
from messaging.models import Label, Message, MessageTemplate
from tests.accounts.codes import code
from tests.sandbox_server import ROOT, sandbox_server
from tokens import ledger, proof

NORTHBEAM, HARBOUR = demo_data.ORGANIZATIONS
SPARE = NORTHBEAM["spare"][0]
NEW = "nora@northbeam.example"
IGNORING = """
import signal, sys, time
import django
django.setup()
from messagehub.management.commands import demo

class Slow(demo.Command):
    def run(self):
        print("preparing", flush=True)
        time.sleep(60)

Slow().handle()
"""


@pytest.fixture
def people(db, settings, tmp_path) -> SimpleNamespace:
    settings.LOCAL_DIR = tmp_path
    demo_data.seed()
    with tenancy.system():
        northbeam = Organization.objects.get(slug="northbeam")
    return SimpleNamespace(
        organization=northbeam, dana=User.objects.get(email=NORTHBEAM["admin"][0]),
        maya=User.objects.get(email=NORTHBEAM["rooms"][0][4]), tom=User.objects.get(email=NORTHBEAM["rooms"][1][4]),
        ines=User.objects.get(email=HARBOUR["admin"][0]), operator=User.objects.get(email=demo_data.OPERATOR[0]),
    )  # fmt: skip


def invite(people, email: str = NEW, role: str = "agent") -> User:
    return team.invite_user(people.organization, email, name="Nora", role=role, by=people.dana)


def join(people) -> None:
    part = invitations.make_link_part(invite(people, "second@northbeam.example", "admin"))
    team.accept_invitation(part, name="Second", password="correct-horse-battery")


def replace_the_admin(people) -> None:
    second = User.objects.get(email="second@northbeam.example")
    team.change_user(people.dana, by=second, role="agent")
    team.deactivate_user(people.dana, by=second)


def find_room(place: int) -> Chatroom:
    return Chatroom.objects.get(pk=Channel.objects.get(address=NORTHBEAM["rooms"][place][2]).chatroom_id)


def find_first(model):
    return model.objects.earliest("created_at", "pk")


def set_up_factor(people) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    second_factor.set_up_second_factor(people.dana, secret, code(secret))


def start_campaign(people) -> None:
    room = find_room(0)
    group = groups.create_group(room, "All")
    reachable = Contact.objects.filter(chatroom=room, addresses__platform="SMS").order_by("created_at", "pk")
    groups.add_members(group, reachable[:3])
    number = Channel.objects.get(chatroom=room, platform="SMS")
    draft = lifecycle.create_campaign(room, name="C", content="Hi", channel=number, groups=[group], by=people.maya)
    lifecycle.start_campaign(draft, by=people.maya)


def move_number(people) -> None:
    numbers.change_number(Channel.objects.get(address="+15550100001"), chatroom=find_room(2), by=people.dana)


def connect_number(people) -> None:
    numbers.connect_number(
        find_room(1),
        phone=SPARE,
        account_sid=NORTHBEAM["sid"],
        auth_token=NORTHBEAM["token"],
        name="Spare",
        by=people.dana,
    )


def let_page_go(people) -> None:
    Channel.objects.filter(account__in=FacebookPage.objects.all()).update(retired_at=timezone.now())


def change_settings(people) -> None:
    organizations.change_organization(
        Organization.objects.get(), by=people.dana, name="Northbeam & Sons", time_zone="Asia/Tokyo",
        default_country="JP", price_sms=3, refund_policy="undelivered",
    )  # fmt: skip


CHANGES = {
    "somebody invited": invite,
    "the operator's address invited": lambda people: invite(people, demo_data.OPERATOR[0]),
    "another organization's address invited": lambda people: invite(people, HARBOUR["admin"][0]),
    "an address in capitals invited": lambda people: invite(people, "UPPER@NORTHBEAM.example"),
    "somebody joined": join,
    "a person renamed": lambda people: team.change_user(people.tom, by=people.dana, name="Tomas"),
    "a password changed": lambda people: sessions.change_password(people.tom, "correct-horse-battery"),
    "an agent promoted": lambda people: team.change_user(people.tom, by=people.dana, role="admin"),
    "a chatroom renamed": lambda people: rooms.rename_chatroom(find_room(0), "Shop", by=people.dana),
    "a chatroom added": lambda people: rooms.create_chatroom(people.organization, "Returns", by=people.dana),
    "an agent moved": lambda people: membership.unassign_user(people.maya, find_room(0), by=people.dana),
    "an agent moved back": lambda people: membership.assign_user(people.maya, find_room(0), by=people.dana),
    "tokens taken": lambda people: ledger.set_balance(people.maya, 5, actor=people.dana, reason="Fewer"),
    "a campaign started": start_campaign,
    "labels deleted": lambda people: Label.objects.all().delete(),
    "a template changed": lambda people: templates.change_template(find_first(MessageTemplate), name="Other"),
    "a contact changed": lambda people: contacts.change_contact(find_first(Contact), phone="+442079460958"),
    "settings changed": change_settings,
    "a second factor set up": set_up_factor,
    "a number moved": move_number,
    "a number connected": connect_number,
    "a number let go": lambda people: numbers.disconnect_number(Channel.objects.get(address=SPARE), by=people.dana),
    "a page let go": let_page_go,
    "an agent deactivated": lambda people: team.deactivate_user(people.maya, by=people.dana),
    "the admin replaced": replace_the_admin,
    "a chatroom archived": lambda people: rooms.archive_chatroom(Chatroom.objects.get(name="Shop"), by=people.dana),
    "the operator's recovery codes renewed": lambda people: second_factor.renew_recovery_codes(people.operator),
    "the operator renamed": lambda people: User.objects.filter(pk=people.operator.pk).update(name="R."),
}


def test_demo_prepares_its_data_after_every_kind_of_change(people, settings, tmp_path_factory):
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as sandbox:
        settings.TWILIO_API_BASE_URL = sandbox.base_url
        for plan in (NORTHBEAM, HARBOUR):
            sandbox.add_account(plan["sid"], plan["token"])
            for room in plan["rooms"]:
                sandbox.add_number(plan["sid"], room[2])
        sandbox.add_number(NORTHBEAM["sid"], SPARE)
        broken = {}
        for name, change in CHANGES.items():
            with tenancy.organization(people.organization.pk):
                change(people)
            try:
                details = demo_data.seed()
            except Exception as error:
                broken[name] = repr(error)
    assert broken == {}
    assert [user["email"].split("@")[0] for user in details["users"]] == ["tom", "priya", "leo", "kim", "sam", "ines"]
    assert [number["phone"] for number in details["twilio"]["numbers"]] == [room[2] for room in NORTHBEAM["rooms"]]
    assert len(details["twilio_others"][0]["numbers"]) == 3
    assert details["operator"]["totp_secret"]
    assert [page["page_name"] for page in details["meta"]["pages"]] == ["Harbour Dental"]


def test_demo_has_a_number_to_connect_and_leaves_it_where_it_leads(people):
    store.add_number(NORTHBEAM["sid"], SPARE, "https://elsewhere.example/sms", "Showroom")
    demo_data.seed()
    with closing(store.connect(store.default_path())) as db:
        led = dict(db.execute("SELECT phone, sms_url FROM numbers").fetchall())
    assert led[SPARE] == "https://elsewhere.example/sms"
    assert led[HARBOUR["spare"][0]] == ""


def test_demo_of_an_earlier_release_gets_its_pages(db, settings, tmp_path, monkeypatch):
    settings.LOCAL_DIR = tmp_path
    with monkeypatch.context() as earlier:
        earlier.setattr(demo_pages, "PAGES", [])
        assert demo_data.seed()["meta"]["pages"] == []

    details = demo_data.seed()

    rooms = {page["page_name"]: page["chatroom_id"] for page in details["meta"]["pages"]}
    assert set(rooms) == {"Northbeam Furniture", "Harbour Dental"}
    with tenancy.system():
        messages = Message.objects.filter(platform="INSTAGRAM")
        assert {str(message.chatroom_id) for message in messages} == {rooms["Northbeam Furniture"]}
        assert Channel.objects.get(platform="INSTAGRAM").address == details["meta"]["pages"][0]["instagram_account_id"]
    assert list(proof.find_broken()) == []


def test_sandbox_knows_the_past_of_the_demo_s_pages(people):
    with tenancy.system():
        known = dict(
            Message.objects.exclude(platform="SMS").filter(deleted_at=None).values_list("provider_id", "content")
        )
        unsent = Message.objects.exclude(platform="SMS").get(deleted_at__isnull=False)
        people_known = set(ContactAddress.objects.exclude(platform="SMS").values_list("address", flat=True))
    with closing(store.connect(store.default_path())) as db:
        rows = db.execute("SELECT mid, text, person_id FROM graph_messages").fetchall()
        registered = {row["person_id"] for row in db.execute("SELECT person_id FROM graph_people")}

    assert {row["mid"]: row["text"] for row in rows} == known
    assert unsent.provider_id not in known
    assert {row["person_id"] for row in rows} == people_known == registered


def test_demo_in_a_shell_s_background_stops_on_the_signal_of_ctrl_c(tmp_path: Path):
    """A shell without job control starts what runs in the background with SIGINT ignored."""
    demo = subprocess.Popen(
        [sys.executable, "-c", IGNORING],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "messagehub.settings", "MESSAGEHUB_LOCAL_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    with demo:
        try:
            assert demo.stdout.readline() == "preparing\n"
            demo.send_signal(signal.SIGINT)
            assert demo.communicate(timeout=20)[0] == "Stopped.\n"
            assert demo.returncode == 0
        finally:
            demo.kill()

"""Scenes: each brings a page into one state that is worth looking at. `tests.e2e.pictures` takes them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import DESKTOP, PHONE, sign_in
from tests.running_demo import Client, Demo, eventually, phones

LOGINS = 10  # that are tried before the door is locked for a minute
LONG_NAME = ("Maximiliane Constantinopolitanische", "Wolfeschlegelsteinhausenbergerdorff")
NEWCOMERS = [
    ("noor@northbeam.example", "Noor Haddad", []),
    ("otto@northbeam.example", "Otto Brandt", ["Trade accounts"]),
    ("lena@northbeam.example", " ".join(LONG_NAME), ["Sales", "International trade and contract customers"]),
]
Play = Callable[[Page, "Stage"], None]


@dataclass(frozen=True)
class Scene:
    name: str
    who: str | None  # by whom it is seen; None is a stranger
    play: Play
    height: int | None  # of the window, where more is to be seen than a window shows
    sizes: tuple[dict, ...]  # of the windows

    def __str__(self) -> str:
        return self.name


SCENES: dict[str, Scene] = {}


def scene(
    who: str | None = "maya", *, height: int | None = None, sizes: tuple[dict, ...] = (DESKTOP, PHONE)
) -> Callable[[Play], Play]:
    """Adds a function to the scenes, under its own name."""

    def add(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        SCENES[name] = Scene(name, who, play, height, sizes)
        return play

    return add


@dataclass
class Stage:
    """A running demo, the browser that looks at it, and what was made once for several scenes."""

    demo: Demo
    browser: Browser
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.demo.base_url

    def once(self, make: Callable[["Stage"], Any]) -> Any:
        if make.__name__ not in self.made:
            self.made[make.__name__] = make(self)
        return self.made[make.__name__]

    def client(self, who: str) -> Client:
        key = f"client of {who}"
        if key not in self.made:
            self.made[key] = self.demo.client(who)
        return self.made[key]

    def python(self, code: str) -> Any:
        """What this code prints in the demo's shell, read as JSON. It sees the rows of the first organization."""
        lines = "\n".join(f"    {line}" for line in code.strip().splitlines())
        printed = self.demo.shell.run(
            "import json\n"
            "from accounts.models import *\nfrom chatrooms.models import *\nfrom messaging.models import *\n"
            "from django.utils import timezone\nfrom messagehub import tenancy\n"
            f"with tenancy.organization({self.client('dana').user['organization']['id']!r}):\n"
            f"    northbeam = Organization.objects.get()\n{lines}",
        )
        return json.loads(printed or "null")

    def hire(self) -> None:
        """Who is not in the demo: somebody without a chatroom, somebody in an empty one, somebody with a long name."""
        password = self.demo.agent["password"]
        self.python(f"""
for email, name, rooms in {NEWCOMERS!r}:
    person = {{"name": name, "role": "agent", "organization": northbeam}}
    user = User.objects.create_user(email, {password!r}, **person)
    for room in rooms:
        room, _ = Chatroom.objects.get_or_create(organization=northbeam, name=room)
        UserChatroom.objects.create(organization=northbeam, user=user, chatroom=room)
""")
        for email, _, _ in NEWCOMERS:
            self.demo.people[email.split("@")[0]] = {"email": email, "password": password}

    def cookies(self, who: str) -> list:
        key = f"cookies of {who}"
        if key not in self.made:
            context = self.browser.new_context()
            page = context.new_page()
            page.goto(f"{self.url}/login/")
            sign_in(page, self.demo.people[who])
            page.wait_for_url(f"{self.url}/")
            self.made[key] = context.cookies()
            context.close()
        return self.made[key]

    def window(self, who: str | None, size: dict) -> Page:
        """A browser of its own for somebody."""
        context = self.browser.new_context(viewport=size, color_scheme="light", reduced_motion="reduce")
        if who:
            context.add_cookies(self.cookies(who))
        return context.new_page()

    def talk(self, *texts: str, **more) -> dict:
        """The conversation with somebody who has just written."""
        phone = next(phones)
        for text in texts:
            self.demo.sandbox("POST", f"/phones/{phone}/messages", to=self.demo.number, body=text, **more)
        return eventually(
            lambda: (
                (found := self.client("dana").conversation_with(phone))
                and found["messages"][0]["content"] == texts[-1]
                and found | {"phone": phone}
            )
        )

    def inbox(self, page: Page, path: str = "") -> None:
        """The inbox, once it is live."""
        page.goto(f"{self.url}/inbox/{path}")
        expect(page.locator("[data-live][data-state=live]").first).to_be_attached()

    def thread(self, page: Page, conversation: dict, path: str = "") -> None:
        self.inbox(page, f"{conversation['id']}/{path}")
        page.wait_for_timeout(300)  # it finds its place, and marks what is read

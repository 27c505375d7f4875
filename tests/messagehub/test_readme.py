"""README's "Your first organization", walked through: each command as it stands there, against the running demo."""

import re
import subprocess
import sys
from pathlib import Path

import requests
from django.core.management import get_commands

from integrations.sandbox import store
from integrations.sandbox.mail import read_mails
from tests.running_demo import Demo, clean_environment, eventually
from tests.shell_blocks import read_blocks, read_json, run_command, split_commands

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Your first organization\n")[2].partition("\n## ")[0]
IN_CONTAINER = "docker compose exec web python manage.py "
PASSWORD = "a long password of the test"
SID, TOKEN, NUMBER, PHONE = "AC" + "9" * 32, "7" * 32, "+15550900001", "+15559009001"


def test_commands_of_manage_py_in_the_documents_exist():
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    named = {name for path in documents for name in re.findall(r"manage\.py (\w+)", path.read_text())}

    assert "create_organization" in named
    assert named - set(get_commands()) == set()


def test_targets_of_make_in_the_documents_exist():
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    named = {name for path in documents for name in re.findall(r"(?:`|^)make ([a-z]+)", path.read_text(), re.MULTILINE)}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert named - targets == set()


def manage(demo: Demo, command: str, variables: dict[str, str]) -> str:
    """A command for the container, in the demo's clone. `createsuperuser` asks on a terminal, so it is told."""
    if command.endswith("createsuperuser"):
        command += " --noinput --email root@readme.example --name Root"
    environment = {**clean_environment(demo.local_dir), "DJANGO_SUPERUSER_PASSWORD": PASSWORD, **variables}
    script = command.replace(IN_CONTAINER, f"{sys.executable} {ROOT / 'manage.py'} ")
    done = subprocess.run(["bash", "-euc", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def accept_invitation(demo: Demo, email: str) -> str:
    """Follow the link of the mail as a browser does, and return a key with the scopes that README names."""
    (body,) = eventually(lambda: [each.body for each in read_mails(demo.local_dir / "mail") if email in each.to])
    browser = requests.Session()
    link = re.search(r"http\S+/invitation/\S+", body)[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(link, timeout=20).text)[1]
    joined = {"name": "Noa", "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert browser.post(link, joined, timeout=20, allow_redirects=False).headers["Location"] == "/"
    answer = requests.post(f"{demo.base_url}/api/auth/login", json={"email": email, "password": PASSWORD}, timeout=20)
    signed_in = {"Authorization": f"Bearer {answer.json()['token']}"}
    scopes = re.findall(r"`(\w+)`", re.search(r"with the scopes ([^.]+)\.", SECTION)[1])
    asked = {"name": "Setting up", "scopes": scopes}
    return requests.post(f"{demo.base_url}/api/keys", json=asked, headers=signed_in, timeout=20).json()["secret"]


def test_first_organization_is_walked_through_to_a_delivered_message(demo: Demo):
    variables = {"HUB": demo.base_url, "NUMBER": NUMBER, "ACCOUNT_SID": SID, "AUTH_TOKEN": TOKEN, "PHONE": PHONE}
    store.add_account(SID, TOKEN, path=demo.local_dir / "sandbox.sqlite3")
    store.add_number(SID, NUMBER, "", "Ours", path=demo.local_dir / "sandbox.sqlite3")
    names = {"api/chatrooms": "CHATROOM", "api/users": "AGENT"}
    printed = {}

    for command in [command for block in read_blocks(SECTION) for command in split_commands(block)]:
        if command.startswith(IN_CONTAINER):
            words = manage(demo, command, variables)
            if "create_organization" in command:
                assert "Acme Dental was created" in words
                variables["KEY"] = accept_invitation(demo, "admin@example.com")
            continue
        path = re.search(r"\$HUB/([\w/-]+)", command)[1].rstrip("/")
        printed[path] = read_json(run_command(command, variables))
        if path in names:
            variables[names[path]] = printed[path]["id"]
        if path == "api/messages/send":
            variables["MESSAGE"] = printed[path]["message"]["id"]

    assert printed["api/auth/me"]["organization"]["name"] == "Acme Dental"
    (synced,) = printed["api/sender-numbers/sync"]["results"]
    assert (synced["phone"], synced["webhook"]) == (NUMBER, "unchanged")
    assert printed["api/tokens/update"]["balance"] == 100
    assert eventually(lambda: [text["body"] for text in demo.phone(PHONE)]) == ["Hello from MessageHub"]
    message = f"{demo.base_url}/api/messages/{variables['MESSAGE']}"
    by_key = {"Authorization": f"Bearer {variables['KEY']}"}
    eventually(lambda: requests.get(message, headers=by_key, timeout=20).json()["status"] == "delivered")
    demo.text(PHONE, NUMBER, "Hello back")
    inbound = f"{demo.base_url}/api/messages/inbound"
    answers = eventually(lambda: requests.get(inbound, headers=by_key, timeout=20).json()["results"])
    assert answers[0]["content"] == "Hello back"

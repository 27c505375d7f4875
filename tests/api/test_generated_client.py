"""A client that a stock generator makes from our schema, used as somebody would who has never seen the code."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import requests

from tests.running_demo import Demo, eventually, phones

pytestmark = pytest.mark.xdist_group("generated client")
GENERATOR = Path(sys.executable).with_name("openapi-python-client")
PACKAGE = "message_hub_client"


@pytest.fixture(scope="module")
def generated(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package, made from what the running product says about itself."""
    folder = tmp_path_factory.mktemp("client")
    schema = requests.get(f"{demo.base_url}/api/schema", params={"format": "json"}, timeout=20)
    assert schema.status_code == 200
    (folder / "schema.json").write_text(schema.text)
    (folder / "config.yml").write_text(f"post_hooks: []\npackage_name_override: {PACKAGE}\n")
    made = subprocess.run(
        [GENERATOR, "generate", "--path", "schema.json", "--output-path", "client", "--config", "config.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Warning" not in made.stdout, made.stdout
    sys.path.insert(0, str(folder / "client"))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(folder / "client"))


def call(operation: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.api.{operation}")


def model(name: str) -> type:
    return getattr(importlib.import_module(f"{PACKAGE}.models"), name)


def sign_in(generated: ModuleType, demo: Demo, name: str):
    user = demo.people[name]
    anonymous = generated.Client(base_url=demo.base_url)
    asked = model("LoginRequest")(email=user["email"], password=user["password"])
    answer = call("auth.auth_login_create").sync(client=anonymous, body=asked)
    return generated.AuthenticatedClient(base_url=demo.base_url, token=answer.token), answer.user


def test_it_signs_in_lists_sends_grants_and_reads_the_ledger(generated: ModuleType, demo: Demo):
    phone = next(phones)
    demo.text(phone, demo.number, "Written for a generated client")
    maya, agent = sign_in(generated, demo, "maya")
    dana, _ = sign_in(generated, demo, "dana")

    def conversation():
        page = call("conversations.conversations_list").sync(client=maya, search=phone)
        return page.results[0] if page.results else None

    talk = eventually(conversation)
    assert talk.messages[0].content == "Written for a generated client"
    assert call("auth.auth_me_read").sync(client=maya).email == agent.email

    request = model("SendRequest")(conversation_id=talk.id, content="From a generated client")
    sent = call("messages.messages_send_create").sync(client=maya, body=request)
    assert sent.message.status == "queued"

    grant = model("PatchedUpdateRequest")(user_id=agent.id, delta=7, reason="By a generated client")
    granted = call("tokens.tokens_update_update").sync(client=dana, body=grant)
    assert granted.balance == sent.remaining_tokens + 7

    entries = call("tokens.tokens_entries_list").sync(client=dana, user_id=agent.id).results
    assert (entries[0].id, entries[0].amount, entries[0].kind) == (granted.entry_id, 7, "grant")
    assert (entries[1].amount, entries[1].kind) == (-1, "debit")


def test_a_refusal_comes_in_the_documented_shape(generated: ModuleType, demo: Demo):
    maya, agent = sign_in(generated, demo, "maya")
    grant = model("PatchedUpdateRequest")(user_id=agent.id, delta=7)

    refused = call("tokens.tokens_update_update").sync_detailed(client=maya, body=grant)

    assert refused.status_code == 403
    assert refused.parsed.error.code == "permission_denied"

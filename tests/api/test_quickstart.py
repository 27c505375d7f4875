"""The quickstart of /api/docs: its curl commands, run against the running demo by somebody who fills in the gaps."""

import re
from html import unescape
from uuid import uuid4

import pytest
import requests

from tests.running_demo import Demo, eventually
from tests.shell_blocks import read_json, run_command, split_commands

BLOCK = re.compile(r"<pre[^>]*><code>(.*?)</code></pre>", re.DOTALL)
PHONE = "+15559002001"


class Reader:
    """Somebody who goes through the page from top to bottom."""

    def __init__(self, demo: Demo):
        page = requests.get(f"{demo.base_url}/api/docs", timeout=20).text
        self.blocks = [split_commands(unescape(block)) for block in BLOCK.findall(page)]
        self.variables = {"HUB": demo.base_url}
        self.blocks_read = 0

    def run_next(self, **variables: str) -> list:
        """Run the next block; what each of its answers says."""
        self.variables |= variables
        self.blocks_read += 1
        return [self.run(command) for command in self.blocks[self.blocks_read - 1]]

    def run(self, command: str):
        printed = run_command(command, self.variables)
        return read_json(printed) if "{" in printed else printed


@pytest.fixture(scope="module")
def conversation(demo: Demo) -> dict:
    demo.text(PHONE, demo.number, "Is my order ready?")
    return eventually(lambda: demo.client(demo.agent).conversation_with(PHONE))


def test_quickstart_shows_the_address_of_this_installation(demo: Demo):
    assert f"HUB={demo.base_url}\n" in requests.get(f"{demo.base_url}/api/docs", timeout=20).text


def test_each_command_of_the_quickstart_does_what_it_says(demo: Demo, conversation: dict):
    reader = Reader(demo)
    account = demo.details["twilio"]

    (signed_in,) = reader.run_next(EMAIL=demo.agent["email"], PASSWORD=demo.agent["password"])
    (me,) = reader.run_next(TOKEN=signed_in["token"])
    assert me["email"] == demo.agent["email"]

    (first,) = reader.run_next()
    assert len(first["results"]) == 2
    (second,) = reader.run_next(NEXT=first["next"])
    assert not {each["id"] for each in second["results"]} & {each["id"] for each in first["results"]}

    (sent,) = reader.run_next(CONVERSATION=conversation["id"], KEY=str(uuid4()))
    reader.blocks_read -= 1
    (again,) = reader.run_next()
    assert again["message"]["id"] == sent["message"]["id"]
    assert eventually(lambda: [text["body"] for text in demo.phone(PHONE)].count("Your order is on its way.")) == 1
    (message,) = reader.run_next(MESSAGE=sent["message"]["id"])
    assert message["content"] == "Your order is on its way."

    here, later = reader.blocks[reader.blocks_read]
    cursor = reader.run(here)["cursor"]
    demo.text(PHONE, demo.number, "Thank you")
    reader.variables["CURSOR"] = cursor
    eventually(lambda: "Thank you" in str(reader.run(later)["results"]))
    reader.blocks_read += 1

    sid = f"SM{uuid4().hex}"
    signed = {"ACCOUNT_SID": account["account_sid"], "NUMBER": demo.number, "PHONE": PHONE, "MESSAGE_SID": sid}
    block = "\n".join(reader.blocks[reader.blocks_read])
    assert "<Response" in run_command(block, reader.variables | signed | {"AUTH_TOKEN": account["auth_token"]})
    client = demo.client(demo.agent)
    eventually(lambda: sid in [each["provider_id"] for each in client.read("/api/messages/inbound")["results"]])
    with pytest.raises(AssertionError, match="error: 403"):
        run_command(block, reader.variables | signed | {"AUTH_TOKEN": "0" * 32})
    reader.blocks_read += 1

    (refused,) = reader.run_next()
    assert refused["error"]["code"] == "invalid"
    assert "Allowed: assigned_to, chatroom_id, cursor," in refused["error"]["fields"]["colour"][0]
    assert reader.blocks_read == len(reader.blocks)

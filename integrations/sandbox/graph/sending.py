"""The Send API: what it takes, what it refuses, and what follows from a message that was taken.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from integrations.sandbox import faults
from integrations.sandbox.asgi import CutShort, Request, Response, Withheld, json_response
from integrations.sandbox.clock import Due
from integrations.sandbox.faults import Fault
from integrations.sandbox.graph import access, items, tables
from integrations.sandbox.graph.errors import (
    NO_SUCH_USER,
    OUTSIDE_WINDOW,
    OUTSIDE_WINDOW_LOGIN,
    RATE_LIMITS,
    GraphError,
    refuse_parameter,
)
from integrations.sandbox.graph.tables import Account
from integrations.sandbox.graph.webhooks import Planned, plan_events
from integrations.sandbox.messages import PROXY_PAGE, is_web_url
from integrations.sandbox.server import Pace, Sandbox, log_request

DAY = 86_400
MAX_TEXT = {"messenger": 2000, "instagram": 1000}
MAX_METADATA = 1000
ATTACHMENTS = ("image", "audio", "video", "file")
TYPES = ("RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY")
TAGS = ("HUMAN_AGENT",)  # the others were retired on 27 April 2026
ACTIONS = ("typing_on", "typing_off", "mark_seen")


@dataclass(frozen=True)
class Answer:
    """What a send came to: the HTTP answer that is due, the fault that may spoil it, and what is to be told."""

    status: int
    body: dict[str, Any]
    fault: Fault | None = None
    events: list[Due] = field(default_factory=list)
    page_id: str = ""


@dataclass(frozen=True)
class GraphDraft:
    """A send that Meta would take as far as its parameters go."""

    recipient: str
    text: str
    attachments: list[dict[str, Any]]
    metadata: str
    tag: str
    reply_to: str
    action: str

    @classmethod
    def of(cls, parameters: Mapping[str, Any], platform: str) -> "GraphDraft":
        recipient, message = _read_object(parameters, "recipient"), _read_object(parameters, "message")
        reply = _read_object(parameters, "reply_to") or _read_object(message, "reply_to")
        draft = cls(
            recipient=_read_text(recipient, "id"),
            text=_read_text(message, "text"),
            attachments=_read_attachments(message),
            metadata=_read_text(message, "metadata"),
            tag=_read_text(parameters, "tag"),
            reply_to=_read_text(reply, "mid"),
            action=_read_text(parameters, "sender_action"),
        )
        draft.check(platform, _read_text(parameters, "messaging_type") or "RESPONSE")
        return draft

    def check(self, platform: str, messaging_type: str) -> None:
        if not self.recipient:
            raise refuse_parameter("The parameter recipient is required")
        if self.action:
            if self.action not in ACTIONS:
                raise refuse_parameter(f"Param sender_action must be one of {{{', '.join(ACTIONS)}}}")
            return
        if messaging_type not in TYPES:
            raise refuse_parameter(f"Param messaging_type must be one of {{{', '.join(TYPES)}}}")
        if (messaging_type == "MESSAGE_TAG") != bool(self.tag):
            raise refuse_parameter("A tag and the messaging_type MESSAGE_TAG belong together")
        if self.tag and self.tag not in TAGS:
            raise refuse_parameter(f"The tag {self.tag} is not available")
        if bool(self.text) == bool(self.attachments):
            raise refuse_parameter("A message has either a text or an attachment")
        if len(self.text) > MAX_TEXT[platform]:
            raise refuse_parameter(f"Length of param message[text] must be less than or equal to {MAX_TEXT[platform]}")
        if len(self.metadata) >= MAX_METADATA:
            raise refuse_parameter(f"Length of param message[metadata] must be less than {MAX_METADATA}")


def _read_object(parameters: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A nested parameter; in a form it is JSON in a text."""
    value = parameters.get(name) or {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise refuse_parameter(f"Param {name} must be a JSON object") from None
    if not isinstance(value, dict):
        raise refuse_parameter(f"Param {name} must be a JSON object")
    return value


def _read_text(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name, "")
    if not isinstance(value, str):
        raise refuse_parameter(f"Param {name} must be a string")
    return value


def _read_attachments(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The one attachment of a message, as its echo will name it."""
    attachment = _read_object(message, "attachment")
    if not attachment:
        return []
    kind, url = _read_text(attachment, "type"), _read_text(_read_object(attachment, "payload"), "url")
    if kind not in ATTACHMENTS:
        raise refuse_parameter(f"Param message[attachment][type] must be one of {{{', '.join(ATTACHMENTS)}}}")
    if not is_web_url(url):
        raise refuse_parameter("Failed to fetch the file from the url", subcode=2018047)
    return [{"type": kind, "payload": {"url": url}}]


async def send(sandbox: Sandbox, request: Request, node: str) -> Response:
    came = asyncio.get_running_loop().time()
    try:
        parameters = await access.read_parameters(request)
    except GraphError as error:
        await sandbox.store.write(partial(_log_send, path=request.path, answer=Answer(error.status, error.body)))
        raise
    decide = partial(_send, node=node, parameters=parameters, path=request.path, pace=sandbox.pace)
    answer = await sandbox.store.write(decide)
    if answer.fault and answer.fault.kind == "callback_before_response":
        await sandbox.notifier.run_now(answer.events)
    else:
        sandbox.notifier.schedule(answer.events)
    await sandbox.wait_latency(came)
    return await _respond(answer, request)


def _send(db: sqlite3.Connection, *, node: str, parameters: Mapping[str, Any], path: str, pace: Pace) -> Answer:
    """Decide about a send and store what follows from it, all in the writer's transaction."""
    fault, page_id = None, ""
    try:
        page = access.authenticate_page(db, parameters)
        page_id = page["page_id"]
        account = _find_sender(db, page, node, parameters)
        draft = GraphDraft.of(parameters, account.platform)
        person = _check_recipient(db, account, draft)
        if draft.action:
            answer = Answer(200, {"recipient_id": draft.recipient})
        else:
            _check_window(db, account, draft)
            fault = faults.take(db, "meta", page_id=page_id, to=draft.recipient)
            answer = _refuse(fault, page_id) or _accept(db, account, person, draft, fault, pace)
    except GraphError as error:
        answer = Answer(error.status, error.body, fault, page_id=page_id)
    _log_send(db, path=path, answer=answer)
    return answer


def _log_send(db: sqlite3.Connection, *, path: str, answer: Answer) -> None:
    code = answer.body.get("error", {}).get("code")
    kind = answer.fault.kind if answer.fault else None
    log_request(db, method="POST", path=path, status=answer.status, code=code, fault=kind)


def _find_sender(db: sqlite3.Connection, page: sqlite3.Row, node: str, parameters: Mapping[str, Any]) -> Account:
    """A page sends on Messenger, and for its Instagram account too: whose the recipient is decides."""
    account = access.find_node(page, node)
    recipient = _read_text(_read_object(parameters, "recipient"), "id")
    if page["instagram_id"] and not tables.find_person(db, account.account_id, recipient):
        other = tables.make_account(page, instagram=True)
        return other if tables.find_person(db, other.account_id, recipient) else account
    return account


def _check_recipient(db: sqlite3.Connection, account: Account, draft: GraphDraft) -> sqlite3.Row:
    person = tables.find_person(db, account.account_id, draft.recipient)
    if person is None:
        raise refuse_parameter("No matching user found", subcode=NO_SUCH_USER)
    if person["reachable"] == "unavailable":
        raise GraphError(551)
    if person["reachable"] == "disabled":
        raise GraphError(10904)
    if draft.reply_to and not tables.find_message(db, account.account_id, draft.reply_to):
        raise refuse_parameter("The message to reply to does not exist")
    return person


def find_last_word(db: sqlite3.Connection, account_id: str, person_id: str) -> float | None:
    """When the person wrote last, which opens the window; reactions and echoes do not."""
    return db.execute(
        "SELECT max(created_at) FROM graph_messages WHERE account_id = ? AND person_id = ? AND direction = 'inbound'",
        (account_id, person_id),
    ).fetchone()[0]


def _check_window(db: sqlite3.Connection, account: Account, draft: GraphDraft) -> None:
    last_word = find_last_word(db, account.account_id, draft.recipient)
    age = time.time() - (last_word or 0)
    if draft.tag and not account.human_agent:
        raise GraphError(10, "(#10) The use of the tag HUMAN_AGENT has to be reviewed and approved by Facebook first.")
    if age <= (7 * DAY if draft.tag else DAY):
        return
    if account.is_instagram_login:
        sentence = "This message is sent outside of allowed window."
        raise GraphError(10, sentence, subcode=OUTSIDE_WINDOW_LOGIN, status=403, kind="IGApiException")
    raise GraphError(10, subcode=OUTSIDE_WINDOW)


def _refuse(fault: Fault | None, page_id: str) -> Answer | None:
    if fault is None:
        return None
    error = None
    if fault.kind == "400":
        error = GraphError(int(fault.option("code")), subcode=int(fault.option("subcode")), status=400)
    elif fault.kind == "401":
        error = GraphError(190)
    elif fault.kind == "429":
        error = GraphError(613, status=429)
    elif fault.kind in ("500", "503"):
        error = GraphError(2, status=int(fault.kind))
    elif fault.kind in ("502", "504", "html"):
        return Answer(200 if fault.kind == "html" else int(fault.kind), {}, fault, page_id=page_id)
    elif fault.kind.isdigit():
        subcode = int(fault.option("subcode")) or (OUTSIDE_WINDOW if fault.kind == "10" else 0)
        error = GraphError(int(fault.kind), subcode=subcode)
    return error and Answer(error.status, error.body, fault, page_id=page_id)


def _accept(
    db: sqlite3.Connection, account: Account, person: sqlite3.Row, draft: GraphDraft, fault: Fault | None, pace: Pace
) -> Answer:
    row = tables.save_message(
        db,
        account.account_id,
        draft.recipient,
        "outbound",
        text=draft.text,
        attachments=draft.attachments,
        extra={"reply_to": {"mid": draft.reply_to}} if draft.reply_to else {},
        source="api",
        metadata=draft.metadata,
        tag=draft.tag,
        status="sent",
    )
    events = plan_events(db, account.account_id, draft.recipient, follow_up(account, person, row, fault, pace))
    body = {"recipient_id": draft.recipient, "message_id": row["mid"]}
    return Answer(200, body, fault, events, account.page_id)


def follow_up(
    account: Account, person: sqlite3.Row, row: sqlite3.Row, fault: Fault | None, pace: Pace
) -> list[Planned]:
    """What the app is told about an outbound message: its echo, and what became of it."""
    kind = fault.kind if fault else "ok"
    steps = [("echo", pace.sent_after_ms), ("delivery", pace.delivered_after_ms), ("read", pace.seen_after_ms)]
    steps = [step for step in steps if step[0] != "delivery" or not account.is_instagram]
    steps = [step for step in steps if step[0] != "read" or person["sees"]]
    if kind == "reorder_callbacks":
        steps = [(name, after) for (name, _), (_, after) in zip(steps, reversed(steps), strict=True)]
    if kind == "delay_callbacks" and fault:
        steps = [(name, after + fault.option("seconds") * 1000) for name, after in steps]
    if kind == "callback_before_response":
        steps = [(name, 0) for name, _ in steps]
    if kind == "duplicate_callbacks" and fault:
        steps = [step for step in steps for _ in range(int(fault.option("copies")))]
    return [
        plan_event(account, row, name, row["created_at"] + after / 1000, reported=kind != "no_callbacks")
        for name, after in steps
    ]


def plan_event(account: Account, row: sqlite3.Row, kind: str, at: float, *, reported: bool = True) -> Planned:
    """The echo, the delivery or the read of an outbound message. Instagram's read reaches as far as its message."""
    if kind == "echo":
        return Planned(kind, items.echo_item(row, account.app_id), at, at, row["mid"], reported)
    if kind == "delivery":
        return Planned(kind, items.delivery_item(row, at), at, at, row["mid"], reported)
    moment = row["created_at"] if account.is_instagram else at
    item = items.read_item(row, at, instagram=account.is_instagram)
    return Planned(kind, item, at, moment, row["mid"], reported)


async def _respond(answer: Answer, request: Request) -> Response:
    """The answer as it leaves the house, spoilt as the fault says."""
    fault, whole = answer.fault, json_response(answer.body, answer.status)
    if fault is None:
        return whole
    match fault.kind:
        case "accept_then_hang":
            return Withheld(whole.status, whole.body, request=request, seconds=fault.option("seconds"))
        case "accept_then_reset":
            return CutShort(whole.status, whole.body)
        case "accept_then_500":
            error = GraphError(2)
            return json_response(error.body, 500)
        case "slow":
            await asyncio.sleep(fault.option("seconds"))
            return whole
        case "truncated_json":
            return Response(whole.status, whole.body[: len(whole.body) // 2])
        case "no_id":
            return json_response({"recipient_id": answer.body["recipient_id"]})
        case "foreign_recipient":
            return json_response(answer.body | {"recipient_id": "1"})
        case "502" | "504" | "html":
            return Response(answer.status, PROXY_PAGE, "text/html")
    if answer.body.get("error", {}).get("code") in RATE_LIMITS:
        return json_response(answer.body, answer.status, _limit_headers(fault, answer.page_id))
    return whole


def _limit_headers(fault: Fault, page_id: str) -> dict[str, str]:
    """https://developers.facebook.com/docs/graph-api/overview/rate-limiting"""
    if fault.kind == "400":
        return {}
    usage = {
        "type": "messenger",
        "call_count": 100,
        "total_cputime": 25,
        "total_time": 25,
        "estimated_time_to_regain_access": fault.option("regain_minutes"),  # minutes
    }
    headers = {"x-business-use-case-usage": json.dumps({page_id: [usage]})}
    if fault.option("retry_after"):
        headers["retry-after"] = f"{fault.option('retry_after'):g}"
    return headers

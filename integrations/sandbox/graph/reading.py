"""What the Graph tells when it is asked: pages, subscriptions, people, conversations and messages."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from integrations.sandbox.asgi import Request, Response, json_response
from integrations.sandbox.graph import access, fields, tables
from integrations.sandbox.graph.errors import NO_PROFILE, GraphError, refuse_parameter, unknown_object
from integrations.sandbox.graph.items import FIELDS, INSTAGRAM_FIELDS
from integrations.sandbox.graph.threads import describe_thread, list_thread_messages, list_threads, show_message
from integrations.sandbox.server import Sandbox

PAGE_FIELDS = ("id", "name", "instagram_business_account", "category", "access_token")
ACCOUNT_FIELDS = ("id", "user_id", "username", "name", "account_type", "profile_picture_url")
OTHER_FIELDS = ("messaging_optins", "messaging_handovers", "standby", "feed")  # that nothing here brings
PERSON_FIELDS = ("id", "name", "first_name", "last_name", "profile_pic", "username")


@dataclass(frozen=True)
class Inquiry:
    """A request to read, after its token was found good."""

    page: sqlite3.Row
    parameters: Mapping[str, Any]
    url: str
    files_url: str


Work = Callable[[sqlite3.Connection, Inquiry], dict[str, Any]]


async def answer(sandbox: Sandbox, request: Request, work: Work, *, writes: bool = False) -> Response:
    parameters = await access.read_parameters(request)
    base = sandbox.public_base_url

    def look(db: sqlite3.Connection) -> dict[str, Any]:
        page = access.authenticate_page(db, parameters)
        access.refuse_faulty(db, page)
        return work(db, Inquiry(page, parameters, f"{base}{request.path}", f"{base}/sandbox/graph/files"))

    store = sandbox.store
    return json_response(await (store.write(look) if writes else store.read(look)))


async def list_subscriptions(sandbox: Sandbox, request: Request, node: str) -> Response:
    return await answer(sandbox, request, partial(_list_subscriptions, node=node))


def _list_subscriptions(db: sqlite3.Connection, inquiry: Inquiry, *, node: str) -> dict[str, Any]:
    access.find_node(inquiry.page, node)
    subscribed = inquiry.page["subscribed_fields"]
    if subscribed is None:
        return {"data": []}
    app = {"id": inquiry.page["app_id"], "name": "Sandbox", "subscribed_fields": json.loads(subscribed)}
    return {"data": [app]}


async def subscribe(sandbox: Sandbox, request: Request, node: str) -> Response:
    return await answer(sandbox, request, partial(_subscribe, node=node), writes=True)


def _subscribe(db: sqlite3.Connection, inquiry: Inquiry, *, node: str) -> dict[str, Any]:
    account = access.find_node(inquiry.page, node)
    wanted = inquiry.parameters.get("subscribed_fields", "")
    names = wanted if isinstance(wanted, list) else [name for name in str(wanted).split(",") if name]
    if not names and not account.is_instagram:
        raise refuse_parameter("The parameter subscribed_fields is required")
    known = set(INSTAGRAM_FIELDS.values() if account.is_instagram else (*FIELDS.values(), *OTHER_FIELDS))
    if unknown := [name for name in names if name not in known]:
        raise refuse_parameter(f"Param subscribed_fields[0] must not be {unknown[0]}")
    db.execute("UPDATE graph_pages SET subscribed_fields = ? WHERE page_id = ?", (json.dumps(names), account.page_id))
    return {"success": True}


async def unsubscribe(sandbox: Sandbox, request: Request, node: str) -> Response:
    return await answer(sandbox, request, partial(_unsubscribe, node=node), writes=True)


def _unsubscribe(db: sqlite3.Connection, inquiry: Inquiry, *, node: str) -> dict[str, Any]:
    account = access.find_node(inquiry.page, node)
    db.execute("UPDATE graph_pages SET subscribed_fields = NULL WHERE page_id = ?", (account.page_id,))
    return {"success": True}


async def list_conversations(sandbox: Sandbox, request: Request, node: str) -> Response:
    return await answer(sandbox, request, partial(_list_conversations, node=node))


def _list_conversations(db: sqlite3.Connection, inquiry: Inquiry, *, node: str) -> dict[str, Any]:
    page, parameters = inquiry.page, inquiry.parameters
    account = access.find_node(page, node)
    platform = parameters.get("platform") or account.platform
    if platform not in ("messenger", "instagram"):
        raise refuse_parameter("Param platform must be one of {messenger, instagram}")
    if platform == "instagram" and not page["instagram_id"]:
        raise refuse_parameter("This page has no Instagram account")
    account = tables.make_account(page, instagram=platform == "instagram")
    return list_threads(db, account, parameters, inquiry)


async def list_thread(sandbox: Sandbox, request: Request, node: str) -> Response:
    return await answer(sandbox, request, partial(_list_thread, node=node))


def _list_thread(db: sqlite3.Connection, inquiry: Inquiry, *, node: str) -> dict[str, Any]:
    """`/{conversation}/messages`."""
    account, person = _find_thread(db, inquiry.page, node)
    tree = fields.parse_fields(str(inquiry.parameters.get("fields", "")))
    return list_thread_messages(db, account, person, tree, inquiry.parameters, inquiry)


def _find_thread(db: sqlite3.Connection, page: sqlite3.Row, node: str) -> tuple[tables.Account, sqlite3.Row]:
    for account_id in (page["page_id"], page["instagram_id"]):
        person = account_id and tables.find_person(db, account_id, node.removeprefix("t_"))
        if node.startswith("t_") and person:
            return tables.make_account(page, instagram=account_id == page["instagram_id"]), person
    raise unknown_object(node)


async def show_node(sandbox: Sandbox, request: Request, node: str) -> Response:
    """An object of any kind by its id: the page, its Instagram account, a person, a message, a conversation."""
    return await answer(sandbox, request, partial(_show_node, node=node))


def _show_node(db: sqlite3.Connection, inquiry: Inquiry, *, node: str) -> dict[str, Any]:
    page = inquiry.page
    tree = fields.parse_fields(str(inquiry.parameters.get("fields", "")))
    if node in ("me", page["page_id"], page["instagram_id"]):
        return _show_account(access.find_node(page, node), page, tree)
    if node.startswith("t_"):
        account, person = _find_thread(db, page, node)
        return describe_thread(db, account, person, tree or fields.parse_fields("id,updated_time"), inquiry)
    for account_id in filter(None, (page["page_id"], page["instagram_id"])):
        account = tables.make_account(page, instagram=account_id == page["instagram_id"])
        if person := tables.find_person(db, account_id, node):
            return _show_person(account, person, tree, inquiry.files_url)
        if (message := tables.find_message(db, account_id, node)) and not message["unsent"]:
            return show_message(db, account, message, tree, inquiry.files_url)
    raise unknown_object(node)


def _show_account(account: tables.Account, page: sqlite3.Row, tree: fields.Tree) -> dict[str, Any]:
    if account.is_instagram:
        values = {
            "id": account.account_id,
            "user_id": account.account_id,
            "username": account.username,
            "name": account.name,
            "account_type": "BUSINESS",
        }
        return fields.pick(values, tree or ("id", "username"), known=ACCOUNT_FIELDS, kind="IGUser")
    values = {"id": page["page_id"], "name": page["name"], "category": "Shopping & retail"}
    if page["instagram_id"] and "instagram_business_account" in tree:
        wanted = tree["instagram_business_account"].within or ("id",)
        instagram = tables.make_account(page, instagram=True)
        inner = {"id": instagram.account_id, "username": instagram.username, "name": instagram.name}
        values["instagram_business_account"] = fields.pick(inner, wanted, known=ACCOUNT_FIELDS, kind="IGUser")
    if "access_token" in tree:
        values["access_token"] = page["token"]
    return fields.pick(values, tree or ("id", "name"), known=PAGE_FIELDS, kind="Page")


def _show_person(account: tables.Account, person: sqlite3.Row, tree: fields.Tree, files_url: str) -> dict[str, Any]:
    """Fields that the platform does not have are left out, not refused."""
    if person["profile"] == "none":
        raise refuse_parameter("No profile available for this user.", subcode=NO_PROFILE)
    if person["profile"] == "no_consent":
        raise GraphError(230)
    picture = f"{files_url}/faces/{person['person_id']}.png"
    values = {"id": person["person_id"], "name": tables.full_name(person), "profile_pic": picture}
    if account.is_instagram:
        values["username"] = person["username"]
    else:
        values |= {"first_name": person["first_name"], "last_name": person["last_name"]}
    return fields.pick(values, tree or ("id", "name"), known=PERSON_FIELDS, kind="User")

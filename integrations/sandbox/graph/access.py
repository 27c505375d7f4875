"""Who asks: tokens of pages and apps, the proof that goes with them, and Meta's own word about a token.

https://developers.facebook.com/docs/graph-api/guides/secure-requests
"""

import hashlib
import hmac
import sqlite3
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from integrations.sandbox import faults
from integrations.sandbox.asgi import Request, Response, json_response
from integrations.sandbox.errors import Refused
from integrations.sandbox.graph.errors import EXPIRED, INVALIDATED, GraphError, refuse_parameter, unknown_object
from integrations.sandbox.graph.tables import Account, make_account, save_token
from integrations.sandbox.server import Sandbox

SCOPES = [
    "pages_show_list",
    "pages_messaging",
    "pages_manage_metadata",
    "instagram_basic",
    "instagram_manage_messages",
    "human_agent",
]
SIXTY_DAYS = 60 * 86_400


async def read_parameters(request: Request) -> dict[str, Any]:
    """Parameters of the address and of the body, which may be JSON or a form, together with the token."""
    parameters: dict[str, Any] = dict(request.query)
    if request.method == "POST":
        try:
            if (request.header(b"content-type") or "").startswith("application/json"):
                parameters |= await request.json()
            else:
                form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
                parameters |= {name: values[-1] for name, values in form.items()}
        except Refused as refused:
            raise refuse_parameter(str(refused)) from None
    scheme, _, token = (request.header(b"authorization") or "").partition(" ")
    if scheme.lower() in ("bearer", "oauth") and token:
        parameters["access_token"] = token.strip()
    return parameters


def authenticate_page(db: sqlite3.Connection, parameters: Mapping[str, Any]) -> sqlite3.Row:
    """The page of this token. Raises GraphError: 104 without one, 190 for one that is not good (any more)."""
    token = parameters.get("access_token")
    if not isinstance(token, str) or not token:
        raise GraphError(104)
    row = db.execute(
        "SELECT p.*, t.token, t.issued_at, t.expires_at, t.revoked, a.secret FROM graph_tokens t"
        " JOIN graph_pages p ON p.page_id = t.page_id JOIN graph_apps a ON a.app_id = p.app_id WHERE t.token = ?",
        (token,),
    ).fetchone()
    if row is None:
        raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")
    if reason := find_fault_of_token(row):
        raise GraphError(190, reason[1], subcode=reason[0])
    proof = parameters.get("appsecret_proof")
    if proof is not None and not hmac.compare_digest(str(proof).encode(), make_proof(token, row["secret"]).encode()):
        raise refuse_parameter("Invalid appsecret_proof provided in the API argument")
    return row


def find_fault_of_token(row: sqlite3.Row) -> tuple[int, str] | None:
    """Subcode and sentence about a token that is not good any more."""
    if row["revoked"]:
        return (
            INVALIDATED,
            "Error validating access token: The session was invalidated by a security check.",
        )
    if row["expires_at"] and row["expires_at"] < time.time():
        return EXPIRED, "Error validating access token: Session has expired."
    return None


def make_proof(token: str, secret: str) -> str:
    return hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def find_node(page: sqlite3.Row, node: str) -> Account:
    """`me`, the page or its Instagram account; anything else does not exist for this token. Raises GraphError."""
    if node not in ("me", page["page_id"], page["instagram_id"]):
        raise unknown_object(node)
    return make_account(page, instagram=page["instagram_id"] in (node, page["page_id"]))


def refuse_faulty(db: sqlite3.Connection, page: sqlite3.Row) -> None:
    """While the sends of a page are refused for its token, so is the rest."""
    if faults.is_token_refused(db, page["page_id"]):
        raise GraphError(190)


async def debug_token(sandbox: Sandbox, request: Request) -> Response:
    parameters = await read_parameters(request)
    return json_response(await sandbox.store.read(partial(_debug_token, parameters=parameters)))


def _debug_token(db: sqlite3.Connection, *, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Asked by the app (`app_id|secret`), or by any good token of a page."""
    asking = str(parameters.get("access_token", ""))
    app_id, bar, secret = asking.partition("|")
    app = db.execute("SELECT * FROM graph_apps WHERE app_id = ?", (app_id,)).fetchone()
    if bar and (app is None or not hmac.compare_digest(secret.encode(), app["secret"].encode())):
        raise GraphError(190, "Invalid OAuth access token signature.")
    if not bar:
        authenticate_page(db, parameters)
    row = db.execute(
        "SELECT t.*, p.app_id FROM graph_tokens t JOIN graph_pages p ON p.page_id = t.page_id WHERE t.token = ?",
        (str(parameters.get("input_token", "")),),
    ).fetchone()
    if row is None:
        error = {"code": 190, "message": "Malformed access token"}
        return {"data": {"error": error, "is_valid": False, "scopes": []}}
    data: dict[str, Any] = {
        "app_id": row["app_id"],
        "type": "PAGE",
        "application": "Sandbox",
        "data_access_expires_at": int(row["issued_at"] + 90 * 86_400),
        "expires_at": int(row["expires_at"] or 0),
        "is_valid": True,
        "issued_at": int(row["issued_at"]),
        "profile_id": row["page_id"],
        "scopes": SCOPES,
        "user_id": "122100000000000001",
    }
    reason = find_fault_of_token(row)
    if reason or faults.is_token_refused(db, row["page_id"]):
        subcode, sentence = reason or (INVALIDATED, "Error validating access token: The session has been invalidated.")
        data |= {"is_valid": False, "error": {"code": 190, "subcode": subcode, "message": sentence}}
    return {"data": data}


async def refresh_token(sandbox: Sandbox, request: Request) -> Response:
    parameters = await read_parameters(request)
    return json_response(await sandbox.store.write(partial(_refresh_token, parameters=parameters)))


def _refresh_token(db: sqlite3.Connection, *, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A token of Instagram Login for sixty more days, under a new name; the old one lives until its own end."""
    if parameters.get("grant_type") != "ig_refresh_token":
        raise refuse_parameter("Missing or unknown grant_type")
    page = authenticate_page(db, parameters)
    if page["page_id"] != page["instagram_id"]:
        raise refuse_parameter("This token is not of Instagram Login")
    if time.time() - page["issued_at"] < 86_400:
        raise refuse_parameter("A token can be refreshed when it is at least 24 hours old")
    token = "IGAA" + hashlib.sha256(f"{page['token']} {time.time_ns()}".encode()).hexdigest()
    save_token(db, token, page["page_id"], time.time() + SIXTY_DAYS)
    return {"access_token": token, "token_type": "bearer", "expires_in": SIXTY_DAYS}

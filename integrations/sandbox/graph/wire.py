"""The Graph's paths under /sandbox/graph, any version before them, and the sandbox's own under /sandbox/meta."""

import re
from collections.abc import Awaitable, Callable
from functools import partial

from integrations.sandbox.asgi import Request, Response, json_response
from integrations.sandbox.graph import access, files, people, reading, sending, switches
from integrations.sandbox.graph.errors import GraphError, unknown_object
from integrations.sandbox.server import Sandbox, log_request

Handler = Callable[..., Awaitable[Response]]

GRAPH = re.compile(r"/sandbox/graph(?:/v\d+\.\d+)?(?P<path>/.*)")
NODE = r"/(?P<node>[\w.-]+)"
THREAD = r"/meta/threads/(?P<account_id>\w+)/(?P<person_id>\w+)"

GRAPH_ROUTES: list[tuple[str, dict[str, Handler]]] = [
    (r"/debug_token", {"GET": access.debug_token}),
    (r"/refresh_access_token", {"GET": access.refresh_token}),
    (
        rf"{NODE}/subscribed_apps",
        {"GET": reading.list_subscriptions, "POST": reading.subscribe, "DELETE": reading.unsubscribe},
    ),
    (rf"{NODE}/conversations", {"GET": reading.list_conversations}),
    (rf"{NODE}/messages", {"GET": reading.list_thread, "POST": sending.send}),
    (NODE, {"GET": reading.show_node}),
]

OWN_ROUTES: list[tuple[str, dict[str, Handler]]] = [
    (r"/graph/files/(?P<name>[\w.]+)", {"GET": files.show_file}),
    (r"/graph/files/faces/(?P<person_id>\w+)\.png", {"GET": files.show_face}),
    (r"/meta/pages", {"GET": switches.list_pages}),
    (r"/meta/pages/(?P<page_id>\w+)", {"POST": switches.change_page}),
    (r"/meta/pages/(?P<account_id>\w+)/people", {"POST": switches.add_person}),
    (r"/meta/events", {"DELETE": switches.drop_events}),
    (r"/meta/messages", {"GET": switches.list_accepted}),
    (r"/meta/apps/(?P<app_id>\w+)/handshake", {"POST": switches.verify_webhook}),
    (r"/meta/apps/(?P<app_id>\w+)/webhooks", {"POST": switches.post_batch}),
    (THREAD, {"GET": people.read_thread, "POST": switches.change_person}),
    (rf"{THREAD}/messages", {"POST": people.write_message}),
    (rf"{THREAD}/acts", {"POST": people.act}),
    (rf"{THREAD}/inbox", {"POST": people.answer_as_page}),
]


def is_graph(path: str) -> bool:
    """Whether the path is Meta's wire; the files are not, as they are served by other hosts of Meta's."""
    return bool(GRAPH.fullmatch(path)) and not path.startswith("/sandbox/graph/files/")


async def answer_graph(sandbox: Sandbox, request: Request) -> Response:
    """The answer to a request of Meta's wire, which is counted whatever it is."""
    path = GRAPH.fullmatch(request.path)["path"].rstrip("/")  # type: ignore[index]
    code = None
    try:
        response = await _route(sandbox, request, path)
    except GraphError as error:
        response, code = json_response(error.body, error.status), error.code
    if not (request.method == "POST" and path.endswith("/messages")):  # a send counts itself where it is decided
        log = partial(log_request, method=request.method, path=request.path, status=response.status, code=code)
        await sandbox.store.write(log)
    return response


async def _route(sandbox: Sandbox, request: Request, path: str) -> Response:
    for pattern, handlers in GRAPH_ROUTES:
        match = re.fullmatch(pattern, path)
        if match and (handler := handlers.get(request.method)):
            return await handler(sandbox, request, **match.groupdict())
    raise unknown_object(path.strip("/").partition("/")[0])

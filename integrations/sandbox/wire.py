"""The sandbox's ASGI application: every path beneath /sandbox, and the lifespan of the server behind it."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial

from django.conf import settings

from integrations.sandbox import accounts, messages, pages, phones, switches
from integrations.sandbox.asgi import Receive, Request, Response, Scope, Send, json_response
from integrations.sandbox.errors import Refused, TwilioError
from integrations.sandbox.graph import wire as graph_wire
from integrations.sandbox.server import Sandbox, log_request
from integrations.sandbox.store import default_path

logger = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[Response]]

API = "/2010-04-01/Accounts/"
ACCOUNT = r"/2010-04-01/Accounts/(?P<account_sid>AC[0-9a-zA-Z]+)"
MESSAGE = rf"{ACCOUNT}/Messages/(?P<sid>[A-Z]{{2}}[0-9a-zA-Z]+)"
NUMBER = rf"{ACCOUNT}/IncomingPhoneNumbers/(?P<sid>PN[0-9a-zA-Z]+)"


def _route_to(pattern: str, **handlers: Handler) -> tuple[re.Pattern[str], dict[str, Handler]]:
    return re.compile(pattern), handlers


ROUTES = [
    _route_to(rf"{ACCOUNT}/Messages\.json", GET=messages.list_messages, POST=messages.create),
    _route_to(rf"{MESSAGE}\.json", GET=messages.fetch, POST=messages.update, DELETE=messages.delete),
    _route_to(rf"{MESSAGE}/Media\.json", GET=messages.list_media),
    _route_to(rf"{MESSAGE}/Media/(?P<media_sid>ME[0-9a-f]+)", GET=messages.fetch_media),
    _route_to(rf"{ACCOUNT}/IncomingPhoneNumbers\.json", GET=accounts.list_numbers, POST=accounts.add_number),
    _route_to(rf"{NUMBER}\.json", GET=accounts.fetch_number, POST=accounts.update_number),
    _route_to(rf"{ACCOUNT}\.json", GET=accounts.fetch),
    _route_to(r"/?", GET=pages.show_phones),
    _route_to(r"/messenger/?", GET=pages.show_messenger),
    _route_to(r"/instagram/?", GET=pages.show_instagram),
    _route_to(r"/mail/?", GET=pages.show_mail),
    _route_to(r"/sample\.png", GET=pages.show_sample),
    _route_to(r"/phones", GET=phones.list_phones),
    _route_to(r"/phones/(?P<number>[^/]+)/messages", GET=phones.list_messages, POST=phones.write_message),
    _route_to(r"/numbers", GET=phones.list_numbers),
    _route_to(r"/messages", GET=switches.list_accepted),
    _route_to(r"/requests", GET=switches.show_requests),
    _route_to(r"/faults", GET=switches.list_faults, POST=switches.add_fault, DELETE=switches.clear_faults),
    _route_to(r"/settings", GET=switches.show_settings, POST=switches.change_settings),
    *(_route_to(pattern, **handlers) for pattern, handlers in graph_wire.OWN_ROUTES),
]


class Application:
    """The ASGI application. One process serves one sandbox, as a second one would repeat its callbacks."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None
        self._starting = asyncio.Lock()

    async def startup(self) -> None:
        """Open the store and take up open callbacks; does nothing a second time, or without SANDBOX=1."""
        if settings.SANDBOX:
            await self._running()

    async def shutdown(self) -> None:
        if self._sandbox is not None:
            sandbox, self._sandbox = self._sandbox, None
            await sandbox.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif not settings.SANDBOX:
            await Response(404, b"Not found", "text/plain").send(send)
        else:
            response = await _answer(await self._running(), Request(scope, receive))
            await response.send(send)

    async def _running(self) -> Sandbox:
        """The sandbox, started now where the server knows no lifespan."""
        async with self._starting:
            if self._sandbox is None:
                sandbox = Sandbox(default_path(), settings.PUBLIC_BASE_URL)
                await sandbox.start()
                self._sandbox = sandbox
            return self._sandbox

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.startup()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.shutdown()
        await send({"type": "lifespan.shutdown.complete"})


application = Application()
startup, shutdown = application.startup, application.shutdown


async def _answer(sandbox: Sandbox, request: Request) -> Response:
    on_wire = API in request.path
    try:
        if graph_wire.is_graph(request.path):
            response = await graph_wire.answer_graph(sandbox, request)
        else:
            response = await _route(sandbox, request, on_wire)
    except TwilioError as error:
        response = json_response(error.body, error.status)
    except Refused as refused:
        response = json_response({"error": str(refused)}, refused.status)
    except Exception:
        logger.exception("The sandbox failed at %s %s.", request.method, request.path)
        response = json_response({"error": "The sandbox itself failed; its log says why."}, 500)
    if on_wire and not _logs_itself(request):
        await sandbox.store.write(
            partial(log_request, method=request.method, path=request.path, status=response.status)
        )
    return response


def _logs_itself(request: Request) -> bool:
    """A create counts itself in the transaction that decides about it."""
    return request.method == "POST" and request.path.endswith("/Messages.json")


async def _route(sandbox: Sandbox, request: Request, on_wire: bool) -> Response:
    path = request.path.removeprefix("/sandbox")
    for pattern, handlers in ROUTES:
        if match := pattern.fullmatch(path):
            if handler := handlers.get(request.method):
                return await handler(sandbox, request, **match.groupdict())
            raise TwilioError(20004) if on_wire else Refused(405, f"{request.method} is not possible here.")
    if on_wire:
        raise TwilioError(20404, f"The requested resource {path} was not found")
    raise Refused(404, "Not found.")
